using System.Reflection;
using System.Text;
using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Billing.EntityFrameworkCore;

/// <summary>Adds the tables of the engine to a model.</summary>
public static class BillingModel
{
    /// <summary>What the names of all tables start with, so that they stand apart from the host's.</summary>
    public const string TablePrefix = "billing_";

    /// <summary>Rounded amounts; every other decimal is a quantity or unrounded.</summary>
    private static readonly Dictionary<Type, string[]> Money = new()
    {
        [typeof(Customer)] = [nameof(Customer.CreditBalance)],
        [typeof(Invoice)] =
        [
            nameof(Invoice.Subtotal), nameof(Invoice.Discount), nameof(Invoice.Tax), nameof(Invoice.Total),
            nameof(Invoice.CreditApplied), nameof(Invoice.AmountPaid), nameof(Invoice.AmountWrittenOff),
        ],
        [typeof(InvoiceLine)] =
        [
            nameof(InvoiceLine.Amount), nameof(InvoiceLine.Discount), nameof(InvoiceLine.Tax), nameof(InvoiceLine.InclusiveTax), nameof(InvoiceLine.CreditedAmount),
        ],
        [typeof(PendingItem)] = [nameof(PendingItem.Amount)],
        [typeof(CreditGrant)] = [nameof(CreditGrant.Amount), nameof(CreditGrant.Remaining), nameof(CreditGrant.PaidAmount)],
        [typeof(CreditNote)] = [nameof(CreditNote.Total), nameof(CreditNote.Tax), nameof(CreditNote.Remaining)],
        [typeof(CreditUse)] = [nameof(CreditUse.Amount)],
        [typeof(Payment)] = [nameof(Payment.Amount), nameof(Payment.UnappliedAmount), nameof(Payment.RefundedAmount)],
        [typeof(PaymentAttempt)] = [nameof(PaymentAttempt.Amount)],
        [typeof(Refund)] = [nameof(Refund.Amount)],
        [typeof(LedgerEntry)] = [nameof(LedgerEntry.Amount)],
    };

    /// <summary>Rows that lie where they are read or in order of time; what makes them unique (<see cref="StorageKeys"/>) is part of the key, or kept by a table of its own.</summary>
    private static readonly Dictionary<Type, string[]> Places = new()
    {
        [typeof(UsageRecord)] = [nameof(UsageRecordRow.StoredAt), nameof(UsageRecordRow.Hash)],
        [typeof(UsageRollup)] = [nameof(UsageRollup.SubscriptionId), nameof(UsageRollup.Meter), nameof(UsageRollup.Bucket), nameof(UsageRollup.Id)],
    };

    /// <summary>Indexes for reading, beside the keys; the tenant comes first in each unless a look over all tenants needs it.</summary>
    private static readonly (Type Type, string[] Columns)[] Indexes =
    [
        (typeof(Subscription), [nameof(Subscription.Tenant), nameof(Subscription.CustomerId)]),
        (typeof(UsageRecordRow), [nameof(UsageRecordRow.Tenant), nameof(UsageRecordRow.SubscriptionId), nameof(UsageRecordRow.EventType), nameof(UsageRecordRow.Bucket), nameof(UsageRecordRow.Removed)]),
        (typeof(RejectedRecord), [nameof(RejectedRecord.Tenant), nameof(RejectedRecord.RecordedAt)]),
        (typeof(CouponRedemption), [nameof(CouponRedemption.Tenant), nameof(CouponRedemption.Coupon)]),
        (typeof(InvoiceLine), [nameof(InvoiceLine.Tenant), nameof(InvoiceLine.PayerId), nameof(InvoiceLine.RecordedAt)]),
        (typeof(DueItem), [nameof(DueItem.Kind), nameof(DueItem.DueAt), nameof(DueItem.Tenant), nameof(DueItem.PayerId)]),
        (typeof(OutboxMessage), [nameof(OutboxMessage.State), nameof(OutboxMessage.Tenant), nameof(OutboxMessage.PayerId), nameof(OutboxMessage.Sequence)]),
    ];

    /// <summary>Adds all tables of the engine: one per row type, names in snake case behind <see cref="TablePrefix"/>, keys from <see cref="StorageKeys"/>.</summary>
    /// <param name="modelBuilder">The model of the ready context or of the host's own.</param>
    /// <param name="columns">How values become columns. Default: <see cref="BillingColumns.Portable"/>.</param>
    public static ModelBuilder UseBilling(this ModelBuilder modelBuilder, BillingColumns? columns = null)
    {
        ArgumentNullException.ThrowIfNull(modelBuilder);
        columns ??= BillingColumns.Portable;
        foreach (var (type, key) in StorageKeys.Primary)
        {
            var entity = AddTable(modelBuilder, type == typeof(UsageRecord) ? typeof(UsageRecordRow) : type, columns);
            entity.HasKey(WithTenant(type, Places.GetValueOrDefault(type, key)));
            var unique = StorageKeys.Unique.GetValueOrDefault(type, []);
            foreach (var names in unique)
            {
                entity.HasIndex(WithTenant(type, names)).IsUnique();
            }

            var coveredByKey = key.FirstOrDefault() == nameof(IPayerRow.PayerId)
                || unique.Any(u => u[0] == nameof(IPayerRow.PayerId))
                || Indexes.Any(i => i.Type == type && i.Columns[1] == nameof(IPayerRow.PayerId));
            if (typeof(IPayerRow).IsAssignableFrom(type) && !coveredByKey)
            {
                entity.HasIndex(nameof(IPayerRow.Tenant), nameof(IPayerRow.PayerId));
            }
        }

        AddTable(modelBuilder, typeof(UsageKeyRow), columns).HasKey(nameof(UsageKeyRow.Tenant), nameof(UsageKeyRow.Hash));
        foreach (var (type, names) in Indexes)
        {
            modelBuilder.Entity(type).HasIndex(names);
        }

        return modelBuilder;
    }

    internal static bool IsMoney(Type type, string property) => Money.GetValueOrDefault(type, []).Contains(property);

    internal static string TenantProperty(Type type) => type == typeof(Tenant) ? nameof(Billing.Tenant.Id) : nameof(IBillingRow.Tenant);

    private static string[] WithTenant(Type type, string[] names) => [TenantProperty(type), .. names];

    private static EntityTypeBuilder AddTable(ModelBuilder modelBuilder, Type type, BillingColumns columns)
    {
        var entity = modelBuilder.Entity(type);
        var name = type.Name.EndsWith("Row", StringComparison.Ordinal) ? type.Name[..^3] : type.Name;
        entity.ToTable(TablePrefix + SnakeCase(name));
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is not null))
        {
            var column = entity.Property(property.PropertyType, property.Name).HasColumnName(SnakeCase(property.Name)).ValueGeneratedNever();
            var converter = columns.For(property.PropertyType, IsMoney(type, property.Name));
            if (converter is not null)
            {
                column.HasConversion(converter);
            }

            if (columns.TextCollation is { } collation && (converter?.ProviderClrType ?? property.PropertyType) == typeof(string))
            {
                column.UseCollation(collation);
            }

            if (IsVersion(type, property.Name))
            {
                column.IsConcurrencyToken();
            }
        }

        return entity;
    }

    private static bool IsVersion(Type type, string property) =>
        type == typeof(Customer) ? property == nameof(Customer.BillingVersion) : property == nameof(IVersionedRow.Version);

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
