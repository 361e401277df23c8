using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Billing.PostgreSql.Tests;

/// <summary>The server that all tests of a run use: the one that <c>BILLING_POSTGRES</c> names, else one of its own, which goes with the run.</summary>
internal static class PostgresServer
{
    private const string Variable = "BILLING_POSTGRES";
    private static readonly Lazy<string> _address = new(Find);

    /// <summary>A connection string of a superuser.</summary>
    public static string Address => _address.Value;

    public static string AddressOf(string database, string? user = null, string? password = null)
    {
        var address = new NpgsqlConnectionStringBuilder(Address) { Database = database, IncludeErrorDetail = true, MaxPoolSize = 20 };
        if (user is not null)
        {
            (address.Username, address.Password) = (user, password);
        }

        return address.ToString();
    }

    public static async Task ExecuteAsync(string address, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public static async Task<T> ScalarAsync<T>(string address, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return given;
        }

        // A test without a server has to fail: what it would have proved is unknown.
        var folder = Path.Combine(Path.GetTempPath(), $"billing-postgres-{Environment.ProcessId}");
        var output = Script("start", folder, "--owner", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Script("stop", folder);
        var line = output.Split('\n').Single(l => l.StartsWith($"export {Variable}=", StringComparison.Ordinal));
        return line.Split('\'')[1];
    }

    private static string Script(params string[] arguments)
    {
        var script = Path.Combine(Repository, ".ci", "postgres");
        using var process = Process.Start(new ProcessStartInfo("bash", [script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"No PostgreSQL server could be started, and {Variable} is not set. {errors.Result}");
    }

    /// <summary>The folder of the repository.</summary>
    public static string Repository => Root();

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Billing.Sdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
