"""Every trouble of both CRMs, and death before, during and after each call: the CRM ends as planned, each value written once.

A client that dies at a call leaves what one leaves whose vendor goes away at it: before the call (nothing arrived), or during it (the
vendor did the work, the answer never came). Dying after the answer is dying at the commit that records it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from connectors.errors import ConnectorError
from pipelines.write_back.compare import Wanted
from sandbox.faults import Fault
from sandbox.storms import STORMS
from tests.pipelines.write_back.real import Office

MOST = 60
"""Calls that one run of a few records makes at most."""
COUNT = 5


WAYS = ("salesforce", "salesforce by job", "hubspot")


@pytest.fixture(params=WAYS)
def way(request) -> str:
    return request.param


@pytest.fixture
def office(way, request, clock, desk) -> Office:
    vendor = way.split()[0]
    return Office.ready(vendor, request.getfixturevalue(f"{vendor}_sandbox"), clock, desk.store)


@pytest.fixture
def begin(office, way, new_desk) -> Callable[[int], tuple[list[str], list[Wanted]]]:
    """Fresh records, one of which a rep has edited, and a fresh store."""

    def make(number: int) -> tuple[list[str], list[Wanted]]:
        office.sandbox.faults.clear()
        office.store.dispose()
        office.store = new_desk().store
        start(office, way)
        ids = office.practice.contacts(range(number * 10 + 1, number * 10 + 1 + COUNT))
        office.run(office.contact(one, top_belief="A", trend="Steady") for one in ids)
        office.edit(ids[0], top_belief="Mine")
        office.sandbox.log.clear()
        start(office, way)
        return ids, [office.contact(one, top_belief="B", trend="Diverging") for one in ids]

    return make


def start(office: Office, way: str) -> None:
    """A process begins."""
    office.again()
    if way.endswith("job"):
        office.crm.jobs.least = 1


def holds(office: Office, ids: list[str], wanted: list[Wanted]) -> None:
    """The CRM shows the plan, a rep's words stay, the ledger tells of every row, and another run has nothing to do."""
    assert office.values(ids, "top_belief") == ["Mine", "B", "B", "B", "B"]
    assert office.values(ids, "trend") == ["Diverging"] * COUNT
    assert not {row.state for row in office.rows()} & {"planned", "sent"}
    for name, expected in (("top_belief", COUNT - 1), ("trend", COUNT)):
        told = [
            row for row in office.rows(field=office.api(name), state="ok") if row.new_value in ('"B"', '"Diverging"')
        ]
        assert len(told) == expected
    assert office.run(wanted).written == 0


def settle(office: Office, way: str, wanted: list[Wanted]) -> None:
    """Run until a run comes to its end, as the schedule does."""
    for _ in range(4):
        start(office, way)
        try:
            office.run(wanted)
        except ConnectorError:
            continue
        return
    raise AssertionError("four runs, and none came to its end")


def cut(office: Office, at: int, *, during: bool) -> None:
    """The vendor goes away at this call from now on, or once it has done its work."""
    if during:
        office.sandbox.faults.add(Fault(kind="reset", calls=(at,)))
    office.sandbox.faults.add(Fault(kind="refuse", calls=tuple(range(at + during, MOST + 40))))


def deaths(
    office: Office, begin: Callable[[int], tuple[list[str], list[Wanted]]], way: str, step: int
) -> Iterator[int]:
    """Go away at every call, in both ways, until a run needs no more calls. Gives the call."""
    number = 0
    for during in (False, True):
        for at in range(1, MOST, step):
            number += 1
            ids, wanted = begin(number)
            cut(office, at, during=during)
            try:
                office.run(wanted)
            except ConnectorError:
                came = True
            else:
                came = False
            office.sandbox.faults.clear()
            settle(office, way, wanted)
            holds(office, ids, wanted)
            assert way.endswith("job") or office.writes() == 1  # what had arrived was not sent again
            if not came:
                break
            yield at


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_cut_off_at_any_call_the_next_run_completes(office, begin, way, step):
    """Before and during each call of plan and delivery; every third of them in the quick gate."""
    assert max(deaths(office, begin, way, step)) >= (8 if way.endswith("job") else 3)


@pytest.mark.slow
def test_killed_at_any_commit_the_next_run_completes(office, begin, way):
    """After the vendor's answer and before it is recorded, and at every other line that counts."""
    came, at = True, 0
    while came:
        at += 1
        ids, wanted = begin(at)
        with office.killed_at(at) as death:
            office.run(wanted)
        came = death.came
        settle(office, way, wanted)
        holds(office, ids, wanted)
        assert way.endswith("job") or office.writes() == 1
    assert at > 6


@pytest.mark.slow
def test_every_trouble_at_every_call_and_a_cut_after_it(office, begin, way):
    """Each of the vendor's own bad days strikes a write; then the client dies before or during a later call."""
    number = 0
    for trouble in STORMS[office.vendor]:
        where = {} if trouble.fault.kind == "patch" else {"path": ""}  # a false word is one of its own answer alone
        for at in (1, 3, 5):
            for during in (None, True):
                number += 1
                ids, wanted = begin(number)
                office.sandbox.faults.add(trouble.fault.model_copy(update={"calls": (at,), **where}))
                if during is not None:
                    cut(office, at + 1, during=during)
                with suppress(ConnectorError):
                    office.run(wanted)
                office.sandbox.faults.clear()
                settle(office, way, wanted)
                holds(office, ids, wanted)
