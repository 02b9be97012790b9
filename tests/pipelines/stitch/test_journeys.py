"""How people came, what they did and what they paid."""

from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.facts import (
    Discount,
    Engagement,
    Identifier,
    Outcome,
    Payment,
    Profile,
    Relation,
    Scope,
    Subscription,
    Touch,
)
from pipelines.ingest.anew import read_anew
from pipelines.stitch.derived import DERIVED
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rates
from pipelines.stitch.reconcile import undiscounted
from pipelines.stitch.report import JourneyReport
from pipelines.stitch.stitch import stitch
from tests.pipelines.ingest.scripted import read_otherwise
from tests.pipelines.stitch.conftest import T0, Bench, company, open_bench, person

LARGE = 2**53 + 1  # not a float


def run(bench: Bench) -> JourneyReport:
    for scope in (Scope.person, Scope.account):
        stitch(bench.lake, bench.store, bench.clock, scope)
    return build_journeys(bench.lake, bench.store, bench.clock, Rates())


def rows(bench: Bench, table: str) -> list[dict]:
    return bench.lake.table(table).to_pyarrow().to_pylist()


def paid(payer: str | None, amount: int, currency: str = "usd", kind: str = "charge", day: int = 0) -> list[Payment]:
    return [
        Payment(payer=payer, kind=kind, amount_minor=amount, currency=currency, occurred_at=T0 + timedelta(days=day))
    ]


def entity(bench: Bench, name: str, scope: Scope = Scope.person) -> str:
    return bench.membership(scope)[bench.hand.key(name)]


def test_revenue_is_what_remains_and_belongs_to_whoever_paid(bench):
    """A person, an account, or nobody we know; currencies are never mixed, and CRM amounts are no money."""
    key = bench.hand.key
    bench.hand.write(
        {
            "jane": person(email="jane@corp.example"), "customer": person(email="jane@corp.example"), "firm": company("Acme"),
            "c1": paid(key("customer"), LARGE, day=1), "r1": paid(key("customer"), 300, kind="refund", day=9),
            "d1": paid(key("customer"), 20, kind="dispute"), "t1": paid(key("customer"), 7, kind="tax"),
            "c2": paid(key("customer"), 500, "jpy"), "c3": paid(key("firm"), 900),
            "c4": paid(None, 40), "c5": paid(key("deleted"), 2),
            "deal": [Outcome(subject=key("firm"), status="won", stage="Closed", amount_minor=10**9, currency="usd")],
        }
    )  # fmt: skip
    report = run(bench)
    found = {(row["scope"], row["entity_id"], row["currency"]): row for row in rows(bench, "revenue")}
    jane, firm = entity(bench, "jane"), entity(bench, "firm", Scope.account)
    assert {place: row["net"] for place, row in found.items()} == {
        ("person", jane, "usd"): LARGE - 327,
        ("person", jane, "jpy"): 500,
        ("account", firm, "usd"): 900,
        ("unassigned", None, "usd"): 42,
    }
    assert found["person", jane, "usd"]["last_payment_at"] == T0 + timedelta(days=9)
    assert (report.payments, report.unassigned_payments, report.paying) == (8, 2, 1)


def test_revenue_follows_facts_that_were_read_anew(bench):
    """A payment that a later release reads as another amount, though nothing has landed."""
    bench.hand.write({"a": person(), "c": paid(bench.hand.key("a"), 500)})
    run(bench)
    assert [row["net"] for row in rows(bench, "revenue")] == [500]

    def translate(record):
        return person() if record.key.id == "a" else paid(bench.hand.key("a"), 420)

    now = read_otherwise("toy", "things", translate, Profile, Identifier, Payment)
    read_anew(bench.lake, bench.store, now, bench.clock)
    run(bench)
    assert [row["net"] for row in rows(bench, "revenue")] == [420]


def test_refunds_above_the_charge_are_negative_revenue(bench):
    """What was given back is gone, whatever came in."""
    bench.hand.write(
        {"a": person(), "r": paid(bench.hand.key("a"), 500, kind="refund"), "c": paid(bench.hand.key("a"), 0)}
    )
    report = run(bench)
    assert [row["net"] for row in rows(bench, "revenue")] == [-500]
    assert report.refunded_above_charge == 1


