namespace Billing;

/// <summary>A request that the engine refuses, with a stable code. Nothing of the request has been written when it is thrown.</summary>
/// <remarks>Business outcomes (a declined card, a rejected record) are results and never exceptions.</remarks>
public sealed class BillingException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">One of <see cref="BillingErrorCodes"/>.</param>
    /// <param name="message">What is wrong, with which object, and what to do.</param>
    /// <param name="innerException">The cause, if any.</param>
    public BillingException(string code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>The stable code, for programs. Texts may change, codes do not.</summary>
    public string Code { get; }

    /// <summary>Kind of the object that is wrong (<c>plan</c>, <c>customer</c>, …), when known.</summary>
    public string? Subject { get; init; }

    /// <summary>Id of that object, when known.</summary>
    public string? SubjectId { get; init; }

    /// <summary>The key (property, parameter, column) that is wrong, when known.</summary>
    public string? Key { get; init; }

    /// <summary>An input that breaks a rule.</summary>
    public static BillingException Validation(string subject, string id, string key, string message) =>
        For(BillingErrorCodes.Validation, subject, id, key, message);

    /// <summary>An object that does not exist.</summary>
    public static BillingException NotFound(string subject, string id) =>
        For(BillingErrorCodes.NotFound, subject, id, "id", $"There is no {subject} '{id}'.");

    /// <summary>An error with all its parts; the message is prefixed with subject, id and key.</summary>
    public static BillingException For(string code, string subject, string id, string key, string message) =>
        new(code, $"{subject} '{id}', {key}: {message}") { Subject = subject, SubjectId = id, Key = key };
}

/// <summary>The stable error codes. FORMAT of the scenario files, section 6, lists the ones that scenarios can expect.</summary>
public static class BillingErrorCodes
{
    /// <summary>An input breaks a rule.</summary>
    public const string Validation = "validation";

    /// <summary>The object named does not exist (for this tenant).</summary>
    public const string NotFound = "not-found";

    /// <summary>Another change came first, or an idempotency key was used for another request.</summary>
    public const string Conflict = "conflict";

    /// <summary>The catalog has no such meter.</summary>
    public const string UnknownMeter = "unknown-meter";

    /// <summary>The catalog has no such plan.</summary>
    public const string UnknownPlan = "unknown-plan";

    /// <summary>An object with this id exists already.</summary>
    public const string Duplicate = "duplicate";

    /// <summary>The object's state does not allow the request.</summary>
    public const string InvalidState = "invalid-state";

    /// <summary>Amounts, plans or customers of different currencies.</summary>
    public const string CurrencyMismatch = "currency-mismatch";

    /// <summary>No price, matrix cell or tier fits.</summary>
    public const string NoMatchingPrice = "no-matching-price";

    /// <summary>No rate or time band of the deck fits.</summary>
    public const string NoMatchingRate = "no-matching-rate";

    /// <summary>A quantity below zero where none is allowed.</summary>
    public const string NegativeQuantity = "negative-quantity";

    /// <summary>The coupon can no longer be redeemed.</summary>
    public const string CouponExpired = "coupon-expired";

    /// <summary>The coupon has been redeemed as often as it may be.</summary>
    public const string CouponExhausted = "coupon-exhausted";

    /// <summary>More than what is left.</summary>
    public const string AmountExceeds = "amount-exceeds";

    /// <summary>Too old: outside the time in which it is accepted.</summary>
    public const string Expired = "expired";

    /// <summary>Several objects fit; name one.</summary>
    public const string Ambiguous = "ambiguous";

    /// <summary>A task that the tenant's configuration names is not loaded; the tenant's runs are refused.</summary>
    public const string TaskMissing = "task-missing";

    /// <summary>A task failed.</summary>
    public const string TaskFailed = "task-failed";

    /// <summary>The store cannot be opened or does not fit: corrupt, or of another schema version.</summary>
    public const string Storage = "storage";

    /// <summary>Usage was recorded but its rollups are missing; billing from them would lose money.</summary>
    public const string RollupMissing = "rollup-missing";

    /// <summary>There is no room for the request now; nothing was done. Try again later.</summary>
    public const string Overloaded = "overloaded";

    /// <summary>The engine does not support this yet.</summary>
    public const string NotSupported = "not-supported";
}
