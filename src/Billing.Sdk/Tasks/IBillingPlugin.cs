using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Tasks;

/// <summary>What a plugin assembly implements: it registers its tasks.</summary>
/// <remarks>Named by <see cref="BillingPluginAttribute{T}"/>. Created once per host with its parameterless constructor.</remarks>
public interface IBillingPlugin
{
    /// <summary>Registers the plugin's services and tasks. Called once, before any task is used.</summary>
    void Configure(IPluginBuilder builder);
}

/// <summary>Takes the registrations of one plugin.</summary>
public interface IPluginBuilder
{
    /// <summary>The plugin's own services; what the host shares (clock, logging, HTTP client factory) can be asked for by its tasks too.</summary>
    IServiceCollection Services { get; }

    /// <summary>Registers a task without parameters.</summary>
    /// <typeparam name="TStage">The stage: an interface marked with <see cref="TaskStageAttribute"/>.</typeparam>
    /// <param name="name">The task's stable name, <c>acme.tax/flat</c> or <c>flat-rate-tax</c>.</param>
    /// <param name="create">Makes an instance; one is made per tenant and configuration version. It must be thread-safe.</param>
    IPluginBuilder AddTask<TStage>(string name, Func<IServiceProvider, TStage> create)
        where TStage : class;

    /// <summary>Registers a task with parameters.</summary>
    /// <typeparam name="TStage">The stage: an interface marked with <see cref="TaskStageAttribute"/>.</typeparam>
    /// <typeparam name="TParameters">The parameters; bound strictly: misspelt, missing required and null values are errors.</typeparam>
    /// <param name="name">The task's stable name.</param>
    /// <param name="parameters">The plugin's own source-generated JSON metadata of the parameters.</param>
    /// <param name="create">Makes an instance; one is made per tenant and configuration version. It must be thread-safe. Throw <see cref="BillingException"/> for values that cannot be used.</param>
    IPluginBuilder AddTask<TStage, TParameters>(string name, JsonTypeInfo<TParameters> parameters, Func<IServiceProvider, TParameters, TStage> create)
        where TStage : class;
}

/// <summary>Names the plugin class of an assembly: <c>[assembly: BillingPlugin&lt;AcmeTax&gt;("acme.tax")]</c>.</summary>
/// <typeparam name="T">The plugin class.</typeparam>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class BillingPluginAttribute<T> : Attribute
    where T : IBillingPlugin, new()
{
    /// <summary>Names the plugin.</summary>
    /// <param name="name">The plugin's stable name.</param>
    /// <param name="sdkVersion">The SDK version it is built against; leave it out, the compiler fills it in.</param>
    public BillingPluginAttribute(string name, string sdkVersion = Billing.SdkVersion.Current)
    {
        Name = name;
        SdkVersion = sdkVersion;
    }

    /// <summary>The plugin's stable name.</summary>
    public string Name { get; }

    /// <summary>The SDK version it was built against.</summary>
    public string SdkVersion { get; }
}
