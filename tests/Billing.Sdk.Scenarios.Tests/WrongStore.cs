using System.Reflection;
using System.Runtime.ExceptionServices;
using Billing.InMemory;
using Billing.Ledger;
using Billing.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Scenarios;

/// <summary>A store that does its work, except for what a test makes it do wrongly.</summary>
public class WrongStore : DispatchProxy
{
    private readonly Dictionary<string, Func<Func<object?[], object?>, object?[], object?>> _changes = new(StringComparer.Ordinal);
    private IBillingStorage? _inner;

    /// <summary>Sets the store of an engine; the test says what is wrong with it.</summary>
    public static Func<BillingBuilder, IDisposable?> With(Action<WrongStore> change) => billing =>
    {
        billing.UseStorage(services =>
        {
            var store = Create<IBillingStorage, WrongStore>();
            var wrong = (WrongStore)(object)store;
            wrong._inner = new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>());
            change(wrong);
            return store;
        });
        return null;
    };

    /// <summary>Replaces a method: it is given the right one and the arguments.</summary>
    public void Change(string method, Func<Func<object?[], object?>, object?[], object?> change) => _changes[method] = change;

    /// <summary>Changes rows, or leaves them out, before they are written.</summary>
    public void ChangeRows(Func<IBillingRow, IBillingRow?> change) => Change(nameof(IBillingStorage.CommitAsync), (right, arguments) =>
    {
        var batch = (BillingBatch)arguments[0]!;
        var payers = batch.Payers.Select(p => p with { Rows = [.. Changed(p.Rows, change)] }).ToList();
        return right([batch with { Payers = payers }, arguments[1]]);
    });

    /// <summary>Answers with other postings than the stored ones.</summary>
    public void AnswerLedger(params LedgerEntry[] entries) =>
        Change(nameof(IBillingStorage.ReadLedgerAsync), (_, _) => Task.FromResult<IReadOnlyList<LedgerEntry>>(entries));

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        ArgumentNullException.ThrowIfNull(targetMethod);
        object? Right(object?[] arguments)
        {
            try
            {
                return targetMethod.Invoke(_inner, arguments);
            }
            catch (TargetInvocationException thrown) when (thrown.InnerException is { } cause)
            {
                ExceptionDispatchInfo.Throw(cause);
                throw;
            }
        }

        return _changes.TryGetValue(targetMethod.Name, out var change) ? change(Right, args ?? []) : Right(args ?? []);
    }

    private static IEnumerable<RowChange> Changed(IEnumerable<RowChange> rows, Func<IBillingRow, IBillingRow?> change) =>
        from row in rows
        let changed = change(row.Row)
        where changed is not null
        select row with { Row = changed };
}
