using Billing.Storage;

namespace Billing.InMemory;

/// <summary>The rows of one type of one tenant, with their unique keys and look-ups. The tenant's lock guards it.</summary>
internal sealed class RowTable
{
    private static readonly Dictionary<RowKey, IBillingRow> None = [];

    private readonly Dictionary<RowKey, IBillingRow> _rows = [];
    private readonly Dictionary<(int Key, RowKey Value), RowKey> _unique = [];
    private readonly Dictionary<string, Func<IBillingRow, string?>> _selectors;
    private readonly Dictionary<(string Name, string Value), Dictionary<RowKey, IBillingRow>> _lookups = [];

    public RowTable(Dictionary<string, Func<IBillingRow, string?>> selectors) => _selectors = selectors;

    public IEnumerable<IBillingRow> All => _rows.Values;

    public IBillingRow? Find(RowKey key) => _rows.GetValueOrDefault(key);

    public IReadOnlyCollection<IBillingRow> Lookup(string name, string value) => _lookups.GetValueOrDefault((name, value), None).Values;

    /// <summary>Whether the row's keys are free (a row of the same primary key aside, when it is replaced).</summary>
    public bool IsFree(IBillingRow row, bool replaces)
    {
        var key = StorageRules.PrimaryKey(row);
        if (!replaces && _rows.ContainsKey(key))
        {
            return false;
        }

        var others = StorageRules.UniqueKeys(row);
        for (var i = 0; i < others.Length; i++)
        {
            if (_unique.TryGetValue((i, others[i]), out var holder) && !(replaces && holder == key))
            {
                return false;
            }
        }

        return true;
    }

    public void Put(IBillingRow row)
    {
        var key = StorageRules.PrimaryKey(row);
        Remove(key);
        _rows.Add(key, row);
        var others = StorageRules.UniqueKeys(row);
        for (var i = 0; i < others.Length; i++)
        {
            _unique.Add((i, others[i]), key);
        }

        foreach (var (name, selector) in _selectors)
        {
            if (selector(row) is { } value)
            {
                if (!_lookups.TryGetValue((name, value), out var rows))
                {
                    _lookups.Add((name, value), rows = []);
                }

                rows.Add(key, row);
            }
        }
    }

    public void Remove(RowKey key)
    {
        if (!_rows.Remove(key, out var stored))
        {
            return;
        }

        var others = StorageRules.UniqueKeys(stored);
        for (var i = 0; i < others.Length; i++)
        {
            _unique.Remove((i, others[i]));
        }

        foreach (var (name, selector) in _selectors)
        {
            if (selector(stored) is { } value && _lookups.TryGetValue((name, value), out var rows) && rows.Remove(key) && rows.Count == 0)
            {
                _lookups.Remove((name, value));
            }
        }
    }
}
