using System.Diagnostics;

namespace Billing.Samples.Tests;

/// <summary>Where the samples are, and how they are run.</summary>
internal static class Samples
{
    private static readonly string Here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);

    public static string Root { get; } = FindRoot();

    /// <summary>Folder of a sample's build, of the configuration that these tests were built in.</summary>
    public static string Output(string sample) =>
        Path.Combine(Root, "samples", sample, "bin", Path.GetFileName(Path.GetDirectoryName(Here)!), Path.GetFileName(Here));

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    /// <summary>Real call records are kept beside the repository and read in place; <see langword="null"/>: they are not there.</summary>
    public static string? RealCalls()
    {
        for (var folder = Directory.GetParent(Root); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "shared", "data", "usage", "asterisk_cdr.csv");
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    /// <summary>Runs a built sample to its end.</summary>
    public static async Task<(int Code, string Output)> RunAsync(string assembly, string workingFolder, params string[] arguments)
    {
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        var start = new ProcessStartInfo(host, [assembly, .. arguments])
        {
            WorkingDirectory = workingFolder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = System.Text.Encoding.UTF8,
        };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, (await output + await errors).ReplaceLineEndings("\n"));
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(Here);
        while (!File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException($"No folder above {Here} is the repository.");
        }

        return folder.FullName;
    }
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("billing-samples-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Copies a folder with all that is in it.</summary>
    public string Copy(string source, string name)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = System.IO.Path.Combine(this[name], System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
