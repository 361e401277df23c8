using Billing;
using Billing.EntityFrameworkCore.Sqlite;
using Billing.PluginLoading;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;

namespace Quickstart;

/// <summary>Two months in the life of a telephone company, told in the order in which they happen.</summary>
internal static class Story
{
    public static async Task TellAsync(string database, string callFile)
    {
        var clock = new StoryClock();

        Screen.Chapter("Plugins");
        await using var services = Host(database, clock);
        var billing = services.GetRequiredService<BillingEngine>();
        await billing.InitializeAsync();

        Screen.Chapter($"The calls of {Path.GetFileName(callFile)}");
        var calls = await CallFile.LookAtAsync(services, callFile);

        // They all sign up on the first of the month; the month after their last call begins with the billing day.
        var signUp = calls.First.With(DateAdjusters.StartOfMonth);
        var billingDay = calls.Last.With(DateAdjusters.EndOfMonth).PlusDays(1);
        var calendar = new Calendar(billing, clock, signUp);

        Screen.Chapter($"{signUp:uuuu-MM-dd}  The company opens and {calls.Callers.Count} customers sign up");
        await Company.OpenAsync(billing);
        await Customers.SignUpAsync(billing, calls.Callers);
        await calendar.MoveToAsync(signUp);

        Screen.Chapter($"{billingDay.PlusDays(-1):uuuu-MM-dd}  The exchange delivers its calls");
        await calendar.MoveToAsync(billingDay.PlusDays(-1));
        await calls.ImportAsync(billing);

        Screen.Chapter($"{billingDay:uuuu-MM-dd}  Billing day");
        await calendar.MoveToAsync(billingDay);
        await Customers.ExplainAsync(billing, calls.Callers[0]);

        var late = calls.Callers[^1];
        Screen.Chapter($"{late.Name} does not pay");
        await calendar.MoveToAsync(billingDay.PlusDays(17));
        await LateCustomer.PayByHandAsync(billing, late);
        await calendar.MoveToAsync(billingDay.PlusDays(18));
        await LateCustomer.ShowStateAsync(billing, late);

        Screen.Chapter($"{billingDay.PlusDays(18):uuuu-MM-dd}  The books");
        await Books.ShowAsync(billing, calls.Callers, billingDay.PlusDays(18));
        Screen.Line();
        Screen.Line(calendar.InvoicesMade == 0
            ? "nothing to bill: an earlier run with this database made all of these documents, and none is made twice."
            : $"{calendar.InvoicesMade} invoices made. Run it again with the same database: nothing will be billed twice.");
    }

    /// <summary>The engine with its store, the story's clock, one task of its own, and whatever plugins stand in the folder.</summary>
    private static ServiceProvider Host(string database, IClock clock) => new ServiceCollection()
        .AddSingleton(clock)
        .AddBilling(billing => billing
            .UseSqlite(database)
            .ConfigureTasks(tasks => tasks.AddPlugin("quickstart", new ScreenPlugin()))
            .ConfigureTasks(tasks => Screen.Plugins(tasks.AddPluginsFrom(Path.Combine(AppContext.BaseDirectory, "plugins")))))
        .BuildServiceProvider();
}
