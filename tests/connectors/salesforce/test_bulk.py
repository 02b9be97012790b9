"""Long histories come by Bulk 2.0 query jobs: the real client against the practice ground.

Sources: Bulk API 2.0 developer guide 63.0, "Query Jobs"; messages of failed jobs as estuary's connector knows them.
"""

from datetime import UTC, timedelta
from itertools import takewhile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import Fatal, Retryable
from connectors.salesforce import CONNECTOR
from connectors.salesforce.spans import Sizes
from models.keys import RecordKey
from pipelines.ingest.payload import content_hash, dump
from tests.connectors.salesforce.conftest import SPECS, ids, pull, records

SMALL = Sizes(portion=1000, bulk_from=20, page=10, chunk=5)
JOBS = r"/jobs/query$"
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def begun(practice):
    """How many jobs were handed in."""
    return sum(entry.method == "POST" and entry.path.endswith("/jobs/query") for entry in practice.sandbox.log.entries)


def walk(practice, cursor=None, resume=None, sizes=SMALL):
    return practice.source(sizes).pages(CONNECTOR.streams_by_name["contacts"], cursor, resume)


def test_a_long_first_load_is_left_to_a_job(practice):
    """Every row once; the first page tells that there are many, the rest comes by one job."""
    planted = practice.contacts(range(1, 58))
    pages = list(walk(practice))
    assert ids(pages) == planted
    assert [len(page.records) for page in pages] == [5, 0, 10, 10, 10, 10, 10, 2, 0]
    assert begun(practice) == 1
    assert pages[-1].cursor["sweep"] is None


def test_a_page_holds_fewer_rows_where_they_are_long(practice):
    """The first page tells how long they are; no other takes more than some five MiB."""
    planted = practice.contacts(range(1, 706), Description="word " * 5_000)
    pages = list(walk(practice, sizes=Sizes(portion=1000, bulk_from=20, page=400, chunk=5)))
    assert ids(pages) == planted
    first, *others = [len(page.records) for page in pages[2:-1]]
    assert first == 400
    assert 150 < max(others) < 250


def test_a_short_first_load_begins_no_job(practice):
    """Nor does a window with few changes."""
    practice.contacts(range(1, 20))
    pull(practice.source(SMALL))
    assert begun(practice) == 0


def test_the_jobs_id_is_written_down_before_it_is_waited_for(practice):
    """Whoever comes next fetches that job's result, and begins no other."""
    planted = practice.contacts(range(1, 58))
    practice.sandbox.state.switches.job_looks = 0
    staged = []
    with pytest.raises(Retryable, match="still at work"):
        staged.extend(walk(practice))
    first = walk(practice)
    staged = [next(first), next(first)]
    assert staged[-1].position["job"]
    practice.sandbox.state.switches.job_looks = 2
    practice.sandbox.log.clear()
    rest = list(walk(practice, resume=staged[-1].position))
    assert ids([*staged, *rest]) == planted
    assert begun(practice) == 0


@pytest.mark.parametrize("seen", range(2, 9))
def test_a_killed_load_goes_on_at_the_locator(practice, seen):
    """No page that was staged is fetched again, and no second job is begun, wherever it was killed."""
    planted = practice.contacts(range(1, 58))
    first = walk(practice)
    staged = [next(first) for _ in range(seen)]
    rest = list(walk(practice, resume=staged[-1].position))
    assert ids([*staged, *rest]) == planted
    assert begun(practice) == 1


def test_a_history_longer_than_a_portion_lands_in_several(practice):
    """Each portion saves where the next begins, and says which ids it holds without a gap."""
    planted = practice.contacts(range(1, 131))
    pages = list(walk(practice, sizes=Sizes(portion=50, bulk_from=20, page=10, chunk=5)))
    assert ids(pages) == planted
    ends = [page for page in pages if page.cursor]
    assert [(end.whole.after, end.whole.upto) for end in ends] == [
        (None, planted[49]), (planted[49], planted[99]), (planted[99], None),
    ]  # fmt: skip
    assert [end.cursor["sweep"] is None for end in ends] == [False, False, True]
    assert begun(practice) == 3


def test_a_load_killed_between_portions_goes_on_behind_the_last(practice):
    """And what changed since it began comes too, from the instant at which it began."""
    sizes = Sizes(portion=50, bulk_from=20, page=10, chunk=5)
    planted = practice.contacts(range(1, 131))
    began = practice.clock.now()
    landed = []
    for page in walk(practice, sizes=sizes):
        landed.append(page)
        if page.cursor:
            break
    practice.clock.advance(timedelta(hours=5))
    practice.sandbox.state.update_as_user("Contact", planted[3], {"LastName": "Moved"})
    practice.clock.advance(timedelta(hours=1))
    rest = list(walk(practice, cursor=landed[-1].cursor, sizes=sizes))
    assert ids([*landed, *rest]).count(planted[3]) == 2
    assert set(ids([*landed, *rest])) == set(planted)
    assert began.isoformat() > landed[-1].cursor["until"]


