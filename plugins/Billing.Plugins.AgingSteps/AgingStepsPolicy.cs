using System.Globalization;
using Billing.Collections;

namespace Billing.Plugins.AgingSteps;

/// <summary>Ages by a list of steps. Thread-safe.</summary>
internal sealed class AgingStepsPolicy : IAgingPolicy
{
    private readonly IReadOnlyList<AgingStep> _steps;

    public AgingStepsPolicy(AgingStepsParameters parameters)
    {
        var steps = new List<AgingStep>();
        foreach (var step in parameters.Steps)
        {
            var path = $"steps[{steps.Count}]";
            if (step.Days is < 0 or > 3650 || (steps.Count > 0 && step.Days < steps[^1].DaysAfterDue))
            {
                throw Refused($"{path}.days", "Days are 0 to 3650, and never fewer than those of the step before.");
            }

            steps.Add(new AgingStep
            {
                Name = string.IsNullOrEmpty(step.Name) ? $"step {steps.Count + 1}" : step.Name,
                DaysAfterDue = step.Days,
                Actions = [.. step.Actions.Select((action, i) => Parse(action, $"{path}.actions[{i}]"))],
            });
        }

        _steps = steps;
    }

    public ValueTask<IReadOnlyList<AgingStep?>> NextStepAsync(IReadOnlyList<AgingRequest> requests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<AgingStep?>>([.. requests.Select(r => r.StepsDone < _steps.Count ? _steps[r.StepsDone] : null)]);

    private static AgingAction Parse(string text, string path) => text switch
    {
        "notify" => new AgingAction(AgingActionKind.Notify),
        "retry" => new AgingAction(AgingActionKind.Retry),
        "suspend" => new AgingAction(AgingActionKind.Suspend),
        "cancel" => new AgingAction(AgingActionKind.Cancel),
        "writeOff" => new AgingAction(AgingActionKind.WriteOff),
        _ when text.StartsWith("fee:", StringComparison.Ordinal) => Fee(text[4..], path),
        _ => throw Refused(path, $"'{text}' is not notify, fee:AMOUNT, fee:PERCENT%, retry, suspend, cancel or writeOff."),
    };

    private static AgingAction Fee(string text, string path)
    {
        var percent = text.EndsWith('%');
        var digits = percent ? text[..^1] : text;
        return decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value > 0m
            ? new AgingAction(AgingActionKind.Fee, percent ? null : value, percent ? value : null)
            : throw Refused(path, $"'{text}' is not an amount (10.00) or a percentage (1.5%) above zero.");
    }

    private static BillingException Refused(string key, string message) => BillingException.Validation("task", "aging/aging-steps", key, message);
}
