using System.Text.Json;
using Billing.Catalog;
using Billing.Credits;
using Billing.Invoicing;
using Billing.Payments;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <content>Charges, coupons, credits, invoices, payments.</content>
internal static partial class LifecycleSteps
{
    private static Func<StepReading, StepAction>? MoneyReader(string kind) => kind switch
    {
        "addCharge" => AddCharge,
        "applyCoupon" => ApplyCoupon,
        "grantCredit" => GrantCredit,
        "adjustBalance" => AdjustBalance,
        "pay" => Pay,
        "collect" => reading => OnInvoice(reading, (run, id, stop) => run.Engine.Payments.CollectAsync(run.Context, id, stop)),
        "finalize" => reading => OnInvoice(reading, (run, id, stop) => run.Engine.Invoices.FinalizeAsync(run.Context, id, stop)),
        "void" => reading => OnInvoice(reading, (run, id, stop) => run.Engine.Invoices.VoidAsync(run.Context, id, stop)),
        "markUncollectible" => reading => OnInvoice(reading, (run, id, stop) => run.Engine.Invoices.MarkUncollectibleAsync(run.Context, id, stop)),
        "refund" => Refund,
        "creditNote" => IssueCreditNote,
        "dispute" => reading => OnPayment(reading, (run, id, stop) => run.Engine.Payments.DisputeAsync(run.Context, id, stop)),
        "disputeWon" => reading => OnPayment(reading, (run, id, stop) => run.Engine.Payments.WinDisputeAsync(run.Context, id, stop)),
        "disputeLost" => reading => OnPayment(reading, (run, id, stop) => run.Engine.Payments.LoseDisputeAsync(run.Context, id, stop)),
        _ => null,
    };

    private static StepAction AddPaymentMethod(StepReading reading)
    {
        var fields = reading.Fields;
        var (id, customer, type) = (fields.Text("id"), fields.Text("customer"), fields.Text("type"));
        if (type is not ("card" or "ach" or "sepaDebit" or "manual"))
        {
            throw JsonFields.Error(fields.PathOf("type"), $"'{type}' is none of card, ach, sepaDebit, manual.");
        }

        var behavior = fields.Items("behavior").Select(ReadOutcome).ToList();
        var settleDays = fields.OptionalInteger("settleDays");
        var manual = type == "manual";
        var request = new AddPaymentMethodRequest
        {
            Id = id,
            CustomerId = customer,
            Type = type,
            Token = manual ? $"manual:{id}" : GatewayToken(customer, id, behavior, settleDays),
            Gateway = manual ? null : "test-gateway",
        };
        return (run, stop) => run.Engine.Payments.AddMethodAsync(run.Context, request, stop);
    }

    /// <summary>The token tells the test gateway what to do with the attempts to come.</summary>
    private static string GatewayToken(string customer, string id, IReadOnlyList<string> behavior, int? settleDays) =>
        $"test:{customer}/{id};behavior={string.Join('|', behavior.DefaultIfEmpty("succeed"))}{(settleDays is { } days ? $";settleDays={days}" : "")}";

    private static string ReadOutcome((JsonElement Value, string Path) item)
    {
        var text = JsonFields.TextOf(item.Value, item.Path);
        var code = text.Split(':', 2);
        var known = code[0] switch
        {
            "succeed" or "error" or "timeout" or "timeoutNotCharged" or "pending" => code.Length == 1,
            "decline" or "hardDecline" or "pendingThenFail" => code.Length == 2 && code[1].Length > 0 && !code[1].Contains('|', StringComparison.Ordinal) && !code[1].Contains(';', StringComparison.Ordinal),
            _ => false,
        };
        return known
            ? text
            : throw JsonFields.Error(item.Path, $"'{text}' is none of succeed, decline:CODE, hardDecline:CODE, error, timeout, timeoutNotCharged, pending, pendingThenFail:CODE.");
    }

    private static StepAction AddCharge(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new AddChargeRequest
        {
            CustomerId = fields.Text("customer"),
            Amount = fields.Number("amount"),
            Description = fields.OptionalText("description"),
            InvoiceNow = fields.Flag("invoiceNow", false),
            TaxCode = fields.OptionalText("taxCode"),
        };
        return (run, stop) => run.Engine.Charges.AddAsync(run.Context, request, stop);
    }

    private static StepAction ApplyCoupon(StepReading reading)
    {
        var fields = reading.Fields;
        var coupon = fields.Text("coupon");
        var (customer, subscription) = (fields.OptionalText("customer"), fields.OptionalText("subscription"));
        return customer is null && subscription is null
            ? throw JsonFields.Error(reading.Path, "It names a customer or a subscription.")
            : (run, stop) => run.Engine.Coupons.ApplyAsync(run.Context, coupon, customer, subscription, stop);
    }

