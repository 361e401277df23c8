using System.Globalization;

namespace Billing.Benchmarks;

/// <summary>What is measured and how large: the command line.</summary>
internal sealed record Settings
{
    /// <summary><c>memory</c>, <c>sqlite</c> or <c>postgresql</c>.</summary>
    public string Store { get; init; } = "sqlite";

    /// <summary>How many customers, each with one subscription. Default 10,000.</summary>
    public int Customers { get; init; } = 10_000;

    /// <summary>Usage events per customer and month. Default 100.</summary>
    public int EventsEach { get; init; } = 100;

    /// <summary>Events of one call to record usage. Default 10,000.</summary>
    public int BatchSize { get; init; } = 10_000;

    /// <summary>How many batches are timed in each repetition. Default 10.</summary>
    public int Batches { get; init; } = 10;

    /// <summary>Repetitions; what is printed is their median. Default 3.</summary>
    public int Repetitions { get; init; } = 3;

    /// <summary>Single durable events that are timed in each repetition. Default 200.</summary>
    public int SingleEvents { get; init; } = 200;

    /// <summary>Accounts that the ordinary Entity Framework Core loop bills. Default 300.</summary>
    public int LoopAccounts { get; init; } = 300;

    /// <summary>Months of invoices of an old account. Default 120.</summary>
    public int HistoryMonths { get; init; } = 120;

    /// <summary>Accounts with and without history. Default 200.</summary>
    public int HistoryAccounts { get; init; } = 200;

    /// <summary>Seconds that a pure row runs at least in each repetition. Default 0.5.</summary>
    public double PureSeconds { get; init; } = 0.5;

    /// <summary>Months that a fresh process bills before it is timed, on a small database of its own. Default 3.</summary>
    public int WarmUpMonths { get; init; } = 3;

    /// <summary>PostgreSQL: whether the tables show a transaction the rows of one tenant only. Default false.</summary>
    public bool RowSecurity { get; init; }

    /// <summary>Rows to measure; empty: all that apply to the store.</summary>
    public IReadOnlySet<string> Only { get; init; } = new HashSet<string>();

    /// <summary>Folder for databases; it is removed at the end.</summary>
    public string Folder { get; init; } = "";

    /// <summary>Sizes at which every row runs within seconds, to see that it still runs; its figures mean nothing.</summary>
    public static Settings Tiny { get; } = new()
    {
        Customers = 30,
        EventsEach = 4,
        BatchSize = 20,
        Batches = 2,
        Repetitions = 1,
        SingleEvents = 5,
        LoopAccounts = 5,
        HistoryMonths = 3,
        HistoryAccounts = 3,
        PureSeconds = 0.01,
        WarmUpMonths = 1,
    };

    public bool Wants(params string[] rows) => Only.Count == 0 || Array.Exists(rows, Only.Contains);

    /// <summary>Reads options over defaults.</summary>
    /// <exception cref="ArgumentException">An option is unknown or misses its value.</exception>
    public static Settings Parse(IReadOnlyList<string> arguments, Settings defaults)
    {
        var settings = defaults;
        for (var i = 0; i < arguments.Count; i += 2)
        {
            var value = i + 1 < arguments.Count ? arguments[i + 1] : throw new ArgumentException($"{arguments[i]} needs a value.");
            settings = arguments[i] switch
            {
                "--store" when value is "memory" or "sqlite" or "postgresql" => settings with { Store = value },
                "--customers" => settings with { Customers = Number(value) },
                "--events" => settings with { EventsEach = Number(value) },
                "--batch" => settings with { BatchSize = Number(value) },
                "--batches" => settings with { Batches = Number(value) },
                "--repetitions" => settings with { Repetitions = Number(value) },
                "--history-accounts" => settings with { HistoryAccounts = Number(value) },
                "--warm-up" => settings with { WarmUpMonths = Number(value) },
                "--row-security" when value is "on" or "off" => settings with { RowSecurity = value == "on" },
                "--only" => settings with { Only = value.Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal) },
                "--folder" => settings with { Folder = value },
                _ => throw new ArgumentException($"{arguments[i]} {value} is no option."),
            };
        }

        return settings;
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : throw new ArgumentException($"'{text}' is no number above zero.");
}
