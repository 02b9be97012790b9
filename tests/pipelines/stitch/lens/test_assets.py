"""The lens as Dagster runs it: tables, pictures, and checks that say no."""

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models.clock import FrozenClock
from pipelines.stitch import assets as stitch_assets
from pipelines.stitch.automation import jobs
from pipelines.stitch.lens import assets, checks
from pipelines.stitch.lens.bridge import BRIDGE
from pipelines.stitch.lens.checks import channels_off, costs_off, split_off, traits_off
from pipelines.stitch.lens.economics import ECONOMICS
from pipelines.stitch.lens.idle import IDLE
from pipelines.stitch.lens.pictures import intervals, markdown, waterfall
from pipelines.stitch.lens.segments import SEGMENTS
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.stitch.conftest import Bench, Hand
from tests.pipelines.stitch.lens.trade import MONDAY, TUESDAY, Day, records
from tests.pipelines.stitch.market import costs

TABLES = (BRIDGE, IDLE, SEGMENTS, ECONOMICS)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """On the Wednesday after."""
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__["clock"] = FrozenClock(datetime(2026, 3, 4, 9, tzinfo=UTC))
    return workspace


@pytest.fixture
def run(workspace: Workspace) -> Callable[[], dg.ExecuteInProcessResult]:
    """Runs the room's job once."""
    defs = dg.Definitions(
        assets=[*stitch_assets.assets(), *assets.assets()], asset_checks=checks.checks(), jobs=jobs(),
        resources={"workspace": workspace}, executor=dg.in_process_executor,
    )  # fmt: skip

    def once() -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def("stitch").execute_in_process(instance=instance)

    return once


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict:
    (made,) = result.asset_materializations_for_node(f"stitch__{name}")
    return {label: value.value for label, value in made.metadata.items()}


def picture(text: str) -> str:
    """Everything written in it, if it is well-formed."""
    told, shown = text.split("\n\n![")
    assert told[1:] == shown.partition("](data:")[0][1:], "what it shows stands above it, too"
    svg = b64decode(text.split("base64,")[1].removesuffix(")")).decode()
    return " ".join(ET.fromstring(svg).itertext())  # noqa: S314  # we drew it ourselves


def test_later_on_the_same_day_nothing_is_new(run, workspace):
    """Sessions that turn thirty days old today have had their time tomorrow, so that a quiet day writes nothing."""
    hand = Hand(workspace.lake)
    hand.write(records(hand, Day(MONDAY)))
    written = []
    for hour in (9, 15):
        workspace.__dict__["clock"] = FrozenClock(datetime(2026, 4, 1, hour, tzinfo=UTC))
        result = run()
        written.append({one.name: metadata(result, one.name)["written"] for one in TABLES})
    assert written[1] == dict.fromkeys(written[0], False)


def test_a_run_tells_why_and_shows_it(run, workspace):
    """A sentence, a picture and a passed check for each; the second run finds nothing new to write; no amount is shown."""
    hand = Hand(workspace.lake)
    costly = {str(day): costs("71", 10_000, day, ad="Spring") for day in (MONDAY, TUESDAY)}
    hand.write(costly | records(hand, Day(MONDAY), Day(TUESDAY, stops={"71": 9.0})))
    first = run()
    assert all(one.passed for one in first.get_asset_check_evaluations())
    assert len(first.get_asset_check_evaluations()) == len(TABLES)
    said = metadata(first, "bridge")
    assert "fewer visits from paid social, ad 'Spring', which stopped at" in said["latest"]
    drawn = picture(said["waterfall"])
    assert "Monday 2 Mar 100 %" in drawn
    assert "ad 'Spring'" in drawn
    assert "paid_social" in picture(metadata(first, "idle_sessions")["earned_nothing_by_channel"])
    assert "industry" in picture(metadata(first, "segments")["times_the_average"])
    assert "2026-03" in picture(metadata(first, "economics")["roas_by_cohort"])
    again = run()
    assert [metadata(again, one.name)["written"] for one in TABLES] == [False] * len(TABLES)
    assert [metadata(again, one.name)["dagster/row_count"] for one in TABLES] == [
        workspace.lake.table(one.name).count().to_pyarrow().as_py() for one in TABLES
    ]


def test_an_empty_lake_has_empty_tables(run, workspace):
    """Nothing to show, nothing wrong."""
    result = run()
    assert all(one.passed for one in result.get_asset_check_evaluations())
    assert metadata(result, "bridge")["latest"] == "Tuesday 3 Mar brought as much as Monday 2 Mar."
    assert [metadata(result, one.name)["dagster/row_count"] for one in TABLES] == [0] * len(TABLES)


@pytest.mark.parametrize(
    ("derived", "column", "off"),
    [(BRIDGE, "amount", split_off), (IDLE, "cost", costs_off), (SEGMENTS, "value", traits_off), (ECONOMICS, "revenue", channels_off)],
)  # fmt: skip
def test_a_unit_too_many_is_noticed(bench: Bench, derived, column, off):
    """Every check can fail."""
    row: dict = dict.fromkeys(derived.columns)
    row |= {
        "currency": "eur",
        "level": "channel",
        "cohort": "all",
        "day": "2026-03-03",
        "change": 0,
        "dimension": "ad",
        column: 1,
    }
    table = pa.Table.from_pylist([{name: row[name] for name in derived.columns}], schema=derived.schema)
    bench.lake.replace(derived.name, table)
    assert off(bench.lake) == 1
    place = table.column_names.index(column)
    bench.lake.replace(derived.name, table.set_column(place, table.schema.field(column), pc.subtract(table[column], 1)))
    assert off(bench.lake) == 0


def test_pictures_stand_words_and_signs_that_svg_does_not_like():
    """An ad's name is anybody's text; every ratio has its place on the axis."""
    name = "<b>&'\"Ünïcödé " + "x" * 99
    drawn = picture(markdown(waterfall([(name, -0.5), ("b", 0.2)], "before", "after"), "words"))
    assert "<b>&" in drawn
    assert "70%" in drawn
    assert "\\[here\\]\\(x\\)" in markdown(waterfall([], "before", "after"), "look [here](x)")
    assert "2.0x" in picture(markdown(intervals([("a", 2.0, 1.5, 3.0), ("b", 0.5, 0.2, 0.9)]), "words"))


def test_yesterday_is_the_businesss_own(workspace, run, monkeypatch):
    """At nine in the evening of Tuesday, UTC, it is Wednesday in Tokyo: yesterday was Tuesday there."""
    monkeypatch.setenv("SIDECAR_ZONE", "Asia/Tokyo")
    workspace.__dict__["clock"] = FrozenClock(datetime(2026, 3, 3, 21, tzinfo=UTC))
    assert metadata(run(), "bridge")["latest"].startswith("Tuesday 3 Mar")
