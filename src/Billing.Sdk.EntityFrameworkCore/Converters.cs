using System.Collections.Frozen;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using NodaTime;
using NodaTime.Text;

namespace Billing.EntityFrameworkCore;

internal sealed class TenantIdConverter() : ValueConverter<TenantId, string>(id => id.Value, text => new TenantId(text));

/// <summary>Unix ticks of 100 ns; nanoseconds below a tick are cut off.</summary>
internal sealed class InstantTicksConverter() : ValueConverter<Instant, long>(instant => instant.ToUnixTimeTicks(), ticks => Instant.FromUnixTimeTicks(ticks));

internal sealed class LocalDateTextConverter() : ValueConverter<LocalDate, string>(date => LocalDatePattern.Iso.Format(date), text => LocalDatePattern.Iso.Parse(text).Value);

/// <summary>Big-endian, so that databases that compare bytes sort ids in the order in which they were made.</summary>
internal sealed class GuidBytesConverter() : ValueConverter<Guid, byte[]>(id => id.ToByteArray(true), bytes => new Guid(bytes, true));

internal sealed class DecimalTextConverter() : ValueConverter<decimal, string>(value => DecimalText.Format(value), text => DecimalText.Parse(text));

/// <summary>Rounded amounts as whole ten-thousandths of the currency unit (ADR 0004).</summary>
internal sealed class MoneyConverter() : ValueConverter<decimal, long>(amount => ScaledMoney.ToScaled(amount), scaled => ScaledMoney.FromScaled(scaled));

internal sealed class JsonTextConverter<T>() : ValueConverter<T, string>(value => StorageJson.Write(value), json => StorageJson.Read<T>(json));

internal sealed class EnumNameConverter<T>() : ValueConverter<T, string>(value => EnumNames<T>.ToName(value), name => EnumNames<T>.FromName(name))
    where T : struct, Enum;

internal static class EnumNames<T>
    where T : struct, Enum
{
    private static readonly FrozenDictionary<T, string> Names =
        Enum.GetValues<T>().ToFrozenDictionary(value => value, value => JsonNamingPolicy.CamelCase.ConvertName(value.ToString()));

    private static readonly FrozenDictionary<string, T> Values = Names.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    public static string ToName(T value) => Names[value];

    public static T FromName(string name) =>
        Values.TryGetValue(name, out var value) ? value : throw new BillingException(BillingErrorCodes.Storage, $"'{name}' is no {typeof(T).Name}.");
}

internal static class ScaledMoney
{
    private const decimal Scale = 10_000m;

    public static long ToScaled(decimal amount)
    {
        var scaled = amount * Scale;
        return decimal.Truncate(scaled) == scaled && scaled is >= long.MinValue and <= long.MaxValue
            ? (long)scaled
            : throw new BillingException(
                BillingErrorCodes.Validation, $"The amount {DecimalText.Format(amount)} cannot be stored: rounded amounts have at most 4 decimals and 14 digits before them.");
    }

    public static decimal FromScaled(long scaled) => scaled / Scale;
}
