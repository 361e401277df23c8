using Billing.Payments;
using Billing.Tasks;

namespace Billing.Processing;

/// <summary>Finds what an invoice can be collected with.</summary>
internal static class CollectionMethod
{
    /// <summary>Money by this kind of method comes by hand; nobody can be asked for it.</summary>
    public const string Manual = "manual";

    /// <summary>The payer's default method and its gateway; <see langword="null"/>: there is none, or none that can be charged.</summary>
    public static (PaymentMethod Method, BoundTask<IPaymentGateway> Gateway)? Find(PayerWork work)
    {
        var method = work.All<PaymentMethod>().FirstOrDefault(m => m.CustomerId == work.PayerId && m.IsDefault && m.RemovedAt is null);
        return method is null || method.Type == Manual || Gateway(work, method.Gateway) is not { } gateway ? null : (method, gateway);
    }

    /// <summary>The tenant's gateway of that name; without a name its first one.</summary>
    public static BoundTask<IPaymentGateway>? Gateway(PayerWork work, string? name) => Gateway(work.Context.Tasks, name);

    /// <inheritdoc cref="Gateway(PayerWork, string?)"/>
    public static BoundTask<IPaymentGateway>? Gateway(TenantTasks tasks, string? name)
    {
        var gateways = tasks.Chain<IPaymentGateway>();
        return gateways.Where(g => name is null || g.Name == name).FirstOrDefault();
    }
}
