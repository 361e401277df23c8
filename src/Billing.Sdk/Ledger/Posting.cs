using NodaTime;

namespace Billing.Ledger;

/// <summary>One journal transaction in the making: entries of one document in one currency. Not thread-safe.</summary>
internal sealed class Posting(string documentKind, string documentId, string currency)
{
    private readonly List<Entry> _entries = [];

    public string DocumentKind { get; } = documentKind;

    public string DocumentId { get; } = documentId;

    public string Currency { get; } = currency;

    public Posting Debit(string account, decimal amount) => Add(account, amount, null, null);

    public Posting Credit(string account, decimal amount) => Add(account, -amount, null, null);

    /// <summary>An entry; positive: debit. Entries of one account and service interval become one; 0 is left out.</summary>
    public Posting Add(string account, decimal amount, LocalDate? serviceFrom, LocalDate? serviceTo)
    {
        for (var i = 0; i < _entries.Count; i++)
        {
            var entry = _entries[i];
            if (entry.Account == account && entry.ServiceFrom == serviceFrom && entry.ServiceTo == serviceTo)
            {
                _entries[i] = entry with { Amount = entry.Amount + amount };
                return this;
            }
        }

        _entries.Add(new Entry(account, amount, serviceFrom, serviceTo));
        return this;
    }

    /// <summary>The entries, which sum to 0.</summary>
    /// <exception cref="InvalidOperationException">They do not: a fault of the engine, never to be written.</exception>
    public IReadOnlyList<Entry> Balanced()
    {
        var sum = _entries.Sum(e => e.Amount);
        return sum == 0m
            ? _entries.FindAll(e => e.Amount != 0m)
            : throw new InvalidOperationException($"Debits and credits of {DocumentKind} '{DocumentId}' differ by {Rounding.Format(sum, 2)} {Currency}.");
    }

    /// <summary>One entry; positive: debit.</summary>
    public sealed record Entry(string Account, decimal Amount, LocalDate? ServiceFrom, LocalDate? ServiceTo);
}
