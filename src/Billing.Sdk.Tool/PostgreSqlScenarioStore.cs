using System.Collections.Concurrent;
using System.Security.Cryptography;
using Billing.EntityFrameworkCore.PostgreSql;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Billing.Tool;

/// <summary>
/// Databases for the scenarios of a run: as many as run at the same time, emptied after each scenario. They have row security, and the scenarios run as a role that
/// owns nothing, as an application would.
/// </summary>
internal sealed class PostgreSqlScenarioStore : ScenarioStore
{
    private const string Variable = "BILLING_POSTGRES";

    private readonly string _server;
    private readonly string _run = "billing_scenarios_" + Guid.NewGuid().ToString("N");
    private readonly string _password = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
    private readonly ConcurrentQueue<string> _databases = new();
    private readonly ConcurrentBag<string> _free = [];
    private int _count;

    private PostgreSqlScenarioStore(string server)
    {
        _server = server;
        Execute(server, $"CREATE ROLE {_run} LOGIN PASSWORD '{_password}' NOSUPERUSER NOBYPASSRLS");
    }

    /// <summary>Makes ready for a run.</summary>
    /// <exception cref="BillingException">With code <c>storage</c>: no server is named, or it cannot be used.</exception>
    public static PostgreSqlScenarioStore Open()
    {
        var server = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(server))
        {
            throw new BillingException(BillingErrorCodes.Storage, $"Set {Variable} to an Npgsql connection string of a role that may create databases and roles.");
        }

        try
        {
            return new PostgreSqlScenarioStore(server);
        }
        catch (NpgsqlException exception)
        {
            throw new BillingException(BillingErrorCodes.Storage, $"The server that {Variable} names cannot be used: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var database in _databases)
        {
            NpgsqlConnection.ClearPool(new NpgsqlConnection(AddressOf(database, _run, _password)));
            Execute(_server, $"DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        }

        Execute(_server, $"DROP ROLE IF EXISTS {_run}");
    }

    /// <inheritdoc/>
    public override IDisposable? Use(BillingBuilder billing)
    {
        ArgumentNullException.ThrowIfNull(billing);
        var database = _free.TryTake(out var free) ? free : Create();
        billing.UseStorage(services => new PostgreSqlBillingStorage(
            new PostgreSqlStorageOptions { ConnectionString = AddressOf(database, _run, _password), CreateTables = false }, services.GetRequiredService<IIdGenerator>()));
        return new Lease(this, database);
    }

    private string Create()
    {
        var database = $"{_run}_{Interlocked.Increment(ref _count)}";
        Execute(_server, $"CREATE DATABASE {database}");
        _databases.Enqueue(database);
        Execute(AddressOf(database), $"BEGIN; {PostgreSqlBillingSchema.Script()} {PostgreSqlBillingSchema.GrantScript(_run)} COMMIT");
        return database;
    }

    /// <summary>Deletes all rows, which are few: that is far quicker than to truncate the tables or to make them anew.</summary>
    private void Return(string database)
    {
        Execute(AddressOf(database), """
            DO $$
            DECLARE found regclass;
            BEGIN
                FOR found IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND starts_with(relname, 'billing_') AND relname <> 'billing_schema'
                LOOP
                    EXECUTE format('DELETE FROM %s', found);
                END LOOP;
            END $$
            """);
        _free.Add(database);
    }

    private string AddressOf(string database, string? user = null, string? password = null)
    {
        // Scenarios ask the same things again and again of tables that stay small: planning would be most of the work.
        var address = new NpgsqlConnectionStringBuilder(_server) { Database = database, MaxAutoPrepare = 200, AutoPrepareMinUsages = 3 };
        if (user is not null)
        {
            (address.Username, address.Password) = (user, password);
        }

        return address.ToString();
    }

    private static void Execute(string address, string sql)
    {
        using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Names and password are made here, of letters and digits.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>A database while a scenario has it.</summary>
    private sealed class Lease(PostgreSqlScenarioStore store, string database) : IDisposable
    {
        public void Dispose() => store.Return(database);
    }
}
