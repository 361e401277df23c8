using System.Text;

namespace Billing.Plugins.AsteriskCdr;

/// <summary>One line of the input.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Text">Its text without the line end; of a line that is too long, the beginning.</param>
/// <param name="Error">What is wrong with it as a line; <see langword="null"/>: nothing.</param>
internal sealed record Line(long Number, string Text, string? Error);

/// <summary>Cuts a stream into lines. Neither a line without end nor bytes that are no UTF-8 make it throw or grow.</summary>
internal sealed class BoundedLineReader(Stream stream)
{
    public const int LineLimit = 64 * 1024;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly byte[] _line = new byte[LineLimit];
    private int _start;
    private int _end;
    private long _number;

    /// <summary>The next line; <see langword="null"/> at the end of the input.</summary>
    public async ValueTask<Line?> ReadAsync(CancellationToken cancellationToken)
    {
        var length = 0;
        var tooLong = false;
        var any = false;
        while (true)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = await stream.ReadAsync(_buffer, cancellationToken).ConfigureAwait(false);
                if (_end == 0)
                {
                    return any ? Make(length, tooLong) : null;
                }
            }

            any = true;
            var chunk = _buffer.AsSpan(_start, _end - _start);
            var newline = chunk.IndexOf((byte)'\n');
            var part = newline < 0 ? chunk : chunk[..newline];
            var taken = Math.Min(part.Length, LineLimit - length);
            part[..taken].CopyTo(_line.AsSpan(length));
            length += taken;
            tooLong |= taken < part.Length;
            _start += part.Length + (newline < 0 ? 0 : 1);
            if (newline >= 0)
            {
                return Make(length, tooLong);
            }
        }
    }

    private Line Make(int length, bool tooLong)
    {
        _number++;
        var bytes = _line.AsSpan(0, length);
        if (_number == 1 && bytes.StartsWith(Encoding.UTF8.Preamble))
        {
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        }

        if (tooLong)
        {
            return new Line(_number, Encoding.UTF8.GetString(bytes), $"The line is longer than {LineLimit} bytes.");
        }

        bytes = bytes.EndsWith("\r"u8) ? bytes[..^1] : bytes;
        try
        {
            return new Line(_number, Strict.GetString(bytes), null);
        }
        catch (DecoderFallbackException error)
        {
            return new Line(_number, Encoding.UTF8.GetString(bytes), $"Byte {error.Index + 1} of the line is not UTF-8.");
        }
    }
}
