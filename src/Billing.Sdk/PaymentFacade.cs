using Billing.Invoicing;
using Billing.Payments;
using Billing.Processing;
using Billing.Storage;

namespace Billing;

/// <summary>Payments: methods, money by hand, collection, refunds, disputes.</summary>
/// <remarks>Thread-safe. Reached through <see cref="BillingEngine"/>. No transaction is open while a gateway is called.</remarks>
public sealed partial class PaymentFacade
{
    private readonly EngineCore _core;
    private readonly CommandExecutor _commands;

    internal PaymentFacade(EngineCore core, CommandExecutor commands)
    {
        _core = core;
        _commands = commands;
    }

    /// <summary>Adds a payment method; the customer's first one becomes its default. Invoices that are open already are not collected by it.</summary>
    /// <exception cref="BillingException">
    /// <c>validation</c>, also for anything that looks like a card number; <c>duplicate</c>; <c>not-found</c> for the customer.
    /// </exception>
    public Task<PaymentMethod> AddMethodAsync(CommandContext context, AddPaymentMethodRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        Check(request);
        return _commands.ExecuteAsync(
            context,
            "payments.addMethod",
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Customer, request.CustomerId, token),
            SnapshotParts.PaymentMethods,
            (work, _) => Task.FromResult(AddMethod(work, request)),
            cancellationToken);
    }

    /// <summary>Records money that came by hand. More than is open becomes credit balance.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c> for an invoice that takes no money (draft, paid, void); <c>validation</c>; <c>not-found</c>.</exception>
    public Task<Payment> PayAsync(CommandContext context, PayRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        CardNumberGuard.Check(request.Method, "payment", "", "method");
        return OnInvoice(context, "payments.pay", request, request.InvoiceId, (work, invoice) => Pay(work, invoice, request), cancellationToken);
    }

    /// <summary>Tries to collect an open invoice now with the default payment method: an attempt more in the schedule that is running, else a new payment.</summary>
    /// <returns>The payment after the gateway has answered; its state says what it answered.</returns>
    /// <exception cref="BillingException"><c>invalid-state</c>: nothing open, an attempt under way, or no payment method that can be charged; <c>not-found</c>.</exception>
    public async Task<Payment> CollectAsync(CommandContext context, Guid invoiceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var begun = await OnInvoice(context, "payments.collect", invoiceId, invoiceId, Begin, cancellationToken).ConfigureAwait(false);
        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        return await new CollectionRun(_core).CompleteAsync(tenant, context, begun.PayerId, begun.Id, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives money back; without a credit note the debt opens again. Through the gateway that took it; by hand it is only booked.</summary>
    /// <returns>The refund: succeeded, failed, or unknown while the gateway's answer is missing.</returns>
    /// <exception cref="BillingException"><c>amount-exceeds</c>: more than is left of the payment; <c>invalid-state</c>: no money came; <c>validation</c>; <c>not-found</c>.</exception>
    public async Task<Refund> RefundAsync(CommandContext context, RefundRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        var refund = await OnPayment(context, "payments.refund", request, request.PaymentId, (work, payment) => BeginRefund(work, payment, request), cancellationToken).ConfigureAwait(false);
        var tenant = await _core.OpenAsync(context.Tenant, cancellationToken).ConfigureAwait(false);
        var completed = await new RefundCalls(_core).CompleteAsync(tenant, context, refund.PayerId, [refund.Id], cancellationToken).ConfigureAwait(false);
        return completed[0];
    }

    /// <summary>The bank took the money back for now.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: no money came, or it is in dispute already; <c>not-found</c>.</exception>
    public Task<Payment> DisputeAsync(CommandContext context, Guid paymentId, CancellationToken cancellationToken = default) =>
        OnPayment(context, "payments.dispute", paymentId, paymentId, Disputes.Open, cancellationToken);

    /// <summary>The dispute was won: the money stays.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: it is not in dispute; <c>not-found</c>.</exception>
    public Task<Payment> WinDisputeAsync(CommandContext context, Guid paymentId, CancellationToken cancellationToken = default) =>
        OnPayment(context, "payments.winDispute", paymentId, paymentId, Disputes.Win, cancellationToken);

    /// <summary>The dispute was lost: the debt opens again.</summary>
    /// <exception cref="BillingException"><c>invalid-state</c>: it is not in dispute; <c>not-found</c>.</exception>
    public Task<Payment> LoseDisputeAsync(CommandContext context, Guid paymentId, CancellationToken cancellationToken = default) =>
        OnPayment(context, "payments.loseDispute", paymentId, paymentId, Disputes.Lose, cancellationToken);

    /// <summary>Payments of a payer, in order; none for a customer whose parent pays.</summary>
    /// <exception cref="BillingException"><c>not-found</c>.</exception>
    public async Task<IReadOnlyList<Payment>> ListAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var snapshot = await PayerReads.ReadAsync(_core, tenant, customerId, SnapshotParts.Payments, cancellationToken).ConfigureAwait(false);
        return snapshot.Payer.Id == customerId ? snapshot.Payments : [];
    }

    /// <summary>
    /// What the gateways themselves, asked now by the key of each attempt, say they hold of the payer, net of refunds. Banks tell of disputes and not gateways' charges, so money
    /// that a dispute took back, for now or for good, is left out.
    /// </summary>
    /// <exception cref="BillingException"><c>not-found</c>; <c>task-failed</c>: a gateway did not answer.</exception>
    public async Task<decimal> GetGatewayNetAsync(TenantId tenant, string customerId, CancellationToken cancellationToken = default)
    {
        var context = await _core.OpenAsync(tenant, cancellationToken).ConfigureAwait(false);
        var snapshot = await PayerReads.ReadAsync(_core, tenant, customerId, SnapshotParts.Payments, cancellationToken).ConfigureAwait(false);
        if (snapshot.Payer.Id != customerId)
        {
            return 0m;
        }

        var disputed = snapshot.Payments.Where(p => p.State == PaymentState.Disputed).Select(p => p.Id).ToHashSet();
        var attempts = snapshot.Attempts.Where(a => !disputed.Contains(a.PaymentId)).ToList();
        var queries = attempts.ConvertAll(a => (a.Gateway, new GatewayQuery { Tenant = tenant, Key = a.Key, GatewayReference = a.GatewayReference, At = context.Now }));
        var outcomes = await new GatewayCalls(_core.Invoker, context.Tasks).QueryAsync(queries, cancellationToken).ConfigureAwait(false);
        return attempts.Zip(outcomes, (attempt, outcome) => NetOf(attempt, outcome, snapshot.Refunds)).Sum();
    }

    private static decimal NetOf(PaymentAttempt attempt, GatewayOutcome outcome, IReadOnlyList<Refund> refunds) => outcome switch
    {
        { NetAmount: { } net } => net,
        { Kind: GatewayOutcomeKind.Unknown } => throw BillingException.For(BillingErrorCodes.TaskFailed, "payment attempt", attempt.Key, "gateway", $"Gateway '{attempt.Gateway}' did not answer ({outcome.Code})."),
        { Kind: GatewayOutcomeKind.Succeeded } => attempt.Amount - refunds.Where(r => r.PaymentId == attempt.PaymentId && r.State == PaymentState.Succeeded).Sum(r => r.Amount),
        _ => 0m,
    };

    private static void Check(AddPaymentMethodRequest request)
    {
        CardNumberGuard.Check(request.Id, "payment method", "", "id");
        var id = Identifier.Check(request.Id, "payment method");
        CardNumberGuard.Check(request.Token, "payment method", id, "token");
        CardNumberGuard.Check(request.Type, "payment method", id, "type");
        CardNumberGuard.Check(request.Gateway, "payment method", id, "gateway");
        CardNumberGuard.Check(request.Brand, "payment method", id, "brand");
        CardNumberGuard.Check(request.LastFour, "payment method", id, "lastFour");
        Identifier.Check(request.Type, "payment method", "type");
        if (string.IsNullOrEmpty(request.Token) && request.Type != CollectionMethod.Manual)
        {
            throw BillingException.Validation("payment method", id, "token", "The gateway's token is missing.");
        }

        if (request.LastFour is { } digits && (digits.Length != 4 || !digits.All(char.IsAsciiDigit)))
        {
            throw BillingException.Validation("payment method", id, "lastFour", "These are the last four digits and nothing else.");
        }

        if (request.ExpiryMonth is < 1 or > 12)
        {
            throw BillingException.Validation("payment method", id, "expiryMonth", "A month is 1 to 12.");
        }

        if (request.ExpiryYear is < 2000 or > 9999)
        {
            throw BillingException.Validation("payment method", id, "expiryYear", "A year has four digits.");
        }
    }

    private static PaymentMethod AddMethod(PayerWork work, AddPaymentMethodRequest request)
    {
        if (work.Find<PaymentMethod>(request.Id) is not null)
        {
            throw BillingException.For(BillingErrorCodes.Duplicate, "payment method", request.Id, "id", "There is one with this id already.");
        }

        if (request.Gateway is { } gateway && CollectionMethod.Gateway(work, gateway) is null)
        {
            throw BillingException.Validation("payment method", request.Id, "gateway", $"The tenant has no gateway '{gateway}'.");
        }

        return work.Put(new PaymentMethod
        {
            Tenant = work.Context.Id,
            Id = request.Id,
            PayerId = work.PayerId,
            CustomerId = request.CustomerId,
            Type = request.Type,
            Gateway = request.Gateway,
            Token = request.Token,
            Brand = request.Brand,
            LastFour = request.LastFour,
            ExpiryMonth = request.ExpiryMonth,
            ExpiryYear = request.ExpiryYear,
            IsDefault = !work.All<PaymentMethod>().Any(m => m.CustomerId == request.CustomerId && m.IsDefault && m.RemovedAt is null),
            AddedAt = work.Now,
        });
    }

    private static Payment Pay(PayerWork work, Invoice invoice, PayRequest request)
    {
        var id = invoice.Id.ToString();
        if (Settlement.Room(invoice, decimal.MaxValue) <= 0m)
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "invoice", id, "status", $"Nothing is open on it: it is {invoice.Status}.");
        }

        var amount = Amounts.Positive(request.Amount ?? Settlement.Room(invoice, decimal.MaxValue), invoice.Currency, "payment of invoice", id);
        Identifier.Check(request.Method, "payment of invoice", "method");
        return CollectionOutcome.Receive(work, new Payment
        {
            Tenant = work.Context.Id,
            Id = work.NewId(),
            PayerId = work.PayerId,
            Ordinal = CollectionIntent.NextOrdinal(work),
            InvoiceId = invoice.Id,
            Currency = invoice.Currency,
            Amount = amount,
            State = PaymentState.Succeeded,
            MethodType = request.Method,
            Attempts = 1,
            CreatedAt = work.Now,
            Version = 1,
        });
    }

    private static Payment Begin(PayerWork work, Invoice invoice) =>
        CollectionIntent.Begin(work, invoice)
        ?? throw BillingException.For(
            BillingErrorCodes.InvalidState,
            "invoice",
            invoice.Id.ToString(),
            invoice.AmountDue > 0m && CollectionMethod.Find(work) is null ? "paymentMethod" : "amountDue",
            invoice.Status != InvoiceStatus.Open ? $"Only open invoices are collected; this one is {invoice.Status}."
                : CollectionMethod.Find(work) is null ? "Its payer has no default payment method that can be charged."
                : "An attempt for all that is open is under way.");

    private static Refund BeginRefund(PayerWork work, Payment payment, RefundRequest request)
    {
        var id = payment.Id.ToString();
        if (payment.State is not (PaymentState.Succeeded or PaymentState.PartiallyRefunded or PaymentState.Refunded))
        {
            throw BillingException.For(BillingErrorCodes.InvalidState, "payment", id, "state", $"Only money that came can be given back; the payment is {payment.State}.");
        }

        var refundable = Refunds.Refundable(work, payment);
        var amount = request.Amount is { } given ? Amounts.Positive(given, payment.Currency, "payment", id) : refundable;
        return amount > 0m && amount <= refundable
            ? Refunds.Begin(work, payment, amount, creditNoteId: null)
            : throw BillingException.For(BillingErrorCodes.AmountExceeds, "payment", id, "amount", $"{Journal.Print(refundable, payment.Currency)} {payment.Currency} is left of it.");
    }

    private Task<T> OnInvoice<TRequest, T>(CommandContext context, string command, TRequest request, Guid invoiceId, Func<PayerWork, Invoice, T> apply, CancellationToken cancellationToken) =>
        _commands.ExecuteAsync(
            context,
            command,
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Invoice, invoiceId.ToString(), token),
            PayerCommits.Parts,
            (work, _) => Task.FromResult(apply(work, work.Find<Invoice>(invoiceId)!)),
            cancellationToken);

    private Task<T> OnPayment<TRequest, T>(CommandContext context, string command, TRequest request, Guid paymentId, Func<PayerWork, Payment, T> apply, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _commands.ExecuteAsync(
            context,
            command,
            request,
            token => _commands.PayerOfAsync(context.Tenant, StoredObject.Payment, paymentId.ToString(), token),
            PayerCommits.Parts,
            (work, _) => Task.FromResult(apply(work, work.Find<Payment>(paymentId)!)),
            cancellationToken);
    }
}
