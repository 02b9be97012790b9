"""Objects with more columns than one URI holds: 16,384 bytes with the headers (app limits page, "API Query and URI Limits")."""

from datetime import timedelta

import pytest

from connectors.errors import Retryable
from tests.connectors.salesforce.conftest import ids, pull, records

NAMES = [f"A_name_as_long_as_a_name_may_be_{number:04}" for number in range(450)]
LONG = r"queryAll/\?q=.{600}"


@pytest.fixture
def wide(practice):
    """Contacts with 450 columns of their own, 22 kB of names."""
    practice.custom("Contact", *NAMES)
    return practice


def moving(practice, contact, times):
    """Somebody edits the contact after each of the first so many queries."""
    edits = iter(range(times))

    def edit(response, *_, **__):
        if "/queryAll" in response.url and (number := next(edits, None)) is not None:
            practice.sandbox.state.update_as_user("Contact", contact, {"LastName": f"L{number}", "Title": f"L{number}"})
            practice.clock.advance(timedelta(seconds=1))

    return edit


def test_a_wide_row_comes_whole(wide):
    """Every column of every row, in as few queries as the URI allows."""
    planted = wide.contacts(range(1, 31), **{f"{NAMES[0]}__c": "first", f"{NAMES[-1]}__c": "last"})
    source = wide.source()
    found = records(pull(source))
    assert [record.key.id for record in found] == planted
    assert {(r.payload[f"{NAMES[0]}__c"], r.payload[f"{NAMES[-1]}__c"], r.payload["LastName"][0]) for r in found} == {
        ("first", "last", "N")
    }
    assert [entry.status for entry in wide.sandbox.log.matching("queryAll")] == [200, 200]


@pytest.mark.parametrize("status", [414, 431])
def test_a_narrower_gate_on_the_way_is_found_out(practice, status):
    """A proxy takes less than Salesforce does; the columns come in more parts."""
    planted = practice.contacts(range(1, 12))
    practice.fault(LONG, kind="html", status=status)
    assert ids(pull(practice.source())) == planted


def test_a_gate_that_lets_nothing_through_is_reported(practice):
    """It is not asked for ever."""
    practice.fault("queryAll", status=414, kind="html")
    with pytest.raises(Retryable, match="too many columns"):
        pull(practice.source())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_row_that_changes_between_its_parts_is_read_again(practice, times):
    """It is never half old, half new."""
    planted = practice.contacts(range(1, 12))
    practice.fault(LONG, kind="html", status=414)
    source = practice.source()
    source._org._session.hooks["response"].append(moving(practice, planted[4], times))
    found = {record.key.id: record.payload for record in records(pull(source))}
    assert sorted(found) == planted
    assert found[planted[4]]["LastName"] == found[planted[4]]["Title"] == f"L{times - 1}"


def test_a_row_that_never_rests_ends_the_run(practice):
    """Another run may find it at rest; half of it is never taken."""
    planted = practice.contacts(range(1, 12))
    practice.fault(LONG, kind="html", status=414)
    source = practice.source()
    source._org._session.hooks["response"].append(moving(practice, planted[4], 1000))
    with pytest.raises(Retryable, match="change faster"):
        pull(source)
