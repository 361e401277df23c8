using System.Text.Json;
using System.Text.Json.Serialization;
using Billing.Plugins.AsteriskCdr;
using Billing.Tasks;
using Billing.Usage;

[assembly: BillingPlugin<AsteriskCdrPlugin>("billing.asterisk-cdr")]

namespace Billing.Plugins.AsteriskCdr;

/// <summary>Registers the reader <c>asterisk-cdr-csv</c> and the mediator <c>asterisk-cdr</c>.</summary>
public sealed class AsteriskCdrPlugin : IBillingPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddTask<IUsageReader>("asterisk-cdr-csv", _ => new AsteriskCdrReader());
        builder.AddTask<IUsageMediator, AsteriskCdrParameters>(
            "asterisk-cdr", ParametersJson.Default.AsteriskCdrParameters, (_, parameters) => new AsteriskCdrMediator(parameters));
    }
}

/// <summary>JSON metadata of the parameters.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(AsteriskCdrParameters))]
internal sealed partial class ParametersJson : JsonSerializerContext;
