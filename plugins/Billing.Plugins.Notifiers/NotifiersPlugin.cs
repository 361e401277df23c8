using Billing.Notifications;
using Billing.Plugins.Notifiers;
using Billing.Tasks;

[assembly: BillingPlugin<NotifiersPlugin>("billing.notifiers")]

namespace Billing.Plugins.Notifiers;

/// <summary>Registers the notification tasks <c>console</c> and <c>file</c>.</summary>
public sealed class NotifiersPlugin : IBillingPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddTask<INotifier>("console", static _ => new LineNotifier(new ConsoleLines()));
        builder.AddTask<INotifier, FileParameters>("file", NotifiersJson.Default.FileParameters, static (_, parameters) => new LineNotifier(new FileLines(parameters.Path)));
    }
}
