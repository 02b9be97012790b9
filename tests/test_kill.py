"""Killed at any moment, the next run continues: lake, store and CRM end as if nothing had happened, and nothing is written twice."""

import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.jobs import job_names
from tests.killing import Place, found, place, plant
from tests.stores import copy_store

PERSONS = 95  # the fewest that hold all planted texts
WRITES = {"salesforce": "/composite/sobjects", "hubspot": "/batch/update"}
POINTS = [(seed, number) for seed, points in ((1, 14), (2, 13), (3, 13)) for number in range(points)]
"""Forty deaths in three worlds; even numbers fall on vendor calls, odd ones on commits of store and lake."""

Make = Callable[..., Place]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> Callable[[int], Path]:
    """The folder of a seed's world that nobody has worked on."""
    made: dict[int, Path] = {}

    def planted(seed: int) -> Path:
        if seed not in made:
            made[seed] = tmp_path_factory.mktemp(f"planted-{seed}") / "world"
            plant(made[seed], PERSONS, seed)
        return made[seed]

    return planted


@pytest.fixture
def make(tmp_path, worlds, serve, monkeypatch) -> Iterator[Make]:
    """Opens a place, provisioned, as a copy of a planted world or of another place."""
    with ExitStack() as stack:

        def copied(name: str, *, seed: int = 1, of: Place | None = None) -> Place:
            folder = tmp_path / name
            folder.mkdir()
            if of:
                shutil.copytree(of.folder / ".sidecar", folder / ".sidecar")
                copy_store(of.folder / ".sidecar", folder / ".sidecar")
            here = stack.enter_context(place(folder, of.folder / "world" if of else worlds(seed), serve))
            here.enter(monkeypatch)
            here.run("provision", "apply")
            here.requests = 0  # counts from here on
            return here

        yield copied


@pytest.mark.slow
def test_an_interrupted_pull_and_killed_write_backs_leave_no_trace(make, monkeypatch):
    """Ctrl-C in a pull, and death right after each CRM took values: the next runs end where undisturbed ones would."""
    here = make("killed")
    here.strike_at(4, signal.SIGINT)
    code, said = here.run_and_kill("pull_salesforce")
    assert code == 130
    assert "Stopped. Nothing is lost" in said
    assert "Traceback" not in said
    here.run("run", *(name for name in job_names() if not name.startswith("write_back_")))

    whole = make("whole", of=here)
    whole.run("run", *(f"write_back_{crm}" for crm in WRITES))
    expected = found(whole)

    here.enter(monkeypatch)
    for crm, path in WRITES.items():
        here.strike_at(1, signal.SIGKILL, path)
        code, _ = here.run_and_kill(f"write_back_{crm}")
        assert code == -signal.SIGKILL
        assert here.written, "nothing was written before it died"
        here.run("run", f"write_back_{crm}")
    same(found(here), expected)
    once(here)


@dataclass(frozen=True)
class Whole:
    """What an undisturbed run ends with, and at how many points it could have been killed."""

    found: dict
    requests: int
    moments: int


@pytest.fixture(scope="module")
def undisturbed() -> dict[int, Whole]:
    """By seed, once somebody has run it."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "number"), POINTS)
def test_killed_anywhere_the_next_run_ends_where_an_undisturbed_one_would(make, undisturbed, seed, number):
    """Killed at a vendor call or around a commit, drawn from all there are: what is kept and shown is the same, and written once."""
    if seed not in undisturbed:
        whole = make("whole", seed=seed)
        code, _ = whole.run_and_kill()
        assert code == 0
        undisturbed[seed] = Whole(found(whole), whole.requests, int(whole.tally.read_text()))
    here, chance, all_ = make("killed", seed=seed), random.Random(f"{seed}/{number}"), undisturbed[seed]  # repeatable
    if number % 2:
        at, of, what = chance.randint(1, all_.moments), all_.moments, "moment around a commit"
        code, said = here.run_and_kill(moment=at)
    else:
        at, of, what = chance.randint(1, all_.requests), all_.requests, "vendor call"
        here.strike_at(at, signal.SIGKILL)
        code, said = here.run_and_kill()
    print(f"seed {seed} point {number}: killed at {what} {at} of {of}")  # noqa: T201  # the list of deaths, with -rP
    assert code == -signal.SIGKILL
    assert "Traceback" not in said
    here.run("run")
    same(found(here), all_.found)
    once(here)


def same(got: dict, wanted: dict) -> None:
    for name, value in wanted.items():
        assert got[name] == value, name


def once(here: Place) -> None:
    """Each value of each field was sent to the CRM a single time."""
    assert {key: times for key, times in here.written.items() if times != 1} == {}
