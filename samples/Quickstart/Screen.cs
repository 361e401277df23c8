using System.Globalization;
using Billing.Invoicing;
using Billing.PluginLoading;

namespace Quickstart;

/// <summary>How the story looks.</summary>
internal static class Screen
{
    private const int InvoicesInFull = 6;

    public static void Chapter(string title)
    {
        Line();
        Line($"== {title}");
    }

    public static void Line(FormattableString? text = null) => Console.WriteLine(text?.ToString(CultureInfo.InvariantCulture));

    public static void Line(string text) => Console.WriteLine(text);

    public static string Dollars(decimal amount) => (amount < 0m ? "-$" : "$") + Math.Abs(amount).ToString("0.00", CultureInfo.InvariantCulture);

    public static void Plugins(PluginLoadReport report)
    {
        foreach (var entry in report.Entries)
        {
            Line(entry.IsLoaded
                ? $"  loaded   {entry.Plugin} {entry.Version}: {string.Join(", ", entry.Tasks)}"
                : $"  refused  {entry.Plugin ?? Path.GetFileName(entry.Folder)}: {entry.Refusal}: {entry.Detail}");
        }
    }

    /// <summary>One line that counts up; where the output is a file, only its end.</summary>
    public static void Progress(string what, int done, int all)
    {
        if (!Console.IsOutputRedirected)
        {
            Console.Write($"\r  {done} of {all} {what}");
        }

        if (done == all)
        {
            Console.WriteLine(Console.IsOutputRedirected ? $"  {done} of {all} {what}" : "");
        }
    }

    /// <summary>An invoice of several: the first ones with their lines, then only how many more there are.</summary>
    public static void Invoice(InvoiceDocument document, int index, int count)
    {
        var invoice = document.Invoice;
        if (index < InvoicesInFull)
        {
            Line($"    invoice {invoice.Number}  {invoice.PayerId}  {invoice.Date:uuuu-MM-dd}  {Dollars(invoice.Total)}  {invoice.Status.ToString().ToLowerInvariant()}");
            foreach (var line in document.Lines)
            {
                var time = line is { FromDate: { } from, ToDate: { } to } ? FormattableString.Invariant($"{from:uuuu-MM-dd} to {to:uuuu-MM-dd}") : "";
                Line($"        {line.Description,-24} {time,-24} {line.Quantity,8:0.##} {Dollars(line.Amount),10}");
            }
        }
        else if (index == count - 1)
        {
            Line($"    … and {count - InvoicesInFull} more");
        }
    }
}