def test_recurring_revenue_counts_running_subscriptions_only(bench):
    """Trials bring nothing yet, ended ones nothing any more; who never paid stands there with what they owe monthly."""
    states = {"active": None, "past_due": None, "trialing": None, "canceled": T0}
    bench.hand.write(
        {
            "a": person(),
            **{
                state: [Subscription(payer=bench.hand.key("a"), status=state, mrr_minor=100, currency="eur", started_at=T0, ended_at=end)]
                for state, end in states.items()
            },
        }
    )  # fmt: skip
    run(bench)
    (row,) = rows(bench, "revenue")
    assert (row["mrr"], row["payments"], row["net"], row["last_payment_at"]) == (200, 0, 0, None)


def test_recurring_revenue_is_after_the_discounts_of_this_very_moment(bench):
    """One that has ended or not begun takes nothing off, though the vendor said nothing since; one that was not readable is counted."""
    key, hour = bench.hand.key, timedelta(hours=1)
    now = bench.clock.now()

    def off(amount: int | None, start: timedelta, end: timedelta | None) -> Discount:
        ends_at = None if end is None else now + end
        return Discount(payer=key("a"), amount_minor=amount, currency="eur", starts_at=now + start, ends_at=ends_at)

    told = Subscription(payer=key("a"), status="active", mrr_minor=1000, currency="eur", started_at=T0)
    cuts = [off(500, -3 * hour, -hour), off(300, -hour, hour), off(7, hour, None), off(None, -hour, None)]
    bench.hand.write({"a": person(), "s": [told, *cuts]})
    run(bench)
    assert [row["mrr"] for row in rows(bench, "revenue")] == [700]
    assert undiscounted(bench.lake, now) == 1
    bench.clock.advance(hour)
    run(bench)
    assert [row["mrr"] for row in rows(bench, "revenue")] == [993]
    assert undiscounted(bench.lake, T0 - 10_000 * hour) == 0


def test_a_journey_begins_with_the_first_touch_of_any_record(bench):
    """A lead's source and a contact's campaign are one person's path; engagements are counted by kind."""
    key = bench.hand.key

    def touch(name: str, channel: str, source: str, day: int) -> list[Touch]:
        return [
            Touch(
                subject=key(name), channel=channel, source=source, source_id="7", occurred_at=T0 + timedelta(days=day)
            )
        ]

    def did(name: str, kind: str, day: int) -> list[Engagement]:
        return [Engagement(subject=key(name), kind=kind, occurred_at=T0 + timedelta(days=day))]

    bench.hand.write(
        {
            "lead": person(email="jane@corp.example"), "contact": person(email="jane@corp.example"), "other": person(),
            "t1": touch("contact", "campaign", "Fair", 5), "t2": touch("lead", "lead_source", "Web", 1),
            "t3": touch("contact", "campaign", "Ad", 3), "t4": touch("nobody", "campaign", "Ad", 0),
            "e1": did("contact", "call", 2), "e2": did("lead", "call", 8), "e3": did("lead", "carrier_pigeon", 4),
        }
    )  # fmt: skip
    report = run(bench)
    journeys = {row["person_id"]: row for row in rows(bench, "journeys")}
    jane = journeys[entity(bench, "lead")]
    assert (jane["first_touch_channel"], jane["first_touch_source"], jane["first_touch_at"]) == (
        "lead_source",
        "Web",
        T0 + timedelta(days=1),
    )
    assert (jane["last_touch_channel"], jane["last_touch_source"], jane["touches"]) == ("campaign", "Fair", 3)
    assert (jane["engagements"], jane["calls"], jane["emails"], jane["records"]) == (3, 2, 0, 2)
    assert (jane["first_engaged_at"], jane["last_engaged_at"]) == (T0 + timedelta(days=2), T0 + timedelta(days=8))
    other = journeys[entity(bench, "other")]
    assert (other["touches"], other["first_touch_at"], other["engagements"]) == (0, None, 0)
    assert (report.persons, report.touched, report.engaged) == (2, 1, 1)