def test_many_changes_at_once_are_left_to_a_job_too(practice):
    """A window of stamps, all equal, in portions that neither lose nor repeat a row."""
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(hours=2))
    planted = practice.contacts(range(1, 131))
    pages = list(walk(practice, cursor=cursor, sizes=Sizes(portion=50, bulk_from=20, page=10, chunk=5)))
    assert ids(pages) == planted
    assert begun(practice) == 3
    ends = [page.cursor for page in pages if page.cursor]
    assert [end["window"] is None for end in ends] == [False, False, True]
    assert ends[0]["until"] == cursor["until"] < ends[-1]["until"]


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_token_that_ends_in_mid_job_is_renewed(practice, page):
    """The old token stays refused; polling and pages go on with the new one (simple-salesforce#619)."""
    planted = practice.contacts(range(1, 58))
    pages = []
    for number, one in enumerate(walk(practice)):
        pages.append(one)
        if number == page:
            practice.clock.advance(timedelta(hours=3))
    assert ids(pages) == planted
    assert begun(practice) == 1


def test_a_page_that_is_cut_is_fetched_again(practice):
    """Half a page is no page; the same locator gives the whole."""
    planted = practice.contacts(range(1, 58))
    practice.fault("/results", kind="reset", calls=(2,))
    assert ids(list(walk(practice))) == planted


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("Id\n", {"Sforce-NumberOfRecords": "3", "Sforce-Locator": "null"}),
        ("x", {"Sforce-Locator": "null"}),
        ("x", {"Sforce-NumberOfRecords": "3"}),
    ],
)
def test_half_a_page_raises(practice, body, headers):
    """Fewer rows than it says, or no word of their number or of what follows."""
    practice.contacts(range(1, 58))
    practice.fault("/results", status=200, body=body, headers=headers)
    with pytest.raises(Retryable, match="page of the Bulk job"):
        list(walk(practice))


@pytest.mark.parametrize(
    "message",
    [
        "Max bulk v2 query jobs (10000) per 24 hrs has been reached for the org.",
        "QUERY_TIMEOUT: Your query request was running for too long.",
        "API_ERROR: Implementation restriction: this object cannot be read like that",
        "The query result exceeded the limit of 1 TB",
    ],
)
def test_a_job_that_fails_for_what_bulk_cannot_do_comes_by_rest(practice, message):
    """Every row still comes, and none twice."""
    planted = practice.contacts(range(1, 58))
    practice.sandbox.state.switches.job_failures.append(message)
    assert ids(list(walk(practice))) == planted
    assert begun(practice) == 1


def test_a_job_that_fails_for_no_known_reason_stops_the_stream(practice):
    """A human must look; the words of the vendor, which may hold a value, are not repeated."""
    practice.contacts(range(1, 58))
    practice.sandbox.state.switches.job_failures.append("InvalidBatch : dana@kolbe.example")
    with pytest.raises(Fatal, match="job failed") as stopped:
        list(walk(practice))
    assert "dana" not in str(stopped.value)


@pytest.mark.parametrize("refusal", ["closed", "limit"])
def test_a_refused_job_comes_by_rest(practice, refusal):
    """Objects that the Bulk API does not take, and a day that has no job left."""
    planted = practice.contacts(range(1, 58))
    switches = practice.sandbox.state.switches
    if refusal == "closed":
        switches.no_bulk.add("Contact")
    else:
        switches.jobs_a_day = 0
    assert ids(list(walk(practice))) == planted


@pytest.mark.parametrize("loss", ["deleted", "aborted", "expired"])
def test_a_job_that_is_gone_is_begun_anew_behind_the_last_row(practice, loss):
    """What was staged of it stays; another job brings the rest."""
    planted = practice.contacts(range(1, 58))
    first = walk(practice)
    staged = [next(first) for _ in range(2 if loss == "aborted" else 4)]
    job, org = staged[-1].position["job"], practice.org()
    if loss == "deleted":
        org.request("test", "DELETE", f"jobs/query/{job}", about="job")
    elif loss == "aborted":
        org.request("test", "PATCH", f"jobs/query/{job}", about="job", body={"state": "Aborted"})
    else:
        practice.clock.advance(timedelta(days=8))
    rest = takewhile(lambda page: not page.cursor, walk(practice, resume=staged[-1].position))
    assert ids([*staged, *rest]) == planted
    assert begun(practice) == 2


