using System.Diagnostics;
using System.Globalization;
using Billing.Durability.Victim;
using Billing.PostgreSql.Tests;

namespace Billing.Durability;

/// <summary>Starts victims, kills them with SIGKILL, starts them again until their work is done, and compares with a victim that nobody killed.</summary>
internal sealed class Hunt(string store, Action<string> log)
{
    /// <summary>Kills of one history: few enough that it always goes on to its end.</summary>
    private const int MostKillsOfAHistory = 25;

    /// <summary>Kills that landed outside of the phases: while reading, rating, starting up.</summary>
    public const string Elsewhere = "elsewhere";

    private readonly Dictionary<string, int> _kills = Phases.All.Append(Elsewhere).ToDictionary(p => p, _ => 0, StringComparer.Ordinal);

    /// <summary>Kills by the phase in which they landed.</summary>
    public IReadOnlyDictionary<string, int> Kills => _kills;

    /// <summary>What was found wrong.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>Kills so often, over as many histories as that takes.</summary>
    public async Task RunAsync(int kills, int firstSeed)
    {
        for (var seed = firstSeed; _kills.Values.Sum() < kills; seed++)
        {
            await using var undisturbed = await VictimFolder.CreateAsync(store);
            await using var hunted = await VictimFolder.CreateAsync(store);
            var left = Math.Min(MostKillsOfAHistory, kills - _kills.Values.Sum());
            var calm = LiveAsync(undisturbed, seed, null, null);
            var killed = await HuntAsync(hunted, seed, left);
            await calm;
            Compare(seed, undisturbed, hunted);
            log(string.Create(CultureInfo.InvariantCulture, $"seed {seed} on {store}: {killed} kills, {File.ReadAllLines(undisturbed.Options(store, seed).Books).Length} lines of books compared, {Failures.Count} failures so far"));
        }

        log($"kills on {store}: {string.Join(", ", _kills.Select(k => string.Create(CultureInfo.InvariantCulture, $"{k.Key} {k.Value}")))}");
    }

    private async Task<int> HuntAsync(VictimFolder folder, int seed, int kills)
    {
        var random = new Random(seed);
        for (var killed = 0; killed < kills; killed++)
        {
            var phase = Phases.All[killed % Phases.All.Count];

            // Batches of usage and aging days are few: the next one is far enough away.
            var most = phase is Phases.Ingestion or Phases.Aging ? 1 : 2;
            var stop = new StopPoint(phase, random.Next(1, most + 1), Waits: random.Next(3) > 0);

            // Now and then without an agreement: after so many milliseconds, wherever the victim is then.
            var delay = random.Next(8) == 0 ? TimeSpan.FromMilliseconds(random.Next(200, 1500)) : (TimeSpan?)null;
            if (await LiveAsync(folder, seed, delay is null ? stop : null, delay) is not { } landed)
            {
                return killed;
            }

            _kills[landed]++;
        }

        await LiveAsync(folder, seed, null, null);
        return kills;
    }

    /// <summary>One life of a victim.</summary>
    /// <returns>The phase in which the kill landed; <see langword="null"/>: it came to the end of its work first.</returns>
    private async Task<string?> LiveAsync(VictimFolder folder, int seed, StopPoint? stop, TimeSpan? delay)
    {
        using var victim = Start(folder, seed, stop);
        using var timer = delay is { } after ? new Timer(_ => Kill(victim), null, after, Timeout.InfiniteTimeSpan) : null;
        var errors = victim.StandardError.ReadToEndAsync();
        var open = Elsewhere;
        var done = false;
        while (await victim.StandardOutput.ReadLineAsync() is { } line)
        {
            open = line switch
            {
                ['>' or '!', ' ', .. var phase] => phase,
                _ => Elsewhere,
            };
            done |= line == "done";
            if (line.StartsWith('!'))
            {
                Kill(victim);
            }
        }

        await victim.WaitForExitAsync();
        if (done && victim.ExitCode == 0)
        {
            return null;
        }

        const int Killed = 128 + 9;
        return victim.ExitCode == Killed && (stop is not null || delay is not null)
            ? open
            : throw new InvalidOperationException($"The victim of seed {seed} ended by itself with exit code {victim.ExitCode} ({stop}): {await errors}");
    }

