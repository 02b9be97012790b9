"""What fails stops only itself: three vendors, two of them CRMs, through every job of the product, each failing in its own way."""

from typing import Any

import pytest

from connectors.errors import Fatal, Retryable
from tests.pipelines.office import CONTACTS, DEAD, NORTH, SOUTH, Office, Vendor
from tests.pipelines.write_back.fake_crm import FakeCrm


def closed(office: Office) -> set[str]:
    office.vendors[DEAD].door = Retryable("cannot reach the host", after=0, vendor=DEAD)
    return {"dead/contacts", "dead/friends"}


def refused(office: Office) -> set[str]:
    error = Fatal("its key was withdrawn; check DEAD_KEY", vendor=DEAD, credentials=True)
    office.vendors[DEAD].streams = dict.fromkeys(("contacts", "friends"), error)
    office.vendors[DEAD].pages_before = 1
    return {"dead/contacts", "dead/friends"}


def forbidden(office: Office) -> set[str]:
    office.vendors[DEAD].streams = {"friends": Fatal("grant Read on Friend", vendor=DEAD, stream="friends")}
    return {"dead/friends"}


@pytest.mark.parametrize(
    ("dies", "why"),
    [
        pytest.param(closed, "cannot reach the host", id="door closed", marks=pytest.mark.slow),
        pytest.param(refused, "check DEAD_KEY", id="credentials refused half way", marks=pytest.mark.slow),
        pytest.param(forbidden, "grant Read on Friend", id="one stream forbidden", marks=pytest.mark.slow),
    ],
)
def test_a_dead_vendor_stops_only_itself(office, dies, why):
    """The other vendors land, everybody is stitched and understood, both CRMs are written; page and doctor say why one is not."""
    dead = dies(office)
    outcomes = office.run()
    assert {job for job, outcome in outcomes.items() if not outcome.ok} == {"pull_dead"}
    assert outcomes["pull_dead"].failures.keys() == dead
    assert all(why in reason for reason in outcomes["pull_dead"].failures.values())
    assert {"north/contacts", "north/friends"} == outcomes["pull_north"].assets.keys()
    assert outcomes["stitch"].assets["stitch/persons"]["dagster/row_count"] == 6
    assert outcomes["understand"].assets["understand/beliefs"]["dagster/row_count"] > 0
    everybody = {name: {record.key.id for record in office.vendors[name].versions(CONTACTS)} for name in (NORTH, SOUTH)}
    assert {name: office.shown(name) for name in (NORTH, SOUTH)} == everybody
    assert office.said.keys() == dead
    assert all(why in reason for reason in office.said.values())
    assert any(why in finding.message for finding in office.doctor("Dead") if not finding.ok)
    assert all(finding.ok for finding in office.doctor("North"))


@pytest.mark.slow
def test_a_vendor_that_dies_later_leaves_what_it_has_told(office):
    """Once landed, its records still make persons after it has gone."""
    office.vendors[DEAD].versions = lambda stream: Vendor(DEAD, FakeCrm()).versions(stream)[:1]
    assert office.run("pull_dead")["pull_dead"].ok
    closed(office)
    outcomes = office.run("pull_dead", "pull_north", "stitch")
    assert {job for job, outcome in outcomes.items() if not outcome.ok} == {"pull_dead"}
    assert outcomes["stitch"].assets["stitch/persons"]["records"] == 6 * 2 + 2


@pytest.mark.slow
def test_a_crm_that_refuses_every_record_stops_only_its_own_write_back(office):
    """One plain sentence says how many and what to do; the other CRM shows everything."""
    south = office.vendors[SOUTH].crm
    south.refusals = {record: ["FIELD_CUSTOM_VALIDATION_EXCEPTION"] for record in south.records["Contact"]}
    outcomes = office.run()
    assert {job for job, outcome in outcomes.items() if not outcome.ok} == {"write_back_south"}
    (reason,) = outcomes["write_back_south"].failures.values()
    assert reason.startswith("6 of 6 records were refused, more than 20%;")
    assert office.said.keys() == {"write_back/south_fields"}
    assert office.said["write_back/south_fields"] == reason
    assert len(office.shown(NORTH)) == 6
    assert not office.shown(SOUTH)


@pytest.mark.slow
def test_a_crm_that_lets_nobody_in_stops_only_its_own_write_back(office):
    """Its key was withdrawn for writing; the other CRM shows everything."""
    error = Fatal("its key was withdrawn; check SOUTH_KEY", vendor=SOUTH, credentials=True)

    def refuse(*_: Any) -> None:
        raise error

    office.vendors[SOUTH].crm.update = refuse
    outcomes = office.run("pull_north", "pull_south", "stitch", "understand", "write_back_south", "write_back_north")
    assert {job: list(outcome.failures.values()) for job, outcome in outcomes.items() if not outcome.ok} == {
        "write_back_south": [str(error)]
    }
    assert len(office.shown(NORTH)) == 6
