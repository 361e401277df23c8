using Billing.Invoicing;
using Billing.Payments;
using Billing.Tasks;
using Billing.Tax;
using NodaTime;

namespace Billing.MoneyTests;

public sealed class PluginTests
{
    [Theory]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"code":"vat","percent":"20","inclusive":true,"country":"DE","region":"BY","products":["a"],"from":"2024-01-01","until":"2025-01-01"}]}""", null)]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"code":"vat","percent":8.25}]}""", null)]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"code":"vat","percent":"1e1"}]}""", "rates[0].percent")]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"code":"vat","percent":-1}]}""", "rates[0].percent")]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"code":"vat","percent":1,"form":"2024-01-01"}]}""", "rates[0].form")]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"code":"vat","percent":1,"from":"yesterday"}]}""", "rates[0].from")]
    [InlineData("tax", "flat-rate-tax", """{"rates":[{"percent":1}]}""", "rates[0].code")]
    [InlineData("payment-retry", "fixed-schedule", """{"days":[3,5,7]}""", null)]
    [InlineData("payment-retry", "fixed-schedule", """{"days":[3],"then":"explode"}""", "then")]
    [InlineData("payment-retry", "fixed-schedule", """{"days":[0]}""", "days[0]")]
    [InlineData("payment-retry", "fixed-schedule", """{"then":"none"}""", "days")]
    [InlineData("aging", "aging-steps", """{"steps":[{"days":5,"name":"a","actions":["notify","fee:10.00","fee:1.5%","suspend","cancel","writeOff","retry"]}]}""", null)]
    [InlineData("aging", "aging-steps", """{"steps":[{"days":5,"actions":["fee:ten"]}]}""", "steps[0].actions[0]")]
    [InlineData("aging", "aging-steps", """{"steps":[{"days":5,"actions":["dance"]}]}""", "steps[0].actions[0]")]
    [InlineData("aging", "aging-steps", """{"steps":[{"days":5,"actions":[]},{"days":4,"actions":[]}]}""", "steps[1].days")]
    [InlineData("gateway", "test-gateway", """{"stateFile":"x"}""", null)]
    [InlineData("notification", "file", """{}""", "path")]
    public async Task Parameters_are_strict(string stage, string task, string parameters, string? wrong)
    {
        await using var house = await House.BuildAsync();
        var error = Record.Exception(() => new TaskConfigurationValidator(house.Engine.Core.TaskCatalog).Validate(new TaskConfiguration { Entries = [House.Task(stage, task, parameters)] }));
        error ??= Record.Exception(() => house.Engine.Core.TaskCatalog.Find(stage, task)!.Create(new NoServices(), parameters));
        Assert.Equal(wrong, (error as BillingException)?.Key);
    }

    [Fact]
    public async Task Rates_that_fit_add_up()
    {
        await using var house = await House.BuildAsync(null, House.Task("tax", "flat-rate-tax", """
            {"rates":[{"code":"gst","percent":"5","country":"CA"},{"code":"qst","percent":"9.975","country":"CA","region":"QC"},{"code":"book","percent":"1","products":["book"]},
            {"code":"old","percent":"2","until":"2024-01-01"},{"code":"new","percent":"3","from":"2024-01-01"}]}
            """));
        var tenant = await house.Engine.Core.OpenAsync(House.Tenant, default);
        var calculator = tenant.Tasks.Chain<ITaxCalculator>()[0].Instance;
        async Task<string> CodesAsync(string? country, string? region, string? product, LocalDate date)
        {
            var request = new TaxRequest { Tenant = House.Tenant, CustomerId = "c", Country = country, Region = region, Currency = "USD", Date = date, Lines = [new TaxableLine { Type = InvoiceLineType.OneTime, TaxCode = product, Charge = "other", Amount = 1m }] };
            return string.Join(",", (await calculator.CalculateAsync([request], default))[0].Lines[0].Select(r => r.Code));
        }

        Assert.Equal("gst,qst,new", await CodesAsync("CA", "QC", null, new LocalDate(2024, 1, 1)));
        Assert.Equal("gst,book,old", await CodesAsync("CA", "ON", "book", new LocalDate(2023, 12, 31)));
        Assert.Equal("new", await CodesAsync(null, null, "Book", new LocalDate(2024, 6, 1)));
    }

    [Fact]
    public async Task A_second_process_sees_what_the_test_gateway_did()
    {
        var file = Path.Combine(Path.GetTempPath(), $"gateway-{Guid.NewGuid():N}.jsonl");
        try
        {
            var task = House.Task("gateway", "test-gateway", $$"""{"stateFile":"{{file}}"}""");
            await using var one = await House.BuildAsync(null, task);
            await using var two = await House.BuildAsync(null, task);
            foreach (var house in new[] { one, two })
            {
                await house.AddCustomerAsync("acme", "decline:x|succeed");
                await house.IssueAsync("acme", 20m);
            }

            await one.CollectAsync();
            await two.CollectAsync();
            Assert.Equal((PaymentState.Failed, PaymentState.Succeeded), ((await one.PaymentAsync()).State, (await two.PaymentAsync()).State));
            await two.Engine.Payments.RefundAsync(House.Tenant, new RefundRequest { PaymentId = (await two.PaymentAsync()).Id, Amount = 5m });
            Assert.Equal(3, File.ReadAllLines(file).Length);
            await using var three = await House.BuildAsync(null, task);
            var gateway = (await three.Engine.Core.OpenAsync(House.Tenant, default)).Tasks.Chain<IPaymentGateway>()[0].Instance;
            var key = (await two.ReadAsync()).Attempts[0].Key;
            var outcome = (await gateway.QueryAsync([new GatewayQuery { Tenant = House.Tenant, Key = key, At = three.Now }], default))[0];
            Assert.Equal((GatewayOutcomeKind.Succeeded, 15m), (outcome.Kind, outcome.NetAmount));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task The_file_notifier_writes_a_line_per_message()
    {
        var file = Path.Combine(Path.GetTempPath(), $"notes-{Guid.NewGuid():N}.jsonl");
        try
        {
            await using var house = await House.BuildAsync(null, House.Task("notification", "file", $$"""{"path":"{{file}}"}"""));
            await house.AddCustomerAsync("acme", "succeed");
            await house.IssueAsync("acme", 20m);
            await house.CollectAsync();
            await house.Engine.Runs.DispatchAsync(House.Tenant);
            var lines = File.ReadAllLines(file);
            Assert.Equal(2, lines.Length);
            Assert.Contains("\"name\":\"invoice.issued\",\"customer\":\"acme\",\"customerName\":\"Name of acme\",\"email\":\"acme@example.com\"", lines[0], StringComparison.Ordinal);
            Assert.Contains("\"number\":\"INV-000001\"", lines[0], StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
