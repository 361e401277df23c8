using Billing.Catalog;
using Billing.Invoicing;
using Billing.Ledger;
using Billing.Payments;
using Billing.Subscriptions;
using NodaTime;

namespace Billing.Testing.Scenarios.Lifecycle;

/// <summary>Reads <c>expect</c>: each key becomes a comparison of its own.</summary>
internal sealed class Expectation
{
    private readonly List<StepAction> _checks = [];
    private readonly StepReading _reading;
    private readonly JsonFields _fields;
    private readonly string? _customer;

    private Expectation(StepReading reading)
    {
        _reading = reading;
        _fields = reading.Fields;
        _customer = _fields.OptionalText("customer");
    }

    public static StepAction Read(StepReading reading)
    {
        var expectation = new Expectation(reading);
        if (reading.Fields.Flag("preview", false))
        {
            expectation.AddPreview();
        }
        else
        {
            expectation.AddLists();
            expectation.AddFigures();
            expectation.AddSubscriptions();
            expectation.AddLedger();
        }

        reading.Fields.End();
        return async (run, stop) =>
        {
            foreach (var check in expectation._checks)
            {
                await check(run, stop).ConfigureAwait(false);
            }
        };
    }

    private string Customer => _customer ?? throw JsonFields.Error(_fields.PathOf("customer"), "The key is missing.");

    /// <summary>What the next invoice would be; asking must change nothing.</summary>
    private void AddPreview()
    {
        var customer = Customer;
        var invoices = ReadInvoices();
        var path = _reading.Path;
        _checks.Add(async (run, stop) =>
        {
            var before = await StateDigest.ReadAsync(run, stop).ConfigureAwait(false);
            var previewed = await run.Engine.Invoices.PreviewAsync(ScenarioHost.Tenant, customer, stop).ConfigureAwait(false);
            ExpectedInvoice.Compare(invoices, previewed, $"{path}.invoices", run.Comparison);
            var after = await StateDigest.ReadAsync(run, stop).ConfigureAwait(false);
            after.CompareWith(before, run.Comparison, $"{path}.preview");
        });
    }

    private List<ExpectedInvoice> ReadInvoices() =>
        [.. _fields.RequiredItems("invoices").Select(i => ExpectedInvoice.Read(i.Value, i.Path, _reading.Zone))];

    /// <summary>The lists of what is new since the last <c>expect</c> that named this customer and that list.</summary>
    private void AddLists()
    {
        if (_fields.Has("invoices"))
        {
            var (customer, path, expected) = (Customer, _fields.PathOf("invoices"), ReadInvoices());
            _checks.Add(async (run, stop) =>
            {
                var all = await run.ListInvoicesAsync(customer, stop).ConfigureAwait(false);
                ExpectedInvoice.Compare(expected, New(run, customer, "invoices", all, d => d.Invoice.Ordinal), path, run.Comparison);
            });
        }

        if (_fields.Has("payments"))
        {
            AddList("payments", ReadPayment, p => p.Ordinal, (run, customer, stop) => run.Engine.Payments.ListAsync(ScenarioHost.Tenant, customer, stop));
        }

        if (_fields.Has("creditNotes"))
        {
            AddList("creditNotes", ReadCreditNote, n => n.Ordinal, (run, customer, stop) => run.Engine.Credits.ListNotesAsync(ScenarioHost.Tenant, customer, stop));
        }

        if (_fields.Has("notifications"))
        {
            var (customer, path, expected) = (Customer, _fields.PathOf("notifications"), _fields.Texts("notifications"));
            _checks.Add((run, _) =>
            {
                var sent = run.Host.Notifications.Sent.Where(n => n.Message.CustomerId == customer).Select((n, index) => (n.Message.Name, Ordinal: index + 1)).ToList();
                var names = New(run, customer, "notifications", sent, s => s.Ordinal).Select(s => s.Name);
                run.Comparison.Compare(path, string.Join(", ", expected), string.Join(", ", names));
                return Task.CompletedTask;
            });
        }
    }

