using System.Reflection;

namespace Billing.Tasks;

/// <summary>A stage as its interface's <see cref="TaskStageAttribute"/> describes it. Immutable.</summary>
public sealed record TaskStage
{
    private TaskStage(Type contract, TaskStageAttribute mark)
    {
        Contract = contract;
        Name = mark.Name;
        Chain = mark.Chain;
        Critical = mark.Critical;
    }

    /// <summary>The stage's name in configurations.</summary>
    public string Name { get; }

    /// <summary>The interface that its tasks implement.</summary>
    public Type Contract { get; }

    /// <summary>How many of its tasks take part.</summary>
    public TaskChainKind Chain { get; }

    /// <summary>Whether a failure sends the item to quarantine, or is only logged.</summary>
    public bool Critical { get; }

    /// <summary>The stage of an interface.</summary>
    /// <exception cref="BillingException">With code <c>validation</c>, when the type is not an interface with <see cref="TaskStageAttribute"/>.</exception>
    public static TaskStage Of(Type contract)
    {
        ArgumentNullException.ThrowIfNull(contract);
        return contract.GetCustomAttribute<TaskStageAttribute>(inherit: false) is { } mark
            ? new TaskStage(contract, mark)
            : throw BillingException.Validation("stage", contract.FullName ?? contract.Name, "interface", "A stage is an interface marked with [TaskStage]; register the task for that interface.");
    }
}
