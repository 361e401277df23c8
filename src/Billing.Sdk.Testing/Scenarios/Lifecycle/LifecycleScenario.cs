using System.Text.Json;
using Billing.Catalog;
using Billing.Tasks;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>A scenario of kind <c>lifecycle</c>, read whole and strictly: settings, tasks, catalog, timeline.</summary>
/// <remarks>Immutable; it can be run any number of times.</remarks>
public sealed class LifecycleScenario
{
    private LifecycleScenario()
    {
    }

    /// <summary>The name, or the file's when it has none.</summary>
    public required string Name { get; init; }

    /// <summary>How the tenant bills.</summary>
    public required TenantSettings Settings { get; init; }

    /// <summary>The tenant's tasks, as the file gives them.</summary>
    public required IReadOnlyList<TaskEntry> Tasks { get; init; }

    /// <summary>What is for sale when the timeline begins.</summary>
    public required CatalogDefinition Catalog { get; init; }

    /// <summary>How many steps the timeline has.</summary>
    public int StepCount => Timeline.Count;

    internal DateTimeZone Zone { get; private init; } = DateTimeZone.Utc;

    internal IReadOnlyList<LifecycleStep> Timeline { get; private init; } = [];

    /// <summary>A scenario without steps: what invariants know of a history that no file tells.</summary>
    internal static LifecycleScenario Named(string name) => new() { Name = name, Settings = new TenantSettings(), Tasks = [], Catalog = CatalogDefinition.Empty };

    /// <summary>Reads a scenario.</summary>
    /// <param name="root">The file's root object.</param>
    /// <param name="file">How messages name the file.</param>
    /// <exception cref="BillingException">With code <c>validation</c>: it is not in the format; the path of the key is named.</exception>
    public static LifecycleScenario Read(JsonElement root, string file)
    {
        var fields = new JsonFields(root, "");
        if (fields.Text("kind") != "lifecycle")
        {
            throw JsonFields.Error("kind", $"'{fields.Text("kind")}' is not lifecycle.");
        }

        var name = ScenarioJson.ReadDescription(fields) ?? Path.GetFileNameWithoutExtension(file);
        var settings = fields.OptionalFields("settings") is { } given ? ReadSettings(given) : new TenantSettings();
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(settings.TimeZone)
            ?? throw JsonFields.Error("settings.timeZone", $"'{settings.TimeZone}' is no IANA time zone.");
        var scenario = new LifecycleScenario
        {
            Name = name,
            Settings = settings,
            Zone = zone,
            Tasks = [.. fields.Items("tasks").Select(i => ReadTask(i.Value, i.Path))],
            Catalog = fields.Optional("catalog") is { } catalog ? CatalogJson.Read(catalog, "catalog") : CatalogDefinition.Empty,
            Timeline = ReadTimeline(fields, zone),
        };
        fields.End();
        return scenario;
    }

    private static TenantSettings ReadSettings(JsonFields fields)
    {
        var byDefault = new TenantSettings();
        var settings = new TenantSettings
        {
            Currency = fields.OptionalText("currency") ?? byDefault.Currency,
            TimeZone = fields.OptionalText("timeZone") ?? byDefault.TimeZone,
            ProrationBasis = fields.OptionalWord<ProrationBasis>("prorationBasis") ?? byDefault.ProrationBasis,
            RoundingMode = fields.OptionalWord<RoundingMode>("roundingMode") ?? byDefault.RoundingMode,
            RoundingUnit = fields.OptionalWord<RoundingUnit>("roundingUnit") ?? byDefault.RoundingUnit,
            TaxRoundingUnit = fields.OptionalWord<RoundingUnit>("taxRoundingUnit") ?? byDefault.TaxRoundingUnit,
            BillingTime = fields.OptionalWord<BillingTime>("billingTime") ?? byDefault.BillingTime,
            AccountAlignment = fields.Flag("accountAlignment", byDefault.AccountAlignment),
            UnusedTimeCredit = fields.OptionalWord<UnusedTimeCredit>("unusedTimeCredit") ?? byDefault.UnusedTimeCredit,
            ZeroInvoices = fields.OptionalWord<ZeroInvoices>("zeroInvoices") ?? byDefault.ZeroInvoices,
            CombineInvoices = fields.Flag("combineInvoices", byDefault.CombineInvoices),
            PaymentTermDays = fields.OptionalInteger("paymentTermDays") ?? byDefault.PaymentTermDays,
            GracePeriodDays = fields.OptionalInteger("gracePeriodDays") ?? byDefault.GracePeriodDays,
            AutoCollect = fields.Flag("autoCollect", byDefault.AutoCollect),
            TrialUsageBilled = fields.Flag("trialUsageBilled", byDefault.TrialUsageBilled),
        };
        fields.End();
        return settings;
    }

    private static TaskEntry ReadTask(JsonElement element, string path)
    {
        var fields = new JsonFields(element, path);
        var task = new TaskEntry
        {
            Stage = fields.Text("stage"),
            Task = fields.Text("task"),
            Order = fields.OptionalInteger("order") ?? 0,
            Parameters = fields.Optional("parameters")?.GetRawText(),
        };
        fields.End();
        return task;
    }

    private static List<LifecycleStep> ReadTimeline(JsonFields fields, DateTimeZone zone)
    {
        var steps = new List<LifecycleStep>();
        foreach (var (element, path) in fields.RequiredItems("timeline"))
        {
            var step = LifecycleStep.Read(element, path, zone);
            if (steps.Count > 0 && step.At < steps[^1].At)
            {
                throw JsonFields.Error($"{path}.at", $"{step.At} is before the step above it: time never goes back.");
            }

            steps.Add(step);
        }

        return steps;
    }
}