    private Process Start(VictimFolder folder, int seed, StopPoint? stop)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in new[] { typeof(StopPoint).Assembly.Location, "--store", store, "--folder", folder.Path, "--seed", seed.ToString(CultureInfo.InvariantCulture) })
        {
            start.ArgumentList.Add(argument);
        }

        if (folder.Address is { } address)
        {
            start.Environment["BILLING_POSTGRES"] = address;
        }

        if (stop is not null)
        {
            start.ArgumentList.Add("--stop");
            start.ArgumentList.Add(stop.ToString());
        }

        return Process.Start(start) ?? throw new InvalidOperationException("The victim did not start.");
    }

    /// <summary>SIGKILL: nothing of the victim runs after it, no handler and no finally.</summary>
    private static void Kill(Process victim)
    {
        try
        {
            victim.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    private void Compare(int seed, VictimFolder undisturbed, VictimFolder hunted)
    {
        var (expected, actual) = (undisturbed.Options(store, seed), hunted.Options(store, seed));
        Failures.AddRange(Differences(File.ReadAllLines(expected.Books), File.ReadAllLines(actual.Books)).Select(d => $"seed {seed}: books: {d}"));
        Failures.AddRange(Differences(Charges(expected), Charges(actual)).Select(d => $"seed {seed}: charges: {d}"));
        Failures.AddRange(Deliveries(actual).Select(d => $"seed {seed}: deliveries: {d}"));
        Failures.AddRange(Differences(Delivered(expected), Delivered(actual)).Select(d => $"seed {seed}: delivered: {d}"));
    }

    private static IEnumerable<string> Differences(IReadOnlyList<string> expected, IReadOnlyList<string> actual)
    {
        var surplus = actual.ToList();
        var missing = expected.Where(line => !surplus.Remove(line)).ToList();
        return missing.Take(10).Select(l => $"- {l}").Concat(surplus.Take(10).Select(l => $"+ {l}"));
    }

    /// <summary>What the gateway did, by token and without keys: a charge more is a customer charged twice.</summary>
    private static IReadOnlyList<string> Charges(VictimOptions options) =>
    [
        .. File.ReadAllLines(options.Journal).Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement)
            .Select(e => $"{e.GetProperty("kind")} {e.GetProperty("token")} {e.GetProperty("amount")} {e.GetProperty("behavior")}")
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Every message to a customer was delivered, at least once, and is known to be.</summary>
    private static IEnumerable<string> Deliveries(VictimOptions options)
    {
        var delivered = File.ReadAllLines(options.Deliveries).Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("id").GetString()).ToHashSet(StringComparer.Ordinal);
        foreach (var message in File.ReadAllLines(options.Messages).Select(l => l.Split(' ')))
        {
            if (message[1] != "Done" || !delivered.Contains(message[0]))
            {
                yield return $"message {message[0]} is {message[1]}, delivered: {delivered.Contains(message[0])}";
            }
        }
    }

    /// <summary>The messages that came through, each once however often it came.</summary>
    private static IReadOnlyList<string> Delivered(VictimOptions options) =>
    [
        .. File.ReadAllLines(options.Deliveries).Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement)
            .DistinctBy(e => e.GetProperty("id").GetString())
            .Select(e => $"{e.GetProperty("customer")} {e.GetProperty("name")}")
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>All that a victim leaves behind: a folder and, on PostgreSQL, a database of its own. Both go with the object.</summary>
    private sealed class VictimFolder : IAsyncDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("billing-victim-");
        private TestDatabase? _database;

        public string Path => _folder.FullName;

        /// <summary>Connection string of the database; <see langword="null"/>: the store is a file of the folder.</summary>
        public string? Address => _database?.AsApplication;

        public static async Task<VictimFolder> CreateAsync(string store)
        {
            var folder = new VictimFolder();
            if (store == VictimOptions.PostgreSql)
            {
                folder._database = new TestDatabase();
                await folder._database.InitializeAsync();
            }

            return folder;
        }

        public VictimOptions Options(string store, int seed) => new() { Store = store, Folder = Path, Seed = seed };

        public async ValueTask DisposeAsync()
        {
            if (_database is not null)
            {
                await _database.DisposeAsync();
            }

            _folder.Delete(recursive: true);
        }
    }
}
