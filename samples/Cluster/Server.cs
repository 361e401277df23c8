using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Cluster;

/// <summary>The PostgreSQL server of the story: a given one, or one that goes with this process.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly string _address;
    private readonly string? _folder;

    private Server(string address, string? folder)
    {
        _address = address;
        _folder = folder;
    }

    /// <summary>Takes the server that is given, else starts one with the repository's script.</summary>
    public static async Task<Server> FindAsync(string? given)
    {
        if (given is not null)
        {
            return new Server(given, null);
        }

        var folder = Path.Combine(Path.GetTempPath(), $"billing-cluster-{Environment.ProcessId}");
        Console.WriteLine("Starting a PostgreSQL server of our own.");
        var line = await ScriptAsync("start", folder, "--owner", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return new Server(line.Split('\'')[1], folder);
    }

    /// <summary>A fresh database.</summary>
    public async Task<Database> CreateDatabaseAsync()
    {
        var name = "billing_cluster_" + Guid.NewGuid().ToString("N");
        await ExecuteAsync($"CREATE DATABASE {name}");
        return new Database(this, name, new NpgsqlConnectionStringBuilder(_address) { Database = name, MaxPoolSize = 20 }.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        if (_folder is not null)
        {
            await ScriptAsync("stop", _folder);
        }
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_address) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<string> ScriptAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", [Script(), .. arguments]) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException("No PostgreSQL server could be started; name one with --postgres or BILLING_POSTGRES.");
    }

    private static string Script()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, ".ci", "postgres");
            if (File.Exists(script))
            {
                return script;
            }
        }

        throw new InvalidOperationException("The sample does not run inside its repository; name a PostgreSQL server with --postgres or BILLING_POSTGRES.");
    }

    /// <summary>A database that is dropped at the end.</summary>
    internal sealed class Database(Server server, string name, string address) : IAsyncDisposable
    {
        public string Address { get; } = address;

        public async ValueTask DisposeAsync()
        {
            NpgsqlConnection.ClearAllPools();
            await server.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        }
    }
}
