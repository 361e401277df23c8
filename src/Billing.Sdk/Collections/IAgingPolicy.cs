using Billing.Tasks;
using NodaTime;

namespace Billing.Collections;

/// <summary>Says what is done about an overdue invoice, and when.</summary>
/// <remarks>One per tenant. Pure and thread-safe: the same request gives the same answer.</remarks>
[TaskStage("aging", TaskChainKind.One)]
public interface IAgingPolicy
{
    /// <summary>The next step of each invoice, in order; <see langword="null"/>: no further step.</summary>
    ValueTask<IReadOnlyList<AgingStep?>> NextStepAsync(IReadOnlyList<AgingRequest> requests, CancellationToken cancellationToken);
}

/// <summary>An open invoice.</summary>
public sealed record AgingRequest
{
    /// <summary>The day on which it is to be paid.</summary>
    public required LocalDate DueDate { get; init; }

    /// <summary>How many steps have been done.</summary>
    public required int StepsDone { get; init; }

    /// <summary>What is open.</summary>
    public required Money AmountDue { get; init; }
}

/// <summary>One step.</summary>
public sealed record AgingStep
{
    /// <summary>Its name, for messages.</summary>
    public required string Name { get; init; }

    /// <summary>Calendar days after the due date, 0 for the due date itself.</summary>
    public required int DaysAfterDue { get; init; }

    /// <summary>What is done, in order.</summary>
    public required IReadOnlyList<AgingAction> Actions { get; init; }
}

/// <summary>What a step can do.</summary>
public enum AgingActionKind
{
    /// <summary>Remind the customer.</summary>
    Notify,

    /// <summary>Charge a fee on an invoice of its own.</summary>
    Fee,

    /// <summary>Try to collect again.</summary>
    Retry,

    /// <summary>Suspend the invoice's subscriptions until nothing is overdue.</summary>
    Suspend,

    /// <summary>Cancel them; nothing is given back.</summary>
    Cancel,

    /// <summary>Give the invoice up as bad debt.</summary>
    WriteOff,
}

/// <summary>One action of a step.</summary>
/// <param name="Kind">What.</param>
/// <param name="Amount">Fee: a fixed amount in the invoice's currency.</param>
/// <param name="Percent">Fee: percent of the invoice's open amount.</param>
public sealed record AgingAction(AgingActionKind Kind, decimal? Amount = null, decimal? Percent = null);
