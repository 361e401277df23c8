using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Billing.PostgreSql.Tests;

/// <summary>Stands between a storage and the server, and cuts the connection after the server has done a commit and before its answer arrives.</summary>
internal sealed class LossyProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly string _host;
    private readonly int _port;
    private int _armed;
    private int _lost;

    public LossyProxy(string address)
    {
        var server = new NpgsqlConnectionStringBuilder(address);
        (_host, _port) = (server.Host!, server.Port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Lost => _lost;

    public string Through(string address) => new NpgsqlConnectionStringBuilder(address)
    {
        Host = "127.0.0.1", Port = ((IPEndPoint)_listener.LocalEndpoint).Port, SslMode = SslMode.Disable, GssEncryptionMode = GssEncryptionMode.Disable,
    }.ToString();

    public void LoseNextCommit() => Volatile.Write(ref _armed, 1);

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = RelayAsync(await _listener.AcceptTcpClientAsync(_end.Token));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            await server.ConnectAsync(_host, _port);
            var (up, down) = (client.GetStream(), server.GetStream());
            var losing = false;
            var forth = PumpAsync(up, down, bytes => losing |= bytes.AsSpan().IndexOf("COMMIT"u8) >= 0 && Interlocked.CompareExchange(ref _armed, 0, 1) == 1, () => false);
            var back = PumpAsync(down, up, _ => { }, () => losing);
            await Task.WhenAny(forth, back);
            if (losing)
            {
                Interlocked.Increment(ref _lost);
            }
        }
    }

    private static async Task PumpAsync(NetworkStream from, NetworkStream to, Action<byte[]> seen, Func<bool> stop)
    {
        var buffer = new byte[65536];
        try
        {
            for (var read = await from.ReadAsync(buffer); read > 0 && !stop(); read = await from.ReadAsync(buffer))
            {
                seen(buffer[..read]);
                await to.WriteAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            // One side closed the connection.
        }
    }
}
