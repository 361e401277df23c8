using System.Text.Json;
using Billing.Processing;
using Billing.Storage;
using Billing.Tasks;

namespace Billing;

/// <summary>Tenants: create, configure.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed class TenantFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal TenantFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Creates a tenant. The context names its id.</summary>
    /// <exception cref="BillingException"><c>duplicate</c>: there is one already; <c>validation</c>: a setting cannot be used.</exception>
    public Task<Tenant> CreateAsync(CommandContext context, string name, TenantSettings? settings = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var wanted = settings ?? new TenantSettings();
        wanted.Validate(context.Tenant.Value);
        return _commands.ExecuteTenantAsync(
            context,
            "tenants.create",
            new { name, settings = wanted },
            _ =>
            {
                var tenant = new Tenant { Id = context.Tenant, Name = name, Settings = wanted, CreatedAt = _core.Clock.GetCurrentInstant(), Version = 1 };
                return Task.FromResult(((IReadOnlyList<RowChange>)[RowChange.Insert(tenant)], tenant));
            },
            cancellationToken);
    }

    /// <summary>The tenant.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<Tenant> GetAsync(TenantId tenant, CancellationToken cancellationToken = default) =>
        await _core.Storage.FindTenantAsync(tenant, cancellationToken).ConfigureAwait(false)
        ?? throw BillingException.NotFound("tenant", tenant.Value);

    /// <summary>Replaces the settings.</summary>
    /// <exception cref="BillingException"><c>validation</c>: a setting cannot be used.</exception>
    public Task<Tenant> UpdateSettingsAsync(CommandContext context, TenantSettings settings, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate(context.Tenant.Value);
        return _commands.ExecuteTenantAsync(
            context,
            "tenants.update-settings",
            settings,
            async token =>
            {
                var tenant = await GetAsync(context.Tenant, token).ConfigureAwait(false);
                var changed = tenant with { Settings = settings, Version = tenant.Version + 1 };
                return ((IReadOnlyList<RowChange>)[RowChange.Update(changed)], changed);
            },
            cancellationToken);
    }

    /// <summary>Replaces the task chains: stages, tasks, order, parameters. Checked strictly; a misspelt parameter is refused with <c>validation</c>.</summary>
    /// <exception cref="BillingException"><c>validation</c> or <c>task-missing</c>, naming stage, task and key; nothing is changed then.</exception>
    public Task<TaskConfiguration> ConfigureTasksAsync(CommandContext context, IReadOnlyList<TaskEntry> entries, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(entries);
        return _commands.ExecuteTenantAsync(
            context,
            "tenants.configure-tasks",
            entries,
            async token =>
            {
                new TaskConfigurationValidator(_core.TaskCatalog).Validate(new TaskConfiguration { Version = 1, Entries = [.. entries] });
                _ = await GetAsync(context.Tenant, token).ConfigureAwait(false);
                var stored = await _core.Storage.FindTaskConfigurationAsync(context.Tenant, token).ConfigureAwait(false);
                var row = new TaskConfigurationRow
                {
                    Tenant = context.Tenant,
                    Entries = JsonSerializer.Serialize(entries, BillingJson.Options),
                    Version = (stored?.Version ?? 0) + 1,
                };
                var change = stored is null ? RowChange.Insert(row) : RowChange.Update(row);
                return ((IReadOnlyList<RowChange>)[change], EngineCore.ReadConfiguration(row));
            },
            cancellationToken);
    }

    /// <summary>The task chains.</summary>
    public async Task<TaskConfiguration> GetTasksAsync(TenantId tenant, CancellationToken cancellationToken = default)
    {
        _ = await GetAsync(tenant, cancellationToken).ConfigureAwait(false);
        var row = await _core.Storage.FindTaskConfigurationAsync(tenant, cancellationToken).ConfigureAwait(false);
        return row is null ? new TaskConfiguration() : EngineCore.ReadConfiguration(row);
    }
}
