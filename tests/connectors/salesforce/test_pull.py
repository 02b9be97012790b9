"""What the pull brings, in which order, and what it survives: the real client against the practice ground."""

import logging
from datetime import timedelta

import pytest

from connectors.errors import Fatal, Retryable
from connectors.salesforce import CONNECTOR
from connectors.salesforce.projection import objects
from connectors.salesforce.spans import CHUNK
from sandbox.salesforce.ids import make_id
from tests.connectors.salesforce.conftest import SPECS, ids, pull, records, stamp

EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def hours(number):
    return timedelta(hours=number)


def test_a_first_load_brings_everything_once_though_stamps_are_equal(practice):
    """Pages end in the middle of rows that share one stamp; none is lost, none comes twice."""
    planted = practice.contacts(range(1, 2 * CHUNK + 101))
    pages = pull(practice.source())
    assert sorted(ids(pages)) == sorted(planted)
    assert [len(page.records) for page in pages] == [CHUNK, CHUNK, 100, 0]
    assert [page.cursor is not None for page in pages] == [False, False, False, True]


def test_a_resumed_load_reads_no_finished_page_again(practice):
    """Another process goes on behind the last staged row, equal stamps and all."""
    planted = practice.contacts(range(1, 2 * CHUNK + 101))
    walk = practice.source().pages(CONNECTOR.streams_by_name["contacts"], None, None)
    first = next(walk)
    rest = pull(practice.source(), resume=first.position)
    assert sorted(ids([first, *rest])) == sorted(planted)
    assert len(ids([first, *rest])) == len(planted)


def test_the_cursor_is_the_windows_end_behind_the_clock(practice):
    """Five minutes behind the clock, whatever the youngest row says; a row younger than that waits."""
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(hours(1))
    practice.contacts(range(1, 2), practice.clock.now() - hours(0.5))
    practice.contacts(range(2, 3), practice.clock.now() - timedelta(minutes=4))
    pages = pull(practice.source(), cursor=cursor)
    assert len(ids(pages)) == 1
    assert pages[-1].cursor["until"] == (practice.clock.now() - timedelta(minutes=5)).isoformat()
    practice.clock.advance(hours(1))
    assert len(ids(pull(practice.source(), cursor=pages[-1].cursor))) == 1


def test_a_commit_that_came_late_is_seen_by_the_look_back(practice):
    """Its stamp lies before the window's end, for it was taken when the transaction began."""
    began, committed = practice.clock.now() - timedelta(minutes=12), practice.clock.now() + timedelta(minutes=1)
    row = {"Id": make_id("003", 1), "LastName": "Late", "SystemModstamp": stamp(began), "CreatedDate": stamp(began)}
    practice.sandbox.state.insert_late("Contact", row, committed)
    first = pull(practice.source())
    assert ids(first) == []
    practice.clock.advance(hours(1))
    assert ids(pull(practice.source(), cursor=first[-1].cursor)) == [row["Id"]]


def test_a_quiet_run_asks_once_for_the_definition_and_once_for_the_window(practice):
    """Nothing else is asked of the vendor, and nothing comes."""
    practice.contacts(range(1, 11), practice.clock.now() - hours(30))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(hours(1))
    source = practice.source()
    pages = pull(source, cursor=cursor)
    assert ids(pages) == []
    assert source.calls == {"login": 1, "definition": 1, "window": 1}


def test_a_long_absence_is_read_in_slices_that_each_save_their_end(practice):
    """No window of an increment is longer than thirty days."""
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(days=70))
    source = practice.source()
    planted = practice.contacts(range(1, 6), practice.clock.now() - timedelta(days=40))
    windows = [page for page in pull(source, cursor=cursor) if "start" in page.position["span"]]
    assert ids(windows) == planted
    assert source.calls["window"] == 3
    assert sum(page.cursor is not None for page in windows) == 3


def test_a_resume_finishes_its_window_and_goes_on_to_the_present(practice):
    """What happened since the window began is not left for another day."""
    first = practice.contacts(range(1, CHUNK + 11))
    page = next(practice.source().pages(CONNECTOR.streams_by_name["contacts"], None, None))
    practice.clock.advance(hours(2))
    later = practice.contacts(range(5001, 5003))
    pages = pull(practice.source(), resume=page.position)
    assert set(ids([page, *pages])) == {*first, *later}
    assert pages[-1].cursor["until"] == (practice.clock.now() - timedelta(minutes=5)).isoformat()


def test_a_record_in_the_recycle_bin_arrives_as_deleted(practice):
    """With its last content."""
    practice.contacts(range(1, 2), IsDeleted=True)
    (record,) = records(pull(practice.source()))
    assert record.deleted
    assert record.payload["LastName"]


