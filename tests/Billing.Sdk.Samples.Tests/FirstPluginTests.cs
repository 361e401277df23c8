using Billing.Invoicing;
using Billing.Payments;
using Billing.PluginLoading;
using Billing.Tasks;
using Billing.Tax;
using Billing.Usage;
using NodaTime;

namespace Billing.Samples.Tests;

public sealed class FirstPluginTests : IDisposable
{
    private static readonly TenantId Tenant = new("shop");

    private readonly ScratchFolder _scratch = new();

    [Theory]
    [InlineData("samples/FirstPlugin.Gateway/LimitGateway.cs", 39)]
    [InlineData("samples/FirstPlugin.Tax/CaliforniaTax.cs", 24)]
    public void A_first_plugin_is_short(string file, int lines) => Assert.InRange(Samples.Text(file).TrimEnd('\n').Split('\n').Length, 1, lines);

    [Fact]
    public void Each_carries_only_itself()
    {
        foreach (var plugin in new[] { "FirstPlugin.Gateway", "FirstPlugin.Tax", "FirstPlugin.Usage" })
        {
            Assert.Equal([$"{plugin}.dll"], Directory.EnumerateFiles(Samples.Output(plugin), "*.dll").Select(Path.GetFileName));
        }
    }

    [Fact]
    public async Task The_gateway_charges_up_to_its_limit_and_once_per_key()
    {
        using var catalog = Load("FirstPlugin.Gateway");
        var gateway = Assert.Single(Tasks(catalog, new TaskEntry { Stage = "gateway", Task = "first-gateway/limit", Parameters = """{ "limit": "50.00" }""" }).Chain<IPaymentGateway>()).Instance;

        var outcomes = await gateway.ChargeAsync([Charge("a", 50m), Charge("b", 50.01m), Charge("b", 1m)], CancellationToken.None);
        var queried = await gateway.QueryAsync([Query("a"), Query("b"), Query("c")], CancellationToken.None);

        Assert.Equal([GatewayOutcomeKind.Succeeded, GatewayOutcomeKind.Declined, GatewayOutcomeKind.Declined], outcomes.Select(o => o.Kind));
        Assert.Equal([GatewayOutcomeKind.Succeeded, GatewayOutcomeKind.Declined, GatewayOutcomeKind.NotCharged], queried.Select(o => o.Kind));
    }

    [Fact]
    public void The_gateway_needs_its_limit()
    {
        using var catalog = Load("FirstPlugin.Gateway");

        var error = Assert.Throws<BillingException>(Tasks(catalog, new TaskEntry { Stage = "gateway", Task = "first-gateway/limit" }).EnsureComplete);

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Contains("limit", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("US", "CA", 1)]
    [InlineData("US", "NV", 0)]
    [InlineData("ES", "CA", 0)]
    public async Task The_tax_rule_answers_each_line(string country, string region, int rates)
    {
        using var catalog = Load("FirstPlugin.Tax");
        var tax = Assert.Single(Tasks(catalog, new TaskEntry { Stage = "tax", Task = "first-tax/california" }).Chain<ITaxCalculator>()).Instance;
        var line = new TaxableLine { Type = InvoiceLineType.Recurring, Amount = 20m };

        var result = await tax.CalculateAsync(
            [new TaxRequest { Tenant = Tenant, CustomerId = "jane", Country = country, Region = region, Currency = "USD", Date = new LocalDate(2026, 3, 1), Lines = [line, line] }],
            CancellationToken.None);

        Assert.Equal([rates, rates], result[0].Lines.Select(l => l.Count));
    }

    [Fact]
    public async Task The_reader_and_the_mediator_make_usage_of_lines()
    {
        using var catalog = Load("FirstPlugin.Usage");
        var tasks = Tasks(catalog, new TaskEntry { Stage = "mediation", Task = "first-usage/sensors" });
        var reader = tasks.RequiredByName<IUsageReader>("first-usage/sensor-lines").Instance;
        var mediator = Assert.Single(tasks.Chain<IUsageMediator>()).Instance;
        using var input = new MemoryStream("1;jane;2026-03-01T09:30:00Z;1.25\nbroken\n2;jane;2026-03-01T09:45:00Z;0\n3;jane;now;1\n"u8.ToArray());
        var records = new List<RawUsageRecord>();
        await foreach (var record in reader.ReadAsync(input, "sensors.txt", CancellationToken.None))
        {
            records.Add(record);
        }

        var results = await mediator.MediateAsync(records, CancellationToken.None);

        Assert.Equal([null, "1 fields in place of 4.", null, null], records.Select(r => r.Error));
        Assert.Equal([MediationKind.Events, MediationKind.NotMine, MediationKind.Discarded, MediationKind.Rejected], results.Select(r => r.Kind));
        Assert.Equal(("jane", "1.25"), (results[0].Entries[0].CustomerId, results[0].Entries[0].Event.Properties["kwh"]));
    }

    public void Dispose() => _scratch.Dispose();

    /// <summary>Loads a plugin as an operator would: its build output, dropped into a folder of the plugin folder.</summary>
    private TaskCatalog Load(string plugin)
    {
        _scratch.Copy(Samples.Output(plugin), Path.Combine("plugins", plugin));
        var builder = new TaskCatalogBuilder().AddStagesOf(typeof(BillingEngine).Assembly);
        var report = builder.AddPluginsFrom(_scratch["plugins"]);
        Assert.False(report.IsDegraded, report.ToString());
        return builder.Build();
    }

    private static TenantTasks Tasks(TaskCatalog catalog, params TaskEntry[] entries) => new TaskResolver(catalog).Resolve(Tenant, new TaskConfiguration { Entries = [.. entries] });

    private static GatewayCharge Charge(string key, decimal amount) =>
        new() { Tenant = Tenant, Key = key, CustomerId = "jane", MethodType = "card", Token = "t", Amount = new Money(amount, "USD"), At = Instant.FromUtc(2026, 3, 1, 0, 0) };

    private static GatewayQuery Query(string key) => new() { Tenant = Tenant, Key = key, At = Instant.FromUtc(2026, 3, 1, 0, 0) };
}
