"""What people did and paid, as the CRM is told."""

from datetime import timedelta

from models.facts import Engagement
from pipelines.write_back.figures import read_figures
from tests.pipelines.stitch.conftest import Bench, open_bench, person
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
