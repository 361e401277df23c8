using Billing.Processing;
using Billing.Usage;

namespace Billing;

/// <summary>Usage: record, correct, ask.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class UsageFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal UsageFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Records events. Each is answered by itself: accepted, duplicate, unattributed or rejected with a code; nothing else is lost by a rejected one.</summary>
    public Task<IReadOnlyList<UsageEntryResult>> RecordAsync(CommandContext context, IReadOnlyList<UsageEntry> entries, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Corrects or removes a stored event; the difference is billed with the next invoice.</summary>
    public Task CorrectAsync(CommandContext context, CorrectUsageRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Quantities of the current period by meter, over the subscriptions of a customer.</summary>
    public Task<IReadOnlyDictionary<string, decimal>> GetCurrentAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Usage that belongs to no subscription, oldest first.</summary>
    public Task<IReadOnlyList<UsageRecord>> ListUnattributedAsync(TenantId tenant, int maximum = 1000, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Drops raw events before a moment; rollups stay, so additive meters bill as before.</summary>
    public Task<int> DropEventsAsync(CommandContext context, NodaTime.Instant before, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
