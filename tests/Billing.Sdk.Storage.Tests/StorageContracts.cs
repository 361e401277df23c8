using Billing.EntityFrameworkCore.Sqlite;
using Billing.InMemory;
using Billing.Testing.Storage;
using NodaTime;
using Xunit;

namespace Billing.Storage.Tests;

/// <summary>Every rule of the contract on every adapter, and on the plain EF path of SQLite.</summary>
public sealed class StorageContracts
{
    public static TheoryData<string> Cases => new(StorageContract.Cases);

    [Theory, MemberData(nameof(Cases))]
    public Task In_memory(string rule) => new InMemory().RunAsync(rule);

    [Theory, MemberData(nameof(Cases))]
    public async Task Sqlite_fast_path(string rule)
    {
        using var contract = new Sqlite(useFastPath: true);
        await contract.RunAsync(rule);
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Sqlite_plain_entity_framework(string rule)
    {
        using var contract = new Sqlite(useFastPath: false);
        await contract.RunAsync(rule);
    }

    internal static IIdGenerator Ids() => new TimeOrderedIdGenerator(SystemClock.Instance);

    internal sealed class InMemory : StorageContract
    {
        protected override Task<IBillingStorage> CreateAsync() => Task.FromResult<IBillingStorage>(new InMemoryBillingStorage(Ids()));
    }

    private sealed class Sqlite(bool useFastPath) : StorageContract, IDisposable
    {
        private readonly SqliteFiles _files = new();

        protected override int RandomSteps => useFastPath ? 1000 : 300;

        protected override async Task<IBillingStorage> CreateAsync()
        {
            var storage = _files.Open(useFastPath: useFastPath);
            await storage.InitializeAsync(CancellationToken.None);
            return storage;
        }

        public void Dispose() => _files.Dispose();
    }
}

/// <summary>A directory for database files that goes with the test.</summary>
internal sealed class SqliteFiles : IDisposable
{
    private readonly List<IDisposable> _open = [];

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("billing-storage-").FullName;

    public string Path(string name = "billing.db") => System.IO.Path.Combine(Directory, name);

    public SqliteBillingStorage Open(string? path = null, bool useFastPath = true)
    {
        var storage = new SqliteBillingStorage(new SqliteStorageOptions { Path = path ?? Path(), UseFastPath = useFastPath }, StorageContracts.Ids());
        _open.Add(storage);
        return storage;
    }

    public void Dispose()
    {
        _open.ForEach(o => o.Dispose());
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
