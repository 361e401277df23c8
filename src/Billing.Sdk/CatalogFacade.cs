using Billing.Catalog;
using Billing.Processing;
using Billing.Storage;
using NodaTime;

namespace Billing;

/// <summary>Catalogs: publish, read.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed class CatalogFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal CatalogFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Publishes a new version: the catalog before it with the changes put in. Nothing is ever changed in place.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="changes">Plans, meters, coupons and decks that are new or replace those with the same codes.</param>
    /// <param name="effectiveAt">From when it is in force. Default: now.</param>
    /// <param name="existingSubscriptions">What it means for subscriptions that exist. Default: they keep their prices.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    /// <exception cref="BillingException"><c>validation</c>, <c>unknown-meter</c>, …, naming object and key.</exception>
    public async Task<CatalogVersion> PublishAsync(
        CommandContext context,
        CatalogDefinition changes,
        Instant? effectiveAt = null,
        ExistingSubscriptions existingSubscriptions = ExistingSubscriptions.Keep,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(changes);
        var version = await _commands.ExecuteTenantAsync(
            context,
            "catalog.publish",
            new { catalog = CatalogJson.Write(changes), effectiveAt, existingSubscriptions },
            async token =>
            {
                var tenant = await _core.OpenAsync(context.Tenant, token).ConfigureAwait(false);
                var now = tenant.Now;
                var effective = effectiveAt ?? now;
                var before = tenant.Catalogs.Where(c => c.EffectiveAt <= effective).LastOrDefault()?.Definition ?? CatalogDefinition.Empty;
                var definition = before.With(changes);
                CatalogValidator.ThrowIfInvalid(definition);
                CheckCurrencies(definition);
                var version = new CatalogVersion
                {
                    Tenant = context.Tenant,
                    Number = tenant.Catalogs.Count + 1,
                    EffectiveAt = effective,
                    RecordedAt = now,
                    ExistingSubscriptions = existingSubscriptions,
                    Definition = definition,
                    Actor = context.Actor,
                };
                return ((IReadOnlyList<RowChange>)[RowChange.Insert(version)], version);
            },
            cancellationToken).ConfigureAwait(false);
        if (version.ExistingSubscriptions == ExistingSubscriptions.EffectiveDate || (version.ExistingSubscriptions == ExistingSubscriptions.NextPeriod && version.EffectiveAt < version.RecordedAt))
        {
            await MakeDueAsync(context, version, cancellationToken).ConfigureAwait(false);
        }

        return version;
    }

    /// <summary>Has runs look at every payer when the version reaches subscriptions that exist. Safe to repeat.</summary>
    private async Task MakeDueAsync(CommandContext context, CatalogVersion version, CancellationToken cancellationToken)
    {
        const int pageSize = 500;
        var at = Instant.Max(version.EffectiveAt, version.RecordedAt);
        string? after = null;
        while (true)
        {
            var page = await _core.Storage.ListPayersAsync(context.Tenant, after, pageSize, cancellationToken).ConfigureAwait(false);
            foreach (var payer in page)
            {
                await _commands.ExecuteAsync(
                    new CommandContext(context.Tenant) { Actor = context.Actor, CorrelationId = context.CorrelationId },
                    "catalog.make-due",
                    version.Number,
                    _ => Task.FromResult(payer),
                    SnapshotParts.Customers | SnapshotParts.Subscriptions,
                    (work, _) =>
                    {
                        if (work.Subscriptions.Any())
                        {
                            work.BillNoLaterThan(at);
                        }

                        return Task.FromResult(true);
                    },
                    cancellationToken).ConfigureAwait(false);
            }

            if (page.Count < pageSize)
            {
                return;
            }

            after = page[^1];
        }
    }

    /// <summary>The catalog in force at a moment (default: now).</summary>
    public async Task<CatalogDefinition> GetAsync(TenantId tenant, Instant? at = null, CancellationToken cancellationToken = default)
    {
        var context = await _core.OpenAsync(tenant, cancellationToken).ConfigureAwait(false);
        return context.CatalogAt(at ?? context.Now)?.Definition ?? CatalogDefinition.Empty;
    }

    private static void CheckCurrencies(CatalogDefinition catalog)
    {
        foreach (var plan in catalog.Plans.Where(p => p.Currency is not null))
        {
            if (!Currency.TryOf(plan.Currency, out _))
            {
                throw BillingException.Validation("plan", plan.Code, "currency", $"'{plan.Currency}' is not a currency code of ISO 4217.");
            }
        }
    }
}
