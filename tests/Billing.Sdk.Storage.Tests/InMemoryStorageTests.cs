using System.Collections.Concurrent;
using System.Reflection;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Testing.Storage;
using NodaTime;
using Xunit;
using static Billing.Storage.Tests.TestRows;

namespace Billing.Storage.Tests;

public sealed class InMemoryStorageTests
{
    [Fact]
    public async Task Of_ten_thousand_conflicting_commits_on_eight_threads_exactly_the_successful_ones_are_there()
    {
        var storage = new InMemoryBillingStorage(StorageContracts.Ids());
        Assert.Equal([CommitOutcome.Committed], await storage.CommitAsync(Changes("p1", 0)));
        var samples = new RowSamples();
        var items = new ConcurrentQueue<PendingItem>(Enumerable.Range(0, 10_000).Select(_ => samples.Row<PendingItem>(Acme, "p1")));
        var written = new ConcurrentBag<Guid>();
        var conflicts = 0;
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            while (items.TryDequeue(out var item))
            {
                var version = storage.ReadPayersAsync(Acme, ["p1"], SnapshotParts.Customers, CancellationToken.None).Result.Single().Payer.BillingVersion;
                Thread.Yield();
                if (storage.CommitAsync(Changes("p1", version, RowChange.Insert(item))).Result[0] == CommitOutcome.Committed)
                {
                    written.Add(item.Id);
                }
                else
                {
                    Interlocked.Increment(ref conflicts);
                }
            }
        })).ToArray();
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        var snapshot = await storage.ReadAsync("p1");
        Assert.Equal(10_000, written.Count + conflicts);
        Assert.Equal(1 + written.Count, snapshot.Payer.BillingVersion);
        Assert.Equal(written.Order(), snapshot.PendingItems.Select(i => i.Id));
    }

    [Fact]
    public void Rows_hold_immutable_values_only_so_that_the_store_may_keep_them_as_they_are()
    {
        var seen = new HashSet<Type>();
        foreach (var row in StorageKeys.Primary.Keys)
        {
            Check(row, row.Name);
        }

        void Check(Type type, string path)
        {
            if (type.IsEnum || type.Assembly == typeof(Instant).Assembly || !seen.Add(type))
            {
                return;
            }

            if (type.Assembly == typeof(string).Assembly)
            {
                Assert.True(type == typeof(string) || !typeof(System.Collections.IEnumerable).IsAssignableFrom(type), $"{path} is a {type.Name}");
                return;
            }

            if (type.IsGenericType)
            {
                var generic = type.GetGenericTypeDefinition();
                Assert.True(generic == typeof(EquatableList<>) || generic == typeof(EquatableMap<>), $"{path} is a {type.Name}");
                Check(type.GenericTypeArguments[0], path + "[]");
                return;
            }

            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is not null))
            {
                var init = property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Any(m => m.Name == "IsExternalInit");
                Assert.True(init, $"{path}.{property.Name} can be set");
                Check(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, $"{path}.{property.Name}");
            }
        }
    }
}
