using Billing;
using Billing.Processing;
using NodaTime;

namespace Quickstart;

/// <summary>A clock that the story sets.</summary>
internal sealed class StoryClock : IClock
{
    public Instant Now { get; set; }

    public Instant GetCurrentInstant() => Now;
}

/// <summary>Lets days pass: whatever falls due on the way is done at its time, as a worker of the host would do it.</summary>
internal sealed class Calendar
{
    private readonly BillingEngine _billing;
    private readonly StoryClock _clock;

    public Calendar(BillingEngine billing, StoryClock clock, LocalDate start)
    {
        _billing = billing;
        _clock = clock;
        _clock.Now = At(start);
    }

    public int InvoicesMade { get; private set; }

    public async Task MoveToAsync(LocalDate date)
    {
        var end = At(date);
        while (await _billing.Runs.GetNextDueAsync(Company.Tenant) is { } due && due <= end)
        {
            _clock.Now = Instant.Max(_clock.Now, due);
            if (!await WorkAsync())
            {
                // What is due cannot be done: a payer in quarantine. The books show it.
                break;
            }
        }

        _clock.Now = Instant.Max(_clock.Now, end);
        await WorkAsync();
    }

    /// <summary>The runs, in their order; whether any of them did anything.</summary>
    private async Task<bool> WorkAsync()
    {
        var now = _clock.Now;
        var billed = await _billing.Runs.BillAsync(Company.Tenant, now);
        var collected = await _billing.Runs.CollectAsync(Company.Tenant, now);
        var aged = await _billing.Runs.AgeAsync(Company.Tenant, now);
        await ShowAsync(billed, collected, aged);
        var sent = await _billing.Runs.DispatchAsync(Company.Tenant);
        return billed.Invoices.Count + collected.Attempts + aged.Steps + sent.Delivered > 0;
    }

    private async Task ShowAsync(BillingRunResult billed, CollectionRunResult collected, AgingRunResult aged)
    {
        InvoicesMade += billed.Invoices.Count;
        if (billed.Invoices.Count + collected.Attempts + aged.Steps > 0)
        {
            Screen.Line($"  {_clock.Now.InUtc().Date:uuuu-MM-dd}: {billed.Invoices.Count} invoices; {collected.Attempts} charges, {collected.Succeeded} succeeded, {collected.Failed} failed; {aged.Steps} aging steps");
        }

        foreach (var (index, invoice) in billed.Invoices.Index())
        {
            Screen.Invoice(await _billing.Invoices.GetAsync(Company.Tenant, invoice.Id), index, billed.Invoices.Count);
        }

        foreach (var item in billed.Quarantined)
        {
            Screen.Line($"    not billed: {item.PayerId}: {item.Stage}: {item.Message}");
        }
    }

    private static Instant At(LocalDate date) => date.AtStartOfDayInZone(DateTimeZone.Utc).ToInstant();
}
