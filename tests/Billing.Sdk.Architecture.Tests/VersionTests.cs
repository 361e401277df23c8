namespace Billing.Architecture;

/// <summary>The assembly version is frozen within a major version, so that a plugin built against a newer minor version still binds.</summary>
public class VersionTests
{
    private static readonly string Prefix = Repository.BuildProperty("VersionPrefix");

    [Fact]
    public void Every_assembly_has_the_frozen_version_and_carries_the_full_one()
    {
        var frozen = $"{Prefix.Split('.')[0]}.0.0.0";
        var found = from assembly in Repository.ShippedAssemblies
                    let module = Repository.Module(assembly)
                    let version = module.Assembly.Name.Version.ToString()
                    let information = Informational(module)
                    where version != frozen || !(information == Prefix || information.StartsWith(Prefix + "+", StringComparison.Ordinal) || information.StartsWith(Prefix + "-", StringComparison.Ordinal))
                    select $"{assembly}: AssemblyVersion {version}, expected {frozen}; InformationalVersion {information}, expected {Prefix}";

        Report.Empty("Versions come from Directory.Build.props.", found);
    }

    [Fact]
    public void The_SDK_version_that_plugins_carry_is_the_version_of_the_package() => Assert.Equal(SdkVersion.Current, Prefix);

    private static string Informational(Mono.Cecil.ModuleDefinition module) =>
        (string)module.Assembly.CustomAttributes.Single(a => a.AttributeType.Name == "AssemblyInformationalVersionAttribute").ConstructorArguments[0].Value;
}
