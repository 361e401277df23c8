namespace Billing.Hosting;

/// <summary>Names of the runs that the packages bring.</summary>
public static class ScheduledRuns
{
    /// <summary>Makes invoices: a durable run up to the scheduled moment. Runs that were left unfinished are gone on with first.</summary>
    public const string Bill = "bill";

    /// <summary>Charges, retries, questions to gateways.</summary>
    public const string Collect = "collect";

    /// <summary>Aging steps: reminders, fees, suspensions.</summary>
    public const string Age = "age";

    /// <summary>Lets credits expire.</summary>
    public const string ExpireCredits = "expire-credits";

    /// <summary>Delivers messages.</summary>
    public const string Dispatch = "dispatch";

    /// <summary>Drops raw usage events that are older than <see cref="RunScheduleOptions.UsageRetention"/>; their rollups stay.</summary>
    public const string DropUsage = "drop-usage";
}
