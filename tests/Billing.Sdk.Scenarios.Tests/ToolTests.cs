using Billing.Tool;

namespace Billing.Scenarios;

/// <summary>The command line, on files of its own.</summary>
public sealed class ToolTests : IDisposable
{
    private const string Right = """{ "kind": "pricing", "tags": ["fast", "flat"], "cases": [ { "name": "one", "price": { "model": "flat", "amount": "2" }, "quantity": 3, "expect": { "amount": "2" } } ] }""";
    private const string Wrong = """{ "kind": "pricing", "tags": ["slow"], "cases": [ { "name": "two", "price": { "model": "flat", "amount": "2" }, "quantity": 3, "expect": { "amount": "5" } } ] }""";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("billing-tool-tests-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_right_file_gives_the_totals_and_exit_code_0()
    {
        var file = Write("right.json", Right);

        Assert.Equal((0, "1 passed, 0 failed\n"), await RunAsync(file));
        Assert.Equal((0, $"PASS {file}#one\n1 passed, 0 failed\n"), await RunAsync(file, "--verbose"));
    }

    [Fact]
    public async Task A_wrong_file_gives_a_line_for_the_difference_and_exit_code_1()
    {
        var file = Write("wrong.json", Wrong);

        Assert.Equal((1, $"FAIL {file}#two: expect.amount: expected 5, was 2\n0 passed, 1 failed\n"), await RunAsync(file));
    }

    [Fact]
    public async Task A_folder_is_searched_with_its_folders_and_a_tag_chooses_files()
    {
        Write("a/right.json", Right);
        Write("b/c/wrong.json", Wrong);
        Write("b/readme.txt", "no scenario");

        Assert.EndsWith("1 passed, 1 failed\n", (await RunAsync(_folder.FullName)).Output, StringComparison.Ordinal);
        Assert.Equal((0, "1 passed, 0 failed\n"), await RunAsync(_folder.FullName, "--tag", "flat"));
    }

    [Theory]
    [InlineData("{ \"kind\": ", "file")]
    [InlineData("""{ "kind": "dance" }""", "kind")]
    [InlineData("""{ "kind": "lifecycle", "timeline": [ { "at": "2024-01-01", "expect": { "customer": "a", "invoises": [] } } ] }""", "timeline[0].expect.invoises")]
    [InlineData("[]", "file")]
    public async Task A_file_that_is_not_in_the_format_counts_as_one_failure(string json, string path)
    {
        var file = Write("broken.json", json);
        var (code, output) = await RunAsync(file);

        Assert.Equal(1, code);
        Assert.StartsWith($"FAIL {file}#broken: {path}: expected a scenario in the format, was ", output, StringComparison.Ordinal);
        Assert.EndsWith("\n0 passed, 1 failed\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_nothing_ran_the_exit_code_is_1() =>
        Assert.Equal((1, "0 passed, 0 failed\n"), await RunAsync(_folder.FullName));

    [Fact]
    public async Task A_path_that_is_not_there_a_store_that_is_not_known_and_no_path_are_refused()
    {
        Assert.Contains("nowhere.json", (await RunAsync("nowhere.json")).Output, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("nowhere.json")).Code);
        Assert.Equal(1, (await RunAsync(Write("right.json", Right), "--store", "paper")).Code);
        Assert.Equal(1, (await RunAsync()).Code);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var code = await BillingTool.RunAsync(["scenarios", "run", .. arguments], output, output);
        return (code, output.ToString().ReplaceLineEndings("\n"));
    }
}
