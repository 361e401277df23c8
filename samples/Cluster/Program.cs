using Cluster;

// A worker process of the cluster: started by the first form, killed by it too.
if (args is ["worker", var database, var name, var customers])
{
    await Worker.RunAsync(database, name, Settings.For(int.Parse(customers, System.Globalization.CultureInfo.InvariantCulture)));
    return 0;
}

if (Settings.Parse(args) is not { } settings)
{
    Console.Error.WriteLine("Usage: Cluster [--customers N] [--postgres CONNECTION_STRING]");
    return 2;
}

await using var server = await Server.FindAsync(settings.Postgres);
await using var scratch = await server.CreateDatabaseAsync();
return await Story.TellAsync(scratch.Address, settings) ? 0 : 1;
