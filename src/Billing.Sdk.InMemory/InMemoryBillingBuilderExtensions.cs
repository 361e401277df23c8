using Microsoft.Extensions.DependencyInjection;

namespace Billing.InMemory;

/// <summary>Chooses the in-memory store.</summary>
public static class InMemoryBillingBuilderExtensions
{
    /// <summary>Keeps everything in memory: for tests, previews and trials. What is not in memory any more is gone.</summary>
    public static BillingBuilder UseInMemoryStorage(this BillingBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.UseStorage(services => new InMemoryBillingStorage(services.GetRequiredService<IIdGenerator>()));
    }
}
