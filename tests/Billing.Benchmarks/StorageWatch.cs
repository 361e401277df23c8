using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Billing.Storage;

namespace Billing.Benchmarks;

/// <summary>Stands before a storage adapter: counts and times its calls and, when asked to, keeps the batches. It costs about a microsecond a call.</summary>
public class StorageWatch : DispatchProxy
{
    private readonly ConcurrentDictionary<string, Spent> _spent = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<BillingBatch> _batches = new();
    private int _pages;
    private IBillingStorage? _inner;
    private Func<MethodInfo, object?[], object?>? _answer;

    /// <summary>Calls and time by method since the last <see cref="Reset"/>.</summary>
    internal IReadOnlyDictionary<string, Spent> Times => _spent;

    /// <summary>Calls that wrote rows of payers or usage since the last <see cref="Reset"/>; the few that only note the progress of a run are left out.</summary>
    internal int Commits => _pages + Calls(nameof(IBillingStorage.AppendUsageAsync));

    /// <summary>Whether committed batches are kept in <see cref="Batches"/>.</summary>
    internal bool Keep { get; set; }

    internal IReadOnlyCollection<BillingBatch> Batches => _batches;

    /// <summary>Puts a watch before a storage.</summary>
    /// <param name="inner">The storage.</param>
    /// <param name="answer">Answers calls in its place; what is <see langword="null"/> goes to the storage.</param>
    internal static (IBillingStorage Storage, StorageWatch Watch) Over(IBillingStorage inner, Func<MethodInfo, object?[], object?>? answer = null)
    {
        var storage = Create<IBillingStorage, StorageWatch>();
        var watch = (StorageWatch)(object)storage;
        watch._inner = inner;
        watch._answer = answer;
        return (storage, watch);
    }

    internal void Reset()
    {
        _pages = 0;
        _spent.Clear();
        _batches.Clear();
    }

    internal int Calls(string method) => _spent.TryGetValue(method, out var spent) ? spent.Calls : 0;

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var (method, arguments) = (targetMethod!, args!);
        var started = Stopwatch.GetTimestamp();
        var result = _answer?.Invoke(method, arguments) ?? method.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, arguments, null);
        if (arguments[0] is BillingBatch { Payers.Count: > 0 } batch)
        {
            Interlocked.Increment(ref _pages);
            if (Keep)
            {
                _batches.Enqueue(batch);
            }
        }

        if (result is Task { IsCompleted: false } running)
        {
            _ = running.ContinueWith(_ => Add(method.Name, started), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        else
        {
            Add(method.Name, started);
        }

        return result;
    }

    private void Add(string method, long started) => _spent.GetOrAdd(method, static _ => new Spent()).Add(Stopwatch.GetTimestamp() - started);

    /// <summary>Calls of one method.</summary>
    internal sealed class Spent
    {
        private int _calls;
        private long _ticks;

        public int Calls => _calls;

        public double Seconds => (double)_ticks / Stopwatch.Frequency;

        public void Add(long ticks)
        {
            Interlocked.Increment(ref _calls);
            Interlocked.Add(ref _ticks, ticks);
        }
    }
}