def test_a_column_that_came_while_a_job_was_waited_for_costs_no_row(practice):
    """The result has other columns than the object now, so another job is begun."""
    planted = practice.contacts(range(1, 58))
    practice.sandbox.state.security.hide("Contact.Title")
    first = walk(practice)
    staged = [next(first) for _ in range(4)]
    practice.sandbox.state.security.show_all()
    rest = list(walk(practice, resume=staged[-1].position))
    assert set(ids([*staged, *rest])) == set(planted)
    assert {record.key.id for record in records(rest) if "Title" in record.payload} == set(planted)


def test_a_deleted_row_comes_by_a_job_as_deleted(practice):
    """The job asks with queryAll."""
    practice.contacts(range(1, 57))
    practice.contacts(range(57, 58), IsDeleted=True)
    assert [record.key.id for record in records(list(walk(practice))) if record.deleted] == [
        practice.contacts(range(57, 58), IsDeleted=True)[0]
    ]


STREAMS = ("contacts", "opportunities", "email_messages", "case_comments", "campaign_members", "tasks")


@pytest.mark.parametrize("name", STREAMS)
def test_a_row_is_the_same_by_rest_and_by_bulk(practice, name):
    """Equal payloads, equal hashes: instants, numbers, flags, nulls, parents, quotes, line ends and "NA" alike."""
    practice.crm().provision(SPECS, dry_run=False)
    at = practice.clock.now() - timedelta(hours=1)
    (contact,) = practice.contacts(range(1, 2), BLF_Feedback__c="Agree")
    nasty = 'NA "quoted",\r\n\nnull; Ünï😀, ""'
    practice.contacts(range(2, 41), Description=nasty, Birthdate="1980-05-06", DoNotCall=True, Title="NA")
    (account,) = practice.plant("Account", "001", range(1, 2), at, AnnualRevenue=12_000_000_000)
    practice.plant("Opportunity", "006", range(1, 41), at, Name="n", StageName="Closed Won", CloseDate="2026-01-02",
                   Amount=1234.1, TotalOpportunityQuantity=0.3, AccountId=account)  # fmt: skip
    cases = practice.plant("Case", "500", range(1, 3), at, ContactId=contact, Origin="Web")
    bare = practice.plant("Case", "500", range(3, 4), at)
    practice.plant("CaseComment", "00a", range(1, 21), at, ParentId=cases[0], CommentBody=nasty)
    practice.plant("CaseComment", "00a", range(21, 41), at, ParentId=bare[0], CommentBody="plain")
    tasks = practice.plant("Task", "00T", range(1, 41), at, WhoId=contact, CallDurationInSeconds=61, Status="Completed")
    practice.plant("EmailMessage", "02s", range(1, 21), at, ParentId=bare[0], TextBody=nasty, MessageDate=at)
    practice.plant("EmailMessage", "02s", range(21, 41), at, ActivityId=tasks[0], Incoming=True)
    (campaign,) = practice.plant("Campaign", "701", range(1, 2), at, Name="Fair", Type="Webinar")
    practice.plant("CampaignMember", "00v", range(1, 41), at, CampaignId=campaign, ContactId=contact)
    by_bulk = hashes(pull(practice.source(SMALL), name), name)
    assert begun(practice) == 1
    assert by_bulk == hashes(pull(practice.source(), name), name)
    assert len(by_bulk) == 40


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40) | st.sampled_from(
    ["NA", "null", "#N/A", '"', '""', ",", "a\r\nb", "\n", "=1+1", "nan", "true", "1e5"]
)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"Description": TEXTS, "Title": TEXTS, "DoNotCall": st.booleans()},
        optional={"Birthdate": st.dates().map(str), "EmailBouncedDate": st.datetimes(timezones=st.just(UTC))},
    ),
    min_size=3,
    max_size=3,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE)
def test_whatever_a_row_holds_it_is_the_same_by_rest_and_by_bulk(practice, people):
    """Arbitrary text, days and instants."""
    for number, person in enumerate(people, 1):
        practice.contacts(range(number, number + 1), **person)
    tiny = Sizes(portion=100, bulk_from=1, page=2, chunk=1)
    assert hashes(pull(practice.source(tiny)), "contacts") == hashes(pull(practice.source()), "contacts")


def hashes(pages, name) -> dict[RecordKey, tuple[str, int]]:
    unstamped = CONNECTOR.streams_by_name[name].unstamped
    texts = {record.key: (record, dump(record.payload)[0]) for record in records(pages)}
    return {key: (text, content_hash(record.payload, unstamped, text)) for key, (record, text) in texts.items()}
