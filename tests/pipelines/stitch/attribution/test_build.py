"""Credit, returns and costs of winning customers, from facts in a real lake."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest

from models.facts import Payment, Relation
from pipelines.stitch.attribution.build import build_attribution
from pipelines.stitch.attribution.report import AttributionReport, ads, channels, months
from pipelines.stitch.attribution.rules import MODELS
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rate, Rates
from tests.pipelines.stitch.conftest import T0, Bench, company, person
from tests.pipelines.stitch.market import DAY, at, came, costs, rows, run

LOOKBACK = timedelta(days=90)


def attribute(bench: Bench, rates: Rates | None = None) -> AttributionReport:
    run(bench)
    if rates:
        build_journeys(bench.lake, bench.store, bench.clock, rates)
    return build_attribution(bench.lake, rates or Rates(), LOOKBACK)


def paid(
    payer: str | None,
    amount: int,
    day: float = 1,
    kind: str = "charge",
    *,
    currency: str = "eur",
    purchase: str | None = None,
) -> Payment:
    when = T0 + timedelta(days=day)
    return Payment(payer=payer, kind=kind, amount_minor=amount, currency=currency, purchase=purchase, occurred_at=when)


def credited(bench: Bench, model: str, basis: str = "purchase") -> dict[tuple[str, str], int]:
    """Net money by channel and currency."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows(bench, "credit"):
        if (row["model"], row["basis"]) == (model, basis):
            found[row["channel"], row["currency"]] += row["amount"]
    return dict(found)


def test_a_refund_goes_back_to_whoever_was_credited_with_its_charge(bench):
    """Months later and after another ad, which brought another purchase; dispute and tax likewise, of which 41 % go back with 41 % of the charge."""
    key = bench.hand.key("a")
    bench.hand.write(
        {
            "a": person(), "t": [came(key, at(0), "organic_search"), came(key, T0 + timedelta(days=100), "email_marketing")],
            "c1": [paid(key, 10_000, purchase="o1")], "x1": [paid(key, 1_900, kind="tax", purchase="o1")],
            "c2": [paid(key, 500, day=110, purchase="o2")], "r1": [paid(key, 4_000, day=120, kind="refund", purchase="o1")],
            "d1": [paid(key, 100, day=121, kind="dispute", purchase="o1")],
        }
    )  # fmt: skip
    attribute(bench)
    for model in MODELS:
        assert credited(bench, model) == {("organic_search", "eur"): 4_779, ("email_marketing", "eur"): 500}
        assert credited(bench, model, "customer") == {("organic_search", "eur"): 5_279}


def test_an_account_walks_one_path(bench):
    """Who clicked and who pays may be two people of one company; it is one new customer."""
    key = bench.hand.key
    bench.hand.write(
        {
            "firm": company("Acme", domain="acme.example"),
            "clicks": [*person("Ann A", email="ann@acme.example"), Relation(kind="member_of", subject=key("clicks"), other=key("firm"))],
            "pays": [*person("Bob B", email="bob@acme.example"), Relation(kind="member_of", subject=key("pays"), other=key("firm"))],
            "t": [came(key("clicks"), at(0), "organic_search")], "c": [paid(key("pays"), 900)], "more": [paid(key("firm"), 70, day=3)],
        }
    )  # fmt: skip
    report = attribute(bench)
    assert credited(bench, "linear") == {("organic_search", "eur"): 970}
    assert report.customers["organic_search"]["linear"] == sum(report.ways.values()) == 1


def test_returns_set_what_came_in_against_what_it_cost(bench):
    """By ad and channel: a form and a click of one ad are one budget; a month without customers has no price, one without spend no return."""
    key = bench.hand.key
    bench.hand.write(
        {
            **{name: person(name) for name in "abc"},
            "cost": costs("7", 1_000, ad="Video", campaign_id="k", campaign="Spring", channel="paid_social"),
            "idle": costs("8", 500, date(2026, 3, 1), channel="paid_social"),
            "t": [came(key("a"), at(1), "lead_ad", ad_id="7"), came(key("b"), at(2), ad_id="7"), came(key("c"), at(3), "referrals")],
            "p": [paid(key("a"), 3_000), paid(key("b"), 1_000, day=2), paid(key("c"), 700, day=3), paid(None, 40)],
        }
    )  # fmt: skip
    attribute(bench)
    found = {row["channel"]: row for row in channels(bench.lake, "last")}
    measures = {name: tuple(row[part] for part in ("customers", "net", "spend", "cac")) for name, row in found.items()}
    assert measures == {
        "paid_social": (2, 4_000, 1_500, 750), "referrals": (1, 700, 0, 0), "unattributed": (0, 40, 0, None),
    }  # fmt: skip
    assert (found["paid_social"]["roas"], found["referrals"]["roas"]) == (pytest.approx(4_000 / 1_500), None)
    assert [(row["ad"], row["campaign"], row["net"], row["roas"]) for row in ads(bench.lake, "last")] == [
        ("Video", "Spring", 4_000, 4.0), (None, None, 0, 0.0),
    ]  # fmt: skip
    january, march = months(bench.lake, "linear")
    assert (january["cac_blended"], january["cac_paid"]) == (pytest.approx(1_000 / 3), 500)
    assert (march["spend"], march["customers"], march["cac_blended"], march["cac_paid"]) == (500, 0, None, None)


