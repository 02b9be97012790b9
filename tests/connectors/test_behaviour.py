"""The vendor contract as it is kept in deed: every connector that the registry finds, against its vendor of the practice ground.

A vendor joins by a module in `tests/harness`. That everything arrives in bad weather is the soak's matter (`tests/soak`).
"""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.errors import Fatal, Retryable
from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from sandbox.faults import Fault
from tests.harness import Served, harness_of, seeded
from tests.soak.pages import small_pages
from tests.soak.reaper import Killed
from tests.soak.run import NOW, Soak

VENDORS = sorted(connectors_by_name())
STILL = {"meta_ads": {"ad_accounts"}, "hubspot": {"pipelines"}}
"""Streams that nothing happens in while a test runs."""
PLANTED = 12
BROKEN_TEXTS = (
    ('"half \\ud83e"', "half"),
    ('"nul \\u0000"', "nul "),
    (f'"{"x" * 10_000_000}"', "x" * 100),
    ("-12", "-12"),
    ('{"deep":[1,{"null":null}]}', '{"deep":[1,{"null":null}]}'),
    ("1e400", ""),
)
"""What may stand where a text should, as JSON, and a part of what the lake keeps of it."""

vendors = pytest.mark.parametrize("vendor", VENDORS)


@pytest.fixture
def world(vendor: str, tmp_path: Path) -> Iterator[Soak]:
    """The vendor in fair weather, with a lake of its own; pages hold five records, of HubSpot ten."""
    (tmp_path / "home").mkdir()
    harness = harness_of(vendor)(tmp_path / "world", FrozenClock(NOW))
    made = Soak(harness, tmp_path / "home", 1, harness.streams, disguise=lambda source: source)
    with small_pages():
        yield made
    made.close()


def plant(world: Soak, stream: str, number: int = PLANTED) -> list[str]:
    ids = [world.harness.create(stream, seeded(each)) for each in range(number)]
    world.harness.clock.advance(world.harness.lag)
    return ids


def text_of(world: Soak, stream: str) -> str:
    return orjson.dumps(list(world.landed(stream)[0].values())).decode()


@vendors
def test_a_vendor_has_a_harness_for_all_that_happens_in_its_streams(vendor: str):
    """Whoever adds a connector adds its harness, and leaves no stream out."""
    streams = set(connectors_by_name()[vendor].streams_by_name)
    assert set(harness_of(vendor).streams) | STILL.get(vendor, set()) == streams


@vendors
def test_everything_arrives_and_a_second_pull_lands_nothing(world: Soak):
    """Of every stream the lake holds what is true, value by value; asked again it has no news."""
    for stream in world.harness.streams:
        for each in range(3):
            world.harness.create(stream, seeded(each))
    world.harness.clock.advance(world.harness.lag)
    for stream in world.harness.streams:
        world.pull(stream)
        assert world.pull(stream).rows == 0
        world.compare(stream, whole=True)


@vendors
def test_a_pull_that_died_asks_for_no_finished_page_again(world: Soak):
    """Killed after some pages, the next pull reads the rest, and the lake is whole."""
    stream = world.harness.streams[0]
    plant(world, stream, 3 * PLANTED)
    whole = len(list(world.harness.open().pages(world.harness.connector.streams_by_name[stream], None, None)))
    world.kill_after(9)
    with pytest.raises(Killed):
        world.pull(stream)
    world.kill_after(0)
    rest = world.pull(stream)
    assert whole > 4
    assert rest.pages <= whole - 2
    world.compare(stream, whole=True)


@vendors
def test_a_deletion_is_seen(world: Soak):
    """What was taken away at the vendor is marked deleted, in whichever way it went."""
    stream = world.harness.streams[0]
    ids = plant(world, stream)
    world.pull(stream)
    random = seeded(4)
    gone = [one for one in ids[:6] if world.harness.delete(stream, one, random)]
    if not gone:
        pytest.skip("this vendor takes nothing back")
    world.harness.clock.advance(world.harness.cadence)
    world.pull(stream)
    world.compare(stream, whole=True)


@vendors
def test_a_new_column_arrives(world: Soak):
    """A field that the vendor has had for a minute is in the lake, though nobody changed a line for it."""
    for stream in world.harness.streams[:2]:
        plant(world, stream, 2)
        world.pull(stream)
    drifted = world.harness.drift()
    if drifted is None:
        pytest.skip("this vendor's columns are asked for by name")
    stream, record, value = drifted
    world.harness.clock.advance(world.harness.lag)
    world.pull(stream)
    living, _ = world.landed(stream)
    assert value in orjson.dumps({key[1]: payload for key, payload in living.items()}[record]).decode()


