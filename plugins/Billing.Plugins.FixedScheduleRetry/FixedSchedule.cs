using Billing.Payments;
using NodaTime;

namespace Billing.Plugins.FixedScheduleRetry;

/// <summary>Retries at the local time of the attempt before, so many days after it. A payment that was declined for good is not tried again. Thread-safe.</summary>
internal sealed class FixedSchedule : IPaymentRetryPolicy
{
    private readonly IReadOnlyList<int> _days;
    private readonly RetryExhausted _then;

    public FixedSchedule(FixedScheduleParameters parameters)
    {
        for (var i = 0; i < parameters.Days.Count; i++)
        {
            if (parameters.Days[i] is < 1 or > 366)
            {
                throw Refused($"days[{i}]", "A retry comes 1 to 366 days after the attempt before it.");
            }
        }

        _days = parameters.Days;
        _then = parameters.Then switch
        {
            "none" => RetryExhausted.None,
            "cancel" => RetryExhausted.Cancel,
            "pause" => RetryExhausted.Pause,
            "uncollectible" => RetryExhausted.Uncollectible,
            var other => throw Refused("then", $"'{other}' is not none, cancel, pause or uncollectible."),
        };
    }

    public ValueTask<IReadOnlyList<RetryDecision?>> DecideAsync(IReadOnlyList<RetryRequest> requests, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<RetryDecision?>>([.. requests.Select(Decide)]);

    private RetryDecision Decide(RetryRequest request)
    {
        var retry = request.Payment.Attempts - 1;
        return request.LastAttempt.State == AttemptState.HardDeclined || retry >= _days.Count
            ? new RetryDecision(null, _then)
            : new RetryDecision(request.LastAttempt.StartedAt.InZone(request.TimeZone).LocalDateTime.PlusDays(_days[retry]).InZoneLeniently(request.TimeZone).ToInstant(), _then);
    }

    private static BillingException Refused(string key, string message) => BillingException.Validation("task", "payment-retry/fixed-schedule", key, message);
}
