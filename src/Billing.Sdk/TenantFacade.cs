using Billing.Processing;
using Billing.Tasks;

namespace Billing;

/// <summary>Tenants: create, configure.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed partial class TenantFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal TenantFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Creates a tenant. The context names its id.</summary>
    public Task<Tenant> CreateAsync(CommandContext context, string name, TenantSettings? settings = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The tenant.</summary>
    public Task<Tenant> GetAsync(TenantId tenant, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Replaces the settings.</summary>
    public Task<Tenant> UpdateSettingsAsync(CommandContext context, TenantSettings settings, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Replaces the task chains: stages, tasks, order, parameters. Checked strictly; a misspelt parameter is refused with <c>validation</c>.</summary>
    public Task<TaskConfiguration> ConfigureTasksAsync(CommandContext context, IReadOnlyList<TaskEntry> entries, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The task chains.</summary>
    public Task<TaskConfiguration> GetTasksAsync(TenantId tenant, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
