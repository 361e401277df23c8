namespace Billing.Tasks;

/// <summary>How many tasks of a stage take part.</summary>
public enum TaskChainKind
{
    /// <summary>All configured tasks, in order.</summary>
    All,

    /// <summary>In order, until one answers.</summary>
    First,

    /// <summary>Exactly one per tenant.</summary>
    One,

    /// <summary>Chosen by name where it is used (in a price, a meter, a feed, a payment method).</summary>
    ByName,
}

/// <summary>Marks an interface as a stage of the lifecycle that tasks can be plugged into, and names the stage as configurations do.</summary>
/// <remarks>The interface belongs to its feature; the machinery of tasks knows only this mark.</remarks>
[AttributeUsage(AttributeTargets.Interface, Inherited = false)]
public sealed class TaskStageAttribute : Attribute
{
    /// <summary>Names a stage.</summary>
    /// <param name="name">The stage's name in configurations (<c>tax</c>, <c>payment-retry</c>).</param>
    /// <param name="chain">How many of its tasks take part.</param>
    public TaskStageAttribute(string name, TaskChainKind chain)
    {
        Name = name;
        Chain = chain;
    }

    /// <summary>The stage's name in configurations.</summary>
    public string Name { get; }

    /// <summary>How many of its tasks take part.</summary>
    public TaskChainKind Chain { get; }

    /// <summary>Whether a failure sends the item to quarantine (mediation to tax), or is only logged (notification, events).</summary>
    public bool Critical { get; init; } = true;
}
