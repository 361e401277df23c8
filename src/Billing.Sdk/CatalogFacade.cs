using Billing.Catalog;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
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
            await MakeDueAsync(context, version, [.. changes.Plans.Select(p => p.Code)], cancellationToken).ConfigureAwait(false);
        }

        return version;
    }

    /// <summary>The catalog in force at a moment (default: now).</summary>
    public async Task<CatalogDefinition> GetAsync(TenantId tenant, Instant? at = null, CancellationToken cancellationToken = default)
    {
        var context = await _core.OpenAsync(tenant, cancellationToken).ConfigureAwait(false);
        return context.CatalogAt(at ?? context.Now)?.Definition ?? CatalogDefinition.Empty;
    }

    /// <summary>Whoever has a subscription to a plan that changed is billed when the new prices come into force.</summary>
    private async Task MakeDueAsync(CommandContext context, CatalogVersion version, HashSet<string> plans, CancellationToken cancellationToken)
    {
        const int PageSize = 500;
        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var at = Instant.Max(version.EffectiveAt, version.RecordedAt);
        var commits = new PayerCommits(_core);
        bool IsConcerned(PayerWork work) => work.All<SubscriptionTerm>().Any(t => t.Plan is { } plan && plans.Contains(plan));

        for (string? last = null; ;)
        {
            var page = await _core.Storage.ListPayersAsync(context.Tenant, last, PageSize, cancellationToken).ConfigureAwait(false);
            if (page.Count == 0)
            {
                return;
            }

            last = page[^1];
            var works = (await commits.ReadAsync(tenant, context, page, cancellationToken).ConfigureAwait(false)).Where(IsConcerned).ToList();
            works.ForEach(w => w.BillNoLaterThan(at));
            var written = await commits.CommitAsync(tenant, works, cancellationToken).ConfigureAwait(false);
            foreach (var lost in works.Where(w => !written.Contains(w.PayerId)))
            {
                await commits.ChangeAsync(tenant, context, lost.PayerId, w => { w.BillNoLaterThan(at); return Task.FromResult(true); }, cancellationToken).ConfigureAwait(false);
            }
        }
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