def test_the_payload_is_the_vendors_without_type_marks_and_with_parents(practice):
    """Parents come nested; the marks that REST adds to each row say nothing."""
    contact = practice.contacts(range(1, 2))[0]
    case = practice.plant("Case", "500", range(1, 2), practice.clock.now() - hours(1), ContactId=contact, Origin="Web")[
        0
    ]
    practice.plant(
        "CaseComment", "00a", range(1, 2), practice.clock.now() - hours(1), ParentId=case, CommentBody="Thanks"
    )
    (record,) = records(pull(practice.source(), "case_comments"))
    assert record.payload["Parent"] == {"ContactId": contact, "Origin": "Web"}
    assert "attributes" not in record.payload
    assert record.updated_at == practice.clock.now() - hours(1)


@pytest.mark.parametrize("stream", [stream.name for stream in CONNECTOR.streams])
def test_every_stream_can_be_asked_for(practice, stream):
    """Each query is one the vendor understands."""
    assert pull(practice.source(), stream)[-1].cursor


def test_an_expired_token_is_renewed_once_in_mid_run(practice):
    """The page that met it is asked again with the new token."""
    planted = practice.contacts(range(1, CHUNK + 11))
    practice.fault("/queryAll", status=401, body=EXPIRED, calls=(2,))
    source = practice.source()
    assert sorted(ids(pull(source))) == sorted(planted)
    assert source.calls["login"] == 2


@pytest.mark.parametrize("fault", [{"body": EXPIRED}, {"kind": "html"}])
def test_a_token_that_stays_refused_ends_the_vendor_after_two_tries(practice, fault):
    """No recursion, no further logins; the words name the app."""
    source = practice.source()
    practice.fault("/services/data", status=401, **fault)
    with pytest.raises(Fatal, match="SALESFORCE_CLIENT_ID") as refused:
        pull(source)
    assert refused.value.credentials
    assert source.calls["login"] == 2
    assert practice.asked("/services/data") == 2


def test_a_proxys_page_and_a_busy_vendor_are_waited_out(practice):
    """The named wait is kept; nothing is lost."""
    planted = practice.contacts(range(1, 4))
    practice.fault("/queryAll", kind="html", status=502, calls=(1,))
    practice.fault("/queryAll", status=503, headers={"Retry-After": "11"}, calls=(2,))
    practice.fault("/queryAll", status=429, headers={"Retry-After": "12"}, calls=(3,))
    practice.fault("/queryAll", kind="reset", calls=(4,))
    source = practice.source()
    assert ids(pull(source)) == planted
    assert practice.waits[1:3] == [11, 12]
    assert source.calls["retry"] == 4


def test_a_vendor_that_stays_away_is_retryable(practice):
    """After six tries the run ends, to be tried at the next schedule."""
    practice.fault("/queryAll", kind="html", status=502)
    with pytest.raises(Retryable, match="HTTP 502"):
        pull(practice.source())
    assert practice.asked("/queryAll") == 6


