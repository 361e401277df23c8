using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Billing.Benchmarks;
using Billing.Benchmarks.Micro;
using Billing.Benchmarks.Rows;

// dotnet run -c Release --project tests/Billing.Benchmarks -- ratios|micro|verify [options]
return args switch
{
    ["ratios", .. var options] => await Ratios.RunAsync(Settings.Parse(options, new Settings())),
    ["verify", .. var options] => await Ratios.RunAsync(Settings.Parse(options, Settings.Tiny)),
    ["profile", .. var options] => await Profile.RunAsync(options),
    ["profiled", .. var options] => await Profile.RunSampledAsync(Settings.Parse(options, new Settings())),
    ["micro", .. var options] => Micro(options),
    ["billing", var location, .. var options] => await ScaleRows.RunMeasuredAsync(Settings.Parse(options, new Settings()), location),
    ["working", var location, var run, .. var options] => await WorkerRows.RunWorkerAsync(Settings.Parse(options, new Settings()), location, run),
    ["writing", var engine, var copy, var commits, var part, var of, .. var options] => await WorkerRows.RunWriterAsync(Settings.Parse(options, new Settings()), engine, copy, commits, part, of),
    ["composing", .. var options] => await ComposeRows.RunMeasuredAsync(Settings.Parse(options, new Settings())),
    _ => Usage(),
};

static int Micro(string[] options)
{
    // In this process: the default way builds a project of its own within the repository and is held to its rules.
    IConfig config = ManualConfig.Create(DefaultConfig.Instance).WithArtifactsPath(Path.Combine("artifacts", "benchmarks"));
    config = options.Contains("--job") ? config : config.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
    var summary = BenchmarkRunner.Run<PureParts>(config, options);
    return summary.Reports.Length > 0 && summary.Reports.All(r => r.Success) ? 0 : 1;
}

static int Usage()
{
    Console.Error.WriteLine("ratios [--store sqlite|postgresql|memory] [--customers N] [--only row,row] | verify [--store …] | micro [BenchmarkDotNet options]");
    return 2;
}
