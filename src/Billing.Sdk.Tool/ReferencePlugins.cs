using System.Reflection;
using Billing.Tasks;

namespace Billing.Tool;

/// <summary>The plugins of the repository, linked in: those that scenarios name.</summary>
internal static class ReferencePlugins
{
    private const string Mark = "Billing.ReferencePlugin:";

    /// <summary>All of them. Which plugin classes there are is said by the assemblies' attributes; types are not searched.</summary>
    public static IReadOnlyList<Action<TaskCatalogBuilder>> Load() =>
    [
        .. from mark in typeof(ReferencePlugins).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
           where mark.Key.StartsWith(Mark, StringComparison.Ordinal)
           let assembly = Assembly.Load(mark.Key[Mark.Length..])
           from attribute in assembly.GetCustomAttributes()
           let type = attribute.GetType()
           where type.IsGenericType && type.GetGenericTypeDefinition() == typeof(BillingPluginAttribute<>)
           select Add(attribute, type),
    ];

    private static Action<TaskCatalogBuilder> Add(Attribute attribute, Type type)
    {
        var name = (string)type.GetProperty(nameof(BillingPluginAttribute<NoPlugin>.Name))!.GetValue(attribute)!;
        var plugin = type.GenericTypeArguments[0];
        return tasks => tasks.AddPlugin(name, (IBillingPlugin)Activator.CreateInstance(plugin)!);
    }

    /// <summary>Closes the generic attribute so that its property can be named.</summary>
    private sealed class NoPlugin : IBillingPlugin
    {
        public void Configure(IPluginBuilder builder)
        {
        }
    }
}
