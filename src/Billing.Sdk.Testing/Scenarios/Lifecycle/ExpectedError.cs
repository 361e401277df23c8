using Billing.Catalog;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>A step that must be refused with a code and leave no trace.</summary>
internal static class ExpectedError
{
    public static StepAction Read(StepReading reading)
    {
        var fields = reading.Fields;
        var code = fields.Text("error");
        var nested = fields.Fields("step");
        var kind = LifecycleStep.KindOf(nested);
        if (!LifecycleSteps.IsKnown(kind))
        {
            throw JsonFields.Error(nested.PathOf(kind), "A step that asks something of the engine is needed.");
        }

        var action = LifecycleSteps.Read(kind, new StepReading(nested.Required(kind), nested.PathOf(kind), reading.Zone, reading.At));
        nested.End();
        fields.End();
        return (run, stop) => CheckAsync(run, action, code, reading.Path, stop);
    }

    private static async Task CheckAsync(LifecycleRun run, StepAction action, string code, string path, CancellationToken cancellationToken)
    {
        var before = await StateDigest.ReadAsync(run, cancellationToken).ConfigureAwait(false);
        try
        {
            await action(run, cancellationToken).ConfigureAwait(false);
            run.Comparison.Fail($"{path}.error", $"'{code}'", "no error");
        }
        catch (BillingException refused)
        {
            if (refused.Code != code)
            {
                run.Comparison.Fail($"{path}.error", $"'{code}'", $"'{refused.Code}' ({refused.Message})");
            }
        }

        var after = await StateDigest.ReadAsync(run, cancellationToken).ConfigureAwait(false);
        after.CompareWith(before, run.Comparison, path);
    }
}