    private void AddList<T>(
        string key,
        Func<JsonFields, Action<T, ScenarioComparison>> read,
        Func<T, long> ordinal,
        Func<LifecycleRun, string, CancellationToken, Task<IReadOnlyList<T>>> list)
    {
        var (customer, path) = (Customer, _fields.PathOf(key));
        var expected = _fields.RequiredItems(key).Select(i => ReadItem(new JsonFields(i.Value, i.Path), read)).ToList();
        _checks.Add(async (run, stop) =>
        {
            var items = New(run, customer, key, await list(run, customer, stop).ConfigureAwait(false), ordinal);
            run.Comparison.Compare($"{path}.length", expected.Count, items.Count);
            foreach (var (compare, item) in expected.Zip(items))
            {
                compare(item, run.Comparison);
            }
        });
    }

    private static Action<T, ScenarioComparison> ReadItem<T>(JsonFields fields, Func<JsonFields, Action<T, ScenarioComparison>> read)
    {
        var compare = read(fields);
        fields.End();
        return compare;
    }

    private static List<T> New<T>(LifecycleRun run, string customer, string list, IReadOnlyList<T> all, Func<T, long> ordinal)
    {
        var mark = run.Marks.GetValueOrDefault((customer, list));
        var items = all.Where(i => ordinal(i) > mark).OrderBy(ordinal).ToList();
        if (items.Count > 0)
        {
            run.Marks[(customer, list)] = ordinal(items[^1]);
        }

        return items;
    }

    private Action<Payment, ScenarioComparison> ReadPayment(JsonFields fields)
    {
        var at = ExpectedMoment.Read(fields, "at", _reading.Zone);
        var amount = fields.OptionalNumber("amount");
        var state = fields.OptionalWord<PaymentState>("state");
        var attempts = fields.OptionalInteger("attempts");
        return (payment, comparison) =>
        {
            if (at is not null && !at.IsOn(payment.CreatedAt))
            {
                comparison.Fail(fields.PathOf("at"), at.Text, at.Show(payment.CreatedAt));
            }

            CompareNumber(comparison, fields.PathOf("amount"), amount, payment.Amount);
            CompareNumber(comparison, fields.PathOf("attempts"), attempts, payment.Attempts);
            CompareWord(comparison, fields.PathOf("state"), state, payment.State);
        };
    }

    private static Action<Credits.CreditNote, ScenarioComparison> ReadCreditNote(JsonFields fields)
    {
        var total = fields.OptionalNumber("total");
        var remaining = fields.OptionalNumber("remaining");
        return (note, comparison) =>
        {
            CompareNumber(comparison, fields.PathOf("total"), total, note.Total);
            CompareNumber(comparison, fields.PathOf("remaining"), remaining, note.Remaining);
        };
    }

    private void AddFigures()
    {
        AddFigure("invoiceCount", async (run, customer, stop) => (await run.ListInvoicesAsync(customer, stop).ConfigureAwait(false)).Count);
        AddFigure("balance", async (run, customer, stop) => (await run.Engine.Customers.GetBalanceAsync(ScenarioHost.Tenant, customer, stop).ConfigureAwait(false)).Balance);
        AddFigure("creditBalance", async (run, customer, stop) => (await run.Engine.Customers.GetBalanceAsync(ScenarioHost.Tenant, customer, stop).ConfigureAwait(false)).CreditBalance);
        AddFigure("gatewayCharges", (run, customer, stop) => run.Engine.Payments.GetGatewayNetAsync(ScenarioHost.Tenant, customer, stop));
        AddMap("usage", (run, customer, stop) => run.Engine.Usage.GetCurrentAsync(ScenarioHost.Tenant, customer, stop));
        AddMap("credits", async (run, customer, stop) => (await run.Engine.Customers.GetBalanceAsync(ScenarioHost.Tenant, customer, stop).ConfigureAwait(false)).Credits);
    }

    private void AddFigure(string key, Func<LifecycleRun, string, CancellationToken, Task<decimal>> actual)
    {
        if (_fields.OptionalNumber(key) is { } expected)
        {
            var (customer, path) = (Customer, _fields.PathOf(key));
            _checks.Add(async (run, stop) => run.Comparison.Compare(path, expected, await actual(run, customer, stop).ConfigureAwait(false)));
        }
    }