    private static StepAction GrantCredit(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new GrantCreditRequest
        {
            CustomerId = fields.Text("customer"),
            Id = fields.Text("id"),
            Amount = fields.Number("amount"),
            ExpiresAt = reading.Moment("expires"),
            Priority = fields.OptionalInteger("priority") ?? 50,
            PaidAmount = fields.OptionalNumber("paidAmount") ?? 0m,
            Charges = fields.Texts("charges"),
        };
        return (run, stop) => run.Engine.Credits.GrantAsync(run.Context, request, stop);
    }

    private static StepAction AdjustBalance(StepReading reading)
    {
        var (customer, amount) = (reading.Fields.Text("customer"), reading.Fields.Number("amount"));
        return (run, stop) => run.Engine.Credits.AdjustBalanceAsync(run.Context, customer, amount, stop);
    }

    private static StepAction Pay(StepReading reading)
    {
        var fields = reading.Fields;
        var invoice = reading.Document("invoice");
        var amount = fields.OptionalNumber("amount");
        var method = fields.OptionalText("method") ?? "manual";
        if (method is not ("cash" or "check" or "bankTransfer" or "manual"))
        {
            throw JsonFields.Error(fields.PathOf("method"), $"'{method}' is none of cash, check, bankTransfer, manual.");
        }

        return async (run, stop) =>
        {
            var id = await run.FindInvoiceAsync(invoice, stop).ConfigureAwait(false);
            await run.Engine.Payments.PayAsync(run.Context, new PayRequest { InvoiceId = id, Amount = amount, Method = method }, stop).ConfigureAwait(false);
        };
    }

    private static StepAction Refund(StepReading reading)
    {
        var payment = reading.Document("payment");
        var amount = reading.Fields.OptionalNumber("amount");
        return async (run, stop) =>
        {
            var id = await run.FindPaymentAsync(payment, stop).ConfigureAwait(false);
            await run.Engine.Payments.RefundAsync(run.Context, new RefundRequest { PaymentId = id, Amount = amount }, stop).ConfigureAwait(false);
        };
    }

    private static StepAction IssueCreditNote(StepReading reading)
    {
        var fields = reading.Fields;
        var invoice = reading.Document("invoice");
        var amount = fields.OptionalNumber("amount");
        var lines = fields.Items("lines").Select(i => ReadNoteLine(i.Value, i.Path)).ToList();
        var to = fields.OptionalWord<CreditNoteTarget>("to") ?? CreditNoteTarget.Balance;
        return async (run, stop) =>
        {
            var id = await run.FindInvoiceAsync(invoice, stop).ConfigureAwait(false);
            var document = await run.Engine.Invoices.GetAsync(ScenarioHost.Tenant, id, stop).ConfigureAwait(false);
            var request = new CreditNoteRequest { InvoiceId = id, Amount = amount, Lines = [.. lines.Select(l => l(document))], To = to };
            await run.Engine.Credits.IssueNoteAsync(run.Context, request, stop).ConfigureAwait(false);
        };
    }

    /// <summary>A line is named by its charge, or by whatever else tells it from the others.</summary>
    private static Func<InvoiceDocument, CreditNoteLine> ReadNoteLine(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var (charge, amount) = (fields.OptionalText("charge"), fields.OptionalNumber("amount"));
        var (type, description, subscription) = (fields.OptionalWord<InvoiceLineType>("type"), fields.OptionalText("description"), fields.OptionalText("subscription"));
        fields.End();
        if (type is null && description is null && subscription is null)
        {
            return charge is null ? throw JsonFields.Error(fields.PathOf("charge"), "The key is missing.") : _ => new CreditNoteLine(null, charge, amount);
        }

        return document => document.Lines.FirstOrDefault(l =>
            (charge is null || l.Charge == charge) && (type is null || l.Type == type)
            && (description is null || l.Description == description) && (subscription is null || l.SubscriptionId == subscription)) is { } line
            ? new CreditNoteLine(line.Id, null, amount)
            : throw BillingException.NotFound("invoice line", path);
    }

    private static StepAction OnInvoice(StepReading reading, Func<LifecycleRun, Guid, CancellationToken, Task> act)
    {
        var invoice = reading.Document("invoice");
        return async (run, stop) => await act(run, await run.FindInvoiceAsync(invoice, stop).ConfigureAwait(false), stop).ConfigureAwait(false);
    }

    private static StepAction OnPayment(StepReading reading, Func<LifecycleRun, Guid, CancellationToken, Task> act)
    {
        var payment = reading.Document("payment");
        return async (run, stop) => await act(run, await run.FindPaymentAsync(payment, stop).ConfigureAwait(false), stop).ConfigureAwait(false);
    }
}
