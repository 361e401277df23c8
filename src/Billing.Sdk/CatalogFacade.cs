using Billing.Catalog;
using Billing.Processing;
using NodaTime;

namespace Billing;

/// <summary>Catalogs: publish, read.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class CatalogFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CatalogFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Publishes a new version: the catalog before it with the changes put in. Nothing is ever changed in place.</summary>
    public Task<CatalogVersion> PublishAsync(CommandContext context, CatalogDefinition changes, Instant? effectiveAt = null, ExistingSubscriptions existingSubscriptions = ExistingSubscriptions.Keep, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The catalog in force at a moment (default: now).</summary>
    public Task<CatalogDefinition> GetAsync(TenantId tenant, Instant? at = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
