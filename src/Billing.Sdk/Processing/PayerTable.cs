using System.Collections.Immutable;
using Billing.Credits;
using Billing.Customers;
using Billing.Discounts;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Notifications;
using Billing.Payments;
using Billing.Storage;
using Billing.Subscriptions;

namespace Billing.Processing;

/// <summary>
/// One payer's rows of one type in a work: those of the snapshot, with what was changed since. What a reader got stays as it was when the rows change while it goes through them. Not thread-safe.
/// </summary>
internal sealed class PayerTable<T> : IPayerTable
    where T : class, IPayerRow
{
    // Most payers have a handful of rows of a type, among which looking is faster than hashing.
    private const int FewRows = 12;

    private readonly IReadOnlyList<T> _original;
    private T[] _rows;
    private int _count;

    // So many at the front have been seen by readers; so many at the front are the snapshot's.
    private int _shared;
    private int _inPlace;
    private Dictionary<RowKey, int>? _places;

    public PayerTable(IReadOnlyList<T> original)
    {
        _original = original;
        _rows = original.Count == 0 ? [] : [.. original];
        _count = original.Count;
        _inPlace = original.Count;
    }

    public bool HasChanges { get; private set; }

    /// <summary>The rows as they are now, in order of creation.</summary>
    public ArraySegment<T> Current
    {
        get
        {
            // Readers share the array; the first change under what they see copies it. Rows that are added lie behind.
            _shared = _count;
            return new ArraySegment<T>(_rows, 0, _count);
        }
    }

    public T? Find(RowKey key) => PlaceOf(key) is var place and >= 0 ? _rows[place] : null;

    public void Put(T row)
    {
        var key = RowKey.Of(row);
        var place = PlaceOf(key);
        if (place < 0)
        {
            Append(key, row);
        }
        else if (ReferenceEquals(_rows[place], row) || _rows[place].Equals(row))
        {
            return;
        }
        else
        {
            Own(place);
            _rows[place] = row;
        }

        HasChanges = true;
    }

    public void Remove(T row)
    {
        var place = PlaceOf(RowKey.Of(row));
        if (place >= 0)
        {
            _rows = [.. _rows.AsSpan(0, place), .. _rows.AsSpan((place + 1).._count)];
            _count--;
            _inPlace -= place < _inPlace ? 1 : 0;
            _shared = 0;
            _places = null;
            HasChanges = true;
        }
    }

    /// <summary>The differences to the snapshot; each changed row has the version after the stored one.</summary>
    public void AddChanges(List<RowChange> changes)
    {
        if (!HasChanges)
        {
            return;
        }

        for (var i = 0; i < _original.Count; i++)
        {
            var original = _original[i];
            var row = _inPlace == _original.Count ? _rows[i] : Find(RowKey.Of(original));
            if (row is null)
            {
                changes.Add(RowChange.Delete(original));
            }
            else if (!ReferenceEquals(row, original))
            {
                changes.Add(RowChange.Update(row is IVersionedRow versioned ? versioned.WithVersion(((IVersionedRow)original).Version + 1) : row));
            }
        }

        for (var i = _inPlace; i < _count; i++)
        {
            // A row that was taken away and came back under its key is an update, which stands above.
            if (_inPlace == _original.Count || !IsOriginal(RowKey.Of(_rows[i])))
            {
                changes.Add(RowChange.Insert(_rows[i] is IVersionedRow { Version: not 1 } versioned ? versioned.WithVersion(1) : _rows[i]));
            }
        }
    }

    private bool IsOriginal(RowKey key) => _original.Any(o => RowKey.Of(o) == key);

    private void Append(RowKey key, T row)
    {
        if (_count == _rows.Length)
        {
            Array.Resize(ref _rows, Math.Max(4, 2 * _count));
            _shared = 0;
        }

        _places?.Add(key, _count);
        _rows[_count++] = row;
    }

    private void Own(int place)
    {
        if (place < _shared)
        {
            _rows = [.. _rows];
            _shared = 0;
        }
    }

    private int PlaceOf(RowKey key)
    {
        if (_count > FewRows)
        {
            return Places().GetValueOrDefault(key, -1);
        }

        for (var i = 0; i < _count; i++)
        {
            if (RowKey.Of(_rows[i]) == key)
            {
                return i;
            }
        }

        return -1;
    }

    private Dictionary<RowKey, int> Places()
    {
        if (_places is null)
        {
            _places = new Dictionary<RowKey, int>(_rows.Length);
            for (var i = 0; i < _count; i++)
            {
                _places.Add(RowKey.Of(_rows[i]), i);
            }
        }

        return _places;
    }
}

/// <summary>One payer's rows of one type, whatever the type.</summary>
internal interface IPayerTable
{
    bool HasChanges { get; }

    void AddChanges(List<RowChange> changes);
}

/// <summary>The key of a payer's row among those of its type: a generated id, or a text that the host chose.</summary>
internal readonly record struct RowKey(Guid Id, string? Text)
{
    public static implicit operator RowKey(Guid id) => new(id, null);

    public static implicit operator RowKey(string text) => new(Guid.Empty, text);

    public static RowKey Of(IPayerRow row) => row switch
    {
        InvoiceLine r => r.Id,
        LedgerEntry r => r.Id,
        Customer r => r.Id,
        Invoice r => r.Id,
        OutboxMessage r => r.Id,
        LedgerTransaction r => r.Id,
        Subscription r => r.Id,
        SubscriptionTerm r => r.Id,
        PendingItem r => r.Id,
        CreditUse r => r.Id,
        Payment r => r.Id,
        PaymentAttempt r => r.Id,
        CreditNote r => r.Id,
        Refund r => r.Id,
        CouponRedemption r => r.Id,
        CustomerContact r => r.Id,
        _ => StorageKeys.KeyOf(row),
    };
}

/// <summary>Which table of a work holds which type.</summary>
internal static class PayerTables
{
    private static readonly ImmutableArray<Type> Types =
    [
        typeof(Customer), typeof(CustomerContact), typeof(Subscription), typeof(SubscriptionTerm), typeof(InvoiceLine), typeof(PendingItem), typeof(CouponRedemption), typeof(CreditGrant),
        typeof(CreditNote), typeof(CreditUse), typeof(Invoice), typeof(Payment), typeof(PaymentAttempt), typeof(Refund), typeof(PaymentMethod), typeof(QuarantineItem), typeof(LedgerTransaction),
        typeof(LedgerEntry), typeof(OutboxMessage),
    ];

    public static int Count => Types.Length;

    /// <summary>The place of a type's table.</summary>
    public static int PlaceOf<T>() => Place<T>.Value;

    private static class Place<T>
    {
        public static readonly int Value = Types.IndexOf(typeof(T)) is var place and >= 0
            ? place
            : throw new InvalidOperationException($"{typeof(T).Name} is not a row of a payer.");
    }
}
