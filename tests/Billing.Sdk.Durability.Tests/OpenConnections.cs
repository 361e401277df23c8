using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Billing.Durability;

/// <summary>Counts the connections and transactions on one database that are open now, told by EF Core's own diagnostics.</summary>
internal sealed class OpenConnections : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
{
    private readonly string _database;
    private readonly List<IDisposable> _subscriptions = [];
    private readonly Lock _gate = new();
    private readonly HashSet<Guid> _connections = [];
    private readonly HashSet<Guid> _transactions = [];
    private int _seen;

    public OpenConnections(string database)
    {
        _database = database;
        _subscriptions.Add(DiagnosticListener.AllListeners.Subscribe(this));
    }

    /// <summary>How many were ever opened: 0 means that nothing was watched.</summary>
    public int Seen => _seen;

    /// <summary>Connections and transactions that are open now.</summary>
    public int Open
    {
        get
        {
            lock (_gate)
            {
                return _connections.Count + _transactions.Count;
            }
        }
    }

    void IObserver<DiagnosticListener>.OnNext(DiagnosticListener listener)
    {
        if (listener.Name == DbLoggerCategory.Name)
        {
            _subscriptions.Add(listener.Subscribe(this));
        }
    }

    void IObserver<KeyValuePair<string, object?>>.OnNext(KeyValuePair<string, object?> told)
    {
        lock (_gate)
        {
            switch (told.Value)
            {
                case ConnectionEndEventData connection when IsWatched(connection.Connection):
                    Note(_connections, connection.ConnectionId, told.Key, RelationalEventId.ConnectionOpened.Name!, RelationalEventId.ConnectionClosed.Name!);
                    break;
                case TransactionEventData transaction when told.Key != RelationalEventId.TransactionStarted.Name || IsWatched(transaction.Transaction.Connection):
                    Note(
                        _transactions,
                        transaction.TransactionId,
                        told.Key,
                        RelationalEventId.TransactionStarted.Name!,
                        RelationalEventId.TransactionCommitted.Name!,
                        RelationalEventId.TransactionRolledBack.Name!,
                        RelationalEventId.TransactionDisposed.Name!);
                    break;
            }
        }
    }

    void IObserver<DiagnosticListener>.OnCompleted()
    {
    }

    void IObserver<DiagnosticListener>.OnError(Exception error)
    {
    }

    void IObserver<KeyValuePair<string, object?>>.OnCompleted()
    {
    }

    void IObserver<KeyValuePair<string, object?>>.OnError(Exception error)
    {
    }

    public void Dispose() => _subscriptions.ForEach(s => s.Dispose());

    /// <summary>A file is a data source of SQLite; PostgreSQL has many databases at one.</summary>
    private bool IsWatched(System.Data.Common.DbConnection? connection) => connection is not null && (connection.DataSource == _database || connection.Database == _database);

    private void Note(HashSet<Guid> open, Guid id, string name, string opened, params string[] closed)
    {
        if (name == opened && open.Add(id))
        {
            _seen++;
        }
        else if (closed.Contains(name))
        {
            open.Remove(id);
        }
    }
}
