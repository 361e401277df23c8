using System.Text;

namespace Billing.Plugins.AsteriskCdr;

/// <summary>How far a text could be cut into fields.</summary>
internal enum CsvState
{
    /// <summary>All of it.</summary>
    Complete,

    /// <summary>A quoted field is still open at its end: it may go on in the next line.</summary>
    Open,

    /// <summary>It breaks the rules of RFC 4180.</summary>
    Broken,
}

/// <summary>Cuts a text into fields as RFC 4180 says: fields in quotes may hold commas, line ends and doubled quotes.</summary>
internal static class CsvFields
{
    /// <param name="text">One record.</param>
    /// <param name="fields">Takes the fields.</param>
    /// <param name="error">Broken: why.</param>
    public static CsvState Split(string text, List<string> fields, out string? error)
    {
        fields.Clear();
        error = null;
        var at = 0;
        while (true)
        {
            if (at < text.Length && text[at] == '"')
            {
                if (!Quoted(text, ref at, out var field))
                {
                    return CsvState.Open;
                }

                fields.Add(field);
            }
            else
            {
                var comma = text.IndexOf(',', at);
                var end = comma < 0 ? text.Length : comma;
                if (text.AsSpan(at, end - at).Contains('"'))
                {
                    error = $"Field {fields.Count + 1} has a quote, but does not begin with one.";
                    return CsvState.Broken;
                }

                fields.Add(text[at..end]);
                at = end;
            }

            if (at == text.Length)
            {
                return CsvState.Complete;
            }

            if (text[at] != ',')
            {
                error = $"Field {fields.Count} goes on behind its closing quote.";
                return CsvState.Broken;
            }

            at++;
        }
    }

    // Leaves the position behind the closing quote; false: there is none.
    private static bool Quoted(string text, ref int at, out string field)
    {
        var value = new StringBuilder();
        for (var i = at + 1; ; i++)
        {
            var quote = text.IndexOf('"', i);
            if (quote < 0)
            {
                field = "";
                return false;
            }

            value.Append(text, i, quote - i);
            i = quote + 1;
            if (i == text.Length || text[i] != '"')
            {
                at = i;
                field = value.ToString();
                return true;
            }

            value.Append('"');
        }
    }
}
