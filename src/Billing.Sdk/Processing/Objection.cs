namespace Billing.Processing;

/// <summary>What a task has against a request. Nothing against it is an answer too, and answers are never null: so it stands in an envelope.</summary>
/// <param name="Reason">The reason; <see langword="null"/>: nothing.</param>
internal sealed record Objection(string? Reason)
{
    public static async ValueTask<IReadOnlyList<Objection>> OfAsync(ValueTask<IReadOnlyList<string?>> answers) =>
        [.. (await answers.ConfigureAwait(false)).Select(a => new Objection(a))];
}
