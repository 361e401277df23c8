using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using NodaTime;

namespace Billing.EntityFrameworkCore.PostgreSql;

/// <summary>How values become columns of PostgreSQL. A host that keeps the engine's tables in its own context gives it to <see cref="BillingModel.UseBilling"/>.</summary>
/// <remarks>
/// Instants are <c>bigint</c> (Unix ticks of 100 ns, as in every adapter: <c>timestamptz</c> would cut off a digit; the function <c>billing_time</c> turns them into one),
/// dates <c>date</c>, ids of the engine <c>uuid</c> (which sort in the order in which they were made), all decimals <c>numeric</c> with all their digits, everything else text that
/// compares byte by byte. Immutable and thread-safe.
/// </remarks>
public sealed class PostgreSqlBillingColumns : BillingColumns
{
    private PostgreSqlBillingColumns()
    {
    }

    /// <summary>The columns.</summary>
    public static PostgreSqlBillingColumns Instance { get; } = new();

    /// <inheritdoc/>
    public override ValueConverter? Date { get; } = new DateConverter();

    /// <summary>None: <c>uuid</c> sorts by time.</summary>
    public override ValueConverter? Id => null;

    /// <summary>Rounded amounts: <c>numeric</c>; more than four decimals are an error, as in every adapter.</summary>
    public override ValueConverter? Money { get; } = new AmountConverter();

    /// <summary>None: <c>numeric</c> keeps all digits and can be summed.</summary>
    public override ValueConverter? Decimal => null;

    /// <summary>Byte by byte.</summary>
    public override string? TextCollation => "C";

    private sealed class DateConverter() : ValueConverter<LocalDate, DateOnly>(date => date.ToDateOnly(), date => LocalDate.FromDateOnly(date));

    private sealed class AmountConverter() : ValueConverter<decimal, decimal>(amount => Amounts.Check(amount), amount => amount);
}

/// <summary>The limits of rounded amounts.</summary>
internal static class Amounts
{
    private const decimal Limit = 922_337_203_685_477.5807m;

    public static decimal Check(decimal amount) =>
        amount.Scale <= 4 || decimal.Round(amount, 4) == amount
            ? amount is >= -Limit and <= Limit ? amount : throw Error(amount)
            : throw Error(amount);

    private static BillingException Error(decimal amount) => new(
        BillingErrorCodes.Validation,
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"The amount {amount} cannot be stored: rounded amounts have at most 4 decimals and 14 digits before them."));
}
