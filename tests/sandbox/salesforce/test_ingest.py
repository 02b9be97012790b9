"""Bulk 2.0 ingest jobs over the real SDK and over HTTP. Source: Bulk API 2.0 developer guide 63.0, "Ingest Jobs"; `simple_salesforce.bulk2`."""

import csv
import io

import pytest

from sandbox.salesforce.ids import make_id

BASE = "jobs/ingest"
IDS = [make_id("003", number) for number in range(1, 5)]


@pytest.fixture(autouse=True)
def people(state):
    """Four contacts."""
    rows = [{"Id": one, "LastName": f"N{one}", "Title": "CFO", "Description": "old"} for one in IDS]
    state.insert_many("Contact", rows)


class Jobs:
    """The doors of the API by themselves."""

    def __init__(self, sf, session):
        self._session, self._url = session, f"{sf.base_url}{BASE}"
        self._headers = {"Authorization": f"Bearer {sf.session_id}"}

    def ask(self, method, path="", headers=None, **more):
        return self._session.request(method, f"{self._url}{path}", headers={**self._headers, **(headers or {})}, **more)

    def begin(self, **other):
        return self.ask("POST", json={"object": "Contact", "operation": "update", **other})

    def upload(self, job, text):
        return self.ask("PUT", f"/{job}/batches", {"Content-Type": "text/csv"}, data=text.encode())

    def close(self, job, state="UploadComplete"):
        return self.ask("PATCH", f"/{job}", json={"state": state})

    def done(self, text):
        job = self.begin().json()["id"]
        assert self.upload(job, text).status_code == 201
        self.close(job)
        for _ in range(2):
            told = self.ask("GET", f"/{job}").json()
        return told

    def rows(self, job, kind):
        return list(csv.DictReader(io.StringIO(self.ask("GET", f"/{job}/{kind}").text)))


@pytest.fixture
def jobs(sf, session):
    return Jobs(sf, session)


def code(answer):
    assert answer.status_code >= 400
    return answer.json()[0]["errorCode"]


def test_the_sdk_updates_by_job(sf, state):
    """`bulk2.Contact.update` of simple-salesforce opens, uploads, closes, waits and counts."""
    told = sf.bulk2.Contact.update(records=[{"Id": one, "Title": "CTO"} for one in IDS], wait=1)
    assert [(one["numberRecordsProcessed"], one["numberRecordsFailed"]) for one in told] == [(4, 0)]
    assert {state.get("Contact", one)["Title"] for one in IDS} == {"CTO"}


def test_an_empty_cell_leaves_and_a_null_empties(jobs, state):
    """ "Prepare CSV Files": an empty field value is ignored, #N/A sets it to null."""
    jobs.done(f"Id,Title,Description\n{IDS[0]},,new\n{IDS[1]},#N/A,\n")
    first, second = (state.get("Contact", one) for one in IDS[:2])
    assert (first["Title"], first["Description"]) == ("CFO", "new")
    assert (second["Title"], second["Description"]) == (None, "old")


def test_rows_fail_alone_and_say_why(jobs, state):
    """Failed results carry the row and `CODE:message:fields --`; the others are in the successful ones."""
    state.refuse(IDS[1], "FIELD_CUSTOM_VALIDATION_EXCEPTION", message="Not: so", times=0)
    state.delete("Contact", IDS[2])
    told = jobs.done("Id,Title\n" + "".join(f"{one},CTO\n" for one in IDS))
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("JobComplete", 4, 2)
    failed = {row["sf__Id"]: row["sf__Error"] for row in jobs.rows(told["id"], "failedResults")}
    assert failed[IDS[1]] == "FIELD_CUSTOM_VALIDATION_EXCEPTION:Not: so: --"
    assert failed[IDS[2]].startswith("ENTITY_IS_DELETED:")
    assert [row["sf__Id"] for row in jobs.rows(told["id"], "successfulResults")] == [IDS[0], IDS[3]]
    assert jobs.rows(told["id"], "unprocessedrecords") == []


def test_a_job_that_ends_early_tells_what_it_did_not_do(jobs, state):
    """Failed, with the rows that were not looked at under unprocessed records."""
    state.switches.job_stops_after = 1
    told = jobs.done("Id,Title\n" + "".join(f"{one},CTO\n" for one in IDS))
    assert told["state"] == "Failed"
    assert len(jobs.rows(told["id"], "successfulResults")) == 1
    assert [row["Id"] for row in jobs.rows(told["id"], "unprocessedrecords")] == IDS[1:]


def test_an_unknown_column_fails_the_whole_job(jobs, state):
    """InvalidBatch : Field name not found."""
    told = jobs.done(f"Id,Gone__c\n{IDS[0]},x\n")
    assert (told["state"], told["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Gone__c")
    assert state.get("Contact", IDS[0])["Title"] == "CFO"


def test_content_is_given_once_and_only_to_an_open_job(jobs):
    """A second upload is refused, and so is one to a job that was closed or called off."""
    job = jobs.begin().json()["id"]
    assert jobs.upload(job, "Id,Title\n").status_code == 201
    assert "Found multiple contents for job" in jobs.upload(job, "Id,Title\n").text
    jobs.close(job, "Aborted")
    assert code(jobs.upload(job, "Id,Title\n")) == "INVALIDJOBSTATE"
    assert code(jobs.close(job)) == "INVALIDJOBSTATE"


def test_the_size_of_a_job_is_limited(jobs, monkeypatch):
    """150 MB once encoded in base64 (here: of a smaller sandbox)."""
    monkeypatch.setattr("sandbox.salesforce.ingest.MOST_BYTES", 1_000)
    job = jobs.begin().json()["id"]
    assert jobs.upload(job, "Id,Title\n" + "x" * 700).status_code == 201
    other = jobs.begin().json()["id"]
    assert code(jobs.upload(other, "Id,Title\n" + "x" * 800)) == "REQUEST_ENTITY_TOO_LARGE"


def test_the_days_batches_are_counted_and_limited(jobs, sf, state):
    """`limits/` tells them, and no job is opened without one."""
    state.switches.batches_a_day = 1
    jobs.done(f"Id,Title\n{IDS[0]},CTO\n")
    assert sf.limits()["DailyBulkApiBatches"] == {"Max": 1, "Remaining": 0}
    assert code(jobs.begin()) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("body", "says"),
    [({"operation": "insert"}, "INVALIDJOB"), ({"object": "Shoe"}, "INVALIDENTITY"), ({"x": 1}, "JSON_PARSER_ERROR")],
)
def test_what_is_no_update_of_a_known_object_is_refused(jobs, body, says):
    """In the vendor's words."""
    assert code(jobs.begin(**body)) == says
