"""Spark and DuckDB, one beside the other: the same lake, the same derived tables, row for row."""

import importlib.util
import os
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from models.facts import Engagement, Outcome, Payment, Relation, Scope, Subscription
from pipelines.ingest.lake import Lake, LakeError
from pipelines.stitch.attribution.build import build_attribution
from pipelines.stitch.derived import DERIVED, put, shaped
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.lens.idle import IDLE, idle
from pipelines.stitch.lens.segments import SEGMENTS, segments, table
from pipelines.stitch.lifetime.derive import retention
from pipelines.stitch.lifetime.tables import RETENTION
from pipelines.stitch.rates import Rates
from pipelines.stitch.stitch import stitch
from tests.pipelines.stitch.conftest import T0, Bench, company, person
from tests.pipelines.stitch.market import at, came, costs, used
from tests.stores import new_store

needs_spark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("SIDECAR_TEST_ENGINE") != "spark", reason="runs with `make test-spark`: needs Java and the extra"
    ),
    # pyspark 4.3 with pandas 3: nothing here goes through pandas
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
"""Marks of a test that starts Spark."""


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="the extra is installed")
def test_without_the_extra_one_sentence_says_so(tmp_path):
    """It names the variable and the command that mends it."""
    with pytest.raises(LakeError, match="SIDECAR_ENGINE=spark needs the extra: uv sync --extra spark"):
        Lake.open(str(tmp_path / "lake"), engine="spark")


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="the extra is not installed")
def test_without_java_one_sentence_says_so(tmp_path, monkeypatch):
    """Nothing is started that would fail with a page of its own."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(LakeError, match="needs Java 17 or newer"):
        Lake.open(str(tmp_path / "lake"), engine="spark")


def plant(bench: Bench) -> None:
    """A market in which every derived table has rows, and some rows that nobody knows."""
    hand, key = bench.hand, bench.hand.key
    paid = {"currency": "eur", "occurred_at": at(500)}
    facts = {
        "acme": company("Acme", domain="acme.example"),
        "jane": [
            *person("Jane Doe", email="jane@acme.example"),
            came(key("jane"), at(5), ad_id="ad1", source="Spring"),
        ],
        "again": [
            *person("DOE, Jane", email="jane@acme.example"),
            used(key("again"), at(9)),
            used(key("again"), at(90)),
        ],
        "john": [
            *person("John Roe", phone="+14155550101"),
            came(key("john"), at(3), "campaign"),
            Engagement(subject=key("john"), kind="call", direction="inbound", occurred_at=at(44)),
        ],
        "works": [Relation(kind="member_of", subject=key("jane"), other=key("acme"), valid_from=T0)],
        "p1": [Payment(payer=key("jane"), kind="charge", amount_minor=2**53 + 1, **paid)],
        "p2": [Payment(payer=key("jane"), kind="refund", amount_minor=100, **paid)],
        "p3": [Payment(payer=None, kind="charge", amount_minor=700, **paid)],
        "p4": [Payment(payer=key("acme"), kind="tax", amount_minor=19, **paid)],
        **{
            f"o{n}": [Payment(payer=key("john"), kind=kind, amount_minor=amount, purchase="o", **paid)]
            for n, (kind, amount) in enumerate({"charge": 119, "tax": 19, "refund": 59}.items())
        },
        "sub": [Subscription(payer=key("john"), status="active", mrr_minor=900, currency="usd", started_at=T0)],
        "deal": [Outcome(subject=key("acme"), status="won", stage="Closed", amount_minor=5, currency="eur")],
        "lost": [Outcome(subject=None, status="lost", stage="Gone")],
        "ad1": costs("ad1", 1001, campaign="Käse"),
        "ad2": costs("ad2", 7, zone="America/New_York"),
    }
    hand.write(facts)
    hand.write({"late": person("Käthe", email="käthe@bücher.example")}, gone=["p4"])


def derived(bench: Bench) -> dict[str, list[dict[str, object]]]:
    for scope in (Scope.person, Scope.account):
        stitch(bench.lake, bench.store, bench.clock, scope)
    build_journeys(bench.lake, bench.store, bench.clock, Rates())
    found = {one.name: bench.lake.rows(one.name) for one in DERIVED}
    return {name: table.to_pylist() for name, table in found.items() if table is not None}


def lenses(bench: Bench) -> list[str]:
    """Derive what credits, cohorts, segments and sessions amount to, as of one morning; the names of tables whose content is new."""
    lake, morning = bench.lake, at(24 * 300)
    credited = build_attribution(lake, Rates(), timedelta(days=90)).written
    tables = (
        (RETENTION, retention(lake, morning, ZoneInfo("UTC"))),
        (SEGMENTS, table(segments(lake), Rates().reporting(lake))),
        (IDLE, shaped(IDLE, idle(lake, morning))),
    )
    return [*credited, *(one.name for one, made in tables if put(lake, one, made))]


class TestSpark:
    pytestmark = needs_spark

    def test_every_derived_table_is_equal_row_for_row(self, bench, tmp_path):
        """Spark derives the very rows that DuckDB has written, so it finds nothing to write."""
        bench = replace(bench, lake=replace(bench.lake, elsewhere=None))
        plant(bench)
        ours = derived(bench)
        assert ours.keys() == {one.name for one in DERIVED}
        assert all(ours.values())
        assert len(lenses(bench)) == 6
        bench.clock.advance(timedelta(minutes=1))
        spark = replace(bench, lake=Lake.open(bench.lake.tables.root, engine="spark"))
        assert not stitch(spark.lake, spark.store, spark.clock, Scope.person).changed
        assert build_journeys(spark.lake, spark.store, spark.clock, Rates()).written == ()
        assert lenses(spark) == []

    def test_spark_alone_makes_the_same_tables(self, bench, tmp_path):
        """From an empty store: the same persons, whatever their new ids are."""
        bench = replace(bench, lake=replace(bench.lake, elsewhere=None))
        plant(bench)
        stitch(bench.lake, bench.store, bench.clock, Scope.person)
        spark = replace(
            bench, lake=Lake.open(bench.lake.tables.root, engine="spark"), store=new_store(tmp_path, "anew")
        )
        stitch(spark.lake, spark.store, spark.clock, Scope.person)
        assert spark.clusters() == bench.clusters()