@vendors
def test_at_the_floor_of_the_quota_a_pull_stops(world: Soak):
    """What is left belongs to people: the pull ends as one that may be tried again later, with no more than whole windows landed."""
    stream = world.harness.streams[0]
    plant(world, stream)
    if not world.harness.spend():
        pytest.skip("this vendor has no quota")
    with pytest.raises(Retryable) as refused:
        world.pull(stream)
    assert refused.value.after >= 60
    living, dead = world.landed(stream)
    assert living.keys() < world.harness.living(stream).keys()
    assert dead == set()


@vendors
def test_a_missing_permission_is_named(world: Soak):
    """The error is one for people and says what to grant; nothing is taken for empty, and once granted everything comes."""
    stream = "contacts" if "contacts" in world.harness.streams else world.harness.streams[0]
    plant(world, stream)
    world.harness.deny()
    with pytest.raises(Fatal) as refused:
        world.pull(stream)
    assert world.harness.grant in str(refused.value)
    assert stream in str(refused.value)
    world.harness.calm()
    world.pull(stream)
    world.compare(stream, whole=True)


@vendors
def test_no_secret_is_told(world: Soak, caplog: pytest.LogCaptureFixture):
    """Neither a pull nor a refused one writes a secret into any log at any level, or into its error."""
    stream = world.harness.streams[0]
    plant(world, stream)
    with caplog.at_level(logging.DEBUG):
        for name in ("urllib3", "urllib3.connectionpool", "requests"):
            caplog.set_level(logging.DEBUG, logger=name)
        world.pull(stream)
        world.harness.deny()
        world.harness.clock.advance(timedelta(days=1))
        plant(world, stream, 1)
        with pytest.raises(Fatal) as refused:
            world.pull(stream)
    lines = [
        record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")
    ]  # the vendor's own
    told = "\n".join([*lines, str(refused.value), repr(refused.value)])
    assert lines or not world.harness.secrets
    assert [secret for secret in world.harness.secrets if secret in told] == []


@vendors
def test_broken_texts_are_kept(world: Soak):
    """Whatever stands where a text should, the record lands with it, and so does every other one."""
    world.facts = True
    stream = next(name for name in ("contacts", "events", *world.harness.streams) if name in world.harness.streams)
    others = plant(world, stream, 3)
    for number, (text, _) in enumerate(BROKEN_TEXTS):
        world.harness.marker = f"twist {number}"
        world.harness.rewrite(f'"twist {number}"', text)
        world.harness.update(stream, world.harness.create(stream, seeded(0)), seeded(0))
    world.harness.clock.advance(world.harness.lag)
    world.pull(stream)
    living = {key[1]: payload for key, payload in world.landed(stream)[0].items()}
    told = orjson.dumps(list(living.values())).decode()
    assert {*others} <= living.keys()
    assert len(living) >= len(others) + len(BROKEN_TEXTS)
    assert [kept for _, kept in BROKEN_TEXTS if kept not in told and kept not in told.replace("\\", "")] == []


@vendors
def test_values_that_make_no_sense_are_kept(world: Soak):
    """They are read as facts or refused with a reason; either way every record is in the lake as it came."""
    world.facts = True
    for _, pattern, text in world.harness.nonsense:
        world.harness.rewrite(pattern, text)
    for stream in sorted({stream for stream, *_ in world.harness.nonsense}):
        planted = plant(world, stream, 3)
        report = world.pull(stream)
        living, dead = world.landed(stream)
        told = json.dumps(list(living.values()), ensure_ascii=False).replace(" ", "")
        assert len(living) >= len(set(planted))
        assert dead == set()
        assert report.rows >= len(living)
        wanted = [text.replace(" ", "").rstrip("{[,") for name, _, text in world.harness.nonsense if name == stream]
        assert [each for each in wanted if each not in told and each.replace('"', '\\"') not in told] == []


@vendors
def test_one_id_with_two_contents_is_one_record(world: Soak):
    """Where a vendor shows an id twice, one of its contents is kept and nothing breaks."""
    if not isinstance(world.harness, Served):
        pytest.skip("files hold what is written; a repeated id is a later version")
    stream = world.harness.streams[0]
    one, two, *_ = plant(world, stream, 3)
    world.harness.context.faults.add(Fault(kind="rewrite", body={f'"{two}"': f'"{one}"'}))
    world.pull(stream)
    found: dict[str, Any] = {key[1]: payload for key, payload in world.landed(stream)[0].items()}
    assert one in found
    assert two not in found
