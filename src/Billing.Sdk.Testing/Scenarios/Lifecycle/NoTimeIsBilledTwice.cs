using Billing.Invoicing;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>No two lines of one charge of a subscription cover the same time, net of credits, and no credit gives back time that was not billed.</summary>
/// <remarks>
/// <para>Lines of recurring and instalment charges are rectangles of time and quantity layer: charges add one, credits take one away, and every
/// place must come to 0 or 1. Lines of usage may repeat a time only under the same key (their revisions).</para>
/// <para>Time that was given up without a line to show for it is no fault: a change without credit (<c>prorate</c> or <c>credit</c> false, unused time on credit
/// notes or not at all), a line taken back by a credit note or with its invoice, and a part whose credit is less than a minor unit.</para>
/// </remarks>
public sealed class NoTimeIsBilledTwice : IScenarioInvariant
{
    /// <inheritdoc/>
    public string Name => "no two lines of one charge cover the same time";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> FindViolationsAsync(ScenarioMoment moment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(moment);
        var charges = moment.Invoices.SelectMany(d => d.Lines)
            .Where(l => l is { SubscriptionId: not null, Charge: not null, From: not null, To: not null } && l.From < l.To)
            .GroupBy(l => (Subscription: l.SubscriptionId!, Charge: l.Charge!))
            .ToList();
        var uncredited = await FindUncreditedAsync(moment, [.. charges.Select(c => c.Key.Subscription).Distinct(StringComparer.Ordinal)], cancellationToken).ConfigureAwait(false);
        var smallest = moment.Invoices.ToDictionary(d => d.Invoice.Id, d => Currency.Of(d.Invoice.Currency).SmallestAmount);
        var violations = new List<string>();
        foreach (var charge in charges)
        {
            violations.AddRange(FindRepeatedUsage([.. charge]).Take(1));
            foreach (var group in GroupsOf([.. charge], uncredited.Contains(charge.Key.Subscription)))
            {
                violations.AddRange(new Coverage(group, smallest).FindFaults().Take(1));
            }
        }

        return violations;
    }

    /// <summary>
    /// All lines of the charge together; where changes gave nothing back, only those of one plan, price and period, because the time before
    /// the change rightly stays billed beside the time after it.
    /// </summary>
    private static IEnumerable<IReadOnlyList<InvoiceLine>> GroupsOf(IReadOnlyList<InvoiceLine> lines, bool uncredited)
    {
        var timed = lines.Where(l => l.Type is InvoiceLineType.Recurring or InvoiceLineType.Installment or InvoiceLineType.Credit && l.Amount != 0m).ToList();
        if (!uncredited)
        {
            return [timed];
        }

        var byId = timed.ToDictionary(l => l.Id);
        return timed
            .GroupBy(l => l.ReversesLineId is { } id && byId.TryGetValue(id, out var reversed) ? Terms(reversed) : Terms(l))
            .Select(g => (IReadOnlyList<InvoiceLine>)[.. g]);
    }

    private static (string? Plan, string? Price, Instant? Period) Terms(InvoiceLine line) => (line.Plan, line.PriceKey, line.PeriodFrom);

    /// <summary>The subscriptions whose changes gave time up without a credit line.</summary>
    private static async Task<HashSet<string>> FindUncreditedAsync(ScenarioMoment moment, IReadOnlyList<string> subscriptions, CancellationToken cancellationToken)
    {
        if (moment.Scenario.Settings.UnusedTimeCredit != UnusedTimeCredit.Invoice || moment.Scenario.Settings.ProrationBasis == ProrationBasis.None)
        {
            return [.. subscriptions];
        }

        var found = await moment.Host.Storage.ReadSubscriptionsAsync(ScenarioHost.Tenant, subscriptions, cancellationToken).ConfigureAwait(false);
        return [.. found.Where(s => s.Terms.Any(GivesNothingBack)).Select(s => s.Subscription.Id)];
    }

    private static bool GivesNothingBack(SubscriptionTerm term) => term.SupersededAt is null && (!term.Prorate || !term.Credit || term.ByDunning);

    private static IEnumerable<string> FindRepeatedUsage(IReadOnlyList<InvoiceLine> lines)
    {
        var keys = lines.Where(l => l.Type == InvoiceLineType.Usage && !l.Voided)
            .GroupBy(l => l.Key)
            .Select(k => (Line: k.First(), From: k.Min(l => l.From!.Value), To: k.Max(l => l.To!.Value)))
            .OrderBy(k => k.From)
            .ToList();
        foreach (var (earlier, later) in keys.Zip(keys.Skip(1)))
        {
            if (later.From < earlier.To)
            {
                yield return $"usage '{later.Line.Charge}' of '{later.Line.SubscriptionId}' from {later.From} is in '{earlier.Line.Key}' until {earlier.To} and in '{later.Line.Key}'";
            }
        }
    }

    /// <summary>The lines of one charge as rectangles of time and quantity layer.</summary>
    private sealed class Coverage(IReadOnlyList<InvoiceLine> lines, Dictionary<Guid, decimal> smallestAmounts)
    {
        public IEnumerable<string> FindFaults()
        {
            var times = lines.SelectMany(l => new[] { l.From!.Value, l.To!.Value }).Distinct().Order().ToList();
            var layers = lines.SelectMany(l => new[] { LayerOf(l).From, LayerOf(l).To }).Distinct().Order().ToList();
            foreach (var (start, end) in times.Zip(times.Skip(1)))
            {
                foreach (var (bottom, top) in layers.Zip(layers.Skip(1)))
                {
                    var here = lines.Where(l => l.From <= start && end <= l.To && LayerOf(l).From <= bottom && top <= LayerOf(l).To).ToList();
                    if (FindFault(here, end - start) is { } fault)
                    {
                        yield return $"'{here[0].Charge}' of '{here[0].SubscriptionId}' from {start} to {end}: {fault}";
                    }
                }
            }
        }

        private string? FindFault(List<InvoiceLine> here, Duration time)
        {
            var charges = here.Where(l => !IsCredit(l)).ToList();
            var credits = here.Count - charges.Count;
            if (credits > charges.Count)
            {
                return $"given back {credits} times, billed {charges.Count} times";
            }

            // What may be left of earlier lines without a credit is not counted; the newest line always is.
            var newest = charges.OrderBy(l => l.RecordedAt).ThenBy(l => l.Revision).LastOrDefault();
            var excused = charges.Count(l => l != newest && (l.Voided || l.CreditedAmount != 0m || IsTiny(l, time)));
            return charges.Count - credits - excused > 1
                ? $"billed {charges.Count - credits} times, by {string.Join(" and ", charges.Select(l => $"{l.Key}/{l.Revision} ({Rounding.Format(l.Amount, 2)})"))}"
                : null;
        }

        private static bool IsCredit(InvoiceLine line) => line.Type == InvoiceLineType.Credit || line.Amount < 0m;

        /// <summary>Whether so much time of the line costs less than a minor unit: its credit may have been rounded to nothing.</summary>
        private bool IsTiny(InvoiceLine line, Duration time) =>
            (line.Amount - line.Discount) * time.ToInt64Nanoseconds() / (line.To!.Value - line.From!.Value).ToInt64Nanoseconds() < smallestAmounts[line.InvoiceId];

        /// <summary>A line without a layer covers all of them.</summary>
        private static (decimal From, decimal To) LayerOf(InvoiceLine line) =>
            line.LayerFrom < line.LayerTo ? (line.LayerFrom, line.LayerTo) : (0m, decimal.MaxValue);
    }
}
