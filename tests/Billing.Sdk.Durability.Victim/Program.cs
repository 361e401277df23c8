using System.Globalization;
using Billing.Durability.Victim;

// dotnet Billing.Sdk.Durability.Victim.dll --store sqlite|postgresql --folder FOLDER --seed N [--stop PHASE:COUNT:before|during]
// Works through the script of the seed, from where the process before it was killed, and ends with "done". What it says on standard output is for
// the process that kills it: "> PHASE" and "< PHASE" around each phase, "! PHASE" where it was told to stop.
var options = new VictimOptions
{
    Store = Option("--store") ?? VictimOptions.Sqlite,
    Folder = Option("--folder") ?? throw new ArgumentException("--folder is missing."),
    Seed = int.Parse(Option("--seed") ?? "1", CultureInfo.InvariantCulture),
    Stop = Option("--stop") is { } stop ? StopPoint.Parse(stop) : null,
};
using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
await Work.DoAsync(options, new PhaseReport(output, options.Stop));
output.WriteLine("done");

string? Option(string name) => args.SkipWhile(a => a != name).Skip(1).FirstOrDefault();
