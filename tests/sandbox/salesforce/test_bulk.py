"""Bulk 2.0 query jobs over the real SDK and over HTTP. Source: Bulk API 2.0 developer guide 63.0, "Query Jobs"; `simple_salesforce.bulk2`."""

from datetime import timedelta

import pytest
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from sandbox.salesforce.ids import make_id

BASE = "jobs/query"


@pytest.fixture(autouse=True)
def people(state):
    """Five contacts, one of them in the bin."""
    account = make_id("001", 1)
    state.insert_many("Account", [{"Id": account, "Name": 'Acme "Inc"'}])
    rows = [
        {"LastName": "NA", "AccountId": account, "DoNotCall": True, "Description": 'one,\n"two"'},
        *({"LastName": f"N{number}", "Title": None} for number in range(3)),
        {"LastName": "Gone", "IsDeleted": True},
    ]
    state.insert_many("Contact", [{"Id": make_id("003", number), **row} for number, row in enumerate(rows, 1)])


class Jobs:
    """The doors of the API by themselves."""

    def __init__(self, sf, session):
        self._session, self._url = session, f"{sf.base_url}{BASE}"
        self._headers = {"Authorization": f"Bearer {sf.session_id}"}

    def ask(self, method, path="", **more):
        return self._session.request(method, f"{self._url}{path}", headers=self._headers, **more)

    def begin(self, query="SELECT Id, LastName FROM Contact ORDER BY Id", operation="query"):
        return self.ask("POST", json={"operation": operation, "query": query})

    def done(self, **what):
        job = self.begin(**what).json()["id"]
        states = [self.ask("GET", f"/{job}").json()["state"] for _ in range(2)]
        assert states == ["InProgress", "JobComplete"]
        return job


@pytest.fixture
def jobs(sf, session):
    return Jobs(sf, session)


def code(answer):
    assert answer.status_code == 400
    return answer.json()[0]["errorCode"]


def test_the_sdk_reads_a_whole_result(sf):
    """`bulk2` of simple-salesforce: creates, waits, and follows the locator to its end."""
    pages = list(sf.bulk2.Contact.query_all("SELECT Id, LastName FROM Contact ORDER BY Id", wait=0.01, max_records=2))
    assert len(pages) == 3
    assert all(page.splitlines()[0] == '"Id","LastName"' for page in pages)
    assert '"NA"' in pages[0]
    assert "Gone" in pages[2]


def test_a_query_leaves_out_the_bin_and_query_all_does_not(jobs):
    """ "operation": query or queryAll."""
    looks = [jobs.ask("GET", f"/{jobs.done(operation=name)}").json() for name in ("query", "queryAll")]
    assert [look["numberRecordsProcessed"] for look in looks] == [4, 5]


def test_values_are_all_text(jobs):
    """true, an instant in Z, an empty cell for null, quotes doubled, a parent's column by its path; columns in an order of their own."""
    query = "SELECT LastName, Description, DoNotCall, Title, Account.Name, CreatedDate FROM Contact ORDER BY Id LIMIT 1"
    answer = jobs.ask("GET", f"/{jobs.done(query=query)}/results")
    header, row = answer.text.split("\n", 1)
    assert header == '"Account.Name","CreatedDate","Description","DoNotCall","LastName","Title"'
    assert row == '"Acme ""Inc""","2026-11-02T09:00:00.000Z","one,\n""two""","true","NA",""\0\n'
    assert answer.headers["content-type"].startswith("text/csv")


def test_a_page_says_how_many_rows_it_has_and_what_follows(jobs):
    """Sforce-NumberOfRecords on every page, Sforce-Locator "null" on the last; rows are those of the moment of completion."""
    job, locator, counts = jobs.done(), None, []
    while locator != "null":
        params = {"maxRecords": 3} | ({"locator": locator} if locator else {})
        answer = jobs.ask("GET", f"/{job}/results", params=params)
        locator = answer.headers["Sforce-Locator"]
        counts.append(answer.headers["Sforce-NumberOfRecords"])
        assert "Sforce-Limit-Info" in answer.headers
    assert counts == ["3", "1"]


def test_an_empty_result_has_a_header_row_only(jobs):
    """And counts no row."""
    job = jobs.done(query="SELECT Id FROM Lead")
    answer = jobs.ask("GET", f"/{job}/results")
    assert (answer.text, answer.headers["Sforce-NumberOfRecords"]) == ('"Id"\n', "0")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (
            "SELECT MailingAddress FROM Contact",
            "FEATURENOTENABLED",
        ),  # "Selecting compound data not supported in Bulk Query"
        ("SELECT COUNT() FROM Contact", "API_ERROR"),
        ("SELECT Shoe FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Shoe", "INVALID_TYPE"),
        ("SELECT Id", "MALFORMED_QUERY"),
    ],
)
def test_what_bulk_cannot_do_is_refused(jobs, query, wanted):
    """At the door, in REST's shape of errors."""
    assert code(jobs.begin(query)) == wanted


def test_switches_close_the_door(jobs, state):
    """An object without Bulk, and the 10,000 jobs of a day; `limits` tells how many are left."""
    state.switches.no_bulk.add("Contact")
    assert code(jobs.begin()) == "INVALIDENTITY"
    state.switches.no_bulk.clear()
    jobs.begin()
    state.switches.jobs_a_day = 1
    assert code(jobs.begin()) == "LIMIT_EXCEEDED"