    /// <summary>Figures by name; a name that is not there counts as 0.</summary>
    private void AddMap(string key, Func<LifecycleRun, string, CancellationToken, Task<IReadOnlyDictionary<string, decimal>>> actual)
    {
        if (_fields.Has(key))
        {
            var (customer, path, expected) = (Customer, _fields.PathOf(key), _reading.Numbers(key));
            _checks.Add(async (run, stop) =>
            {
                var figures = await actual(run, customer, stop).ConfigureAwait(false);
                foreach (var (name, figure) in expected)
                {
                    run.Comparison.Compare($"{path}.{name}", figure, figures.TryGetValue(name, out var found) ? found : 0m);
                }
            });
        }
    }

    private void AddSubscriptions()
    {
        if (_fields.OptionalFields("subscriptions") is { } subscriptions)
        {
            _ = Customer;
            foreach (var id in subscriptions.Keys)
            {
                AddSubscription(id, subscriptions.Fields(id));
            }
        }
    }

    private void AddSubscription(string id, JsonFields fields)
    {
        var state = fields.OptionalWord<SubscriptionState>("state");
        var plan = fields.OptionalText("plan");
        var quantity = fields.OptionalNumber("quantity");
        var period = fields.Optional("period") is { } value ? ScenarioJson.IntervalOf(value, fields.PathOf("period"), _reading.Zone) : (Interval?)null;
        fields.End();
        _checks.Add(async (run, stop) =>
        {
            var view = await run.Engine.Subscriptions.GetAsync(ScenarioHost.Tenant, id, null, stop).ConfigureAwait(false);
            CompareWord(run.Comparison, fields.PathOf("state"), state, view.State);
            CompareNumber(run.Comparison, fields.PathOf("quantity"), quantity, view.Quantity);
            if (plan is not null)
            {
                run.Comparison.Compare(fields.PathOf("plan"), plan, view.Plan);
            }

            if (period is { } expected && (view.PeriodStart != expected.Start || view.PeriodEnd != expected.End))
            {
                run.Comparison.Fail(fields.PathOf("period"), $"{expected.Start}/{expected.End}", $"{view.PeriodStart}/{view.PeriodEnd}");
            }
        });
    }

    /// <summary>Balances as each kind of account shows them: of the customer when one is named, else of the tenant.</summary>
    private void AddLedger()
    {
        if (!_fields.Has("ledger"))
        {
            return;
        }

        var (path, expected) = (_fields.PathOf("ledger"), _reading.Numbers("ledger"));
        _checks.Add(async (run, stop) =>
        {
            var balances = new List<AccountBalance>();
            foreach (var customer in _customer is null ? run.Customers : [_customer])
            {
                // The books of each payer are kept in its own dates; those of a child are its parent's.
                var zone = (await run.Engine.Customers.GetAsync(ScenarioHost.Tenant, customer, stop).ConfigureAwait(false)).TimeZone;
                var today = run.Now.InZone(zone is null ? _reading.Zone : DateTimeZoneProviders.Tzdb[zone]).Date;
                balances.AddRange(await run.Engine.Ledger.GetTrialBalanceAsync(ScenarioHost.Tenant, today, customer, stop).ConfigureAwait(false));
            }

            foreach (var (account, figure) in expected)
            {
                run.Comparison.Compare($"{path}.{account}", figure, balances.Where(b => b.Account == account).Sum(b => b.Natural));
            }
        });
    }

    private static void CompareNumber(ScenarioComparison comparison, string path, decimal? expected, decimal actual)
    {
        if (expected is { } number)
        {
            comparison.Compare(path, number, actual);
        }
    }

    private static void CompareWord<T>(ScenarioComparison comparison, string path, T? expected, T actual)
        where T : struct, Enum
    {
        if (expected is { } word)
        {
            comparison.Compare(path, JsonFields.WordFor(word), JsonFields.WordFor(actual));
        }
    }
}