def test_two_platforms_may_number_their_ads_alike(bench):
    """Whoever came by another platform's ad 7 takes none of this one's spend; one that names no platform is no proof either."""
    key = bench.hand.key
    bench.hand.write(
        {
            **{name: person(name) for name in "ab"}, "cost": costs("7", 1_000),
            "t": [came(key("a"), at(1), "paid_search", ad_id="7", platform="google_ads"), came(key("b"), at(1), ad_id="7")],
        }
    )  # fmt: skip
    run(bench)
    people = bench.membership()
    assert {row["person_id"]: row["amount"] for row in rows(bench, "spend")} == {people[key("b")]: 1_000}
    type(bench.hand)(bench.lake, "other").write({"cost": costs("7", 300)})
    run(bench)
    assert {(row["vendor"], row["person_id"]): row["amount"] for row in rows(bench, "spend")} == {
        ("toy", None): 1_000,
        ("other", None): 300,
    }


def test_currencies_meet_only_where_there_is_a_rate(bench):
    """Yen have one, crowns have none: these are counted, and stand in the credit in their own currency."""
    key = bench.hand.key("a")
    bench.hand.write(
        {
            "a": person(), "t": [came(key, at(0), "organic_search")], "cost": costs("7", 200, currency="sek"),
            "p": [paid(key, 1_000), paid(key, 800, currency="jpy", day=2), paid(key, 5_000, currency="sek", day=3)],
        }
    )  # fmt: skip
    report = attribute(bench, Rates("eur", [Rate("jpy", "2026-01-01", Decimal("0.00625"))]))
    (row,) = (row for row in channels(bench.lake, "first") if row["channel"] == "organic_search")
    assert (row["net"], row["without_rate"], report.without_rate) == (1_500, 1, 2)
    assert credited(bench, "decay") == {
        ("organic_search", "eur"): 1_000,
        ("organic_search", "jpy"): 800,
        ("organic_search", "sek"): 5_000,
    }


def test_a_purchase_without_a_rate_is_one_however_many_touches_share_it(bench):
    """Every model leaves out one purchase, in the channels that it credits with it."""
    key = bench.hand.key("a")
    touches = [came(key, at(turn), "organic_search" if turn < 4 else "referrals") for turn in range(5)]
    bench.hand.write({"a": person(), "t": touches, "p": [paid(key, 5_000, currency="sek")]})
    report = attribute(bench, Rates("eur"))
    left_out = {model: {row["channel"]: row["without_rate"] for row in channels(bench.lake, model)} for model in MODELS}
    assert left_out["linear"] == pytest.approx({"organic_search": 0.8, "referrals": 0.2})
    assert [sum(shares.values()) for shares in left_out.values()] == pytest.approx([1] * len(MODELS))
    assert report.without_rate == 1


def test_how_customers_came_and_what_each_way_cost(bench):
    """A form says most, then a link, a click, any other channel, nothing; spend that brought nobody we know stands with the last."""
    key = bench.hand.key
    names = ["form", "link", "click", "mail", "none"]
    bench.hand.write(
        {
            **{name: person(name) for name in names}, "cost": costs("7", 600), "later": costs("7", 400, DAY + timedelta(days=5)),
            "t": [
                came(key("form"), at(1), "lead_ad", ad_id="7"), came(key("link"), at(2), ad_id="7"), came(key("click"), at(1)),
                came(key("mail"), at(1), "email_marketing"), came(key("none"), T0 + timedelta(days=9)),
            ],
            "p": [paid(key(name), 100) for name in names],
        }
    )  # fmt: skip
    report = attribute(bench)
    assert list(report.ways.values()) == [1, 1, 1, 1, 1]
    assert list(report.spend.values()) == [0.3, 0.3, 0, 0, 0.4]


def test_nothing_is_written_twice_and_nothing_known_is_no_error(bench):
    """An empty lake has empty tables; the same facts leave them as they are."""
    assert attribute(bench).written == ("credit", "returns", "cohort_costs")
    assert attribute(bench).written == ()
    assert rows(bench, "returns") == channels(bench.lake, "first") == months(bench.lake, "first") == []
