using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Billing.InMemory;
using Billing.Invoicing;
using Billing.Notifications;
using Billing.Storage;
using Billing.Testing.Faults;
using Billing.Testing.Scenarios;
using Billing.Testing.Scenarios.Lifecycle;
using NodaTime;

namespace Billing.Testing.Simulation;

/// <summary>What outlives the processes of a simulation: clock, store, gateway, history. Used by one actor at a time.</summary>
internal sealed class SimulatedWorld
{
    private static readonly IReadOnlyList<IScenarioInvariant> Invariants = [new DebitsEqualCredits(), new ReceivableEqualsOpenInvoices(), new NoTimeIsBilledTwice()];

    private readonly StringBuilder _history = new();
    private readonly HashSet<Guid> _delivered = [];
    private readonly Dictionary<string, SimulatedProcess> _processes = new(StringComparer.Ordinal);
    private readonly SimulationOptions _options;

    public SimulatedWorld(SimulatedRandom random, SimulationOptions options, bool disturbed)
    {
        _options = options;
        Faults = random.Branch("faults");
        Scheduling = random.Branch("scheduling");
        Clock = new TestClock(SimulatedLives.Start);
        var bits = random.Branch("ids");
        Ids = new TimeOrderedIdGenerator(Clock, bytes => BinaryPrimitives.WriteUInt64BigEndian(bytes, bits.Next()));
        Storage = new InMemoryBillingStorage(Ids);
        Gateway = new SimulatedGateway(random.Branch("gateway"));
        IsDisturbed = disturbed;
    }

    public TestClock Clock { get; }

    public IIdGenerator Ids { get; }

    public IBillingStorage Storage { get; }

    public SimulatedGateway Gateway { get; }

    public SimulatedRandom Faults { get; }

    public SimulatedRandom Scheduling { get; }

    /// <summary>Whether operations fail and processes crash.</summary>
    public bool IsDisturbed { get; set; }

    public List<string> Violations { get; } = [];

    public int Operations { get; private set; }

    public int FaultCount { get; private set; }

    public int CrashCount { get; private set; }

    public string History => _history.ToString();

    /// <summary>The process of a name; a new one when there was none or it was killed.</summary>
    public SimulatedProcess ProcessOf(string name)
    {
        if (!_processes.TryGetValue(name, out var process) || process.Actor is { HasCrashed: true })
        {
            _processes[name] = process = new SimulatedProcess(this);
        }

        return process;
    }

    public void Tell(string line) => _history.Append(line).Append('\n');

    public void Deliver(IReadOnlyList<Notification> notifications)
    {
        foreach (var notification in notifications)
        {
            Tell($"    delivered {notification.Message.CustomerId} {notification.Message.Sequence.ToString(CultureInfo.InvariantCulture)} {notification.Message.Name}");
            _delivered.Add(notification.Message.Id);
        }
    }

    public Fate NextFate()
    {
        Operations++;
        if (!IsDisturbed || FaultCount + CrashCount >= _options.MostDisturbances)
        {
            return Fate.Done;
        }

        if (Faults.Happens(_options.CrashesPerMille))
        {
            CrashCount++;
            return Faults.Below(2) == 0 ? Fate.CrashBefore : Fate.CrashAfter;
        }

        if (Faults.Happens(_options.FaultsPerMille))
        {
            FaultCount++;
            return Faults.Below(2) == 0 ? Fate.NotDone : Fate.AnswerLost;
        }

        return Fate.Done;
    }

    /// <summary>Checks what must hold at every moment, also while processes lie dead in the middle of their work.</summary>
    public async Task CheckAsync(SimulatedProcess observer, CancellationToken cancellationToken)
    {
        var moment = await ScenarioMoment.ReadAsync(observer.Show(), LifecycleScenario.Named("simulation"), [], cancellationToken).ConfigureAwait(false);
        var found = new List<string>();
        foreach (var invariant in Invariants)
        {
            found.AddRange((await invariant.FindViolationsAsync(moment, cancellationToken).ConfigureAwait(false)).Select(v => $"{invariant.Name}: {v}"));
        }

        found.AddRange(Numbers(moment.Invoices));
        foreach (var snapshot in await Storage.ReadPayersAsync(ScenarioHost.Tenant, moment.Payers, SnapshotParts.All, cancellationToken).ConfigureAwait(false))
        {
            found.AddRange(Money(snapshot));
        }

        Violations.AddRange(found.Where(v => !Violations.Exists(known => known.EndsWith(v, StringComparison.Ordinal))).Select(v => $"at {Clock.Now}: {v}"));
    }

    /// <summary>Checks what must hold when all work is done.</summary>
    public async Task CheckEndAsync(BillingEngine engine, CancellationToken cancellationToken)
    {
        foreach (var message in await engine.Messages.ListAsync(ScenarioHost.Tenant, null, cancellationToken).ConfigureAwait(false))
        {
            if (message.State != OutboxState.Done || (message.Notify && !_delivered.Contains(message.Id)))
            {
                Violations.Add($"message {message.CustomerId} {message.Sequence} {message.Name} is {message.State}, delivered: {_delivered.Contains(message.Id)}");
            }
        }

        var charged = Gateway.Charged();
        foreach (var payer in await engine.Customers.ListPayersAsync(ScenarioHost.Tenant, null, 1000, cancellationToken).ConfigureAwait(false))
        {
            var paid = (await engine.Payments.ListAsync(ScenarioHost.Tenant, payer, cancellationToken).ConfigureAwait(false)).Where(p => p.State == Payments.PaymentState.Succeeded).Sum(p => p.Amount);
            if (paid != charged.GetValueOrDefault(payer))
            {
                Violations.Add($"'{payer}': the gateway charged {Rounding.Format(charged.GetValueOrDefault(payer), 2)}, payments come to {Rounding.Format(paid, 2)}");
            }
        }

        foreach (var item in await Storage.ListQuarantineAsync(ScenarioHost.Tenant, cancellationToken).ConfigureAwait(false))
        {
            Violations.Add($"'{item.PayerId}' is in quarantine: {item.Code} {item.Message}");
        }
    }

    private static IEnumerable<string> Numbers(IReadOnlyList<InvoiceDocument> documents)
    {
        var numbers = documents.Select(d => d.Invoice.SeriesNumber).OfType<long>().Order().ToList();
        return numbers.SequenceEqual(Enumerable.Range(1, numbers.Count).Select(n => (long)n)) ? [] : [$"numbers {string.Join(' ', numbers)} have a gap or come twice"];
    }

    private static IEnumerable<string> Money(PayerSnapshot snapshot)
    {
        foreach (var payment in snapshot.Payments.Where(p => p.UnappliedAmount != 0m))
        {
            yield return $"payment {snapshot.Payer.Id}#{payment.Ordinal} was more than its invoice asked for";
        }

        foreach (var invoice in snapshot.Invoices.Where(i => i.AmountPaid > Math.Max(0m, i.Total)))
        {
            yield return $"invoice {snapshot.Payer.Id}#{invoice.Ordinal} is paid more than once";
        }
    }
}
