using Billing.Plugins.AsteriskCdr;
using Billing.Tasks;
using Billing.Usage;
using NodaTime;

namespace Billing.Mediation.Tests;

public class AsteriskCdrMediatorTests
{

    [Fact]
    public async Task An_answered_call_is_one_event_of_its_caller()
    {
        var result = await Cdr.MediateAsync(Cdr.Line(id: "1740822000.1", billsec: "61"));

        var entry = Assert.Single(result.Entries);
        Assert.Equal("555-0101", entry.CustomerId);
        Assert.Equal(
            new UsageEvent
            {
                Id = "1740822000.1",
                Source = "asterisk",
                At = Instant.FromUtc(2026, 3, 1, 10, 0, 5),
                Type = "call",
                Properties = new EquatableMap<string>([new("seconds", "61"), new("minutes", "2"), new("destination", "555-0199"), new("source", "555-0101")]),
            },
            entry.Event);
    }

    [Theory]
    [InlineData("0", 60, "0")]
    [InlineData("1", 60, "1")]
    [InlineData("60", 60, "1")]
    [InlineData("61", 60, "2")]
    [InlineData("61", 1, "61")]
    [InlineData("61", 6, "11")]
    [InlineData("2147483647", 60, "35791395")]
    public async Task A_started_unit_counts_in_full(string seconds, int round, string units)
    {
        var result = await Cdr.MediateAsync(Cdr.Line(billsec: seconds), new AsteriskCdrParameters { Round = round, Property = "units" });

        Assert.Equal(units, result.Entries[0].Event.Properties["units"]);
    }

