return await Billing.Tool.BillingTool.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
