using System.Globalization;
using Billing.Catalog;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;
using Billing.Tasks;
using Billing.Usage;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Billing.EntityFrameworkCore;

/// <summary>Keeps the rows of the engine in a relational database through Entity Framework Core.</summary>
/// <remarks>
/// Thread-safe: each call has a context of its own and nothing is tracked. The context's model contains the tables of <see cref="BillingModel.UseBilling"/>.
/// The host creates the schema (migrations, scripts); <see cref="InitializeAsync"/> only checks that it is there.
/// </remarks>
/// <typeparam name="TContext">The ready <see cref="BillingDbContext"/> or the host's own context.</typeparam>
public partial class EfBillingStorage<TContext> : IBillingStorage
    where TContext : DbContext
{
    private readonly IDbContextFactory<TContext> _contexts;
    private readonly IIdGenerator _ids;
    private readonly BillingDatabase _database;

    /// <summary>Creates the storage.</summary>
    /// <param name="contexts">Makes contexts; each is used for one call and disposed.</param>
    /// <param name="ids">Gives the ids of merged rollups.</param>
    /// <param name="database">What the database does in its own way. Default: what is right for every relational provider.</param>
    public EfBillingStorage(IDbContextFactory<TContext> contexts, IIdGenerator ids, BillingDatabase? database = null)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        ArgumentNullException.ThrowIfNull(ids);
        _contexts = contexts;
        _ids = ids;
        _database = database ?? new BillingDatabase();
    }

    /// <inheritdoc/>
    public virtual Task InitializeAsync(CancellationToken cancellationToken) => ReadAsync(
        null,
        async (context, cancel) =>
        {
            try
            {
                return await context.Set<Tenant>().AnyAsync(cancel).ConfigureAwait(false);
            }
            catch (System.Data.Common.DbException exception)
            {
                throw new BillingException(
                    BillingErrorCodes.Storage, $"The tables of the billing engine cannot be read; create them in the database of {typeof(TContext).Name} first. {exception.Message}", exception);
            }
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<Tenant?> FindTenantAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ReadAsync(null, (context, cancel) => context.Set<Tenant>().AsNoTracking().SingleOrDefaultAsync(t => t.Id == tenant, cancel), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<Tenant>> ListTenantsAsync(CancellationToken cancellationToken) =>
        ListAsync(null, context => context.Set<Tenant>().OrderBy(t => t.Id), cancellationToken);

    /// <inheritdoc/>
    public Task<TaskConfigurationRow?> FindTaskConfigurationAsync(TenantId tenant, CancellationToken cancellationToken) =>
        FirstAsync(tenant, context => Of<TaskConfigurationRow>(context, tenant), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<CatalogVersion>> ReadCatalogAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ListAsync(tenant, context => Of<CatalogVersion>(context, tenant).OrderBy(v => v.Number), cancellationToken);

    /// <inheritdoc/>
    public Task<int> ReadCatalogNumberAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ReadAsync(tenant, async (context, cancel) => await Of<CatalogVersion>(context, tenant).MaxAsync(v => (int?)v.Number, cancel).ConfigureAwait(false) ?? 0, cancellationToken);

    /// <inheritdoc/>
    public Task<string?> FindPayerAsync(TenantId tenant, StoredObject kind, string id, CancellationToken cancellationToken)
    {
        var document = Guid.TryParse(id, CultureInfo.InvariantCulture, out var parsed) ? parsed : Guid.Empty;
        return FirstAsync(
            tenant,
            context => kind switch
            {
                StoredObject.Customer => Of<Customer>(context, tenant).Where(c => c.Id == id).Select(c => c.PayerId),
                StoredObject.Subscription => Of<Subscription>(context, tenant).Where(s => s.Id == id).Select(s => s.PayerId),
                StoredObject.Invoice => Of<Invoice>(context, tenant).Where(i => i.Id == document).Select(i => i.PayerId),
                StoredObject.Payment => Of<Payment>(context, tenant).Where(p => p.Id == document).Select(p => p.PayerId),
                StoredObject.PaymentMethod => Of<PaymentMethod>(context, tenant).Where(m => m.Id == id).Select(m => m.PayerId),
                StoredObject.PaymentAttemptKey => Of<PaymentAttempt>(context, tenant).Where(a => a.Key == id).Select(a => a.PayerId),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind of object."),
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListPayersAsync(TenantId tenant, string? after, int maximum, CancellationToken cancellationToken) => ListAsync(
        tenant,
        context =>
        {
            var payers = Of<Customer>(context, tenant).Where(c => c.PayerId == c.Id);
            if (after is not null)
            {
                payers = payers.Where(c => string.Compare(c.Id, after) > 0);
            }

            return payers.OrderBy(c => c.Id).Take(maximum).Select(c => c.Id);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SubscriptionWithTerms>> ReadSubscriptionsAsync(
        TenantId tenant, IReadOnlyList<string> subscriptionIds, CancellationToken cancellationToken)
    {
        var ids = Distinct(subscriptionIds);
        return SubscriptionsAsync(tenant, context => Of<Subscription>(context, tenant).Where(s => ids.Contains(s.Id)), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<SubscriptionWithTerms>> ReadSubscriptionsOfCustomersAsync(
        TenantId tenant, IReadOnlyList<string> customerIds, CancellationToken cancellationToken)
    {
        var ids = Distinct(customerIds);
        return SubscriptionsAsync(tenant, context => Of<Subscription>(context, tenant).Where(s => ids.Contains(s.CustomerId)), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> FindCustomersAsync(TenantId tenant, IReadOnlyList<string> customerIds, CancellationToken cancellationToken)
    {
        var ids = Distinct(customerIds);
        return ListAsync(tenant, context => Of<Customer>(context, tenant).Where(c => ids.Contains(c.Id)).Select(c => c.Id), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<DueItem>> ReadDueAsync(TenantId? tenant, DueKind kind, Instant upTo, int maximum, CancellationToken cancellationToken) => ListAsync(
        tenant,
        context => (tenant is { } one ? Of<DueItem>(context, one) : context.Set<DueItem>())
            .Where(d => d.Kind == kind && d.DueAt <= upTo)
            .OrderBy(d => d.DueAt).ThenBy(d => d.Tenant).ThenBy(d => d.PayerId)
            .Take(maximum),
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<DueItem>> ReadDueRangeAsync(
        TenantId tenant, DueKind kind, Instant upTo, string? after, string? through, int maximum, CancellationToken cancellationToken) =>
        ListAsync(tenant, context => DueInRange(context, tenant, kind, upTo, after, through).Take(maximum), cancellationToken);

    /// <inheritdoc/>
    public Task<DueRanges> SplitDueAsync(TenantId tenant, DueKind kind, Instant upTo, int size, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        return ReadMomentAsync(
            tenant,
            async (context, cancel) =>
            {
                var total = await DueInRange(context, tenant, kind, upTo, null, null).CountAsync(cancel).ConfigureAwait(false);
                var borders = new List<string>(total / size);
                while (borders.Count < total / size)
                {
                    var last = borders.Count == 0 ? null : borders[^1];
                    borders.Add(await DueInRange(context, tenant, kind, upTo, last, null).Skip(size - 1).Select(d => d.PayerId).FirstAsync(cancel).ConfigureAwait(false));
                }

                return new DueRanges(total, borders);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<DueItem?> ReadNextDueAsync(TenantId tenant, DueKind kind, CancellationToken cancellationToken) =>
        FirstAsync(tenant, context => Of<DueItem>(context, tenant).Where(d => d.Kind == kind).OrderBy(d => d.DueAt).ThenBy(d => d.PayerId), cancellationToken);

    /// <inheritdoc/>
    public async Task<Instant?> FindDueAsync(TenantId tenant, DueKind kind, string payerId, CancellationToken cancellationToken) =>
        (await FirstAsync(tenant, context => Of<DueItem>(context, tenant).Where(d => d.Kind == kind && d.PayerId == payerId), cancellationToken).ConfigureAwait(false))?.DueAt;

    /// <inheritdoc/>
    public Task<IdempotencyRecord?> FindIdempotencyAsync(TenantId tenant, string command, string key, CancellationToken cancellationToken) =>
        FirstAsync(tenant, context => Of<IdempotencyRecord>(context, tenant).Where(r => r.Command == command && r.Key == key), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<LedgerEntry>> ReadLedgerAsync(TenantId tenant, string? payerId, LocalDate upTo, CancellationToken cancellationToken) =>
        ListAsync(tenant, context => OfPayer<LedgerEntry>(context, tenant, payerId).Where(e => e.AccountingDate <= upTo).OrderBy(e => e.Id), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<LedgerTransaction>> ListLedgerTransactionsAsync(
        TenantId tenant, string? payerId, Guid? after, int maximum, CancellationToken cancellationToken) => ListAsync(
        tenant,
        context =>
        {
            var transactions = OfPayer<LedgerTransaction>(context, tenant, payerId);
            if (after is { } id)
            {
                transactions = transactions.Where(t => t.Id.CompareTo(id) > 0);
            }

            return transactions.OrderBy(t => t.Id).Take(maximum);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RejectedRecord>> ListRejectedAsync(TenantId tenant, string? feed, int maximum, CancellationToken cancellationToken) => ListAsync(
        tenant,
        context => Of<RejectedRecord>(context, tenant).Where(r => feed == null || r.Feed == feed).OrderBy(r => r.RecordedAt).ThenBy(r => r.Id).Take(maximum),
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<QuarantineItem>> ListQuarantineAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ListAsync(tenant, context => Of<QuarantineItem>(context, tenant).OrderBy(q => q.PayerId), cancellationToken);

    /// <inheritdoc/>
    public Task<int> CountRedemptionsAsync(TenantId tenant, string coupon, CancellationToken cancellationToken) =>
        ReadAsync(tenant, (context, cancel) => Of<CouponRedemption>(context, tenant).CountAsync(r => r.Coupon == coupon, cancel), cancellationToken);

    /// <inheritdoc/>
    public Task<RunRecord?> FindRunAsync(TenantId tenant, Guid run, CancellationToken cancellationToken) =>
        FirstAsync(tenant, context => Of<RunRecord>(context, tenant).Where(r => r.Id == run), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RunShard>> ListRunShardsAsync(TenantId tenant, Guid run, CancellationToken cancellationToken) =>
        ListAsync(tenant, context => Of<RunShard>(context, tenant).Where(s => s.RunId == run).OrderBy(s => s.Number), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RunRecord>> ListRunsAsync(TenantId tenant, int maximum, CancellationToken cancellationToken) => ListAsync(
        tenant,
        context => Of<RunRecord>(context, tenant).OrderByDescending(r => r.StartedAt).ThenByDescending(r => r.Id).Take(maximum),
        cancellationToken);

    private static IQueryable<T> Of<T>(DbContext context, TenantId tenant)
        where T : class => BillingDatabase.Of<T>(context, tenant);

    private static IQueryable<DueItem> DueInRange(DbContext context, TenantId tenant, DueKind kind, Instant upTo, string? after, string? through)
    {
        var due = Of<DueItem>(context, tenant).Where(d => d.Kind == kind && d.DueAt <= upTo);
        if (after is not null)
        {
            due = due.Where(d => string.Compare(d.PayerId, after) > 0);
        }

        if (through is not null)
        {
            due = due.Where(d => string.Compare(d.PayerId, through) <= 0);
        }

        return due.OrderBy(d => d.PayerId);
    }

    private static IQueryable<T> OfPayer<T>(DbContext context, TenantId tenant, string? payerId)
        where T : class, IPayerRow
    {
        var rows = Of<T>(context, tenant);
        return payerId is null ? rows : rows.Where(r => r.PayerId == payerId);
    }

    private static string[] Distinct(IReadOnlyList<string> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return ids.Distinct(StringComparer.Ordinal).ToArray();
    }

    private Task<IReadOnlyList<SubscriptionWithTerms>> SubscriptionsAsync(
        TenantId tenant, Func<DbContext, IQueryable<Subscription>> query, CancellationToken cancellationToken) => ReadMomentAsync<IReadOnlyList<SubscriptionWithTerms>>(
        tenant,
        async (context, cancel) =>
        {
            var subscriptions = await query(context).ToListAsync(cancel).ConfigureAwait(false);
            var ids = subscriptions.ConvertAll(s => s.Id);
            var payers = subscriptions.Select(s => s.PayerId).Distinct().ToArray();
            var terms = await Of<SubscriptionTerm>(context, tenant).Where(t => ids.Contains(t.SubscriptionId)).ToListAsync(cancel).ConfigureAwait(false);
            var due = await Of<DueItem>(context, tenant).Where(d => d.Kind == DueKind.Billing && payers.Contains(d.PayerId)).ToListAsync(cancel).ConfigureAwait(false);
            var billed = await Of<Customer>(context, tenant).Where(c => payers.Contains(c.Id)).Select(c => new { c.Id, c.BilledThrough })
                .ToDictionaryAsync(c => c.Id, c => c.BilledThrough, cancel).ConfigureAwait(false);
            var termsOf = terms.OrderBy(t => t.Sequence).ToLookup(t => t.SubscriptionId);
            var dueOf = due.ToDictionary(d => d.PayerId, d => d.DueAt);
            return subscriptions.OrderBy(s => s.Id, StringComparer.Ordinal)
                .Select(s => new SubscriptionWithTerms(s, [.. termsOf[s.Id]], dueOf.TryGetValue(s.PayerId, out var at) ? at : null, billed.GetValueOrDefault(s.PayerId)))
                .ToArray();
        },
        cancellationToken);

    private Task<IReadOnlyList<T>> ListAsync<T>(TenantId? tenant, Func<DbContext, IQueryable<T>> query, CancellationToken cancellationToken)
        where T : class =>
        ReadAsync<IReadOnlyList<T>>(tenant, async (context, cancel) => await query(context).AsNoTracking().ToListAsync(cancel).ConfigureAwait(false), cancellationToken);

    private Task<T?> FirstAsync<T>(TenantId? tenant, Func<DbContext, IQueryable<T>> query, CancellationToken cancellationToken)
        where T : class =>
        ReadAsync(tenant, (context, cancel) => query(context).AsNoTracking().FirstOrDefaultAsync(cancel), cancellationToken);

    /// <summary>Runs one query. It needs a transaction only where that says whose rows are read.</summary>
    private Task<T> ReadAsync<T>(TenantId? tenant, Func<TContext, CancellationToken, Task<T>> read, CancellationToken cancellationToken) =>
        _database.ConfinesTenants && tenant is not null
            ? ReadMomentAsync(tenant, read, cancellationToken)
            : AttemptAsync(cancel => InContextAsync(read, cancel), cancellationToken);

    /// <summary>Runs several queries that see one moment.</summary>
    private Task<T> ReadMomentAsync<T>(TenantId? tenant, Func<TContext, CancellationToken, Task<T>> read, CancellationToken cancellationToken) => AttemptAsync(
        cancel => InContextAsync(
            async (context, inner) =>
            {
                var transaction = await _database.BeginReadAsync(context, tenant, inner).ConfigureAwait(false);
                await using var _ = transaction.ConfigureAwait(false);
                return await read(context, inner).ConfigureAwait(false);
            },
            cancel),
        cancellationToken);

    /// <summary>Runs a write in one transaction, alone where the database has one writer at a time, and again when the database asks for it. An answer of null takes everything back.</summary>
    private Task<T> WriteAsync<T>(TenantId? tenant, Func<TContext, CancellationToken, Task<T>> write, CancellationToken cancellationToken) => AttemptAsync(
        async cancel =>
        {
            using var turn = await _database.EnterWriteAsync(cancel).ConfigureAwait(false);
            return await InContextAsync(
                async (context, inner) =>
                {
                    var transaction = await _database.BeginWriteAsync(context, tenant, inner).ConfigureAwait(false);
                    await using var _ = transaction.ConfigureAwait(false);
                    var result = await write(context, inner).ConfigureAwait(false);
                    if (result is not null)
                    {
                        await _database.CommitAsync(context, transaction, inner).ConfigureAwait(false);
                    }

                    return result;
                },
                cancel).ConfigureAwait(false);
        },
        cancellationToken);

    private async Task<T> InContextAsync<T>(Func<TContext, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        var context = await _contexts.CreateDbContextAsync(cancellationToken).ConfigureAwait(false);
        await using var _ = context.ConfigureAwait(false);
        Prepare(context);
        return await context.Database.CreateExecutionStrategy().ExecuteAsync(
            (context, work), static (state, cancel) => state.work(state.context, cancel), cancellationToken).ConfigureAwait(false);
    }

    private static void Prepare(DbContext context)
    {
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        context.Database.AutoSavepointsEnabled = false;
    }

    private async Task<T> AttemptAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is RaceException || _database.IsTransient(exception))
            {
                if (attempt == _database.MaximumAttempts)
                {
                    throw new BillingException(BillingErrorCodes.Storage, $"The database was busy {attempt} times; nothing was written. Try again later. {exception.Message}", exception);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(20 * attempt), cancellationToken).ConfigureAwait(false);
            }
        }
    }
}

/// <summary>Another process took a key in between; the whole call is made again on what is there now.</summary>
internal sealed class RaceException(Exception cause) : Exception(cause.Message, cause);
