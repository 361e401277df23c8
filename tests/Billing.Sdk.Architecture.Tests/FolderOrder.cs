using Mono.Cecil;

namespace Billing.Architecture;

/// <summary>The order of the folders of an assembly, and which uses of types go against it.</summary>
/// <param name="Root">The root namespace, whose types are words that everyone uses.</param>
/// <param name="Folders">Folders (= namespaces below the root), lowest first. None uses a higher one.</param>
/// <param name="HostingSurface">Names of the types of the root namespace that stand above all folders.</param>
internal sealed record FolderOrder(string Root, IReadOnlyList<string> Folders, IReadOnlyList<string> HostingSurface)
{
    /// <summary>The core's order. A type of the root namespace that uses features belongs to the hosting surface and is named here.</summary>
    public static FolderOrder Core { get; } = new(
        "Billing",
        [
            "Tasks", "Catalog", "Customers", "Subscriptions", "Usage", "Rating", "Invoicing", "Discounts", "Tax", "Credits", "Ledger",
            "Payments", "Collections", "Notifications", "Reporting", "Storage", "Processing",
        ],
        
        [
            "BillingEngine", "BillingBuilder", "BillingServiceCollectionExtensions", "BuiltInTasks",
            "CatalogFacade", "ChargeFacade", "CouponFacade", "CreditFacade", "CustomerFacade", "InvoiceFacade", "LedgerFacade",
            "MediationFacade", "MessageFacade", "PaymentFacade", "RunFacade", "SubscriptionFacade", "TenantFacade", "UsageBuffer", "UsageBufferMetrics", "UsageFacade",
        ]);

    private const int Words = 0;

    private const int NotOurs = -1;

    private const int Unknown = -2;

    private int Hosting => Folders.Count + 1;

    /// <summary>One line per pair of types that breaks the order.</summary>
    public IEnumerable<string> Violations(ModuleDefinition module) =>
        module.Types.Where(t => Level(t) != NotOurs).SelectMany(OfType).Distinct();

    private IEnumerable<string> OfType(TypeDefinition type)
    {
        var level = Level(type);
        if (level == Unknown)
        {
            return [$"{type.FullName} is in {type.Namespace}, a folder that has no place in the order"];
        }

        return TypeUses.Of(type)
            .Where(u => u.Used.Scope == type.Module && Level(u.Used) > level)
            .GroupBy(u => u.Used.FullName)
            .Select(g => $"{type.FullName} ({Name(level)}) -> {g.Key} ({Name(Level(g.First().Used))}), in {g.First().Where}");
    }

    private int Level(TypeReference type)
    {
        if (type.DeclaringType is { } outer)
        {
            return Level(outer);
        }

        if (type.Namespace == Root)
        {
            return HostingSurface.Contains(type.Name.Split('`')[0]) ? Hosting : Words;
        }

        if (!type.Namespace.StartsWith(Root + ".", StringComparison.Ordinal))
        {
            return NotOurs;
        }

        var folder = type.Namespace[(Root.Length + 1)..].Split('.')[0];
        var place = Folders.ToList().IndexOf(folder);
        return place < 0 ? Unknown : place + 1;
    }

    private string Name(int level) => level switch
    {
        Words => "words",
        _ when level == Hosting => "hosting surface",
        _ => Folders[level - 1],
    };
}
