using NodaTime;

namespace Billing;

/// <summary>How a part of a period is measured.</summary>
public enum ProrationBasis
{
    /// <summary>Whole local dates; the day of a start counts in full.</summary>
    Days,

    /// <summary>Elapsed seconds; periods keep the time of day of the start.</summary>
    Seconds,

    /// <summary>30/360: every month has thirty days.</summary>
    ThirtyDayMonth,

    /// <summary>Only whole periods are charged and credited.</summary>
    None,
}

/// <summary>Where amounts become minor units.</summary>
public enum RoundingUnit
{
    /// <summary>On each line.</summary>
    Line,

    /// <summary>On the invoice; lines then share the rounded sum by largest remainder.</summary>
    Invoice,
}

/// <summary>What periods are aligned to.</summary>
public enum BillingTime
{
    /// <summary>The start of the subscription (the end of its trial).</summary>
    Anniversary,

    /// <summary>Calendar units: the 1st of the month, Monday, 1 January.</summary>
    Calendar,
}

/// <summary>Where unused time that was paid in advance goes.</summary>
public enum UnusedTimeCredit
{
    /// <summary>On the next invoice, as a negative line.</summary>
    Invoice,

    /// <summary>On a credit note.</summary>
    CreditNote,

    /// <summary>Nothing is given back.</summary>
    None,
}

/// <summary>What happens to an invoice without a line or with total 0.</summary>
public enum ZeroInvoices
{
    /// <summary>It is not issued.</summary>
    Skip,

    /// <summary>It is issued.</summary>
    Issue,
}

/// <summary>How a tenant bills. Every key has a default; a value set is kept with each invoice's inputs.</summary>
public sealed record TenantSettings
{
    /// <summary>ISO 4217 code. Default <c>USD</c>.</summary>
    public string Currency { get; init; } = "USD";

    /// <summary>IANA zone in which local dates and periods are counted. Default <c>UTC</c>.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>How parts of periods are measured. Default: days.</summary>
    public ProrationBasis ProrationBasis { get; init; }

    /// <summary>How amounts are rounded. Default: half-up.</summary>
    public RoundingMode RoundingMode { get; init; }

    /// <summary>Where amounts become minor units. Default: each line.</summary>
    public RoundingUnit RoundingUnit { get; init; }

    /// <summary>Where tax amounts become minor units. Default: each line.</summary>
    public RoundingUnit TaxRoundingUnit { get; init; }

    /// <summary>Default alignment of subscriptions. Default: anniversary.</summary>
    public BillingTime BillingTime { get; init; }

    /// <summary>Whether month-based subscriptions of a customer share the customer's billing day. Default: no.</summary>
    public bool AccountAlignment { get; init; }

    /// <summary>Where unused time goes. Default: on the invoice.</summary>
    public UnusedTimeCredit UnusedTimeCredit { get; init; }

    /// <summary>Whether empty invoices are issued. Default: skip.</summary>
    public ZeroInvoices ZeroInvoices { get; init; }

    /// <summary>Whether charges of one payer that fall due at the same moment share an invoice. Default: yes.</summary>
    public bool CombineInvoices { get; init; } = true;

    /// <summary>Days from the invoice date to the due date. Default 0.</summary>
    public int PaymentTermDays { get; init; }

    /// <summary>Days for which a renewal invoice stays a draft. Default 0.</summary>
    public int GracePeriodDays { get; init; }

    /// <summary>Whether the default payment method is charged when an invoice is finalised. Default: yes.</summary>
    public bool AutoCollect { get; init; } = true;

    /// <summary>Whether usage in a trial is billed. Default: no.</summary>
    public bool TrialUsageBilled { get; init; }

    /// <summary>
    /// For how many days after its time usage is taken; older events are refused as <c>expired</c>, and the keys by which events count once need not be kept any longer
    /// (<see cref="UsageFacade.DropKeysAsync"/>). 1 to 36,500; default <see langword="null"/>: without limit, all keys are kept.
    /// </summary>
    public int? UsageAcceptedDays { get; init; }

    /// <summary>The legal entity that issues documents. Default <c>default</c>.</summary>
    public string LegalEntity { get; init; } = "default";

    /// <summary>Checks currency, zone and ranges.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>, naming the key.</exception>
    public void Validate(string tenant)
    {
        _ = Billing.Currency.TryOf(Currency, out _)
            ? true
            : throw BillingException.Validation("tenant", tenant, "settings.currency", $"'{Currency}' is not a currency code of ISO 4217.");
        if (DateTimeZoneProviders.Tzdb.GetZoneOrNull(TimeZone) is null)
        {
            throw BillingException.Validation("tenant", tenant, "settings.timeZone", $"'{TimeZone}' is not an IANA time zone.");
        }

        if (PaymentTermDays is < 0 or > 3650)
        {
            throw BillingException.Validation("tenant", tenant, "settings.paymentTermDays", "The payment term is 0 to 3650 days.");
        }

        if (UsageAcceptedDays is < 1 or > 36_500)
        {
            throw BillingException.Validation("tenant", tenant, "settings.usageAcceptedDays", "Usage is taken for 1 to 36,500 days, or without limit.");
        }

        if (GracePeriodDays is < 0 or > 365)
        {
            throw BillingException.Validation("tenant", tenant, "settings.gracePeriodDays", "The grace period is 0 to 365 days.");
        }
    }
}

/// <summary>A company that bills with the engine.</summary>
public sealed record Tenant : IVersionedRow
{
    /// <summary>Its id.</summary>
    public required TenantId Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>How it bills.</summary>
    public TenantSettings Settings { get; init; } = new();

    /// <summary>When it was created.</summary>
    public required Instant CreatedAt { get; init; }

    /// <summary>Usage from before this moment is refused as <c>expired</c>, because the keys by which it would count once are gone; <see langword="null"/>: all are there.</summary>
    public Instant? UsageKeysFrom { get; init; }

    /// <inheritdoc/>
    public required long Version { get; init; }

    TenantId IBillingRow.Tenant => Id;

    IVersionedRow IVersionedRow.WithVersion(long version) => this with { Version = version };
}
