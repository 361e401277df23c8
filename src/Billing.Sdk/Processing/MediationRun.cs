using System.Security.Cryptography;
using System.Text;
using Billing.Storage;
using Billing.Tasks;
using Billing.Usage;

namespace Billing.Processing;

/// <summary>Asks for the import of one feed: a file, or anything else that can be read as a stream.</summary>
public sealed record ImportRequest
{
    /// <summary>Name of the feed, for messages and for the list of rejected records: a file name. 1 to 128 characters.</summary>
    public required string Feed { get; init; }

    /// <summary>Name of the task of stage <c>usage-reading</c> that knows the format.</summary>
    public required string Reader { get; init; }

    /// <summary>The input, at its start. It is read once, forward, and stays open.</summary>
    public required Stream Stream { get; init; }

    /// <summary>How many records are mediated and stored at once, 1 to 100,000. Default 1,000. Memory grows with it, not with the input.</summary>
    public int BatchSize { get; init; } = 1000;
}

/// <summary>How far an import has come; reported after each batch.</summary>
/// <param name="Feed">The feed.</param>
/// <param name="SoFar">What became of the records so far.</param>
public sealed record ImportProgress(string Feed, ImportResult SoFar);

/// <summary>What became of the records of a feed. Each counts once: <see cref="Read"/> is the sum of all others.</summary>
public sealed record ImportResult
{
    /// <summary>Records that the reader found, broken ones included.</summary>
    public long Read { get; init; }

    /// <summary>Records with an event that is new and billed.</summary>
    public long Accepted { get; init; }

    /// <summary>Records all of whose events were stored before.</summary>
    public long Duplicate { get; init; }

    /// <summary>Records that are wrong: kept with the reason, see <c>ListRejectedAsync</c>.</summary>
    public long Rejected { get; init; }

    /// <summary>Records with nothing to bill.</summary>
    public long Discarded { get; init; }

    /// <summary>Records whose events are new and belong to no subscription: stored, not billed.</summary>
    public long Unattributed { get; init; }

    /// <summary>The sum of two results.</summary>
    public ImportResult Plus(ImportResult other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new ImportResult
        {
            Read = Read + other.Read,
            Accepted = Accepted + other.Accepted,
            Duplicate = Duplicate + other.Duplicate,
            Rejected = Rejected + other.Rejected,
            Discarded = Discarded + other.Discarded,
            Unattributed = Unattributed + other.Unattributed,
        };
    }
}

/// <summary>The codes of rejected records that the engine itself gives; mediators give others.</summary>
public static class RejectionCodes
{
    /// <summary>The reader could not make fields of it.</summary>
    public const string Unreadable = "unreadable";

    /// <summary>No configured mediator takes it.</summary>
    public const string NoMediator = "no-mediator";
}