def test_a_used_up_quota_ends_the_run_for_an_hour(practice):
    """Asking again at once would not help anybody."""
    practice.fault(
        "/queryAll",
        status=403,
        body=[{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
    )
    with pytest.raises(Retryable, match="API calls of the day") as stopped:
        pull(practice.source())
    assert stopped.value.after == 3600
    assert practice.asked("/queryAll") == 1


def test_the_last_fifth_of_the_quota_is_left_to_people(practice):
    """The answer that tells of it is still used; the next question is not asked."""
    practice.sandbox.state.usage.limit = 16  # the description of all objects uses thirteen
    with pytest.raises(Retryable, match="of the org's 16 daily API calls") as stopped:
        pull(practice.source())
    assert stopped.value.after == 3600
    assert practice.asked("/queryAll") == 0


def test_a_truncated_result_raises(practice):
    """Fewer rows than the vendor counts are never taken for all."""
    practice.fault("/queryAll", status=200, body={"totalSize": 5, "done": True, "records": []})
    with pytest.raises(Retryable, match="0 of 5 rows"):
        pull(practice.source())


@pytest.mark.parametrize("body", [{"records": []}, {"totalSize": 9, "done": False, "records": []}, []])
def test_half_an_answer_raises(practice, body):
    """A result that is neither finished nor followed by a page is no result."""
    practice.fault("/queryAll", status=200, body=body)
    with pytest.raises(Retryable, match="neither finished nor followed"):
        pull(practice.source())


def test_a_query_that_takes_too_long_is_asked_in_halves(practice):
    """Each half by itself is small enough, and together they are all."""
    planted = [
        *practice.contacts(range(1, 4)),
        *practice.contacts(range(4, 7), practice.clock.now() - timedelta(days=9000)),
    ]
    timeout = [{"message": "Your query request was running for too long.", "errorCode": "QUERY_TIMEOUT"}]
    practice.fault("/queryAll", status=400, body=timeout, calls=(1, 2))
    pages = pull(practice.source())
    assert sorted(ids(pages)) == sorted(planted)
    assert sum(page.cursor is not None for page in pages) == 1


def test_a_query_that_always_takes_too_long_gives_up(practice):
    """A second of rows that cannot be read is reported, not split for ever."""
    practice.fault("/queryAll", status=400, body=[{"message": "too long", "errorCode": "QUERY_TIMEOUT"}])
    with pytest.raises(Retryable, match="took too long"):
        pull(practice.source())
    assert practice.asked("/queryAll") < 40


@pytest.mark.parametrize("code", ["INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"])
def test_a_missing_permission_is_named_with_the_way_to_grant_it(practice, code):
    """The object and the place in Setup."""
    practice.fault("/queryAll", status=403, body=[{"message": "no", "errorCode": code}])
    with pytest.raises(Fatal, match=r"Permission Sets give the integration user Read on Contact"):
        pull(practice.source())


def test_a_field_that_vanished_between_describe_and_query_is_dropped(practice):
    """The description is read again once; if the query still fails, a human must look."""
    planted = practice.contacts(range(1, 3))
    gone = [{"message": "No such column 'Gone__c' on entity 'Contact'.", "errorCode": "INVALID_FIELD"}]
    practice.fault("/queryAll", status=400, body=gone, calls=(1,))
    source = practice.source()
    assert ids(pull(source)) == planted
    assert source.calls["definition"] == 2
    practice.sandbox.faults.clear()
    practice.fault("/queryAll", status=400, body=gone)
    with pytest.raises(Fatal, match="No such column"):
        pull(practice.source())


def test_a_hard_delete_is_found_by_a_sweep_once_a_day(practice):
    """What left the recycle bin arrives as a tombstone without content; what is still in it is not doubled."""
    gone, binned, _ = practice.contacts(range(1, 4), practice.clock.now() - timedelta(days=3))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(days=2))
    practice.sandbox.state.delete("Contact", binned)
    practice.sandbox.state.hard_delete("Contact", gone)
    practice.clock.advance(hours(1))
    source = practice.source()
    pages = pull(source, cursor=cursor)
    found = {record.key.id: (record.deleted, len(record.payload) > 2) for record in records(pages)}
    assert found == {gone: (True, False), binned: (True, True)}
    practice.clock.advance(hours(1))
    again = practice.source()
    pull(again, cursor=pages[-1].cursor)
    assert "sweep" not in again.calls


def test_a_sweep_goes_on_from_where_the_vendor_says_it_got(practice):
    """Deletions that the vendor does not tell yet are asked for again by the very next pull."""
    (contact,) = practice.contacts(range(1, 2), practice.clock.now() - timedelta(days=3))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(days=2))
    practice.sandbox.state.hard_delete("Contact", contact)
    practice.clock.advance(timedelta(days=2))
    covered = stamp(practice.clock.now() - timedelta(days=3))
    behind = {"deletedRecords": [], "earliestDateAvailable": covered, "latestDateCovered": covered}
    practice.fault("/deleted/", status=200, body=behind, calls=(1,))
    first = pull(practice.source(), cursor=cursor)
    assert ids(first) == []
    practice.clock.advance(hours(1))
    assert ids(pull(practice.source(), cursor=first[-1].cursor)) == [contact]


@pytest.mark.parametrize(("status", "code"), [(503, "SERVER_UNAVAILABLE"), (403, "REQUEST_LIMIT_EXCEEDED")])
def test_a_description_that_did_not_come_is_not_taken_for_a_hidden_object(practice, status, code):
    """Else its stream would ask a human for a permission, and others would lose their parent's columns."""
    practice.contacts(range(1, 2))
    part = {"statusCode": status, "result": [{"message": "not now", "errorCode": code}]}
    body = {"hasErrors": True, "results": [part] * len(objects(CONNECTOR.streams))}
    practice.fault("/composite/batch", status=200, body=body, calls=(1,))
    source = practice.source()
    with pytest.raises(Retryable, match=code):
        pull(source)
    assert len(ids(pull(source))) == 1


