"""Updates by bulk job: handed in once, heard to the end, and every record answered."""

import pytest

from connectors.base import RowResult
from connectors.errors import ConnectorError, Retryable
from tests.connectors.salesforce.conftest import SPECS

FIELDS = ["BLF_Summary__c", "BLF_Trend__c"]


@pytest.fixture
def crm(practice):
    opened = practice.crm()
    opened.provision(SPECS, dry_run=False)
    return opened


def written(practice, crm, ids, field="BLF_Summary__c"):
    return [values[field] for values in crm.read("Contact", ids, FIELDS).values()]


def hand_in(crm, job, rows):
    """Give a job its content."""
    crm.jobs.hand_in(job, crm.jobs.heading(FIELDS) + crm.jobs.lines(rows, FIELDS))


def test_a_job_answers_for_every_record(practice, crm):
    """Quotes, line ends, commas and emptied fields arrive as they are; refusals name code and field, a lock passes."""
    good, ruled, locked, gone = ids = practice.contacts(range(1, 5))
    practice.sandbox.state.update_as_user("Contact", good, {"BLF_Trend__c": "Steady"})
    practice.sandbox.state.refuse(locked, "UNABLE_TO_LOCK_ROW")
    practice.sandbox.state.delete("Contact", gone)
    rows = [(one, {"BLF_Summary__c": 'a, "b"\nc'}) for one in ids]
    rows[0][1]["BLF_Trend__c"] = None
    rows[1][1]["BLF_Trend__c"] = "Nonsense"
    job = crm.jobs.begin("Contact")
    hand_in(crm, job, rows)
    found = {result.id: result for result in crm.jobs.end(job).results}
    assert found[good] == RowResult(good, ok=True)
    assert found[ruled].code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert "(BLF_Trend__c)" in found[ruled].message
    assert (found[locked].retry, found[gone].gone) == (True, True)
    assert crm.read("Contact", [good], FIELDS)[good] == {"BLF_Summary__c": 'a, "b"\nc', "BLF_Trend__c": None}


def test_a_text_that_would_empty_its_field_goes_another_way(crm):
    """`#N/A` is a null in a CSV and a text elsewhere."""
    assert not crm.jobs.takes({"BLF_Summary__c": "#n/a"})
    assert crm.jobs.takes({"BLF_Summary__c": "#N/A?", "BLF_Trend__c": None})


def test_a_job_that_was_never_handed_in_is_called_off(practice, crm):
    """Its rows have not arrived, and never will."""
    job = crm.jobs.begin("Contact")
    assert crm.jobs.end(job) is None
    with pytest.raises(ConnectorError):
        hand_in(crm, job, [])


def test_a_job_that_the_vendor_has_forgotten_tells_nothing(crm):
    """After seven days, or in another org: what arrived must be read back."""
    assert crm.jobs.end("750000000000999AAA") is None


def test_a_job_that_ends_early_leaves_the_rest_due(practice, crm):
    """What was not processed may be tried again."""
    practice.sandbox.state.switches.job_stops_after = 1
    ids = practice.contacts(range(1, 4))
    job = crm.jobs.begin("Contact")
    hand_in(crm, job, [(one, {"BLF_Summary__c": "x"}) for one in ids])
    end = crm.jobs.end(job)
    assert [(result.ok, result.retry) for result in end.results] == [(True, False), (False, True), (False, True)]
    assert "before every record" in end.complaint


def test_an_upload_is_not_repeated(practice, crm):
    """No answer came and it is unknown whether it arrived; a second one would spoil the job."""
    practice.fault("/batches", kind="refuse")
    job = crm.jobs.begin("Contact")
    with pytest.raises(Retryable):
        crm.jobs.hand_in(job, b"x,y,z\n")
    assert practice.asked("/batches") == 1


@pytest.mark.parametrize("why", ["no batches", "no such object"])
def test_without_bulk_there_is_no_job(practice, crm, why):
    """The day's batches are nearly used up, or the object is none of Bulk's: batches it is."""
    switches = practice.sandbox.state.switches
    if why == "no batches":
        switches.batches_a_day = 0
    else:
        switches.no_bulk.add("Contact")
    assert crm.jobs.begin("Contact") is None