def test_limits_count_calls_and_jobs(sf, jobs):
    """`limits/`: REST API developer guide 63.0, "Limits"."""
    jobs.begin()
    limits = sf.limits()
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 10_000, "Remaining": 9_999}
    assert limits["DailyApiRequests"]["Remaining"] < limits["DailyApiRequests"]["Max"]


def test_a_failed_job_says_why_and_has_no_results(jobs, state):
    """errorMessage of "Get Information About a Query Job"."""
    state.switches.job_failures.append("Max bulk v2 query jobs (10000) per 24 hrs has been reached for the org.")
    job = jobs.begin().json()["id"]
    looks = [jobs.ask("GET", f"/{job}").json() for _ in range(2)]
    assert looks[1]["state"] == "Failed"
    assert "10000" in looks[1]["errorMessage"]
    assert code(jobs.ask("GET", f"/{job}/results")) == "INVALIDJOBSTATE"


def test_a_job_can_be_aborted_while_it_works_and_deleted_when_it_is_done(jobs, sf):
    """PATCH Aborted; DELETE is an empty 204, of which the SDK's `delete_job` makes a JSONDecodeError."""
    job = jobs.begin().json()["id"]
    assert code(jobs.ask("DELETE", f"/{job}")) == "INVALIDJOBSTATE"
    assert jobs.ask("PATCH", f"/{job}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert code(jobs.ask("PATCH", f"/{job}", json={"state": "Aborted"})) == "INVALIDJOBSTATE"
    assert [one["id"] for one in jobs.ask("GET").json()["records"]] == [job]
    answer = jobs.ask("DELETE", f"/{job}")
    assert (answer.status_code, answer.content) == (204, b"")
    with pytest.raises(SalesforceResourceNotFound):
        sf.restful(f"{BASE}/{job}")


def test_a_result_is_kept_for_seven_days(jobs, sandbox):
    """Then the job is not found any more, whoever asks."""
    job = jobs.done()
    sandbox.context.clock.advance(timedelta(days=8))
    assert jobs.ask("GET", f"/{job}/results").status_code == 401  # the token has ended too


@pytest.mark.parametrize("params", [{"locator": "nonsense"}, {"maxRecords": "0"}, {"maxRecords": "many"}])
def test_nonsense_is_refused(jobs, params):
    """A locator that was never given, and no number of rows."""
    assert code(jobs.ask("GET", f"/{jobs.done()}/results", params=params)) in {
        "INVALID_QUERY_LOCATOR",
        "INVALIDREQUEST",
    }


@pytest.mark.parametrize(
    "body",
    [{}, {"operation": "insert", "query": "x"}, {"operation": "query", "query": "SELECT Id FROM Contact", "x": 1}],
)
def test_a_job_is_described_exactly(jobs, body):
    """Unknown operations and keys are refused."""
    assert code(jobs.ask("POST", json=body)) in {"INVALIDJOB", "JSON_PARSER_ERROR"}


def test_an_old_token_stays_refused(sf, sandbox):
    """The SDK's handle keeps the token of its making and never renews it (simple-salesforce#619)."""
    handle = sf.bulk2.Contact
    sandbox.context.clock.advance(timedelta(hours=3))
    for _ in range(2):
        with pytest.raises(SalesforceExpiredSession):
            list(handle.query("SELECT Id FROM Contact", wait=0.01))


def test_a_token_holds_on_its_own_instance_only(sf, state, sandbox):
    """A login may name another instance_url; the old host, where the SDK stays when it renews a token, refuses the new one."""
    state.switches.instance_url = "https://acme-moved.my.salesforce.com"
    sandbox.context.clock.advance(timedelta(hours=3))
    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT Id FROM Contact")


def test_a_query_that_goes_through_too_many_rows_is_too_slow(sf, state):
    """QUERY_TIMEOUT (SOQL reference, "SOQL Limits"); a walk by Id is quick however long the table."""
    state.switches.slow_above = 3
    with pytest.raises(SalesforceMalformedRequest) as slow:
        sf.query("SELECT Id FROM Contact")
    assert slow.value.content[0]["errorCode"] == "QUERY_TIMEOUT"
    assert len(sf.query("SELECT Id FROM Contact ORDER BY Id LIMIT 2")["records"]) == 2


def test_some_objects_have_shorter_pages(sf, state):
    """Fewer rows on a page than asked for (airbyte#9136)."""
    state.switches.page_rows["Contact"] = 2
    first = sf.query("SELECT Id FROM Contact")
    assert (len(first["records"]), first["totalSize"], first["done"]) == (2, 4, False)


def test_a_formula_changes_without_the_stamp(sf, state):
    """Neither a formula, a roll-up nor a parent's value moves SystemModstamp (estuary#3134)."""
    soql = "SELECT SystemModstamp, Title FROM Contact ORDER BY Id LIMIT 1"
    before = sf.query(soql)["records"][0]
    state.recalculate("Contact", make_id("003", 1), {"Title": "as a formula shows it"})
    after = sf.query(soql)["records"][0]
    assert (before["Title"], after["Title"]) == (None, "as a formula shows it")
    assert before["SystemModstamp"] == after["SystemModstamp"]