    [Fact]
    public async Task The_disposition_is_looked_at_before_anything_else()
    {
        var result = await Cdr.MediateAsync(Cdr.Line(disposition: "NO ANSWER", src: "", billsec: "x", answer: ""));

        Assert.Equal(MediationKind.Discarded, result.Kind);
        Assert.Contains("NO ANSWER", result.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("billsec", "invalid-duration", "-5")]
    [InlineData("billsec", "invalid-duration", "")]
    [InlineData("billsec", "invalid-duration", "1e3")]
    [InlineData("billsec", "invalid-duration", "99999999999")]
    [InlineData("answer", "invalid-time", "2026-02-30 10:00:00")]
    [InlineData("answer", "invalid-time", "yesterday")]
    [InlineData("start", "invalid-time", "")]
    [InlineData("src", "missing-customer", "")]
    [InlineData("uniqueid", "invalid-id", "")]
    [InlineData("disposition", "unknown-disposition", "ANSWERD")]
    public async Task A_wrong_value_is_rejected_with_line_and_column(string column, string code, string value)
    {
        var line = column switch
        {
            "billsec" => Cdr.Line(billsec: value),
            "answer" => Cdr.Line(answer: value),
            "start" => Cdr.Line(answer: "", start: value),
            "src" => Cdr.Line(src: value),
            "uniqueid" => Cdr.Line(id: value),
            _ => Cdr.Line(disposition: value),
        };

        var result = (await Cdr.MediateAsync(await Cdr.ReadAsync("\n\n" + line)))[0];

        Assert.Equal((MediationKind.Rejected, code), (result.Kind, result.Code));
        Assert.StartsWith($"line 3, column {column}: '{value}'", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Times_are_those_of_the_exchange_and_the_start_stands_in_for_a_missing_answer()
    {
        var berlin = new AsteriskCdrParameters { TimeZone = "Europe/Berlin" };

        Assert.Equal(Instant.FromUtc(2026, 3, 1, 9, 0, 5), await At(Cdr.Line()));
        Assert.Equal(Instant.FromUtc(2026, 3, 1, 9, 0), await At(Cdr.Line(answer: "")));
        Assert.Equal(Instant.FromUtc(2026, 3, 29, 1, 30), await At(Cdr.Line(answer: "2026-03-29 02:30:00")));
        Assert.Equal(Instant.FromUtc(2026, 10, 25, 0, 30), await At(Cdr.Line(answer: "2026-10-25 02:30:00")));

        async Task<Instant> At(string line) => (await Cdr.MediateAsync(line, berlin)).Entries[0].Event.At;
    }

    [Fact]
    public async Task Customers_can_be_the_accounts_and_can_be_mapped()
    {
        var accounts = new AsteriskCdrParameters { CustomerField = "accountcode", Customers = new Dictionary<string, string> { ["A-1"] = "acme" } };

        Assert.Equal("acme", (await Cdr.MediateAsync(Cdr.Line(account: "A-1"), accounts)).Entries[0].CustomerId);
        Assert.Equal("A-2", (await Cdr.MediateAsync(Cdr.Line(account: "A-2"), accounts)).Entries[0].CustomerId);
    }

    [Fact]
    public async Task Records_of_other_formats_are_left_to_other_mediators()
    {
        var results = await Cdr.MediateAsync([new RawUsageRecord { Position = 1, Raw = "{}", Fields = new Dictionary<string, string> { ["billsec"] = "1" } }]);

        Assert.Equal(MediationKind.NotMine, results[0].Kind);
    }

    [Theory]
    [InlineData("""{ "customerField": "dst" }""", "customerField")]
    [InlineData("""{ "timeZone": "Mars/Base" }""", "timeZone")]
    [InlineData("""{ "round": 0 }""", "round")]
    [InlineData("""{ "property": "seconds" }""", "property")]
    [InlineData("""{ "dispositions": [] }""", "dispositions")]
    [InlineData("""{ "dispositions": ["ANSWERD"] }""", "dispositions")]
    [InlineData("""{ "rounding": 60 }""", "rounding")]
    public void Wrong_parameters_are_named_before_anything_is_read(string parameters, string key)
    {
        using var catalog = new TaskCatalogBuilder().AddStagesOf(typeof(BillingEngine).Assembly).AddPlugin<AsteriskCdrPlugin>().Build();
        var configuration = new TaskConfiguration { Entries = [new TaskEntry { Stage = "mediation", Task = "asterisk-cdr", Parameters = parameters }] };
        var tasks = new TaskResolver(catalog).Resolve(new TenantId("acme"), configuration);

        var error = Assert.Throws<BillingException>(tasks.EnsureComplete);

        Assert.Equal(BillingErrorCodes.Validation, error.Code);
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_parameters_have_defaults_and_the_reader_takes_none()
    {
        using var catalog = new TaskCatalogBuilder().AddStagesOf(typeof(BillingEngine).Assembly).AddPlugin<AsteriskCdrPlugin>().Build();
        var tasks = new TaskResolver(catalog).Resolve(new TenantId("acme"), new TaskConfiguration { Entries = [new TaskEntry { Stage = "mediation", Task = "asterisk-cdr" }] });

        Assert.Equal("asterisk-cdr", Assert.Single(tasks.Chain<IUsageMediator>()).Name);
        Assert.Equal("asterisk-cdr-csv", tasks.RequiredByName<IUsageReader>("asterisk-cdr-csv").Name);
    }

    [Fact]
    public async Task The_sample_file_comes_to_its_stated_figures()
    {
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "data", "cdr.csv"));

        Assert.Equal((Rows: 39, Answered: 25, Seconds: 9595, Discarded: 7, Rejected: 4, Repeated: 3), await Cdr.TotalAsync(file));
    }

    [Fact]
    public async Task A_real_month_of_an_exchange_comes_to_the_figures_of_its_own_report_where_it_is_present()
    {
        if (RealFile() is not { } path)
        {
            return;
        }

        using var file = File.OpenRead(path);

        Assert.Equal((Rows: 218, Answered: 133, Seconds: 38_839, Discarded: 85, Rejected: 0, Repeated: 0), await Cdr.TotalAsync(file));
    }

    /// <summary>The call records are kept beside the repository and read in place.</summary>
    private static string? RealFile()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "shared", "data", "usage", "asterisk_cdr.csv");
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
