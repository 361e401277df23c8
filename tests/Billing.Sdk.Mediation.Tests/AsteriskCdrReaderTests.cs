using System.Text;
using Billing.Plugins.AsteriskCdr;
using FsCheck;
using FsCheck.Fluent;

namespace Billing.Mediation.Tests;

public class AsteriskCdrReaderTests
{
    private const int LineLimit = 64 * 1024;

    [Fact]
    public async Task A_record_has_Asterisks_columns_by_name_and_the_line_on_which_it_begins()
    {
        var records = await Cdr.ReadAsync(Cdr.Line(id: "a") + "\n" + Cdr.Line(id: "b"));

        Assert.Equal([1, 2], records.Select(r => r.Position));
        Assert.Equal("b", records[1].Fields["uniqueid"]);
        Assert.Equal("\"Jane\" <555-0101>", records[0].Fields["clid"]);
        Assert.Equal("61", records[0].Fields["billsec"]);
        Assert.Equal(18, records[0].Fields.Count);
        Assert.Equal(Cdr.Line(id: "a"), records[0].Raw);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public async Task Line_ends_of_both_kinds_a_byte_order_mark_and_blank_lines_are_no_part_of_records(string end)
    {
        var text = "\uFEFF" + Cdr.Line(id: "a") + end + end + Cdr.Line(id: "b") + end;

        var records = await Cdr.ReadAsync(text);

        Assert.Equal([("a", 1L), ("b", 3L)], records.Select(r => (r.Fields["uniqueid"], r.Position)));
        Assert.All(records, r => Assert.Equal("", r.Fields["userfield"]));
    }

    [Fact]
    public async Task A_quoted_field_may_span_lines()
    {
        var line = Cdr.Line().Replace("SIP/2,30", "first\r\nsecond, \"\"third\"\"", StringComparison.Ordinal);

        var records = await Cdr.ReadAsync(line + "\n" + Cdr.Line(id: "b"));

        Assert.Equal("first\nsecond, \"third\"", records[0].Fields["lastdata"]);
        Assert.Equal(3, records[1].Position);
    }

    [Theory]
    [InlineData("a,b,c", "3 columns in place of 18")]
    [InlineData("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "loguniqueid=yes")]
    [InlineData("\"a\"b,c", "goes on behind its closing quote")]
    [InlineData("a\"b,c", "has a quote, but does not begin with one")]
    [InlineData("\"a,b,c", "opened and not closed")]
    public async Task A_broken_line_is_a_record_with_its_error_and_costs_no_other(string broken, string error)
    {
        var records = await Cdr.ReadAsync($"{Cdr.Line(id: "a")}\n{broken}\n{Cdr.Line(id: "b")}\n{Cdr.Line(id: "c")}");

        Assert.Equal(["a", "b", "c"], records.Where(r => r.Error is null).Select(r => r.Fields["uniqueid"]));
        var bad = Assert.Single(records, r => r.Error is not null);
        Assert.Contains(error, bad.Error, StringComparison.Ordinal);
        Assert.Equal((2L, broken), (bad.Position, bad.Raw));
        Assert.Empty(bad.Fields);
    }

    [Fact]
    public async Task A_line_over_64_KiB_is_refused_with_its_beginning_and_reading_goes_on_behind_it()
    {
        var huge = new string('x', 3 * LineLimit);

        var records = await Cdr.ReadAsync($"{huge}\n{Cdr.Line(id: "b")}");

        Assert.Contains("longer than 65536 bytes", records[0].Error, StringComparison.Ordinal);
        Assert.Equal(LineLimit, records[0].Raw.Length);
        Assert.Equal(("b", 2L), (records[1].Fields["uniqueid"], records[1].Position));
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_refused_with_their_place()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes("\"\",\"caf"), 0xE9, .. Encoding.UTF8.GetBytes("\"\n" + Cdr.Line(id: "b"))];

        var records = await Cdr.ReadAsync(bytes);

        Assert.Equal("Byte 8 of the line is not UTF-8.", records[0].Error);
        Assert.Equal("b", records[1].Fields["uniqueid"]);
    }

    [Fact]
    public async Task A_quote_that_is_lost_again_and_again_costs_those_lines_alone()
    {
        var text = string.Join('\n', Enumerable.Range(0, 200).Select(i => i % 2 == 0 ? "\"broken" : Cdr.Line(id: $"c{i}")));

        var records = await Cdr.ReadAsync(text);

        Assert.Equal(100, records.Count(r => r.Error is null));
        Assert.Equal(Enumerable.Range(1, 200).Select(n => (long)n), records.Select(r => r.Position));
    }

    [Fact]
    public void Random_bytes_never_throw_and_every_piece_is_bounded() =>
        Check.QuickThrowOnFailure(Prop.ForAll<byte[]>(bytes =>
        {
            // Quotes, commas and line ends often, so that the interesting states are reached.
            byte[] shaped = [.. bytes.Select(b => (b % 8) switch { 0 => (byte)'"', 1 => (byte)',', 2 => (byte)'\n', _ => b })];
            return IsBounded(shaped);
        }));

    [Fact]
    public void Whole_files_that_are_cut_and_altered_never_throw() =>
        Check.QuickThrowOnFailure(Prop.ForAll(
            Gen.Choose(0, 100_000).Three().ToArbitrary(),
            places =>
            {
                var file = Encoding.UTF8.GetBytes(string.Join("\r\n", Enumerable.Range(0, 20).Select(i => Cdr.Line(id: $"c{i}"))));
                var (cut, at, value) = places;
                file[at % file.Length] = (byte)(value % 256);
                return IsBounded(file[..(cut % file.Length)]);
            }));

    [Fact]
    public async Task Memory_does_not_grow_with_the_input()
    {
        var line = Encoding.UTF8.GetBytes(Cdr.Line() + "\n");
        using var input = new RepeatingStream(line, times: 200_000);
        long count = 0, most = 0;

        await foreach (var record in new AsteriskCdrReader().ReadAsync(input, "long.csv", CancellationToken.None))
        {
            if (++count % 50_000 == 0)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
            }
        }

        Assert.Equal(200_000, count);
        Assert.InRange(most, 0, 30_000_000);
    }

    [Fact]
    public async Task A_line_without_end_is_one_broken_record_and_holds_no_memory()
    {
        using var input = new RepeatingStream(new byte[1024], times: 200_000);

        var records = await Cdr.ReadAsync(input);

        var record = Assert.Single(records);
        Assert.Equal(LineLimit, record.Raw.Length);
        Assert.NotNull(record.Error);
    }

    private static bool IsBounded(byte[] bytes)
    {
        // Reading from memory completes at once: nothing is waited for here.
        var records = Cdr.ReadAsync(bytes).GetAwaiter().GetResult();
        return records.All(r => r.Raw.Length <= LineLimit
            && r.Raw.Count(c => c == '\n') < AsteriskCdrReader.LinesPerRecord
            && r.Position >= 1
            && (r.Error is null ? r.Fields.Count == 18 : r.Fields.Count == 0));
    }

    /// <summary>A stream that gives one block again and again.</summary>
    private sealed class RepeatingStream(byte[] block, int times) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => (long)block.Length * times;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var from = (int)(_position % block.Length);
            var length = (int)Math.Min(Math.Min(count, block.Length - from), Length - _position);
            Array.Copy(block, from, buffer, offset, length);
            _position += length;
            return length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
