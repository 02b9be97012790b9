"""How the models weigh a path: the published rules to the digit, and for any path weights that add up to 1."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.schemas import INSTANT
from pipelines.stitch.attribution.lenses import sentence
from pipelines.stitch.attribution.paths import paths
from pipelines.stitch.attribution.rules import MODELS, WORTH, weights

PAID_AT = datetime(2026, 6, 1, tzinfo=UTC)
TOUCHED = pa.schema(
    [*((name, pa.string()) for name in ("customer_id", "person_id", "channel", "platform", "campaign_id", "ad_id", "way")),
     ("touched_at", INSTANT), ("nth", pa.int64())]
)  # fmt: skip
BOUGHT = pa.schema([("customer_id", pa.string()), ("conversion", pa.string()), ("converted_at", INSTANT)])


def weighed(
    touches: list[tuple[str, float]], *, lookback: int = 90, **worth: dict[str, float]
) -> dict[str, list[float]]:
    """Weights by model, in the order of the path, of touches that are (channel, days before the purchase)."""
    told = [
        {
            "customer_id": "c",
            "person_id": "p",
            "channel": channel,
            "touched_at": PAID_AT - timedelta(days=days),
            "nth": nth,
        }
        for nth, (channel, days) in enumerate(touches)
    ]
    bought = pa.Table.from_pylist([{"customer_id": "c", "conversion": "x", "converted_at": PAID_AT}], BOUGHT)
    known = [{"channel": channel, "group": channel, **models} for channel, models in worth.items()]
    walked = paths(ibis.memtable(bought), ibis.memtable(pa.Table.from_pylist(told, TOUCHED)), timedelta(days=lookback))
    found: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(touches))
    for row in weights(walked, ibis.memtable(pa.Table.from_pylist(known, WORTH))).to_pyarrow().to_pylist():
        found[row["model"]][row["place"]] = row["weight"]
    return found


def test_rules_are_the_published_ones():
    """Five touches, the last one direct: the first takes all, the last too, ends take 40 %, seven days halve."""
    found = weighed([("a", 28), ("b", 21), ("c", 14), ("d", 7), ("direct_traffic", 0)])
    assert found["first"] == [1, 0, 0, 0, 0]
    assert found["last"] == [0, 0, 0, 0, 1]
    assert found["last_non_direct"] == [0, 0, 0, 1, 0]
    assert found["linear"] == pytest.approx([0.2] * 5)
    assert found["position"] == pytest.approx([0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0.4])
    assert found["decay"] == pytest.approx([1 / 31, 2 / 31, 4 / 31, 8 / 31, 16 / 31])


def test_short_paths_need_no_rule_of_their_own():
    """One touch takes all by every model, two share by position; who only came directly came directly."""
    assert {tuple(found) for found in weighed([("direct_traffic", 3)]).values()} == {(1.0,)}
    found = weighed([("a", 9), ("direct_traffic", 3)])
    assert found["position"] == [0.5, 0.5]
    assert found["last_non_direct"] == [1, 0]


def test_a_channels_learnt_weight_is_shared_by_its_touches():
    """Twice met is not twice worth; where nothing was learnt of any channel on the path, all touches weigh the same."""
    worth = {"a": {"markov": 0.6, "shapley": 0.0}, "b": {"markov": 0.2, "shapley": 0.5}}
    found = weighed([("a", 9), ("b", 5), ("a", 3)], **worth)
    assert found["markov"] == pytest.approx([0.375, 0.25, 0.375])
    assert found["shapley"] == [0, 1, 0]
    assert weighed([("c", 9), ("d", 5)], **worth)["markov"] == [0.5, 0.5]


def test_a_touch_beyond_the_lookback_has_no_part():
    """The window is the same for all models, its first instant included; what comes after the purchase is no cause of it."""
    found = weighed([("a", 91), ("b", 90), ("c", 0), ("d", -1)])
    assert found["first"][:2] == [1, 0]  # places begin anew with the first touch that counts
    assert found["linear"] == [0.5, 0.5, 0, 0]
    assert weighed([("a", 31)], lookback=30) == {}


TOUCHES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "direct_traffic"]), st.floats(0, 90, allow_subnormal=False)),
    min_size=1,
    max_size=12,
)
PARTS = st.fixed_dictionaries({"markov": st.floats(0, 1), "shapley": st.floats(0, 1)})


@settings(max_examples=10)
@given(TOUCHES, st.dictionaries(st.sampled_from("abc"), PARTS))
def test_weights_add_up_to_one(touches, worth):
    """For any path and any worth, by every model; none is below 0."""
    found = weighed(touches, **worth)
    assert set(found) == set(MODELS)
    for parts in found.values():
        assert sum(parts) == pytest.approx(1, abs=1e-9)
        assert min(parts) >= 0


def test_what_no_touch_explains_is_no_channels_share():
    """Three quarters of what channels brought, whatever came without any; and where nothing but that came, no share is told."""
    rows = [
        {"channel": name, "which": name, "net": net, "spend": 0}
        for name, net in (("unattributed", 900), ("email", 300), ("ads", 100))
    ]
    assert "email brought the most" in sentence(rows, "linear", "channel", "eur")
    assert "75% of what channels brought" in sentence(rows, "linear", "channel", "eur")
    assert "%" not in sentence(rows[:1], "linear", "channel", "eur")
