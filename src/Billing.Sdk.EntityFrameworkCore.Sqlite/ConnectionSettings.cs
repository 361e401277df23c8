using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Settings that SQLite keeps per connection, made whenever one is opened.</summary>
internal sealed class ConnectionSettings(string pragmas) : DbConnectionInterceptor
{
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = pragmas;
        command.ExecuteNonQuery();
    }

    public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        // SQLite works in the process; there is nothing to wait for.
        ConnectionOpened(connection, eventData);
        return Task.CompletedTask;
    }
}
