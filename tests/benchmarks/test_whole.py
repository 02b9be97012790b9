"""The world that `python -m benchmarks whole` plants is what the vendors would have told, and its exponent is the slope."""

import pytest

from benchmarks.whole import growth
from benchmarks.whole.plant import plant
from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from models.facts import Interaction, Payment, Profile
from pipelines.ingest.lake import Lake
from pipelines.ingest.translate import translate
from sandbox.practice import NOW
from sandbox.world import build
from tests.stores import new_store


def test_the_exponent_is_the_slope_on_logarithmic_paper():
    """Twice the cost for twice the persons is 1; four times is 2; one size says nothing."""
    sizes = [{"persons": persons} for persons in (10, 20, 40)]
    assert [growth(sizes, costs) for costs in ([1, 2, 4], [1, 4, 16], [3, 3, 3])] == ["1.00", "2.00", "0.00"]
    assert growth(sizes[:1], [1]) == "-"


@pytest.mark.slow
def test_every_planted_record_reads_as_facts(tmp_path):
    """Everybody's records speak of them, every payment is there, and so many texts more; only what was planted broken is refused."""
    world, lake, store = build(110, 1, NOW, plotted=True), Lake.open(str(tmp_path / "lake")), new_store(tmp_path)
    texts = len(world.truth.documents)
    plant(lake, tmp_path, world, 20)
    refused = [
        reason
        for connector in connectors_by_name().values()
        for stream in connector.streams
        for reason in translate(lake, store, connector, stream, FrozenClock(NOW)).rejected
    ]
    assert len(refused) == world.truth.unreadable_events
    known = set(lake.facts(Profile).record.to_pyarrow().to_pylist())
    assert {record for person in world.truth.persons for record in person.records} <= known
    assert lake.facts(Interaction).count().to_pyarrow().as_py() == texts + 20
    paid = lake.facts(Payment)
    charged = sum(part.charges for person in world.truth.persons for part in person.revenue.values())
    nobodys = sum(part.charges for part in world.truth.unattributed.values())
    assert paid.filter(paid.kind == "charge").amount_minor.sum().to_pyarrow().as_py() == charged + nobodys