/// <summary>Takes one feed through reader, mediation and usage store, batch by batch.</summary>
internal sealed class MediationRun(
    EngineCore core,
    CommandContext context,
    TenantTasks tasks,
    Func<IReadOnlyList<UsageEntry>, CancellationToken, Task<IReadOnlyList<UsageEntryResult>>> record)
{
    private const int RawLimit = 4000;
    private const int ReasonLimit = 1000;

    private static readonly ImportResult OneAccepted = new() { Accepted = 1 };
    private static readonly ImportResult OneDuplicate = new() { Duplicate = 1 };
    private static readonly ImportResult OneRejected = new() { Rejected = 1 };
    private static readonly ImportResult OneDiscarded = new() { Discarded = 1 };
    private static readonly ImportResult OneUnattributed = new() { Unattributed = 1 };

    public async Task<ImportResult> RunAsync(ImportRequest request, IProgress<ImportProgress>? progress, CancellationToken cancellationToken)
    {
        var reader = tasks.RequiredByName<IUsageReader>(request.Reader);
        var mediators = tasks.Chain<IUsageMediator>();
        var total = new ImportResult();
        var batch = new List<RawUsageRecord>(Math.Min(request.BatchSize, 1024));
        var records = Guarded(reader, request, cancellationToken).ConfigureAwait(false);
        await foreach (var raw in records)
        {
            batch.Add(raw);
            if (batch.Count == request.BatchSize)
            {
                await FlushAsync().ConfigureAwait(false);
            }
        }

        await FlushAsync().ConfigureAwait(false);
        return total;

        async Task FlushAsync()
        {
            if (batch.Count > 0)
            {
                total = total.Plus(await ImportBatchAsync(request.Feed, mediators, batch, cancellationToken).ConfigureAwait(false));
                batch.Clear();
                progress?.Report(new ImportProgress(request.Feed, total));
            }
        }
    }

    private async Task<ImportResult> ImportBatchAsync(string feed, IReadOnlyList<BoundTask<IUsageMediator>> mediators, IReadOnlyList<RawUsageRecord> batch, CancellationToken cancellationToken)
    {
        var results = await MediateAsync(mediators, batch, cancellationToken).ConfigureAwait(false);
        var answers = await RecordAsync(results, cancellationToken).ConfigureAwait(false);
        var rejected = new List<RejectedRecord>();
        var sum = new ImportResult { Read = batch.Count };
        for (int i = 0, next = 0; i < batch.Count; i++)
        {
            var events = EventsOf(results[i]);
            sum = sum.Plus(Classify(feed, batch[i], results[i], answers.AsSpan(next, events), rejected));
            next += events;
        }

        await KeepAsync(rejected, cancellationToken).ConfigureAwait(false);
        return sum;
    }

    private static async IAsyncEnumerable<RawUsageRecord> Guarded(
        BoundTask<IUsageReader> reader,
        ImportRequest request,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var records = reader.Instance.ReadAsync(request.Stream, request.Feed, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (records.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await records.MoveNextAsync().ConfigureAwait(false))
                    {
                        yield break;
                    }
                }
                catch (Exception error) when (error is not (OperationCanceledException or BillingException))
                {
                    // A stranger's reader, or the stream itself, can throw anything. What was read before is stored; reading again repeats nothing.
                    throw new BillingException(BillingErrorCodes.TaskFailed, $"task '{reader.Stage.Name}/{reader.Name}': reading feed '{request.Feed}' failed. {error.GetType().Name}: {error.Message}", error)
                    {
                        Subject = "task",
                        SubjectId = $"{reader.Stage.Name}/{reader.Name}",
                    };
                }

                yield return records.Current;
            }
        }
    }

    /// <summary>One result per record: of the reader's error, or of the first mediator whose record it is.</summary>
    private async Task<MediationResult[]> MediateAsync(IReadOnlyList<BoundTask<IUsageMediator>> mediators, IReadOnlyList<RawUsageRecord> batch, CancellationToken cancellationToken)
    {
        var results = new MediationResult[batch.Count];
        var open = new List<int>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i].Error is { } error)
            {
                results[i] = MediationResult.Rejected(RejectionCodes.Unreadable, error);
            }
            else
            {
                results[i] = MediationResult.Rejected(RejectionCodes.NoMediator, "No mediator of the tenant takes this record.");
                open.Add(i);
            }
        }

        foreach (var mediator in mediators)
        {
            var answers = await AskAsync(mediator, [.. open.Select(i => batch[i])], cancellationToken).ConfigureAwait(false);
            var left = new List<int>();
            for (var i = 0; i < open.Count; i++)
            {
                if (answers[i].Kind == MediationKind.NotMine)
                {
                    left.Add(open[i]);
                }
                else
                {
                    results[open[i]] = answers[i];
                }
            }

            open = left;
        }

        return results;
    }

    // A mediator that fails for a batch is asked for its halves, so that one poisonous record rejects itself alone. One that does not answer in time
    // would not for the halves either: the import stops, and reading the feed again repeats nothing.
    private async Task<IReadOnlyList<MediationResult>> AskAsync(BoundTask<IUsageMediator> mediator, IReadOnlyList<RawUsageRecord> records, CancellationToken cancellationToken)
    {
        var outcome = await core.Invoker.InvokeAsync<IUsageMediator, RawUsageRecord, MediationResult>(
            mediator, records, static (task, batch, token) => task.MediateAsync(batch, token), cancellationToken).ConfigureAwait(false);
        switch (outcome)
        {
            case { Failure: null }:
                return outcome.Results;
            case { TimedOut: true }:
                throw outcome.Failure;
            case { Failure: var failure } when records.Count == 1:
                return [MediationResult.Rejected(failure.Code, failure.Message)];
            default:
                var half = records.Count / 2;
                var first = await AskAsync(mediator, [.. records.Take(half)], cancellationToken).ConfigureAwait(false);
                var second = await AskAsync(mediator, [.. records.Skip(half)], cancellationToken).ConfigureAwait(false);
                return [.. first, .. second];
        }
    }

    /// <summary>Records all events of a batch at once; gives back their answers, in order of the records.</summary>
    private async Task<UsageEntryResult[]> RecordAsync(MediationResult[] results, CancellationToken cancellationToken)
    {
        var entries = new List<UsageEntry>(results.Length);
        foreach (var result in results)
        {
            if (EventsOf(result) > 0)
            {
                entries.AddRange(result.Entries);
            }
        }

        return entries.Count == 0 ? [] : [.. await record(entries, cancellationToken).ConfigureAwait(false)];
    }

    private static int EventsOf(MediationResult result) => result.Kind == MediationKind.Events ? result.Entries.Count : 0;

    private ImportResult Classify(string feed, RawUsageRecord raw, MediationResult result, ReadOnlySpan<UsageEntryResult> events, List<RejectedRecord> rejected)
    {
        if (result.Kind == MediationKind.Rejected)
        {
            rejected.Add(Row(feed, raw, result.Code, result.Reason));
            return OneRejected;
        }

        UsageEntryResult? refused = null;
        var (accepted, unattributed) = (false, false);
        foreach (var answer in events)
        {
            accepted |= answer.Status == UsageStatus.Accepted;
            unattributed |= answer.Status == UsageStatus.Unattributed;
            refused ??= answer.Status == UsageStatus.Rejected ? answer : null;
        }

        if (refused is not null)
        {
            // An event that the engine refuses is kept with its record, also when another event of the record is good.
            rejected.Add(Row(feed, raw, refused.Code, refused.Message));
        }

        return events.IsEmpty ? OneDiscarded
            : accepted ? OneAccepted
            : unattributed ? OneUnattributed
            : refused is not null ? OneRejected
            : OneDuplicate;
    }

    private RejectedRecord Row(string feed, RawUsageRecord raw, string? code, string? reason) => new()
    {
        Tenant = context.Tenant,
        Id = IdOf(feed, raw),
        Feed = feed,
        Position = raw.Position,
        Raw = Storable(raw.Raw, RawLimit),
        Code = string.IsNullOrEmpty(code) ? BillingErrorCodes.Validation : Storable(code, 128),
        Reason = Storable(reason ?? "", ReasonLimit),
        RecordedAt = core.Clock.GetCurrentInstant(),
    };

    /// <summary>The same record of the same feed has the same id, so that a feed read again does not list its rejected records twice.</summary>
    private static Guid IdOf(string feed, RawUsageRecord raw)
    {
        var text = FormattableString.Invariant($"{feed}\0{raw.Position}\0{raw.Raw}");
        return new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16), bigEndian: true);
    }

    // Databases take neither NUL nor half of a surrogate pair in text.
    private static string Storable(string text, int limit)
    {
        var cut = text.Length > limit ? text[..limit] : text;
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(cut.Replace('\0', '\uFFFD')));
    }

    private async Task KeepAsync(List<RejectedRecord> rows, CancellationToken cancellationToken)
    {
        var distinct = rows.DistinctBy(row => row.Id).ToList();
        if (distinct.Count == 0 || await CommitAsync(distinct, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        // One of them is kept already and made the whole commit lose: the others are written one by one.
        foreach (var row in distinct)
        {
            await CommitAsync([row], cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the rows were written; not, when one of them is there already.</summary>
    private async Task<bool> CommitAsync(IReadOnlyList<RejectedRecord> rows, CancellationToken cancellationToken)
    {
        var batch = new BillingBatch { Tenant = context.Tenant, Rows = [.. rows.Select(RowChange.Insert)] };
        var result = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
        return result.Batch.Outcome switch
        {
            CommitOutcome.Committed => true,
            CommitOutcome.Duplicate => false,
            _ => throw BillingException.For(BillingErrorCodes.Conflict, "feed", rows[0].Feed, "rejected", "The rejected records could not be kept; import the feed again, nothing is billed twice."),
        };
    }
}
