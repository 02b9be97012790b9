"""Killed at any moment, the next run continues: lake, store and CRM end as if nothing had happened, and nothing is written twice."""

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.killing import Place, found, place, plant
from tests.stores import copy_store

PERSONS = 95  # the fewest that hold all planted texts
DEATHS = 12
WRITES = "/composite/sobjects"

Make = Callable[..., Place]


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """The folder of a world that nobody has worked on."""
    folder = tmp_path_factory.mktemp("planted") / "world"
    plant(folder, PERSONS, seed=1)
    return folder


@pytest.fixture
def make(tmp_path, planted, serve, monkeypatch) -> Iterator[Make]:
    """Opens a place, provisioned, as a copy of the planted world or of another place."""
    with ExitStack() as stack:

        def copied(name: str, of: Place | None = None) -> Place:
            folder = tmp_path / name
            folder.mkdir()
            if of:
                shutil.copytree(of.folder / ".sidecar", folder / ".sidecar")
                copy_store(of.folder / ".sidecar", folder / ".sidecar")
            here = stack.enter_context(place(folder, of.folder / "world" if of else planted, serve))
            here.enter(monkeypatch)
            here.run("provision")
            return here

        yield copied


def test_an_interrupted_pull_and_a_killed_write_back_leave_no_trace(make, monkeypatch):
    """Ctrl-C in a pull, and death right after the CRM took values: the next runs end where undisturbed ones would."""
    here = make("killed")
    here.strike_at(4, signal.SIGINT)
    code, said = here.run_and_kill("pull_salesforce")
    assert code == 130
    assert "Stopped. Nothing is lost" in said
    assert "Traceback" not in said
    here.run("run", "pull_salesforce", "stitch", "understand")

    whole = make("whole", of=here)
    whole.run("run", "write_back_salesforce")
    expected = found(whole)

    here.enter(monkeypatch)
    here.strike_at(2, signal.SIGKILL, WRITES)
    code, _ = here.run_and_kill("write_back_salesforce")
    assert code == -signal.SIGKILL
    assert here.written, "nothing was written before it died"
    here.run("run", "write_back_salesforce")
    same(found(here), expected)
    once(here)


@pytest.fixture(scope="module")
def reference() -> dict[str, object]:
    """What an undisturbed run ends with, once somebody has run it."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(DEATHS))
def test_killed_anywhere_the_next_run_ends_where_an_undisturbed_one_would(make, monkeypatch, reference, seed):
    """Killed or interrupted at a random request or moment, up to twice: all that is kept and shown is the same, and written once."""
    if not reference:
        whole = make("whole")
        start = time.monotonic()
        code, _ = whole.run_and_kill()
        assert code == 0
        reference.update(found=found(whole), requests=whole.requests, seconds=time.monotonic() - start)
    here, chance = make("killed"), random.Random(seed)  # noqa: S311  # repeatable chance, not secrets
    for _ in range(chance.choice((1, 1, 2))):
        number = chance.choice((signal.SIGKILL, signal.SIGINT))
        if chance.random() < 0.5:
            here.strike_at(chance.randrange(1, reference["requests"]), number)
            code, said = here.run_and_kill()
        else:
            here.signal = number
            code, said = here.run_and_kill(after=chance.uniform(1, reference["seconds"]))
        assert code in {0, 130, -signal.SIGKILL}  # where the moment came after the end, it did its work
        assert "Traceback" not in said
    here.run("run")
    same(found(here), reference["found"])
    once(here)


def same(got: dict, wanted: dict) -> None:
    for name, value in wanted.items():
        assert got[name] == value, name


def once(here: Place) -> None:
    """Each value of each field was sent to the CRM a single time."""
    assert {key: times for key, times in here.written.items() if times != 1} == {}
