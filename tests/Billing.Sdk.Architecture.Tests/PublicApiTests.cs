using Xunit.Sdk;

namespace Billing.Architecture;

/// <summary>The public API of each package is in git: a change of it is seen, meant, and has an entry in CHANGELOG.md.</summary>
public class PublicApiTests
{
    private const string Folder = "tests/Billing.Sdk.Architecture.Tests/PublicApi";

    public static TheoryData<string> Assemblies => [.. Repository.ShippedAssemblies];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void The_public_API_is_the_recorded_one(string assembly)
    {
        using var module = Repository.Module(assembly);
        var received = PublicApi.Lines(module);
        var path = Path.Combine(Repository.Root, Folder, assembly + ".txt");
        if (Environment.GetEnvironmentVariable("BILLING_ACCEPT_API") == "1")
        {
            File.WriteAllText(path, Text(received));
        }

        string[] recorded = File.Exists(path) ? File.ReadAllLines(path) : [];
        if (!recorded.SequenceEqual(received))
        {
            throw new XunitException(Difference(assembly, recorded, received));
        }
    }

    [Fact]
    public void Every_recorded_API_belongs_to_a_package()
    {
        var orphans = Repository.Files(Folder, ".txt").Where(f => !Repository.ShippedAssemblies.Contains(Path.GetFileNameWithoutExtension(f)));

        Report.Empty("These files belong to no project in src.", orphans);
    }

    private static string Difference(string assembly, string[] recorded, IReadOnlyList<string> received)
    {
        var file = Path.Combine(Repository.Root, "artifacts", "api", assembly + ".received.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, Text(received));
        var lines = recorded.Except(received).Select(l => "- " + l.Trim()).Concat(received.Except(recorded).Select(l => "+ " + l.Trim()));
        return $"""
            The public API of {assembly} is not the one recorded in {Folder}/{assembly}.txt.
            {string.Join(Environment.NewLine, lines.DefaultIfEmpty("(the same lines in another order)"))}
            The received text is in {Repository.Relative(file)}. If the change is meant, record it and add it to CHANGELOG.md:
            BILLING_ACCEPT_API=1 dotnet test tests/Billing.Sdk.Architecture.Tests --filter PublicApi
            """;
    }

    private static string Text(IReadOnlyList<string> lines) => string.Concat(lines.Select(l => l + "\n"));
}
