using Billing;
using Quickstart;

// dotnet run -c Release --project samples/Quickstart [-- --database FILE] [--cdr FILE]
var database = Option("--database") ?? "quickstart.db";
var calls = Option("--cdr") ?? Path.Combine(AppContext.BaseDirectory, "data", "cdr.csv");

try
{
    await Story.TellAsync(database, calls);
    return 0;
}
catch (BillingException error)
{
    // What the engine refuses has a stable code and says what is wrong with which object.
    Console.WriteLine();
    Console.WriteLine($"refused [{error.Code}] {error.Message}");
    return 1;
}
catch (IOException error)
{
    Console.WriteLine(error.Message);
    return 1;
}

string? Option(string name) => args.SkipWhile(a => a != name).Skip(1).FirstOrDefault();