def test_nothing_that_the_sidecar_wrote_is_pulled(practice):
    """Own fields stay out but for a rep's answer, and that only while it is given."""
    practice.crm().provision(SPECS, dry_run=False)
    answered, silent = practice.contacts(range(1, 3))
    fields = {"BLF_Top_Belief__c": "x", "BLF_Feedback__c": "Agree"}
    practice.crm().update("Contact", [(answered, fields), (silent, {"BLF_Top_Belief__c": "y"})])
    practice.clock.advance(hours(1))
    payloads = {record.key.id: record.payload for record in records(pull(practice.source()))}
    assert {name: value for name, value in payloads[answered].items() if name.startswith("BLF_")} == {
        "BLF_Feedback__c": "Agree"
    }
    assert not any(name.startswith("BLF_") for name in payloads[silent])


def test_an_echo_of_our_own_write_differs_in_stamps_alone(practice):
    """What is left of the payload without its stamps is what it was before the write."""
    (contact,) = practice.contacts(range(1, 2))
    source = practice.source()
    before = records(pull(source))
    practice.crm().provision(SPECS, dry_run=False)
    practice.clock.advance(hours(1))
    practice.crm().update("Contact", [(contact, {"BLF_Top_Belief__c": "y"})])
    practice.clock.advance(hours(1))
    after = records(pull(practice.source()))
    unstamped = CONNECTOR.streams_by_name["contacts"].unstamped
    contents = [
        {name: value for name, value in one.payload.items() if name not in unstamped} for one in (*before, *after)
    ]
    assert contents[0] == contents[1]
    assert before[0].updated_at < after[0].updated_at


def test_the_sequence_of_calls_stays_right_though_rows_move_between_pages(practice):
    """A row that is edited while it waits for its page leaves this window and is in the next one."""
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(hours(2))
    planted = practice.contacts(range(1, CHUNK + 11))
    walk = practice.source().pages(CONNECTOR.streams_by_name["contacts"], cursor, None)
    first = next(walk)
    moved = next(one for one in planted if one not in ids([first]))
    practice.sandbox.state.update_as_user("Contact", moved, {"LastName": "Moved"})
    rest = list(walk)
    assert moved not in ids([first, *rest])
    practice.clock.advance(hours(1))
    assert ids(pull(practice.source(), cursor=rest[-1].cursor)) == [moved]


def test_a_result_that_expires_between_pages_is_asked_again_behind_the_last_row(practice):
    """Some objects come in smaller pages, and the vendor forgets the rest after a while."""
    planted = practice.contacts(range(1, 6))
    answer = practice.org().query("test", "SELECT Id, SystemModstamp FROM Contact ORDER BY Id LIMIT 2", about="Contact")
    first = {
        "totalSize": 5,
        "done": False,
        "records": answer["records"],
        "nextRecordsUrl": "/services/data/v63.0/query/01g-2",
    }
    practice.fault(r"/queryAll/\?", status=200, body=first, calls=(1,))
    pages = pull(practice.source())
    assert sorted(ids(pages)) == sorted(planted)
    assert len(ids(pages)) == len(planted)
    assert practice.asked("/query/01g-2") == 1


def test_a_hidden_object_is_refused_with_the_permission_it_needs(practice):
    """Only its own stream stops."""
    practice.sandbox.state.security.hide("Case")
    source = practice.source()
    with pytest.raises(Fatal, match="Read on Case"):
        pull(source, "cases")
    assert pull(source, "contacts")[-1].cursor


def test_a_hidden_field_is_not_asked_for(practice):
    """The rest of the record still comes; a hidden parent takes its columns along."""
    practice.contacts(range(1, 2), Email="dana@kolbe.example")
    practice.sandbox.state.security.hide("Contact.Email")
    practice.sandbox.state.security.hide("Case")
    source = practice.source()
    (record,) = records(pull(source))
    assert "Email" not in record.payload
    assert pull(source, "case_comments")[-1].cursor


def test_a_clock_that_was_ahead_hides_no_change(practice, caplog):
    """Set back, it would read nothing until it reaches the cursor; instead every row is read once more, and then what is new."""
    before, _ = practice.contacts(range(1, 3))
    practice.clock.advance(timedelta(days=100))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(days=-99))
    practice.sandbox.state.update_as_user("Contact", before, {"LastName": "New"})
    practice.clock.advance(hours(1))
    with caplog.at_level(logging.WARNING):
        pages = pull(practice.source(), cursor=cursor)
    names = {record.key.id: record.payload["LastName"] for record in records(pages)}
    assert names[before] == "New"
    assert "clock" in caplog.text
    (later,) = practice.contacts(range(3, 4), practice.clock.now())
    practice.clock.advance(hours(1))
    assert later in ids(pull(practice.source(), cursor=pages[-1].cursor))
