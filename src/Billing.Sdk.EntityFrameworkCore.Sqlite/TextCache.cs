using System.Text;

namespace Billing.EntityFrameworkCore.Sqlite;

/// <summary>Gives the same string for the same short text that is read again. One place per hash: a newer text takes the place of an older one.</summary>
internal sealed class TextCache
{
    private const int Longest = 40;

    private readonly string?[] _texts = new string?[1024];

    public string Get(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length is 0 or > Longest)
        {
            return utf8.Length == 0 ? "" : Encoding.UTF8.GetString(utf8);
        }

        ref var place = ref _texts[Hash(utf8) & 1023];
        return place is { } known && Ascii.Equals(utf8, known) ? known : place = Encoding.UTF8.GetString(utf8);
    }

    private static uint Hash(ReadOnlySpan<byte> utf8)
    {
        unchecked
        {
            var hash = 2166136261u;
            foreach (var b in utf8)
            {
                hash = (hash ^ b) * 16777619u;
            }

            return hash ^ (hash >> 15);
        }
    }
}
