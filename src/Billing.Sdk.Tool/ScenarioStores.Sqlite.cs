#if BILLING_SQLITE
using Billing.EntityFrameworkCore.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Billing.Tool;

/// <content>SQLite.</content>
internal static partial class ScenarioStores
{
    private static TemporaryFolder UseSqlite(BillingBuilder billing)
    {
        var folder = new TemporaryFolder();
        billing.UseStorage(services => new SqliteBillingStorage(Path.Combine(folder.Path, "billing.db"), services.GetRequiredService<IIdGenerator>()));
        return folder;
    }

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("billing-scenario-");

        public string Path => _folder.FullName;

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
#endif
