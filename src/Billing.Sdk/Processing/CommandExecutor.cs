using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Billing.Storage;

namespace Billing.Processing;

/// <summary>Runs commands: read, compute, commit under the payer's billing version; anew when another change came first; once per idempotency key.</summary>
internal sealed class CommandExecutor(EngineCore core)
{
    private const int Tries = 8;

    /// <summary>A command on a payer.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="command">Name of the command, stable: part of idempotency keys.</param>
    /// <param name="request">The request; its canonical form is hashed.</param>
    /// <param name="findPayer">Finds the payer, or throws <c>not-found</c>.</param>
    /// <param name="parts">What of the payer it needs.</param>
    /// <param name="apply">Computes; it may be called again with a newer snapshot.</param>
    /// <param name="cancellationToken">Cancels before the commit.</param>
    public async Task<TAnswer> ExecuteAsync<TRequest, TAnswer>(
        CommandContext context,
        string command,
        TRequest request,
        Func<CancellationToken, Task<string>> findPayer,
        SnapshotParts parts,
        Func<PayerWork, CancellationToken, Task<TAnswer>> apply,
        CancellationToken cancellationToken)
    {
        if (await FindAnswerAsync<TRequest, TAnswer>(context, command, request, cancellationToken).ConfigureAwait(false) is (true, var earlier))
        {
            return earlier!;
        }

        for (var attempt = 1; ; attempt++)
        {
            var tenant = await core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
            var payerId = await findPayer(cancellationToken).ConfigureAwait(false);
            var work = await OpenPayerAsync(tenant, context, payerId, parts, cancellationToken).ConfigureAwait(false);
            var answer = await apply(work, cancellationToken).ConfigureAwait(false);
            var record = Record(context, command, request, answer, tenant);
            if (!work.HasChanges && record is null)
            {
                return answer;
            }

            var batch = new BillingBatch { Tenant = context.Tenant, Payers = [work.ToChanges(record)] };
            var result = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
            switch (result.Payers[0])
            {
                case { Outcome: CommitOutcome.Committed }:
                    return answer;
                case { Outcome: CommitOutcome.Conflict } when attempt < Tries:
                    continue;
                case { Outcome: CommitOutcome.Conflict }:
                    throw BillingException.For(BillingErrorCodes.Conflict, "customer", payerId, "billingVersion", $"Other changes came first {Tries} times; try again.");
                case var lost:
                    return await LostAsync<TRequest, TAnswer>(context, command, request, lost, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A command that creates a payer.</summary>
    public async Task<TAnswer> CreatePayerAsync<TRequest, TAnswer>(
        CommandContext context,
        string command,
        TRequest request,
        Func<TenantContext, (PayerWork Work, TAnswer Answer)> apply,
        CancellationToken cancellationToken)
    {
        if (await FindAnswerAsync<TRequest, TAnswer>(context, command, request, cancellationToken).ConfigureAwait(false) is (true, var earlier))
        {
            return earlier!;
        }

        var tenant = await core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var (work, answer) = apply(tenant);
        var batch = new BillingBatch { Tenant = context.Tenant, Payers = [work.ToChanges(Record(context, command, request, answer, tenant))] };
        var result = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
        return result.Payers[0].Outcome == CommitOutcome.Committed
            ? answer
            : await LostAsync<TRequest, TAnswer>(context, command, request, result.Payers[0], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A command on rows that belong to no payer.</summary>
    public async Task<TAnswer> ExecuteTenantAsync<TRequest, TAnswer>(
        CommandContext context,
        string command,
        TRequest request,
        Func<CancellationToken, Task<(IReadOnlyList<RowChange> Rows, TAnswer Answer)>> apply,
        CancellationToken cancellationToken)
    {
        if (await FindAnswerAsync<TRequest, TAnswer>(context, command, request, cancellationToken).ConfigureAwait(false) is (true, var earlier))
        {
            return earlier!;
        }

        for (var attempt = 1; ; attempt++)
        {
            var (rows, answer) = await apply(cancellationToken).ConfigureAwait(false);
            var batch = new BillingBatch { Tenant = context.Tenant, Rows = rows, Idempotency = Record(context, command, request, answer, null) };
            var result = await core.Storage.CommitAsync(batch, cancellationToken).ConfigureAwait(false);
            switch (result.Batch.Outcome)
            {
                case CommitOutcome.Committed:
                    return answer;
                case CommitOutcome.Conflict when attempt < Tries:
                    continue;
                case CommitOutcome.Conflict:
                    throw BillingException.For(BillingErrorCodes.Conflict, "tenant", context.Tenant.Value, "version", $"Other changes came first {Tries} times; try again.");
                default:
                    return await LostAsync<TRequest, TAnswer>(context, command, request, result.Batch, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public async Task<PayerWork> OpenPayerAsync(TenantContext tenant, CommandContext context, string payerId, SnapshotParts parts, CancellationToken cancellationToken)
    {
        var snapshots = await core.Storage.ReadPayersAsync(tenant.Id, [payerId], parts | SnapshotParts.Customers, cancellationToken).ConfigureAwait(false);
        return snapshots.Count == 1
            ? new PayerWork(tenant, context, snapshots[0])
            : throw BillingException.NotFound("customer", payerId);
    }

    public async Task<string> PayerOfAsync(TenantId tenant, StoredObject kind, string id, CancellationToken cancellationToken) =>
        await core.Storage.FindPayerAsync(tenant, kind, id, cancellationToken).ConfigureAwait(false)
        ?? throw BillingException.NotFound(NameOf(kind), id);

    private static string NameOf(StoredObject kind) => kind switch
    {
        StoredObject.PaymentMethod => "payment method",
        StoredObject.PaymentAttemptKey => "payment attempt",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private async Task<(bool Found, TAnswer? Answer)> FindAnswerAsync<TRequest, TAnswer>(CommandContext context, string command, TRequest request, CancellationToken cancellationToken)
    {
        if (context.IdempotencyKey is not { } key)
        {
            return (false, default);
        }

        Identifier.Check(key, "command", "idempotencyKey");
        var stored = await core.Storage.FindIdempotencyAsync(context.Tenant, command, key, cancellationToken).ConfigureAwait(false);
        if (stored is null)
        {
            return (false, default);
        }

        return stored.RequestHash == HashOf(request)
            ? (true, JsonSerializer.Deserialize<TAnswer>(stored.Answer, BillingJson.Options))
            : throw BillingException.For(BillingErrorCodes.Conflict, "command", command, "idempotencyKey", $"The key '{key}' was used for another request.");
    }

    private async Task<TAnswer> LostAsync<TRequest, TAnswer>(CommandContext context, string command, TRequest request, PayerCommit lost, CancellationToken cancellationToken)
    {
        if (await FindAnswerAsync<TRequest, TAnswer>(context, command, request, cancellationToken).ConfigureAwait(false) is (true, var earlier))
        {
            return earlier!;
        }

        throw lost.Outcome == CommitOutcome.Duplicate
            ? Duplicate(command, lost.Detail)
            : BillingException.For(BillingErrorCodes.Conflict, "command", command, "version", "Another change came first; try again.");
    }

    /// <summary>Names the object that is there already: the store tells row type and key (<c>Customer acme</c>).</summary>
    private static BillingException Duplicate(string command, string? detail) => detail?.Split(' ', 2) switch
    {
        [nameof(Customers.Customer), var id] => Taken("customer", id),
        [nameof(Subscriptions.Subscription), var id] => Taken("subscription", id),
        [nameof(Payments.PaymentMethod), var id] => Taken("payment method", id),
        [nameof(Tenant), var id] => Taken("tenant", id),
        _ => BillingException.For(BillingErrorCodes.Duplicate, "command", command, "id", $"There is one already: {detail}."),
    };

    private static BillingException Taken(string subject, string id) =>
        BillingException.For(BillingErrorCodes.Duplicate, subject, id, "id", "There is one with this id already.");

    private IdempotencyRecord? Record<TRequest, TAnswer>(CommandContext context, string command, TRequest request, TAnswer answer, TenantContext? tenant) =>
        context.IdempotencyKey is { } key
            ? new IdempotencyRecord
            {
                Tenant = context.Tenant,
                Command = command,
                Key = key,
                RequestHash = HashOf(request),
                Answer = JsonSerializer.Serialize(answer, BillingJson.Options),
                RecordedAt = tenant?.Now ?? core.Clock.GetCurrentInstant(),
            }
            : null;

    private static string HashOf<TRequest>(TRequest request) =>
        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(request, BillingJson.Options))));
}
