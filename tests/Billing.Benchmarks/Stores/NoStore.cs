using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using Billing.Customers;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Storage;
using Billing.Usage;
using NodaTime;

namespace Billing.Benchmarks.Stores;

/// <summary>
/// A storage that keeps nothing: it gives prepared snapshots of customers that are all alike, gives numbers, and forgets what is committed. What a run costs on it is
/// what the engine costs. Tenant, catalog, tasks and runs are kept by a storage in memory.
/// </summary>
internal sealed class NoStore
{
    private readonly ConcurrentDictionary<(string Payer, SnapshotParts Parts), PayerSnapshot> _snapshots = new();
    private readonly ConcurrentDictionary<SnapshotParts, PayerSnapshot> _templates = new();
    private readonly DueItem[] _due;
    private readonly TenantId _tenant;
    private IBillingStorage? _inner;
    private int _position;
    private long _number;

    /// <param name="tenant">The tenant.</param>
    /// <param name="customers">How many customers there are; all are like the first one, which the storage in memory has.</param>
    public NoStore(TenantId tenant, int customers)
    {
        _tenant = tenant;
        _due = [.. Enumerable.Range(0, customers).Select(i => new DueItem { Tenant = tenant, Kind = DueKind.Billing, PayerId = World.CustomerId(i), DueAt = World.Month(1) })];
    }

    /// <summary>Whether the calls of a billing run are answered here; before, while the first customer is made, all go to the storage in memory.</summary>
    public bool Answers { get; set; }

    /// <summary>Invoices of the run, as they would have been written.</summary>
    public int Invoices { get; private set; }

    public IBillingStorage Open(IIdGenerator ids) => _inner = new InMemoryBillingStorage(ids);

    /// <summary>Makes all customers due again.</summary>
    public void StartAgain()
    {
        _position = 0;
        _number = 0;
        Invoices = 0;
    }

    public object? Answer(MethodInfo method, object?[] arguments) => !Answers ? null : method.Name switch
    {
        nameof(IBillingStorage.ReadPayersAsync) => Task.FromResult<IReadOnlyList<PayerSnapshot>>(Array.ConvertAll(((IReadOnlyList<string>)arguments[1]!).ToArray(), id => Snapshot(id, (SnapshotParts)arguments[2]!))),
        nameof(IBillingStorage.ReadUsageAsync) => Task.FromResult<IReadOnlyList<UsageData>>(Array.ConvertAll(((IReadOnlyList<UsageQuery>)arguments[1]!).ToArray(), Usage)),
        nameof(IBillingStorage.ReadDueAsync) => Task.FromResult<IReadOnlyList<DueItem>>([.. _due.Skip(_position).Take((int)arguments[3]!)]),
        nameof(IBillingStorage.ReadDueRangeAsync) => Task.FromResult<IReadOnlyList<DueItem>>(Range((string?)arguments[3], (string?)arguments[4], (int)arguments[5]!)),
        nameof(IBillingStorage.SplitDueAsync) => Task.FromResult(Split((int)arguments[3]!)),
        nameof(IBillingStorage.CommitAsync) => CommitAsync((BillingBatch)arguments[0]!),
        _ => null,
    };

    private DueItem[] Range(string? after, string? through, int maximum) =>
        [.. _due.Skip(_position).Where(d => (after is null || string.CompareOrdinal(d.PayerId, after) > 0) && (through is null || string.CompareOrdinal(d.PayerId, through) <= 0)).Take(maximum)];

    private DueRanges Split(int size) => new(_due.Length, [.. Enumerable.Range(1, Math.Max(0, ((_due.Length + size - 1) / size) - 1)).Select(i => _due[(i * size) - 1].PayerId)]);

    private static UsageData Usage(UsageQuery query) =>
        query.From < World.Month(1) && query.To <= World.Month(1) ? new UsageData { Groups = [new UsageGroup("", 100, 1225.25m, 0.25m, 24.25m)] } : new UsageData();

    private async Task<CommitResult> CommitAsync(BillingBatch batch)
    {
        if (batch.Rows.Count > 0)
        {
            await _inner!.CommitAsync(batch with { Payers = [] }, CancellationToken.None);
        }

        _position += batch.Payers.Count;
        var numbers = new List<AssignedNumber>();
        foreach (var request in batch.Payers.SelectMany(p => p.Numbers))
        {
            numbers.Add(new AssignedNumber(request.InvoiceId, ++_number, NumberPattern.Format(request.Pattern, _number)));
        }

        Invoices += numbers.Count;
        return new CommitResult
        {
            Batch = new PayerCommit("", CommitOutcome.Committed),
            Payers = [.. batch.Payers.Select(p => new PayerCommit(p.PayerId, CommitOutcome.Committed))],
            Numbers = numbers,
        };
    }

    /// <summary>Made when it is first asked for, then kept: a repetition is not charged for making it.</summary>
    private PayerSnapshot Snapshot(string id, SnapshotParts parts) => _snapshots.GetOrAdd((id, parts), static (key, self) => self.Like(key.Payer, key.Parts), this);

    private PayerSnapshot Like(string id, SnapshotParts parts)
    {
        var template = _templates.GetOrAdd(parts, p => _inner!.ReadPayersAsync(_tenant, [World.CustomerId(0)], p, CancellationToken.None).GetAwaiter().GetResult()[0]);
        var first = World.CustomerId(0);
        var invoices = template.Invoices.ToDictionary(i => i.Id, _ => Guid.NewGuid());
        return template with
        {
            Payer = Customer(template.Payer),
            Customers = [.. template.Customers.Select(Customer)],
            Contacts = [.. template.Contacts.Select(c => c with { Id = Guid.NewGuid(), PayerId = id, CustomerId = id })],
            Subscriptions = [.. template.Subscriptions.Select(s => s with { Id = id, PayerId = id, CustomerId = id })],
            Terms = [.. template.Terms.Select(t => t with { Id = Guid.NewGuid(), PayerId = id, SubscriptionId = id })],
            Lines = [.. template.Lines.Select(l => l with { Id = Guid.NewGuid(), PayerId = id, CustomerId = id, SubscriptionId = id, InvoiceId = invoices.GetValueOrDefault(l.InvoiceId), Key = l.Key.Replace(first, id, StringComparison.Ordinal) })],
            Invoices = [.. template.Invoices.Select(i => i with { Id = invoices[i.Id], PayerId = id })],
            Due = [.. template.Due.Select(d => d with { PayerId = id })],
        };

        Customer Customer(Customer customer) => customer with { Id = id, PayerId = id };
    }
}
