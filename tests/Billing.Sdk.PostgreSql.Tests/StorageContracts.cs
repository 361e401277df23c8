using Billing.EntityFrameworkCore.PostgreSql;
using Billing.Storage;
using Billing.Testing.Storage;
using Xunit;

namespace Billing.PostgreSql.Tests;

/// <summary>Every rule of the contract, with one way of keeping and writing the tables.</summary>
public abstract class StorageContracts(TestDatabase database)
{
    public static TheoryData<string> Cases => new(StorageContract.Cases);

    protected virtual bool UseFastPath => true;

    protected virtual int RandomSteps => 500;

    [Theory, MemberData(nameof(Cases))]
    public async Task Rule(string rule)
    {
        await database.EmptyAsync();
        await new Contract(database, UseFastPath, RandomSteps).RunAsync(rule);
    }

    private sealed class Contract(TestDatabase database, bool useFastPath, int randomSteps) : StorageContract
    {
        protected override int RandomSteps => randomSteps;

        protected override async Task<IBillingStorage> CreateAsync()
        {
            await database.EmptyAsync();
            return await database.StartAsync(options => options with { UseFastPath = useFastPath });
        }
    }
}

public sealed class ContractWithRowSecurity(TestDatabase database) : StorageContracts(database), IClassFixture<TestDatabase>;

public sealed class ContractWithoutRowSecurity(OpenDatabase database) : StorageContracts(database), IClassFixture<OpenDatabase>;

public sealed class ContractOnDividedTables(DividedDatabase database) : StorageContracts(database), IClassFixture<DividedDatabase>
{
    protected override int RandomSteps => 200;
}

public sealed class ContractOfPlainEntityFramework(TestDatabase database) : StorageContracts(database), IClassFixture<TestDatabase>
{
    protected override bool UseFastPath => false;

    protected override int RandomSteps => 200;
}
