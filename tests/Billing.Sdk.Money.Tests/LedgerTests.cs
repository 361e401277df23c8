using Billing.Credits;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using FsCheck;
using FsCheck.Fluent;
using NodaTime;

namespace Billing.MoneyTests;

public sealed class LedgerTests
{
    [Fact]
    public void A_posting_that_does_not_balance_is_never_written()
    {
        var posting = new Posting("payment", "p", "USD").Debit(LedgerAccounts.Cash, 10m).Credit(LedgerAccounts.Receivable, 9.99m);
        Assert.Contains("0.01 USD", Assert.Throws<InvalidOperationException>(posting.Balanced).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_year_is_earned_by_the_day_and_a_day_when_it_is_over()
    {
        await using var house = await House.BuildAsync();
        house.MoveTo("2019-01-01");
        await house.AddCustomerAsync("acme", "succeed");
        await house.IssueAsync("acme", new House.Line(365m) { Type = InvoiceLineType.Recurring, From = new(2019, 1, 1), To = new(2020, 1, 1) });
        await house.CollectAsync();
        foreach (var (date, revenue) in new[] { ("2019-01-01", 0m), ("2019-01-02", 1m), ("2019-02-01", 31m), ("2019-03-01", 59m), ("2019-04-01", 90m), ("2020-01-01", 365m), ("2021-01-01", 365m) })
        {
            house.MoveTo(date);
            Assert.Equal(revenue, await house.AccountAsync(LedgerAccounts.Revenue));
            Assert.Equal(365m - revenue, await house.AccountAsync(LedgerAccounts.DeferredRevenue));
            Assert.Equal(365m, await house.AccountAsync(LedgerAccounts.Cash));
            Assert.Equal(0m, await house.AccountAsync(LedgerAccounts.Receivable));
        }
    }

    [Fact]
    public async Task Revenue_is_net_of_discount_and_tax_and_usage_is_earned_at_once()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        await house.IssueAsync(
            "acme",
            new House.Line(100m) { Type = InvoiceLineType.Recurring, Discount = 10m, Tax = 18m, From = new(2024, 1, 1), To = new(2024, 1, 31) },
            new House.Line(60m) { Type = InvoiceLineType.Usage, Tax = 10m, Inclusive = true, From = new(2023, 12, 1), To = new(2024, 1, 1) });
        Assert.Equal(168m, await house.AccountAsync(LedgerAccounts.Receivable));
        Assert.Equal(28m, await house.AccountAsync(LedgerAccounts.TaxPayable));
        Assert.Equal(90m, await house.AccountAsync(LedgerAccounts.DeferredRevenue));
        Assert.Equal(50m, await house.AccountAsync(LedgerAccounts.Revenue));
        await house.CheckBooksAsync();
    }

    [Fact]
    public void The_earned_part_never_falls_and_ends_at_the_whole()
    {
        Check.QuickThrowOnFailure(Prop.ForAll(
            (from cents in Gen.Choose(-100_000, 100_000) from days in Gen.Choose(1, 400) select (cents / 100m, days)).ToArbitrary(),
            pair =>
            {
                var (amount, days) = pair;
                var from = new LocalDate(2024, 1, 1);
                var to = from.PlusDays(days);
                var before = 0m;
                for (var day = from.PlusDays(-2); day <= to.PlusDays(2); day = day.PlusDays(1))
                {
                    var earned = RevenueRecognition.Earned(amount, from, to, day, Currency.Of("USD"), RoundingMode.HalfUp);
                    Assert.True(amount >= 0m ? earned >= before : earned <= before);
                    before = earned;
                }

                Assert.Equal(amount, before);
            }));
    }

    [Fact]
    public void Parts_of_a_line_taken_back_in_any_pieces_are_the_line()
    {
        var pieces =
            from net in Gen.Choose(1, 50_000)
            from tax in Gen.Choose(0, 12_000)
            from cuts in Gen.Choose(1, net + tax).ArrayOf(6)
            select (Net: net / 100m, Tax: tax / 100m, Cuts: cuts);
        Check.QuickThrowOnFailure(Prop.ForAll(pieces.ToArbitrary(), given =>
        {
            var line = Line(given.Net, given.Tax);
            var (net, tax) = (0m, 0m);
            foreach (var cut in given.Cuts.Select(c => c / 100m).Append(given.Net + given.Tax).Order())
            {
                var part = LinePart.Next(line, cut - line.CreditedAmount, Currency.Of("USD"), RoundingMode.HalfUp);
                Assert.Equal(cut - line.CreditedAmount, part.Gross);
                net += part.Net;
                tax += part.Tax;
                line = line with { CreditedAmount = cut };
                var left = LinePart.Left(line, Currency.Of("USD"), RoundingMode.HalfUp);
                Assert.Equal((given.Net - net, given.Tax - tax), (left.Net, left.Tax));
            }

            Assert.Equal((given.Net, given.Tax), (net, tax));
        }));
    }

    [Fact]
    public async Task Transactions_say_who_and_why_and_are_listed_in_order()
    {
        await using var house = await House.BuildAsync();
        await house.AddCustomerAsync();
        var context = new CommandContext(House.Tenant) { Actor = "clerk", Reason = "goodwill", CorrelationId = "r-1" };
        await house.Engine.Credits.AdjustBalanceAsync(context, "acme", 10m);
        await house.IssueAsync("acme", 4m);
        var transactions = await house.Engine.Ledger.ListTransactionsAsync(House.Tenant, "acme");
        Assert.Equal(["balanceAdjustment", "invoice", "creditApplication"], transactions.Select(t => t.DocumentKind));
        Assert.Equal(("clerk", "goodwill", "r-1"), (transactions[0].Actor, transactions[0].Reason, transactions[0].CorrelationId));
        Assert.All(await house.Engine.Ledger.GetTrialBalanceAsync(House.Tenant, new LocalDate(2023, 12, 31)), b => Assert.Equal(0m, b.Net));
    }

    [Fact]
    public async Task The_books_hold_whatever_happens_in_whatever_order()
    {
        var run = 0;
        var steps = Gen.Choose(0, 11).SelectMany(kind => Gen.Choose(1, 12_000).Select(cents => (Kind: kind, Amount: cents / 100m))).ArrayOf(25);
        foreach (var given in steps.Sample(150))
        {
            run++;
            await using var house = await House.BuildAsync(new TenantSettings { PaymentTermDays = run % 3 }, House.Retry("1", run % 2 == 0 ? "uncollectible" : "none"));
            await house.AddCustomerAsync("acme", (run % 4) switch { 0 => "succeed", 1 => "decline:x|succeed", 2 => "timeout|decline:y|succeed", _ => "pending|error|succeed;settleDays=2" });
            foreach (var (step, i) in given.Select((s, i) => (s, i)))
            {
                try
                {
                    await StepAsync(house, step.Kind, step.Amount, i);
                }
                catch (BillingException error) when (error.Code is BillingErrorCodes.InvalidState or BillingErrorCodes.AmountExceeds or BillingErrorCodes.NotFound)
                {
                    // Refused: the books must hold all the same.
                }

                try
                {
                    await house.CheckBooksAsync();
                }
                catch (Xunit.Sdk.XunitException error)
                {
                    throw new Xunit.Sdk.XunitException($"Run {run} after {string.Join(", ", given.Take(i + 1))}: {error.Message}", error);
                }
            }
        }
    }

    private static async Task StepAsync(House house, int kind, decimal amount, int i)
    {
        var snapshot = await house.ReadAsync();
        var invoice = snapshot.Invoices.Count == 0 ? Guid.Empty : snapshot.Invoices[i % snapshot.Invoices.Count].Id;
        var payment = snapshot.Payments.Count == 0 ? Guid.Empty : snapshot.Payments[i % snapshot.Payments.Count].Id;
        var engine = house.Engine;
        await (kind switch
        {
            0 or 1 => house.IssueAsync(
                "acme",
                new House.Line(amount) { Type = InvoiceLineType.Recurring, Charge = "a", Tax = Math.Round(amount / 7m, 2), From = new(2024, 1, 1), To = new(2024, 2, 1) },
                new House.Line(kind == 0 ? 3m : -Math.Round(amount / 2m, 2)) { Charge = "b" }),
            2 => engine.Payments.PayAsync(House.Tenant, new PayRequest { InvoiceId = invoice, Amount = amount }),
            3 => house.LiveUntilAsync(NodaTime.Text.InstantPattern.ExtendedIso.Format(house.Now + Duration.FromHours(i * 7 % 60))),
            4 => engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = payment, Amount = i % 2 == 0 ? null : amount }),
            5 => engine.Credits.IssueNoteAsync(House.Tenant, new CreditNoteRequest { InvoiceId = invoice, Amount = i % 2 == 0 ? null : amount, To = (CreditNoteTarget)(i % 3) }),
            6 => engine.Invoices.VoidAsync(House.Tenant, invoice),
            7 => engine.Invoices.MarkUncollectibleAsync(House.Tenant, invoice),
            8 => engine.Payments.DisputeAsync(House.Tenant, payment),
            9 => i % 2 == 0 ? engine.Payments.WinDisputeAsync(House.Tenant, payment) : engine.Payments.LoseDisputeAsync(House.Tenant, payment),
            10 => engine.Credits.AdjustBalanceAsync(House.Tenant, "acme", i % 3 == 0 ? -amount : amount),
            _ => i % 2 == 0
                ? engine.Payments.CollectAsync(House.Tenant, invoice)
                : engine.Credits.GrantAsync(House.Tenant, new GrantCreditRequest { CustomerId = "acme", Id = $"g{i}", Amount = amount, Charges = i % 3 == 0 ? ["a"] : [] }),
        });
    }

    private static InvoiceLine Line(decimal net, decimal tax) => new()
    {
        Tenant = House.Tenant,
        Id = Guid.Empty,
        PayerId = "p",
        InvoiceId = Guid.Empty,
        Position = 1,
        Key = "k",
        Revision = 1,
        Type = InvoiceLineType.OneTime,
        CustomerId = "p",
        Description = "",
        Amount = net,
        ExactAmount = net,
        Tax = tax,
        RecordedAt = House.At("2024-01-01"),
    };
}
