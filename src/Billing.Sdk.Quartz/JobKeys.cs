using System.Globalization;
using Billing.Hosting;
using Quartz;

namespace Billing.Quartz;

/// <summary>How runs and shards are named in Quartz's tables.</summary>
internal static class JobKeys
{
    /// <summary>Jobs of scheduled runs: <c>tenant/run</c>.</summary>
    public const string Runs = "billing.runs";

    /// <summary>Jobs of shards: <c>tenant/run id/number</c>.</summary>
    public const string Shards = "billing.shards";

    public const string Tenant = "tenant";
    public const string Run = "run";
    public const string Shard = "shard";

    public static JobKey OfRun(TenantId tenant, string run) => new($"{tenant.Value}/{run}", Runs);

    public static JobKey OfShard(TenantId tenant, Guid run, int shard) => new($"{tenant.Value}/{run:N}/{shard.ToString(CultureInfo.InvariantCulture)}", Shards);

    public static TenantId TenantOf(JobDataMap data) => new(Text(data, Tenant));

    public static string Text(JobDataMap data, string key) =>
        data.TryGetValue(key, out var value) && value is string text ? text : throw new InvalidOperationException($"The job's data has no '{key}'.");
}