def test_a_person_belongs_to_the_account_they_are_with_now(bench):
    """The youngest membership that holds; without one, the account that a payer's metadata names."""
    key, now = bench.hand.key, bench.clock.now()

    def with_firm(name: str, firm: str, start: int, end: int | None = None) -> Relation:
        until = None if end is None else now + timedelta(days=end)
        return Relation(
            kind="member_of", subject=key(name), other=key(firm), valid_from=now + timedelta(days=start), valid_to=until
        )

    bench.hand.write(
        {
            "old": company("Old"), "new": company("New", salesforce_id="001N"), "left": company("Left"),
            "a": [*person(), with_firm("a", "old", -90), with_firm("a", "new", -9), with_firm("a", "left", -5, -1)],
            "b": [*person(), *Identifier.of(Scope.account, "salesforce_id", "001N")],
            "c": [*person(), with_firm("c", "left", -5, 3), with_firm("c", "gone", -1)],
            "d": person(),
        }
    )  # fmt: skip
    report = run(bench)
    home = {row["person_id"]: row["account_id"] for row in rows(bench, "journeys")}
    firms = {name: entity(bench, name, Scope.account) for name in ("old", "new", "left")}
    assert [home[entity(bench, name)] for name in "abcd"] == [firms["new"], firms["new"], firms["left"], None]
    assert report.with_account == 3


def test_outcomes_are_told_by_account(bench):
    """Counts and amounts as the CRM has them; a deal without an account or amount is counted all the same."""
    firm = bench.hand.key("firm")

    def deal(subject: str | None, status: str, amount: int | None, currency: str | None = "usd") -> list[Outcome]:
        return [Outcome(subject=subject, status=status, stage="x", amount_minor=amount, currency=currency)]

    bench.hand.write(
        {
            "firm": company("Acme"), "1": deal(firm, "won", 100), "2": deal(firm, "won", None), "3": deal(firm, "open", 5),
            "4": deal(firm, "lost", 9, None), "5": deal(None, "lost", 1),
        }
    )  # fmt: skip
    assert run(bench).deals == 5
    found = {(row["account_id"], row["currency"]): row for row in rows(bench, "outcomes")}
    account = entity(bench, "firm", Scope.account)
    assert (
        found[account, "usd"]["won"],
        found[account, "usd"]["won_amount"],
        found[account, "usd"]["open_amount"],
    ) == (2, 100, 5)
    assert found[account, None]["lost"] == found[None, "usd"]["lost"] == 1


def test_nothing_is_written_where_nothing_changed(bench):
    """A second run leaves every file of the lake alone; a new payment rewrites the revenue and nothing else."""
    bench.hand.write({"a": person(), "p": paid(bench.hand.key("a"), 5)})
    assert set(run(bench).written) == {derived.name for derived in DERIVED}
    files = sorted((bench.lake.tables.folder / "derived").rglob("*"))
    assert run(bench).written == ()
    assert files == sorted((bench.lake.tables.folder / "derived").rglob("*"))
    bench.hand.write({"q": paid(bench.hand.key("a"), 5)})
    assert run(bench).written == ("revenue", "receipts")


def test_an_empty_lake_has_empty_journeys(bench):
    """Before the first pull there is nobody, which is no error."""
    assert run(bench).persons == 0
    assert rows(bench, "revenue") == []


MOVES = st.tuples(
    st.sampled_from(["p0", "p1", "p2", "firm", "deleted", None]),
    st.sampled_from(["charge", "refund", "dispute", "tax"]),
    st.integers(0, 2**50),
    st.sampled_from(["usd", "eur", "jpy"]),
)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(MOVES, max_size=20), shared=st.booleans())
def test_every_payment_counts_exactly_once(tmp_path_factory, moves, shared):
    """Over persons, accounts and unassigned money the sums are those of all payments, by kind and currency, to the unit."""
    bench = open_bench(tmp_path_factory.mktemp("bench"))
    emails = ["x@corp.example" if shared else f"{n}@corp.example" for n in range(3)]
    bench.hand.write(
        {
            **{f"p{n}": person(email=email) for n, email in enumerate(emails)},
            "firm": company("Acme"),
            **{f"m{n}": paid(who and bench.hand.key(who), amount, currency, kind) for n, (who, kind, amount, currency) in enumerate(moves)},
        }
    )  # fmt: skip
    run(bench)
    expected, found = Counter(), Counter()
    for _, kind, amount, currency in moves:
        expected[kind, currency] += amount
    for row in rows(bench, "revenue"):
        for kind, column in (("charge", "charged"), ("refund", "refunded"), ("dispute", "disputed"), ("tax", "tax")):
            found[kind, row["currency"]] += row[column]
        assert row["net"] == row["charged"] - row["refunded"] - row["disputed"] - row["tax"]
    assert {place: total for place, total in found.items() if total} == {
        place: total for place, total in expected.items() if total
    }
