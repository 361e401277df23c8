using Billing.Catalog;
using Billing.Customers;
using Billing.Tasks;
using NodaTime;

namespace Billing.Processing;

/// <summary>What a command or run of one tenant works with: settings, catalog versions, task chains, and the moment. One per call.</summary>
internal sealed class TenantContext
{
    private DateTimeZone? _zone;

    public required Tenant Tenant { get; init; }

    public required IReadOnlyList<CatalogVersion> Catalogs { get; init; }

    public required TenantTasks Tasks { get; init; }

    public required IIdGenerator Ids { get; init; }

    /// <summary>The moment of the command, or the moment as of which a run works.</summary>
    public required Instant Now { get; init; }

    public TenantId Id => Tenant.Id;

    public TenantSettings Settings => Tenant.Settings;

    public DateTimeZone Zone => _zone ??= ZoneOf(Settings.TimeZone);

    public DateTimeZone ZoneOf(Customer customer) => customer.TimeZone is { } id ? ZoneOf(id) : Zone;

    public TenantContext At(Instant now) => new() { Tenant = Tenant, Catalogs = Catalogs, Tasks = Tasks, Ids = Ids, Now = now, _zone = _zone };

    /// <summary>The catalog in force for new subscriptions at a moment; the first one before any is in force.</summary>
    public CatalogVersion? CatalogAt(Instant at) =>
        Catalogs.Where(c => c.EffectiveAt <= at).LastOrDefault() ?? (Catalogs.Count > 0 ? Catalogs[0] : null);

    public static DateTimeZone ZoneOf(string id) =>
        DateTimeZoneProviders.Tzdb.GetZoneOrNull(id)
        ?? throw BillingException.Validation("time zone", id, "timeZone", $"'{id}' is not an IANA time zone.");
}
