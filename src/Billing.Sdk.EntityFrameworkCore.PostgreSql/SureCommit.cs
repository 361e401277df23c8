using System.Data;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>A commit whose outcome is known also when its answer is lost: the transaction's number is asked for before, its fate after.</summary>
internal static class SureCommit
{
    private const int Tries = 60;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    public static async Task RunAsync(NpgsqlConnection connection, IDbContextTransaction transaction, CancellationToken cancellationToken)
    {
        // None is given to a transaction that wrote nothing; to make that one again does no harm.
        var number = await ScalarAsync(connection, "SELECT pg_current_xact_id_if_assigned()::text", null, cancellationToken).ConfigureAwait(false);
        try
        {
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (NpgsqlException lost) when (number is not null && PostgreSqlErrors.IsConnectionLost(lost))
        {
            if (!await WasCommittedAsync(connection, number, lost, cancellationToken).ConfigureAwait(false))
            {
                throw;
            }
        }
    }

    private static async Task<bool> WasCommittedAsync(NpgsqlConnection broken, string number, NpgsqlException lost, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= Tries; attempt++)
        {
            try
            {
                var connection = (NpgsqlConnection)((ICloneable)broken).Clone();
                await using var _ = connection.ConfigureAwait(false);
                await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
                switch (await ScalarAsync(connection, "SELECT pg_xact_status($1::xid8)", number, cancellationToken).ConfigureAwait(false))
                {
                    case "committed":
                        return true;
                    case "aborted":
                        return false;
                }
            }
            catch (NpgsqlException away) when (PostgreSqlErrors.IsConnectionLost(away) || away.IsTransient)
            {
                // The server starts again, or another connection of the pool is broken as well.
            }

            await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
        }

        throw new BillingException(
            BillingErrorCodes.Storage,
            $"The connection was lost during a commit and the server does not say what became of transaction {number}. Look at what is stored before you try again. {lost.Message}",
            lost);
    }

    private static async Task<string?> ScalarAsync(NpgsqlConnection connection, string sql, string? argument, CancellationToken cancellationToken)
    {
        var command = connection.CreateCommand();
        await using var _ = command.ConfigureAwait(false);
#pragma warning disable CA2100 // The texts stand in this file.
        command.CommandText = sql;
#pragma warning restore CA2100
        if (argument is not null)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = argument });
        }

        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as string;
    }
}
