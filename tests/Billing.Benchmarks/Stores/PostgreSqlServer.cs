using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Billing.Benchmarks.Stores;

/// <summary>The server that is measured: the one that <c>BILLING_POSTGRES</c> names, else one that is started for the time of the program.</summary>
internal static class PostgreSqlServer
{
    private const string Variable = "BILLING_POSTGRES";
    private static readonly Lazy<string> Address = new(Find);
    private static readonly Lazy<int> Postmaster = new(FindPostmaster);

    /// <summary>A connection string of the superuser, or of the role of the application.</summary>
    public static string AddressOf(string database, string? role = null)
    {
        var address = new NpgsqlConnectionStringBuilder(Address.Value) { Database = database, MaxPoolSize = 100, CommandTimeout = 600 };
        if (role is not null)
        {
            (address.Username, address.Password) = (role, role);
        }

        return address.ToString();
    }

    public static void Execute(string database, string sql)
    {
        using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(AddressOf(database)) { Pooling = false }.ToString());
        connection.Open();
#pragma warning disable CA2100 // Names that this program makes, and the engine's own scripts.
        using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>Processor seconds of the server's processes, those that have ended included; 0 when the server is on another machine.</summary>
    public static double ProcessorSeconds()
    {
        var processes = Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(d[6])).Select(Times).OfType<(int Id, int Parent, double Own, double Ended)>().ToArray();
        var server = Postmaster.Value;
        return processes.Where(p => p.Id == server || p.Parent == server).Sum(p => p.Own + (p.Id == server ? p.Ended : 0));
    }

    /// <summary>A process, its parent, its processor seconds and those of its children that have ended.</summary>
    private static (int Id, int Parent, double Own, double Ended)? Times(string folder)
    {
        try
        {
            // The name in parentheses may hold spaces; what follows it does not.
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            double Seconds(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture) / 100.0;
            return (int.Parse(folder[6..], CultureInfo.InvariantCulture), int.Parse(fields[1], CultureInfo.InvariantCulture), Seconds(11) + Seconds(12), Seconds(13) + Seconds(14));
        }
        catch (IOException)
        {
            // It has ended since it was listed.
            return null;
        }
    }

    private static int FindPostmaster()
    {
        using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(AddressOf("postgres")) { Pooling = false }.ToString());
        connection.Open();
        using var command = new NpgsqlCommand("SELECT pg_backend_pid()", connection);
        return Times(string.Create(CultureInfo.InvariantCulture, $"/proc/{(int)command.ExecuteScalar()!}"))?.Parent ?? 0;
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return given;
        }

        var folder = Path.Combine(Path.GetTempPath(), $"billing-benchmark-postgres-{Environment.ProcessId}");
        var output = Script("start", folder, "--owner", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Script("stop", folder);
        var address = output.Split('\n').Single(l => l.StartsWith($"export {Variable}=", StringComparison.Ordinal)).Split('\'')[1];

        // Processes that this one starts use the same server.
        Environment.SetEnvironmentVariable(Variable, address);
        return address;
    }

    private static string Script(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", [Path.Combine(Root(), ".ci", "postgres"), .. arguments]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"No PostgreSQL server could be started, and {Variable} is not set.");
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Billing.Sdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"The program does not run inside the repository; set {Variable}.");
    }
}
