using System.Net.Sockets;
using Npgsql;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>What errors of the driver mean.</summary>
internal static class PostgreSqlErrors
{
    /// <summary>Whether the connection is gone: what was sent last may or may not have been done.</summary>
    public static bool IsConnectionLost(NpgsqlException exception) => exception is PostgresException server
        ? server.SqlState.StartsWith("08", StringComparison.Ordinal) || server.SqlState is "57P01" or "57P02" or "57P05"
        : exception.InnerException is IOException or SocketException or TimeoutException || exception.IsTransient;
}
