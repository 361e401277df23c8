using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Billing.Storage;
using NodaTime;

namespace Billing.Engine.Tests;

/// <summary>All rows of a tenant that the storage contract can read, as text: equal texts are equal states.</summary>
internal static class StateText
{
    public static async Task<string> ReadAsync(BillingEngine engine, IBillingStorage storage, TenantId tenant)
    {
        var text = new StringBuilder();
        var none = CancellationToken.None;
        Add(text, "tenant", await storage.FindTenantAsync(tenant, none));
        Add(text, "tasks", await storage.FindTaskConfigurationAsync(tenant, none));
        Add(text, "catalog", await storage.ReadCatalogAsync(tenant, none));
        var payers = await storage.ListPayersAsync(tenant, null, 1000, none);
        foreach (var snapshot in await storage.ReadPayersAsync(tenant, payers, SnapshotParts.All, none))
        {
            Add(text, "payer", snapshot);
            foreach (var kind in Enum.GetValues<DueKind>())
            {
                Add(text, $"due {kind}", await storage.FindDueAsync(tenant, kind, snapshot.Payer.Id, none));
            }

            foreach (var customer in snapshot.Customers)
            {
                Add(text, $"usage {customer.Id}", await engine.Usage.GetCurrentAsync(tenant, customer.Id, none));
            }
        }

        Add(text, "ledger", await storage.ReadLedgerAsync(tenant, null, LocalDate.MaxIsoValue, none));
        Add(text, "journal", await storage.ListLedgerTransactionsAsync(tenant, null, null, 10_000, none));
        Add(text, "outbox", await storage.ListOutboxAsync(tenant, null, null, 10_000, none));
        Add(text, "unattributed", await storage.ListUnattributedUsageAsync(tenant, 10_000, none));
        Add(text, "rejected", await storage.ListRejectedAsync(tenant, null, 10_000, none));
        Add(text, "runs", await storage.ListRunsAsync(tenant, 10_000, none));
        return text.ToString();
    }

    /// <summary>All fields of a value, and of the values in it.</summary>
    public static string Of(object value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    private static void Add(StringBuilder text, string name, object? value)
    {
        text.Append(name).Append(" = ");
        Write(text, value);
        text.AppendLine();
    }

    private static void Write(StringBuilder text, object? value)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case string or Enum or Guid or bool or TenantId:
                text.Append(value);
                break;
            case decimal number:
                text.Append(number.ToString("0.############################", CultureInfo.InvariantCulture));
                break;
            case IEnumerable items:
                text.Append('[');
                foreach (var item in items)
                {
                    Write(text, item);
                    text.Append("; ");
                }

                text.Append(']');
                break;
            case IFormattable formattable:
                text.Append(formattable.ToString(null, CultureInfo.InvariantCulture));
                break;
            default:
                text.Append(value.GetType().Name).Append('{');
                foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetIndexParameters().Length == 0))
                {
                    text.Append(property.Name).Append('=');
                    Write(text, property.GetValue(value));
                    text.Append(", ");
                }

                text.Append('}');
                break;
        }
    }
}
