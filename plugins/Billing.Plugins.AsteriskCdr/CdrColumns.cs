namespace Billing.Plugins.AsteriskCdr;

/// <summary>The columns of Asterisk's Master.csv, in order, as Asterisk names them.</summary>
internal static class CdrColumns
{
    public const string AccountCode = "accountcode";
    public const string Source = "src";
    public const string Destination = "dst";
    public const string Start = "start";
    public const string Answer = "answer";
    public const string BilledSeconds = "billsec";
    public const string Disposition = "disposition";
    public const string UniqueId = "uniqueid";

    public static readonly string[] All =
    [
        AccountCode, Source, Destination, "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata",
        Start, Answer, "end", "duration", BilledSeconds, Disposition, "amaflags", UniqueId, "userfield",
    ];
}
