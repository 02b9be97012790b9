"""What people did and paid, as the CRM is told."""

from datetime import timedelta

from models.facts import Engagement, Payment, Relation, Scope
from pipelines.write_back.figures import read_figures
from tests.pipelines.stitch.conftest import Bench, company, open_bench, person
from tests.pipelines.stitch.market import DAY, at, came, costs, run, used


def figures(bench: Bench, name: str):
    person_id = bench.membership()[bench.hand.key(name)]
    return read_figures(bench.lake, "toy", "acme", "eur").persons[person_id]


def test_a_rep_reads_the_name_of_the_ad(tmp_path):
    """By its latest name, in front of what the CRM itself calls the source; without an ad, the source and its channel."""
    bench = open_bench(tmp_path)
    key = bench.hand.key
    bench.hand.write(
        {
            **{name: person(name) for name in "abc"}, "old": costs("7", 5, ad="ROI"),
            "new": costs("7", 5, DAY + timedelta(days=1), ad="ROI calculator"),
            "t": [
                came(key("a"), at(1), ad_id="7", source="spring_sale"), came(key("b"), at(1), "campaign", source="Fair"),
                came(key("c"), at(1), "lead_ad", ad_id="8"),
            ],
        }
    )  # fmt: skip
    run(bench)
    told = [figures(bench, name).source for name in "abc"]
    assert told == ["ROI calculator (paid social)", "Fair (campaign)", "lead form"]


def test_a_session_counts_once_whatever_was_clicked_in_it(tmp_path):
    """Two hundred clicks in an hour are as much engagement as one call; a visit without action is none."""
    bench = open_bench(tmp_path)
    key = bench.hand.key("a")
    bench.hand.write(
        {
            "a": person(), "e": [used(key, at(minute)) for minute in range(200)], "later": [used(key, at(600))],
            "call": [Engagement(subject=key, kind="call", occurred_at=at(60))], "t": [came(key, at(9000), "direct_traffic")],
        }
    )  # fmt: skip
    run(bench)
    assert figures(bench, "a").recent == 3


def test_a_refund_of_a_taxed_payment_leaves_the_year_as_if_it_had_not_been(tmp_path):
    """To person and account alike: the tax goes back with the money."""
    bench = open_bench(tmp_path)
    key = bench.hand.key

    def moved(kind: str, amount: int) -> list[Payment]:
        named = {"payer": key("a"), "purchase": "o1", "currency": "eur", "occurred_at": at(60)}
        return [Payment(kind=kind, amount_minor=amount, **named)]

    belongs = Relation(kind="member_of", subject=key("a"), other=key("firm"), valid_from=at(0))
    bench.hand.write(
        {
            "firm": company("Acme"), "a": [*person(), belongs], "c": moved("charge", 11_900), "t": moved("tax", 1_900),
            "r": moved("refund", 5_950),
        }
    )  # fmt: skip
    run(bench)
    told = read_figures(bench.lake, "toy", "acme", "eur")
    assert figures(bench, "a").revenue == 50
    assert told.accounts == {bench.membership(Scope.account)[key("firm")]: 50}
