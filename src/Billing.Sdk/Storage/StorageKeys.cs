using System.Globalization;
using Billing.Catalog;
using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;

namespace Billing.Storage;

/// <summary>The keys of every row type, tenant first: the one list that adapters, contract suite and schema go by.</summary>
public static class StorageKeys
{
    /// <summary>Properties that make the primary key of each row type (after the tenant).</summary>
    public static IReadOnlyDictionary<Type, string[]> Primary { get; } = new Dictionary<Type, string[]>
    {
        [typeof(Tenant)] = [],
        [typeof(TaskConfigurationRow)] = [],
        [typeof(CatalogVersion)] = [nameof(CatalogVersion.Number)],
        [typeof(Customer)] = [nameof(Customer.Id)],
        [typeof(CustomerContact)] = [nameof(CustomerContact.Id)],
        [typeof(PaymentMethod)] = [nameof(PaymentMethod.Id)],
        [typeof(Subscription)] = [nameof(Subscription.Id)],
        [typeof(SubscriptionTerm)] = [nameof(SubscriptionTerm.Id)],
        [typeof(UsageRollup)] = [nameof(UsageRollup.Id)],
        [typeof(UsageRecord)] = [nameof(UsageRecord.Hash)],
        [typeof(RejectedRecord)] = [nameof(RejectedRecord.Id)],
        [typeof(Invoice)] = [nameof(Invoice.Id)],
        [typeof(InvoiceLine)] = [nameof(InvoiceLine.Id)],
        [typeof(InvoiceNumber)] = [nameof(InvoiceNumber.LegalEntity), nameof(InvoiceNumber.Series), nameof(InvoiceNumber.Number)],
        [typeof(PendingItem)] = [nameof(PendingItem.Id)],
        [typeof(CouponRedemption)] = [nameof(CouponRedemption.Id)],
        [typeof(CreditGrant)] = [nameof(CreditGrant.CustomerId), nameof(CreditGrant.Id)],
        [typeof(CreditNote)] = [nameof(CreditNote.Id)],
        [typeof(CreditUse)] = [nameof(CreditUse.Id)],
        [typeof(Payment)] = [nameof(Payment.Id)],
        [typeof(PaymentAttempt)] = [nameof(PaymentAttempt.Id)],
        [typeof(Refund)] = [nameof(Refund.Id)],
        [typeof(LedgerTransaction)] = [nameof(LedgerTransaction.Id)],
        [typeof(LedgerEntry)] = [nameof(LedgerEntry.Id)],
        [typeof(OutboxMessage)] = [nameof(OutboxMessage.Id)],
        [typeof(DueItem)] = [nameof(DueItem.Kind), nameof(DueItem.PayerId)],
        [typeof(IdempotencyRecord)] = [nameof(IdempotencyRecord.Command), nameof(IdempotencyRecord.Key)],
        [typeof(QuarantineItem)] = [nameof(QuarantineItem.PayerId)],
        [typeof(RunRecord)] = [nameof(RunRecord.Id)],
        [typeof(RunShard)] = [nameof(RunShard.RunId), nameof(RunShard.Number)],
    }.AsReadOnly();

    /// <summary>Further unique keys (after the tenant), beside the primary ones.</summary>
    public static IReadOnlyDictionary<Type, string[][]> Unique { get; } = new Dictionary<Type, string[][]>
    {
        [typeof(SubscriptionTerm)] = [[nameof(SubscriptionTerm.SubscriptionId), nameof(SubscriptionTerm.Sequence)]],
        [typeof(Invoice)] = [[nameof(Invoice.PayerId), nameof(Invoice.Ordinal)]],
        [typeof(InvoiceLine)] = [[nameof(InvoiceLine.Key), nameof(InvoiceLine.Revision)]],
        [typeof(InvoiceNumber)] = [[nameof(InvoiceNumber.InvoiceId)]],
        [typeof(Payment)] = [[nameof(Payment.PayerId), nameof(Payment.Ordinal)]],
        [typeof(PaymentAttempt)] = [[nameof(PaymentAttempt.Key)], [nameof(PaymentAttempt.PaymentId), nameof(PaymentAttempt.Number)]],
        [typeof(OutboxMessage)] = [[nameof(OutboxMessage.PayerId), nameof(OutboxMessage.Sequence)]],
    }.AsReadOnly();

    /// <summary>The primary key of a row as text that is equal for equal keys of one row type; the tenant is not part of it.</summary>
    public static string KeyOf(IBillingRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row switch
        {
            Customer r => r.Id,
            CustomerContact r => Text(r.Id),
            PaymentMethod r => r.Id,
            Subscription r => r.Id,
            SubscriptionTerm r => Text(r.Id),
            Invoice r => Text(r.Id),
            InvoiceLine r => Text(r.Id),
            PendingItem r => Text(r.Id),
            CouponRedemption r => Text(r.Id),
            CreditGrant r => $"{r.CustomerId}\u001f{r.Id}",
            CreditNote r => Text(r.Id),
            CreditUse r => Text(r.Id),
            Payment r => Text(r.Id),
            PaymentAttempt r => Text(r.Id),
            Refund r => Text(r.Id),
            LedgerTransaction r => Text(r.Id),
            LedgerEntry r => Text(r.Id),
            OutboxMessage r => Text(r.Id),
            QuarantineItem r => r.PayerId,
            Tenant or TaskConfigurationRow => "",
            CatalogVersion r => r.Number.ToString(CultureInfo.InvariantCulture),
            UsageRollup r => Text(r.Id),
            UsageRecord r => Text(r.Hash),
            RejectedRecord r => Text(r.Id),
            InvoiceNumber r => $"{r.LegalEntity}\u001f{r.Series}\u001f{r.Number.ToString(CultureInfo.InvariantCulture)}",
            DueItem r => $"{r.Kind}\u001f{r.PayerId}",
            IdempotencyRecord r => $"{r.Command}\u001f{r.Key}",
            RunRecord r => Text(r.Id),
            RunShard r => $"{Text(r.RunId)}\u001f{r.Number.ToString(CultureInfo.InvariantCulture)}",
            _ => throw new ArgumentException($"{row.GetType().Name} is not a row type of the storage contract.", nameof(row)),
        };
    }

    private static string Text(Guid id) => id.ToString("N");
}
