using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Storage;
using NodaTime;
using Npgsql;
using Xunit;

namespace Billing.PostgreSql.Tests;

/// <summary>A database of a test class, with a role for the application that owns nothing; both go with the class.</summary>
public class TestDatabase : IAsyncLifetime
{
    private const string Password = "apples-and-pears";
    private readonly List<PostgreSqlBillingStorage> _open = [];
    private readonly string _name = "billing_test_" + Guid.NewGuid().ToString("N");

    /// <summary>How the tables are made. Default: with row security.</summary>
    public virtual PostgreSqlSchemaOptions Schema => new();

    /// <summary>Whether tables and rights are there at the start. Default true.</summary>
    protected virtual bool HasTables => true;

    internal string Role => _name + "_app";

    /// <summary>As a superuser, for whom row security does not hold.</summary>
    internal string AsOwner => PostgresServer.AddressOf(_name);

    /// <summary>As the application.</summary>
    internal string AsApplication => PostgresServer.AddressOf(_name, Role, Password);

    public async Task InitializeAsync()
    {
        await PostgresServer.ExecuteAsync(PostgresServer.Address, $"CREATE DATABASE {_name}");
        await PostgresServer.ExecuteAsync(AsOwner, $"CREATE ROLE {Role} LOGIN PASSWORD '{Password}' NOSUPERUSER NOBYPASSRLS");
        if (HasTables)
        {
            await using var owner = NpgsqlDataSource.Create(AsOwner);
            await PostgreSqlBillingSchema.ApplyAsync(owner, Schema, CancellationToken.None);
            await ExecuteAsync(PostgreSqlBillingSchema.GrantScript(Role, Schema.Schema));
        }
    }

    public async Task DisposeAsync()
    {
        _open.ForEach(s => s.Dispose());

        NpgsqlConnection.ClearAllPools();
        await PostgresServer.ExecuteAsync(PostgresServer.Address, $"DROP DATABASE IF EXISTS {_name} WITH (FORCE)");
        await PostgresServer.ExecuteAsync(PostgresServer.Address, $"DROP ROLE IF EXISTS {Role}");
    }

    internal static IIdGenerator Ids() => new TimeOrderedIdGenerator(SystemClock.Instance);

    /// <summary>A storage of the application, closed with the database.</summary>
    internal PostgreSqlBillingStorage Open(Func<PostgreSqlStorageOptions, PostgreSqlStorageOptions>? change = null)
    {
        var options = new PostgreSqlStorageOptions { ConnectionString = AsApplication, RowSecurity = Schema.RowSecurity, Schema = Schema.Schema, CreateTables = false };
        var storage = new PostgreSqlBillingStorage(change is null ? options : change(options), Ids());
        _open.Add(storage);
        return storage;
    }

    internal async Task<PostgreSqlBillingStorage> StartAsync(Func<PostgreSqlStorageOptions, PostgreSqlStorageOptions>? change = null)
    {
        var storage = Open(change);
        await storage.InitializeAsync(CancellationToken.None);
        return storage;
    }

    /// <summary>Removes all rows.</summary>
    internal Task EmptyAsync() => ExecuteAsync("""
        DO $$
        DECLARE found regclass;
        BEGIN
            FOR found IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND starts_with(relname, 'billing_') AND relname <> 'billing_schema'
            LOOP
                EXECUTE format('DELETE FROM %s', found);
            END LOOP;
        END $$
        """);

    internal Task ExecuteAsync(string sql) => PostgresServer.ExecuteAsync(AsOwner, sql);

    internal Task<T> ScalarAsync<T>(string sql) => PostgresServer.ScalarAsync<T>(AsOwner, sql);
}

/// <summary>For one tenant: without row security.</summary>
public sealed class OpenDatabase : TestDatabase
{
    public override PostgreSqlSchemaOptions Schema => new() { RowSecurity = false };
}

/// <summary>The growing tables in parts by tenant, in a schema of their own.</summary>
public sealed class DividedDatabase : TestDatabase
{
    public override PostgreSqlSchemaOptions Schema => new() { HashPartitions = 3, Schema = "billing" };
}

/// <summary>A database without any table.</summary>
public sealed class BareDatabase : TestDatabase
{
    protected override bool HasTables => false;
}
