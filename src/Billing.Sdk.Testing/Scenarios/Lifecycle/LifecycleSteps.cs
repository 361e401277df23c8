using Billing.Catalog;
using Billing.Customers;
using Billing.Subscriptions;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>Reads the steps that ask something of the engine: each becomes the call of one facade.</summary>
internal static partial class LifecycleSteps
{
    /// <summary>Whether a key names a step that asks something of the engine.</summary>
    public static bool IsKnown(string kind) => Reader(kind) is not null;

    /// <summary>Reads a step whole.</summary>
    public static StepAction Read(string kind, StepReading reading)
    {
        var read = Reader(kind) ?? throw JsonFields.Error(reading.Path, "No step of the format.");
        var action = read(reading);
        reading.Fields.End();
        return action;
    }

    private static Func<StepReading, StepAction>? Reader(string kind) => kind switch
    {
        "createCustomer" => CreateCustomer,
        "addPaymentMethod" => AddPaymentMethod,
        "subscribe" => Subscribe,
        "changePlan" => ChangePlan,
        "changeQuantity" => ChangeQuantity,
        "cancel" => Cancel,
        "undoPendingChange" => UndoPendingChange,
        "pause" => Pause,
        "resume" => Resume,
        "changeTimeZone" => ChangeTimeZone,
        "changeBillingDay" => ChangeBillingDay,
        "publishCatalog" => PublishCatalog,
        "usage" => Usage,
        "correctUsage" => CorrectUsage,
        _ => MoneyReader(kind),
    };

    private static StepAction CreateCustomer(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new CreateCustomerRequest
        {
            Id = fields.Text("id"),
            Name = fields.OptionalText("name"),
            Email = fields.OptionalText("email"),
            Currency = fields.OptionalText("currency"),
            TimeZone = fields.OptionalText("timeZone"),
            BillingDay = fields.OptionalInteger("billingDay"),
            Country = fields.OptionalText("country"),
            Region = fields.OptionalText("region"),
            TaxId = fields.OptionalText("taxId"),
            TaxExempt = fields.Flag("taxExempt", false),
            ParentId = fields.OptionalText("parent"),
        };
        return async (run, stop) =>
        {
            var customer = await run.Engine.Customers.CreateAsync(run.Context, request, stop).ConfigureAwait(false);
            run.Customers.Add(customer.Id);
        };
    }

    private static StepAction Subscribe(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new SubscribeRequest
        {
            Id = fields.Text("id"),
            CustomerId = fields.Text("customer"),
            Plan = fields.Text("plan"),
            Quantity = fields.OptionalNumber("quantity") ?? 1m,
            Quantities = reading.Numbers("quantities"),
            Start = reading.ChangeAt("start") ?? ChangeTime.Immediately,
            BillingTime = fields.OptionalWord<BillingTime>("billingTime"),
            BillingDay = fields.OptionalInteger("billingDay"),
            TrialDays = fields.OptionalInteger("trialDays"),
            Coupon = fields.OptionalText("coupon"),
            Overrides = reading.Prices("overrides"),
            End = reading.ChangeAt("end"),
            ParentSubscriptionId = fields.OptionalText("parentSubscription"),
        };
        return (run, stop) => run.Engine.Subscriptions.SubscribeAsync(run.Context, request, stop);
    }

    private static StepAction ChangePlan(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new ChangePlanRequest
        {
            SubscriptionId = fields.Text("subscription"),
            Plan = fields.Text("plan"),
            When = reading.When(),
            Prorate = fields.Flag("prorate", true),
            ResetAnchor = fields.Flag("resetAnchor", false),
            Quantity = fields.OptionalNumber("quantity"),
        };
        return (run, stop) => run.Engine.Subscriptions.ChangePlanAsync(run.Context, request, stop);
    }

    private static StepAction ChangeQuantity(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new ChangeQuantityRequest
        {
            SubscriptionId = fields.Text("subscription"),
            Quantity = fields.OptionalNumber("quantity"),
            Quantities = reading.Numbers("quantities"),
            When = reading.When(),
            Prorate = fields.Flag("prorate", true),
        };
        return (run, stop) => run.Engine.Subscriptions.ChangeQuantityAsync(run.Context, request, stop);
    }

    private static StepAction Cancel(StepReading reading)
    {
        var fields = reading.Fields;
        var request = new CancelRequest
        {
            SubscriptionId = fields.Text("subscription"),
            When = reading.When(),
            Credit = fields.Flag("credit", true),
            InvoiceUsage = fields.Flag("invoiceUsage", true),
        };
        return (run, stop) => run.Engine.Subscriptions.CancelAsync(run.Context, request, stop);
    }

    private static StepAction UndoPendingChange(StepReading reading)
    {
        var subscription = reading.Fields.Text("subscription");
        return (run, stop) => run.Engine.Subscriptions.UndoPendingChangesAsync(run.Context, subscription, stop);
    }

    private static StepAction Pause(StepReading reading)
    {
        var request = new PauseRequest
        {
            SubscriptionId = reading.Fields.Text("subscription"),
            Credit = reading.Fields.Flag("credit", true),
            Until = reading.ChangeAt("until"),
        };
        return (run, stop) => run.Engine.Subscriptions.PauseAsync(run.Context, request, stop);
    }

    private static StepAction Resume(StepReading reading)
    {
        var subscription = reading.Fields.Text("subscription");
        return (run, stop) => run.Engine.Subscriptions.ResumeAsync(run.Context, subscription, stop);
    }

    private static StepAction ChangeTimeZone(StepReading reading)
    {
        var customer = reading.Fields.Text("customer");
        var zone = reading.Fields.Text("timeZone");
        return (run, stop) => run.Engine.Customers.ChangeTimeZoneAsync(run.Context, customer, zone, stop);
    }

    private static StepAction ChangeBillingDay(StepReading reading)
    {
        var fields = reading.Fields;
        var day = fields.Integer("billingDay");
        switch (fields.OptionalText("customer"), fields.OptionalText("subscription"))
        {
            case ({ } customer, null):
                return (run, stop) => run.Engine.Customers.ChangeBillingDayAsync(run.Context, customer, day, stop);
            case (null, { } subscription):
                return (run, stop) => run.Engine.Subscriptions.ChangeBillingDayAsync(run.Context, subscription, day, stop);
            default:
                throw JsonFields.Error(reading.Path, "It names a customer or a subscription, one of the two.");
        }
    }

    private static StepAction PublishCatalog(StepReading reading)
    {
        var fields = reading.Fields;
        var changes = CatalogJson.Read(fields.Required("catalog"), fields.PathOf("catalog"));
        var effective = reading.Moment("effective");
        var existing = fields.OptionalWord<ExistingSubscriptions>("existingSubscriptions") ?? ExistingSubscriptions.Keep;
        return async (run, stop) =>
        {
            await run.Engine.Catalog.PublishAsync(run.Context, changes, effective, existing, stop).ConfigureAwait(false);
            run.Catalog = run.Catalog.With(changes);
        };
    }
}
