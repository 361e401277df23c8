using Billing.Catalog;
using Billing.Customers;
using Billing.Processing;
using Billing.Storage;
using Billing.Subscriptions;
using NodaTime;

namespace Billing;

/// <summary>Subscriptions: start, change, end. A command records dated terms; the next billing run bills what follows from them.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>.</remarks>
public sealed class SubscriptionFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal SubscriptionFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Starts a subscription.</summary>
    /// <exception cref="BillingException"><c>unknown-plan</c>, <c>currency-mismatch</c>, <c>negative-quantity</c>, <c>duplicate</c>, <c>not-found</c>, <c>coupon-expired</c>, <c>coupon-exhausted</c>, <c>validation</c>.</exception>
    public async Task<SubscriptionView> SubscribeAsync(CommandContext context, SubscribeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        Identifier.Check(request.Id, "subscription");
        CheckQuantities(request.Id, request.Quantities.Values.Append(request.Quantity));
        if (request.BillingDay is { } day)
        {
            SubscriptionTerms.CheckBillingDay("subscription", request.Id, day);
        }

        if (request.TrialDays is < 0 or > 3650)
        {
            throw BillingException.Validation("subscription", request.Id, "trialDays", "A trial has 0 to 3650 days.");
        }

        var redemptions = request.Coupon is { } coupon ? await _core.Storage.CountRedemptionsAsync(context.Tenant, coupon, cancellationToken).ConfigureAwait(false) : 0;
        return await _commands.ExecuteAsync(
            context,
            "subscriptions.subscribe",
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, request.CustomerId, token),
            SnapshotParts.All,
            async (work, token) =>
            {
                await CheckAllowedAsync(work, request, token).ConfigureAwait(false);
                return Start(work, request, redemptions);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes the plan.</summary>
    /// <exception cref="BillingException"><c>unknown-plan</c>, <c>currency-mismatch</c>, <c>invalid-state</c>, <c>not-found</c>.</exception>
    public Task<SubscriptionView> ChangePlanAsync(CommandContext context, ChangePlanRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckQuantities(request.SubscriptionId, request.Quantity is { } quantity ? [quantity] : []);
        return ChangeAsync(context, "subscriptions.change-plan", request.SubscriptionId, request, (work, timeline) =>
        {
            var at = SubscriptionTerms.MomentOf(work, timeline, request.When);
            var plan = PlanAt(work, request.Plan, at);
            CheckCurrency(work, request.SubscriptionId, plan);
            CheckOverrides(request.SubscriptionId, plan, request.Overrides);
            CheckBeforeEnd(timeline, at);
            SubscriptionTerms.Add(work, request.SubscriptionId, SubscriptionTermKind.PlanChange, at, t => t with
            {
                Plan = request.Plan,
                Prorate = request.Prorate,
                ResetAnchor = request.ResetAnchor,
                Overrides = request.Overrides,
                Quantities = request.Quantity is { } q ? new EquatableMap<decimal>([new("*", q)]) : EquatableMap<decimal>.Empty,
            });
            work.Emit("subscription.plan-changed", timeline.Subscription.CustomerId, notify: false, ("subscription", request.SubscriptionId), ("plan", request.Plan));
        }, cancellationToken);
    }

    /// <summary>Changes quantities.</summary>
    /// <exception cref="BillingException"><c>negative-quantity</c>, <c>invalid-state</c>, <c>not-found</c>, <c>validation</c>.</exception>
    public Task<SubscriptionView> ChangeQuantityAsync(CommandContext context, ChangeQuantityRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckQuantities(request.SubscriptionId, request.Quantity is { } quantity ? request.Quantities.Values.Append(quantity) : request.Quantities.Values);
        return ChangeAsync(context, "subscriptions.change-quantity", request.SubscriptionId, request, (work, timeline) =>
        {
            var at = SubscriptionTerms.MomentOf(work, timeline, request.When);
            CheckBeforeEnd(timeline, at);
            CheckCharges(request.SubscriptionId, timeline.Nearest(at).Plan, request.Quantities.Keys);
            var quantities = request.Quantity is { } q ? request.Quantities.With("*", q) : request.Quantities;
            if (quantities.Count == 0)
            {
                throw BillingException.Validation("subscription", request.SubscriptionId, "quantity", "Say which quantity changes.");
            }

            SubscriptionTerms.Add(work, request.SubscriptionId, SubscriptionTermKind.QuantityChange, at, t => t with { Quantities = quantities, Prorate = request.Prorate });
            work.Emit("subscription.quantity-changed", timeline.Subscription.CustomerId, notify: false, ("subscription", request.SubscriptionId));
        }, cancellationToken);
    }

    /// <summary>Cancels. A subscription that is cancelled already can be cancelled again, also at an earlier moment.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>, <c>not-found</c>.</exception>
    public Task<SubscriptionView> CancelAsync(CommandContext context, CancelRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ChangeAsync(context, "subscriptions.cancel", request.SubscriptionId, request, (work, timeline) =>
        {
            var at = SubscriptionTerms.MomentOf(work, timeline, request.When);
            if (timeline.StopsAt is { } stop && stop <= work.Now && at >= stop)
            {
                throw StateError(timeline, work.Now, "cancelled", timeline.Canceled ? "canceled" : "ended");
            }

            SubscriptionTerms.Supersede(work, SubscriptionTerms.Holding(work, request.SubscriptionId).Where(t => t.Kind == SubscriptionTermKind.Cancel));
            SubscriptionTerms.Add(work, request.SubscriptionId, SubscriptionTermKind.Cancel, at, t => t with { Credit = request.Credit, InvoiceUsage = request.InvoiceUsage });
            work.Emit("subscription.canceled", timeline.Subscription.CustomerId, notify: false, ("subscription", request.SubscriptionId));
        }, cancellationToken);
    }

    /// <summary>Pauses: no charges until it resumes.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>, <c>not-found</c>.</exception>
    public Task<SubscriptionView> PauseAsync(CommandContext context, PauseRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ChangeAsync(context, "subscriptions.pause", request.SubscriptionId, request, (work, timeline) =>
        {
            CheckRunning(work, timeline, "paused");
            var until = request.Until is { } time ? SubscriptionTerms.MomentOf(work, timeline, time) : (Instant?)null;
            SubscriptionTerms.Add(work, request.SubscriptionId, SubscriptionTermKind.Pause, work.Now, t => t with { Credit = request.Credit, Until = until });
            work.Emit("subscription.paused", timeline.Subscription.CustomerId, notify: false, ("subscription", request.SubscriptionId));
        }, cancellationToken);
    }

    /// <summary>Resumes; the billing day stays.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: it is not paused; <c>not-found</c>.</exception>
    public Task<SubscriptionView> ResumeAsync(CommandContext context, string subscriptionId, CancellationToken cancellationToken = default) =>
        ChangeAsync(context, "subscriptions.resume", subscriptionId, "", (work, timeline) =>
        {
            if (timeline.At(work.Now)?.State != SegmentState.Paused)
            {
                throw StateError(timeline, work.Now, "active", SubscriptionStates.Of(work, timeline, work.Now).ToString());
            }

            SubscriptionTerms.Add(work, subscriptionId, SubscriptionTermKind.Resume, work.Now, t => t);
            work.Emit("subscription.resumed", timeline.Subscription.CustomerId, notify: false, ("subscription", subscriptionId));
        }, cancellationToken);

    /// <summary>Takes back all changes that lie ahead.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: nothing lies ahead; <c>not-found</c>.</exception>
    public Task<SubscriptionView> UndoPendingChangesAsync(CommandContext context, string subscriptionId, CancellationToken cancellationToken = default) =>
        ChangeAsync(context, "subscriptions.undo-pending-changes", subscriptionId, "", (work, timeline) =>
        {
            var pending = SubscriptionTerms.Holding(work, subscriptionId)
                .Where(t => t.EffectiveAt > work.Now && t.Kind is not (SubscriptionTermKind.Start or SubscriptionTermKind.End or SubscriptionTermKind.BillingDayChange or SubscriptionTermKind.TimeZoneChange))
                .ToList();
            if (pending.Count == 0)
            {
                throw BillingException.For(BillingErrorCodes.InvalidState, "subscription", subscriptionId, "pending", "No change lies ahead.");
            }

            SubscriptionTerms.Supersede(work, pending);
        }, cancellationToken);

    /// <summary>Changes the billing day: the old day rules to the end of the time that is paid.</summary>
    /// <exception cref="BillingException"><c>validation</c>, <c>invalid-state</c>, <c>not-found</c>.</exception>
    public Task<SubscriptionView> ChangeBillingDayAsync(CommandContext context, string subscriptionId, int billingDay, CancellationToken cancellationToken = default)
    {
        SubscriptionTerms.CheckBillingDay("subscription", subscriptionId, billingDay);
        return ChangeAsync(context, "subscriptions.change-billing-day", subscriptionId, billingDay, (work, timeline) =>
        {
            CheckBeforeEnd(timeline, work.Now);
            SubscriptionTerms.ChangeBillingDay(work, timeline, billingDay);
        }, cancellationToken);
    }

    /// <summary>The subscription as it is at a moment (default: now).</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<SubscriptionView> GetAsync(TenantId tenant, string subscriptionId, Instant? at = null, CancellationToken cancellationToken = default)
    {
        var payer = await _commands.PayerOfAsync(tenant, StoredObject.Subscription, subscriptionId, cancellationToken).ConfigureAwait(false);
        var work = await OpenAsync(tenant, payer, cancellationToken).ConfigureAwait(false);
        var timeline = Timelines.Of(work, subscriptionId, work.Now) ?? throw BillingException.NotFound("subscription", subscriptionId);
        return SubscriptionStates.View(work, timeline, at ?? work.Now);
    }

    /// <summary>The subscriptions of a customer as they are now, ordered by id.</summary>
    /// <exception cref="BillingException"><c>not-found</c>: there is no such customer.</exception>
    public async Task<IReadOnlyList<SubscriptionView>> ListAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var payer = await _commands.PayerOfAsync(tenant, StoredObject.Customer, customerId, cancellationToken).ConfigureAwait(false);
        var work = await OpenAsync(tenant, payer, cancellationToken).ConfigureAwait(false);
        return [.. Timelines.Of(work, work.Now).Where(t => t.Subscription.CustomerId == customerId).Select(t => SubscriptionStates.View(work, t, work.Now))];
    }

    private async Task<PayerWork> OpenAsync(TenantId tenant, string payer, CancellationToken cancellationToken)
    {
        var context = await _core.OpenAsync(tenant, cancellationToken).ConfigureAwait(false);
        return await _commands.OpenPayerAsync(context, tenant, payer, SnapshotParts.All, cancellationToken).ConfigureAwait(false);
    }

    private Task<SubscriptionView> ChangeAsync<TRequest>(
        CommandContext context,
        string command,
        string subscriptionId,
        TRequest request,
        Action<PayerWork, SubscriptionTimeline> change,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _commands.ExecuteAsync(
            context,
            command,
            new { subscriptionId, request },
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Subscription, subscriptionId, token),
            SnapshotParts.All,
            (work, _) =>
            {
                var timeline = Timelines.Of(work, subscriptionId, work.Now) ?? throw BillingException.NotFound("subscription", subscriptionId);
                change(work, timeline);
                return Task.FromResult(SubscriptionStates.View(work, Timelines.Of(work, subscriptionId, work.Now)!, work.Now));
            },
            cancellationToken);
    }

    private static SubscriptionView Start(PayerWork work, SubscribeRequest request, int redemptions)
    {
        if (work.Find<Subscription>(request.Id) is not null)
        {
            throw BillingException.For(BillingErrorCodes.Duplicate, "subscription", request.Id, "id", "There is a subscription with this id already.");
        }

        var customer = work.Find<Customer>(request.CustomerId)!;
        var zone = work.Context.ZoneOf(customer);
        var at = SubscriptionTerms.MomentOf(work, zone, request.Start);
        var plan = PlanAt(work, request.Plan, at);
        CheckCurrency(work, request.Id, plan, customer);
        CheckCharges(request.Id, plan, request.Quantities.Keys);
        CheckOverrides(request.Id, plan, request.Overrides);
        if (request.ParentSubscriptionId is { } parent && work.Find<Subscription>(parent) is null)
        {
            throw BillingException.NotFound("subscription", parent);
        }

        work.Put(new Subscription
        {
            Tenant = work.Context.Id,
            Id = request.Id,
            PayerId = work.PayerId,
            CustomerId = request.CustomerId,
            ParentSubscriptionId = request.ParentSubscriptionId,
            Currency = customer.Currency,
            CreatedAt = work.Now,
            Version = 1,
        });
        SubscriptionTerms.Add(work, request.Id, SubscriptionTermKind.Start, at, t => t with
        {
            Plan = request.Plan,
            Quantities = request.Quantities.With("*", request.Quantity),
            Overrides = request.Overrides,
            TrialDays = request.TrialDays,
            TimeZone = zone.Id,
            BillingTime = request.BillingTime ?? work.Context.Settings.BillingTime,
            BillingDay = BillingDayOf(work, customer, plan, request),
        });
        if (request.End is { } end)
        {
            SubscriptionTerms.Add(work, request.Id, SubscriptionTermKind.End, SubscriptionTerms.MomentOf(work, zone, end), t => t);
        }

        Align(work, customer, request);
        if (request.Coupon is { } coupon)
        {
            CouponFacade.Redeem(work, coupon, customer.Id, request.Id, redemptions);
        }

        work.Emit("subscription.created", customer.Id, notify: false, ("subscription", request.Id), ("plan", request.Plan));
        return SubscriptionStates.View(work, Timelines.Of(work, request.Id, work.Now)!, work.Now);
    }

    private static int? BillingDayOf(PayerWork work, Customer customer, Plan plan, SubscribeRequest request) =>
        request.BillingDay ?? (work.Context.Settings.AccountAlignment && plan.Interval.IsMonthBased ? customer.BillingDay : null);

    /// <summary>The first aligned subscription of a customer without a billing day gives it one.</summary>
    private static void Align(PayerWork work, Customer customer, SubscribeRequest request)
    {
        if (!work.Context.Settings.AccountAlignment || customer.BillingDay is not null || request.BillingDay is not null)
        {
            return;
        }

        var timeline = Timelines.Of(work, request.Id, work.Now)!;
        var last = timeline.Segments.Count > 0 ? timeline.Segments[^1] : null;
        if (last is not null && last.Plan.Interval.IsMonthBased && !last.Grid.Calendar)
        {
            work.Put(work.Find<Customer>(customer.Id)! with { BillingDay = last.Grid.NominalDay });
        }
    }

    private async Task CheckAllowedAsync(PayerWork work, SubscribeRequest request, CancellationToken cancellationToken)
    {
        foreach (var validator in work.Context.Tasks.Chain<ISubscriptionValidator>())
        {
            var outcome = await _core.Invoker.InvokeAsync(validator, [request], static (v, r, t) => Objection.OfAsync(v.ValidateAsync(r, t)), cancellationToken).ConfigureAwait(false);
            if (outcome.Failure is { } failure)
            {
                throw failure;
            }

            if (outcome.Results[0].Reason is { } reason)
            {
                throw BillingException.Validation("subscription", request.Id, $"subscription-check/{validator.Name}", reason);
            }
        }
    }

    private static Plan PlanAt(PayerWork work, string code, Instant at) =>
        work.Context.Catalogs.Where(c => c.EffectiveAt <= at).Select(c => c.Definition.Plans.FirstOrDefault(p => p.Code == code)).LastOrDefault(p => p is not null)
        ?? work.Context.Catalogs.Select(c => c.Definition.Plans.FirstOrDefault(p => p.Code == code)).FirstOrDefault(p => p is not null)
        ?? throw BillingException.For(BillingErrorCodes.UnknownPlan, "plan", code, "code", "The catalog has no plan with this code.");

    private static void CheckCurrency(PayerWork work, string subscriptionId, Plan plan, Customer? customer = null)
    {
        var currency = customer?.Currency ?? work.Payer.Currency;
        if (!plan.IsSoldIn(currency, work.Context.Settings.Currency))
        {
            throw BillingException.For(BillingErrorCodes.CurrencyMismatch, "subscription", subscriptionId, "plan", $"Plan '{plan.Code}' has no prices in {currency}, in which the customer is billed.");
        }
    }

    private static void CheckQuantities(string subscriptionId, IEnumerable<decimal> quantities)
    {
        foreach (var quantity in quantities.Where(q => q < 0m))
        {
            throw BillingException.For(BillingErrorCodes.NegativeQuantity, "subscription", subscriptionId, "quantity", $"A quantity is not below zero; {quantity} is.");
        }
    }

    private static void CheckCharges(string subscriptionId, Plan plan, IEnumerable<string> charges)
    {
        foreach (var charge in charges.Where(c => !plan.AllCharges.Any(p => p.Code == c)))
        {
            throw BillingException.Validation("subscription", subscriptionId, $"quantities.{charge}", $"Plan '{plan.Code}' has no charge '{charge}'.");
        }
    }

    private static void CheckOverrides(string subscriptionId, Plan plan, EquatableMap<Price> overrides)
    {
        CheckCharges(subscriptionId, plan, overrides.Keys);
        foreach (var (charge, price) in overrides)
        {
            if (CatalogValidator.Check(price) is [var problem, ..])
            {
                throw BillingException.For(problem.Code, "subscription", subscriptionId, $"overrides.{charge}.{problem.Key}", problem.Message);
            }
        }
    }

    private static void CheckBeforeEnd(SubscriptionTimeline timeline, Instant at)
    {
        if (timeline.StopsAt is { } stop && at >= stop)
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "subscription", timeline.Subscription.Id, "when", $"It is {(timeline.Canceled ? "canceled" : "ended")} from {stop} on.");
        }
    }

    private static void CheckRunning(PayerWork work, SubscriptionTimeline timeline, string wanted)
    {
        var state = timeline.At(work.Now)?.State;
        if (state is null or SegmentState.Paused)
        {
            throw StateError(timeline, work.Now, wanted, SubscriptionStates.Of(work, timeline, work.Now).ToString());
        }
    }

    private static BillingException StateError(SubscriptionTimeline timeline, Instant now, string wanted, string state) =>
        BillingException.For(BillingErrorCodes.InvalidState, "subscription", timeline.Subscription.Id, "state", $"It is {state.ToLowerInvariant()} at {now} and cannot become {wanted}.");
}
