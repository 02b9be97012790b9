"""What the pull brings, in which order, and what it survives: the real client against the practice ground."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import Fatal, Retryable
from connectors.hubspot import CONNECTOR
from connectors.hubspot.client import ASSOCIATION_BATCH as PAGE
from connectors.hubspot.client import SEARCH_PAGE
from models.facts import Identifier, Profile
from sandbox.hubspot.objects import BY_NAME
from tests.connectors.hubspot.conftest import SPECS, ids, pull, records, stamp

SEARCH = "/crm/v3/objects/contacts/search"


def hours(number):
    return timedelta(hours=number)


def loaded(practice, name="contacts"):
    """The cursor of a first load."""
    return pull(practice.source(), name)[-1].cursor


def milliseconds(at):
    return int(at.timestamp() * 1000)


def test_a_first_load_brings_everything_once_in_the_order_of_ids(practice):
    """No page is asked for by offset, so nothing that changes meanwhile can move a row across a page's edge."""
    planted = practice.contacts(range(1, 2 * PAGE + 51))
    pages = pull(practice.source())
    assert ids(pages) == planted
    assert [len(page.records) for page in pages] == [PAGE, PAGE, 50, 0]
    assert [page.cursor is not None for page in pages] == [False, False, False, True]


def test_a_resumed_load_reads_no_finished_page_again(practice):
    """Another process goes on behind the last staged row."""
    planted = practice.contacts(range(1, 2 * PAGE + 51))
    first = next(practice.source().pages(CONNECTOR.streams_by_name["contacts"], None, None))
    rest = pull(practice.source(), resume=first.position)
    assert ids([first, *rest]) == planted


def test_the_cursor_stays_an_hour_behind_the_clock(practice):
    """Whatever the youngest row says: the index may still hide what is older."""
    practice.contacts(range(1, 2), practice.clock.now())
    assert loaded(practice)["until"] == milliseconds(practice.clock.now() - hours(1))


def test_a_quiet_run_asks_once_for_the_definition_and_once_for_the_window(practice):
    """Beside the account, nothing else is asked of the vendor, and nothing comes."""
    practice.contacts(range(1, 11), practice.clock.now() - hours(30))
    cursor = loaded(practice)
    practice.clock.advance(hours(1))
    source = practice.source()
    assert ids(pull(source, cursor=cursor)) == []
    assert source.calls == {"definition": 2, "window": 1}


def test_changes_come_in_the_order_of_their_stamps_though_pages_end_among_equal_ones(practice):
    """Rows that share the last millisecond of a page are asked for anew, and none is lost."""
    cursor = loaded(practice)
    practice.clock.advance(hours(2))
    start = practice.clock.now() - hours(1)
    planted = [
        one
        for number in range(5)
        for one in practice.contacts(
            range(1 + 150 * number, 151 + 150 * number), start + timedelta(milliseconds=number)
        )
    ]
    source = practice.source()
    assert ids(pull(source, cursor=cursor)) == planted
    assert source.calls["window"] <= 8


def test_a_millisecond_that_fills_a_page_is_drained_by_id(practice):
    """A bulk import gives thousands of rows one stamp; what lies around it comes, too."""
    cursor = loaded(practice)
    practice.clock.advance(hours(2))
    at = practice.clock.now() - hours(1)
    before = practice.contacts(range(900_001, 900_004), at - timedelta(milliseconds=1))
    same = practice.contacts(range(1, 3 * SEARCH_PAGE + 21), at)
    after = practice.contacts(range(800_001, 800_004), at + timedelta(milliseconds=1))
    found = ids(pull(practice.source(), cursor=cursor))
    assert sorted(found) == sorted([*before, *same, *after])


def test_more_than_ten_thousand_changes_in_one_millisecond_come_completely(practice):
    """A search by offset ends there; this one never pages."""
    cursor = loaded(practice)
    practice.clock.advance(hours(2))
    at = practice.clock.now() - hours(1)
    same = practice.contacts(range(1, 10_202), at)
    later = practice.contacts(range(20_001, 20_003), at + timedelta(seconds=1))
    found = ids(pull(practice.source(), cursor=cursor))
    assert len(found) == len(same) + len(later)
    assert set(found) == {*same, *later}
    assert all('"after"' not in entry.query for entry in practice.sandbox.log.entries)


@pytest.mark.slow
def test_twenty_thousand_changes_in_one_millisecond_come_exactly_though_the_index_is_late(practice):
    """None is seen at first; an hour later each has come once or more, with what it says now, whatever the index still shows."""
    old = practice.contacts(range(1, 20_001), practice.clock.now() - timedelta(days=3), firstname="Old")
    cursor = loaded(practice)
    practice.clock.advance(hours(2))
    state, at = practice.sandbox.state, practice.clock.now() - timedelta(minutes=10)
    state.index_lag = timedelta(minutes=50)
    new = practice.contacts(range(100_001, 120_001), at, firstname="New")
    state.db.execute(
        "update records set modified=?, json=? where id <= 20000", (milliseconds(at), b'{"firstname":"New"}')
    )
    first = pull(practice.source(), cursor=cursor)
    practice.clock.advance(timedelta(minutes=45))
    second = pull(practice.source(), cursor=first[-1].cursor)
    said = {one.key.id: one.payload["firstname"] for one in records([*first, *second])}
    assert ids(first) == []
    assert said == dict.fromkeys([*old, *new], "New")


def test_a_window_cut_in_the_middle_goes_on_behind_its_last_page(practice):
    """Also in the middle of a millisecond; what changed since it began is not left for another day."""
    cursor = loaded(practice)
    practice.clock.advance(hours(2))
    planted = practice.contacts(range(1, 3 * PAGE + 1))
    walk = practice.source().pages(CONNECTOR.streams_by_name["contacts"], cursor, None)
    staged = [next(walk), next(walk)]
    practice.clock.advance(hours(1))
    later = practice.contacts(range(5_001, 5_003), practice.clock.now() - timedelta(minutes=1))
    rest = pull(practice.source(), cursor=cursor, resume=staged[-1].position)
    ended = next(number for number, page in enumerate(rest) if page.cursor)
    assert [*ids(staged), *ids(rest[:ended])] == planted
    assert {*ids(staged), *ids(rest)} == {*planted, *later}
    assert rest[-1].cursor["until"] == milliseconds(practice.clock.now() - hours(1))


def test_what_the_index_hid_is_found_by_a_later_run(practice):
    """A change that is not searchable for fifty minutes is not lost, for the cursor stays an hour behind."""
    cursor = loaded(practice)
    practice.sandbox.state.index_lag = timedelta(minutes=50)
    practice.clock.advance(hours(1))
    (hidden,) = practice.contacts(range(1, 2), practice.clock.now() - timedelta(minutes=40))
    first = pull(practice.source(), cursor=cursor)
    assert ids(first) == []
    practice.clock.advance(timedelta(minutes=30))
    assert ids(pull(practice.source(), cursor=first[-1].cursor)) == [hidden]


def test_a_row_that_changed_while_it_was_read_does_not_carry_the_walk_over_others(practice):
    """It shows a young stamp in an old place; the walk goes on from the last row that stands where it belongs."""
    cursor = loaded(practice)
    practice.clock.advance(timedelta(days=2))
    old = practice.clock.now() - hours(30)
    planted = [
        practice.contacts(range(number, number + 1), old + timedelta(seconds=number))[0] for number in range(1, 301)
    ]
    young = stamp(practice.clock.now() - timedelta(minutes=1))
    page = [
        {"id": one, "properties": {"lastmodifieddate": stamp(old + timedelta(seconds=int(one)))}}
        for one in planted[:SEARCH_PAGE]
    ]
    page[-1]["properties"]["lastmodifieddate"] = young
    body = {"total": 300, "results": page, "paging": {"next": {"after": "200"}}}
    practice.fault(SEARCH, status=200, body=body, calls=(1,))
    assert set(ids(pull(practice.source(), cursor=cursor))) == set(planted)


def test_rows_of_another_time_are_left_out(practice):
    """Searches are not exact to the millisecond; each row comes in its own window."""
    cursor = loaded(practice)
    practice.sandbox.state.search_slack = timedelta(minutes=3)
    practice.clock.advance(hours(3))
    start = practice.clock.now() - hours(4) - timedelta(minutes=5)
    practice.contacts(range(1, 2), start - timedelta(minutes=1))
    practice.contacts(range(2, 3), practice.clock.now() + timedelta(minutes=1))
    (inside,) = practice.contacts(range(3, 4), start + timedelta(minutes=1))
    assert ids(pull(practice.source(), cursor=cursor)) == [inside]


def test_a_search_that_repeats_itself_is_an_error(practice):
    """Reading on would never end."""
    row = {"id": "7", "properties": {"lastmodifieddate": stamp(practice.clock.now())}}
    body = {"total": 9, "results": [row], "paging": {"next": {"after": "1"}}}
    practice.fault(SEARCH, status=200, body=body)
    with pytest.raises(Retryable, match="repeats a page"):
        pull(practice.source())


@pytest.mark.parametrize(
    "body", [{}, [], {"results": None}, {"results": ["x"]}, {"results": [{"id": "1"}]}, {"results": [{}]}]
)
def test_half_an_answer_raises(practice, body):
    """What is no list of objects with a stamp is no result."""
    practice.fault(SEARCH, status=200, body=body)
    with pytest.raises(Retryable, match="the next run tries again"):
        pull(practice.source())


def test_the_payload_is_what_the_record_says_and_whom_it_is_tied_to(practice):
    """Properties by name without the empty ones; ties as the associations API gives them."""
    practice.plant("companies", range(501, 503), name="Kolbe")
    practice.plant("contacts", range(1, 2), tied={"companies": ["501", "502"]}, email="dana@kolbe.example", city="")
    (record,) = records(pull(practice.source()))
    assert record.payload["email"] == "dana@kolbe.example"
    assert "city" not in record.payload
    ties = {end["toObjectId"]: [kind["label"] for kind in end["associationTypes"]] for end in record.payload["associations"]["companies"]}  # fmt: skip
    assert ties == {501: ["Primary", None], 502: [None]}
    assert record.updated_at == practice.clock.now() - hours(1)


@pytest.mark.parametrize("number", [501, 1_001])
def test_ties_are_read_to_the_last_page_of_each_record(practice, number):
    """A deal with many contacts keeps them all, and so does the one beside it, whose pages end elsewhere."""
    contacts = practice.contacts(range(1, number + 1))
    practice.plant("deals", range(900, 901), tied={"contacts": contacts}, dealstage="contractsent", pipeline="default")
    practice.plant(
        "deals", range(901, 902), tied={"contacts": contacts[:150]}, dealstage="contractsent", pipeline="default"
    )
    practice.plant("deals", range(902, 903), dealstage="contractsent", pipeline="default")
    found = {one.key.id: one.payload["associations"] for one in records(pull(practice.source(), "deals"))}
    assert [str(end["toObjectId"]) for end in found["900"]["contacts"]] == contacts
    assert [str(end["toObjectId"]) for end in found["901"]["contacts"]] == contacts[:150]
    assert found["902"] == {}


def test_ties_that_go_round_in_circles_raise(practice):
    """Also by way of another page."""
    practice.contacts(range(1, 2))
    for number in range(1, 5):
        paging = {"next": {"after": "b" if number % 2 else "a"}}
        row = {"from": {"id": "1"}, "to": [], "paging": paging}
        body = {"status": "COMPLETE", "results": [row]}
        practice.fault("/associations/contacts/companies", status=200, body=body, calls=(number,))
    with pytest.raises(Retryable, match="contacts to companies repeats a page"):
        pull(practice.source())


def test_ties_that_came_in_part_raise(practice):
    """An error that is not 'has none' means that something is missing."""
    practice.contacts(range(1, 2))
    error = {"status": "error", "category": "INTERNAL_ERROR", "message": "no", "context": {}}
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error]}
    practice.fault("/batch/read", status=207, body=body)
    with pytest.raises(Retryable, match="only a part"):
        pull(practice.source())


def test_a_deal_is_told_what_its_stage_means_and_in_which_currency_it_is(practice):
    """So that it reads by itself."""
    practice.plant("deals", range(900, 901), dealstage="closedwon", pipeline="default")
    (record,) = records(pull(practice.source(), "deals"))
    assert (record.payload["stageLabel"], record.payload["stageMeaning"]) == ("Closed Won", "won")
    assert record.payload["companyCurrency"] == "eur"


@pytest.mark.parametrize("stream", [stream.name for stream in CONNECTOR.streams])
def test_every_stream_can_be_asked_for(practice, stream):
    """Each question is one the vendor understands, also the second time."""
    cursor = pull(practice.source(), stream)[-1].cursor
    practice.clock.advance(timedelta(days=2))
    assert pull(practice.source(), stream, cursor)[-1].cursor


def test_what_was_archived_is_found_by_a_sweep_once_a_day(practice):
    """As a tombstone without content; an hour later nobody asks again."""
    gone, _ = practice.contacts(range(1, 3), practice.clock.now() - timedelta(days=3))
    cursor = loaded(practice)
    practice.clock.advance(timedelta(days=2))
    practice.sandbox.state.archive("contacts", gone)
    practice.clock.advance(hours(1))
    pages = pull(practice.source(), cursor=cursor)
    assert [(record.key.id, record.deleted, record.payload) for record in records(pages)] == [
        (gone, True, {"hs_object_id": gone})
    ]
    practice.clock.advance(hours(1))
    again = practice.source()
    assert ids(pull(again, cursor=pages[-1].cursor)) == []
    assert "sweep" not in again.calls


def test_what_was_archived_is_not_told_by_an_older_stamp_than_its_own(practice):
    """A record that is changed and archived in one millisecond is stamped behind the instant at which it was archived."""
    (gone,) = practice.contacts(range(1, 2), practice.clock.now() - timedelta(days=3))
    cursor = loaded(practice)
    practice.clock.advance(timedelta(days=2))
    stamp = practice.sandbox.state.update("contacts", gone, {"lastname": "Kolbe"}).modified
    practice.sandbox.state.archive("contacts", gone)
    practice.clock.advance(hours(1))
    (record,) = records(pull(practice.source(), cursor=cursor))
    assert record.deleted
    assert milliseconds(record.updated_at) > stamp


def test_a_sweep_reads_every_page_of_what_was_archived(practice):
    """More than a hundred go on the next page; those that were told before are not told again."""
    planted = practice.contacts(range(1, 252), practice.clock.now() - timedelta(days=3))
    cursor = loaded(practice)
    for one in planted[:250]:
        practice.sandbox.state.archive("contacts", one)
    practice.clock.advance(timedelta(days=1))
    pages = pull(practice.source(), cursor=cursor)
    assert sorted(ids(pages)) == sorted(planted[:250])
    practice.clock.advance(timedelta(days=1))
    assert ids(pull(practice.source(), cursor=pages[-1].cursor)) == []


def test_a_restored_record_lives_again(practice):
    """Restoring stamps it, later than its tombstone."""
    (one,) = practice.contacts(range(1, 2), practice.clock.now() - timedelta(days=3))
    cursor = loaded(practice)
    practice.sandbox.state.archive("contacts", one)
    practice.clock.advance(timedelta(days=2))
    first = pull(practice.source(), cursor=cursor)
    practice.clock.advance(hours(1))
    practice.sandbox.state.restore("contacts", one)
    practice.clock.advance(hours(1))
    (dead,), (alive,) = records(first), records(pull(practice.source(), cursor=first[-1].cursor))
    assert (dead.deleted, alive.deleted) == (True, False)
    assert dead.updated_at < alive.updated_at


def test_a_record_that_is_restored_with_its_old_stamp_lives_again(practice):
    """The weekly reading, which holds it, is a later word than any tombstone that is older than an index may be late."""
    old = practice.clock.now() - timedelta(days=3)
    (one,) = practice.contacts(range(1, 2), old)
    cursor = loaded(practice)
    practice.sandbox.state.archive("contacts", one)
    practice.clock.advance(timedelta(days=2))
    told = pull(practice.source(), cursor=cursor)
    practice.sandbox.state.purge("contacts", one)
    practice.contacts(range(1, 2), old)
    practice.clock.advance(timedelta(days=8))
    (dead,), (alive,) = records(told), records(pull(practice.source(), cursor=told[-1].cursor))
    assert (dead.deleted, alive.deleted) == (True, False)
    assert dead.updated_at < alive.updated_at == practice.clock.now() - hours(1)


def test_the_weekly_reading_brings_exactly_what_lives(practice):
    """What was deleted for good, or has left the bin, is in no list any more; it is what this reading does not bring."""
    planted = practice.contacts(range(1, 2 * PAGE + 1), practice.clock.now() - timedelta(days=100))
    cursor = loaded(practice)
    practice.sandbox.state.purge("contacts", planted[7])
    practice.sandbox.state.archive("contacts", planted[8])
    practice.clock.advance(timedelta(days=91))
    pages = pull(practice.source(), cursor=cursor)
    assert sorted(ids(pages), key=int) == [one for one in planted if one not in planted[7:9]]


def test_a_stage_that_went_back_and_forth_is_in_the_deals_history(practice):
    """The deal says the same at both ends; the ways between are kept, each with its instant."""
    cursor = loaded(practice, "deals")
    practice.plant("deals", range(900, 901), dealstage="contractsent", pipeline="default", amount="100")
    for change in ({"dealstage": "closedlost"}, {"dealstage": "contractsent", "amount": "80"}):
        practice.clock.advance(hours(1))
        practice.sandbox.state.update("deals", "900", change)
    practice.clock.advance(hours(1))
    (deal,) = records(pull(practice.source(), "deals", cursor))
    history = deal.payload["propertiesWithHistory"]
    assert [one["value"] for one in history["dealstage"]] == ["contractsent", "closedlost", "contractsent"]
    assert [one["value"] for one in history["amount"]] == ["80", "100"]
    assert history["dealstage"][0]["timestamp"] == "2026-11-02T11:00:00Z"


def test_histories_are_asked_of_fifty_deals_at_a_time(practice):
    """HubSpot takes no more where earlier values are wanted; each deal gets its own."""
    for number in range(1, 121):
        practice.plant(
            "deals", range(number, number + 1), dealstage="closedwon", pipeline="default", amount=str(number)
        )
    source = practice.source()
    found = {one.key.id: one.payload["propertiesWithHistory"]["amount"] for one in records(pull(source, "deals"))}
    assert {one: [each["value"] for each in past] for one, past in found.items()} == {
        str(number): [str(number)] for number in range(1, 121)
    }
    assert source.calls["history"] == 3


def test_a_merge_keeps_the_old_ids_as_names_of_the_new_record(practice):
    """They take no more writes; other systems and older activities still name them."""
    first, second = practice.contacts(range(1, 3), practice.clock.now() - timedelta(days=3))
    cursor = loaded(practice)
    practice.clock.advance(hours(1))
    new = str(practice.sandbox.state.merge("contacts", first, second).id)
    practice.clock.advance(hours(1))
    translate = CONNECTOR.streams_by_name["contacts"].translate
    facts = {record.key.id: list(translate(record)) for record in records(pull(practice.source(), cursor=cursor))}
    named = {one: {fact.value for fact in found if isinstance(fact, Identifier)} for one, found in facts.items()}
    assert named == {new: {new, first, second}, first: {first}, second: {second}}
    live = {one: fact.live for one, found in facts.items() for fact in found if isinstance(fact, Profile)}
    assert live == {new: True, first: False, second: False}


def test_a_merged_deal_is_gone(practice):
    """Nobody is named by a deal's id."""
    cursor = loaded(practice, "deals")
    planted = practice.plant("deals", range(1, 3), dealstage="contractsent", pipeline="default")
    new = str(practice.sandbox.state.merge("deals", *planted).id)
    practice.clock.advance(hours(1))
    gone = {record.key.id: record.deleted for record in records(pull(practice.source(), "deals", cursor))}
    assert gone == {new: False, planted[0]: True, planted[1]: True}


def test_old_merges_are_told_by_the_first_load_so_that_no_later_one_has_news_of_them(practice):
    """Other systems and older activities may still name the old ids; a record that is touched again tells the same of them."""
    old = practice.contacts(range(1, 3))
    new = str(practice.sandbox.state.merge("contacts", *old).id)
    first = records(pull(practice.source()))
    assert [record.key.id for record in first] == [new, *old]
    practice.clock.advance(timedelta(hours=2))
    cursor = loaded(practice)
    practice.sandbox.state.update("contacts", new, {"lifecyclestage": "customer"})
    practice.clock.advance(timedelta(minutes=1))
    again = records(pull(practice.source(), cursor=cursor))
    assert [record.payload for record in again[1:]] == [record.payload for record in first[1:]]


def test_once_a_week_everything_is_read_again_for_ties_that_moved_no_stamp(practice):
    """A tie that was added later is in the record by then."""
    practice.plant("companies", range(501, 502), name="Kolbe")
    (contact,) = practice.contacts(range(1, 2), practice.clock.now() - timedelta(days=30))
    cursor = loaded(practice)
    practice.sandbox.state.associations.link(BY_NAME["contacts"], int(contact), BY_NAME["companies"], 501)
    practice.clock.advance(timedelta(days=6))
    quiet = pull(practice.source(), cursor=cursor)
    assert ids(quiet) == []
    practice.clock.advance(timedelta(days=1))
    source = practice.source()
    (record,) = records(pull(source, cursor=quiet[-1].cursor))
    assert record.payload["associations"]["companies"]
    assert "window" not in source.calls


def test_nothing_that_the_sidecar_wrote_is_pulled(practice):
    """Own properties stay out but for a rep's answer, and that only while it is given."""
    practice.crm().provision(SPECS, dry_run=False)
    answered, silent = practice.contacts(range(1, 3))
    practice.crm().update(
        "contact",
        [
            (answered, {"blf_top_belief": "x", "blf_feedback": "Agree", "blf_lock": False}),
            (silent, {"blf_top_belief": "y", "blf_lock": False}),
        ],
    )
    payloads = {record.key.id: record.payload for record in records(pull(practice.source()))}
    own = {one: {name: value for name, value in each.items() if name.startswith("blf_")} for one, each in payloads.items()}  # fmt: skip
    assert own == {answered: {"blf_feedback": "Agree"}, silent: {}}


def test_an_echo_of_our_own_write_differs_in_stamps_alone(practice):
    """What is left of the payload without its stamps is what it was before the write."""
    (contact,) = practice.contacts(range(1, 2), email="dana@kolbe.example")
    before = records(pull(practice.source()))
    practice.crm().provision(SPECS, dry_run=False)
    practice.clock.advance(hours(1))
    practice.crm().update("contact", [(contact, {"blf_top_belief": "y"})])
    after = records(pull(practice.source()))
    unstamped = CONNECTOR.streams_by_name["contacts"].unstamped
    bare = [
        {name: value for name, value in record.payload.items() if name not in unstamped} for record in (*before, *after)
    ]
    assert bare[0] == bare[1]
    assert before[0].updated_at < after[0].updated_at


def test_a_token_refused_in_mid_run_ends_the_vendor(practice):
    """No further request is made with it; the words say where to get another."""
    practice.contacts(range(1, SEARCH_PAGE + 11))
    body = {"status": "error", "message": "expired", "category": "EXPIRED_AUTHENTICATION"}
    practice.fault(SEARCH, status=401, body=body, calls=(2,))
    with pytest.raises(Fatal, match="HUBSPOT_ACCESS_TOKEN") as refused:
        pull(practice.source())
    assert refused.value.credentials
    assert practice.asked(SEARCH) == 2


def test_a_busy_vendor_is_waited_out_as_long_as_it_asks(practice):
    """By its header, else by the policy it names, else by and by; a proxy's page is a busy vendor."""
    planted = practice.contacts(range(1, 4))
    limit = {"status": "error", "errorType": "RATE_LIMIT", "message": "no", "policyName": "TEN_SECONDLY_ROLLING"}
    practice.fault(SEARCH, status=429, headers={"Retry-After": "12"}, body=limit, calls=(1,))
    practice.fault(SEARCH, status=429, body=limit, calls=(2,))
    practice.fault(SEARCH, status=429, body={**limit, "policyName": "SECONDLY"}, calls=(3,))
    practice.fault(SEARCH, kind="html", status=502, calls=(4,))
    practice.fault(SEARCH, kind="reset", calls=(5,))
    source = practice.source()
    assert ids(pull(source)) == planted
    assert practice.waits[:3] == [12, 10, 1]
    assert source.calls["retry"] == 5


@pytest.mark.parametrize("status", [423, 477, 500, 502, 504, 520, 522, 524])
@pytest.mark.parametrize("kind", ["html", "status"])
def test_what_passes_by_itself_is_waited_out(practice, status, kind):
    """Locks, migrations and the proxy's own troubles, with HubSpot's body or with a page (page "Error handling")."""
    planted = practice.contacts(range(1, 4))
    practice.fault(SEARCH, kind=kind, status=status, calls=(1, 2))
    assert ids(pull(practice.source())) == planted


def test_a_vendor_that_stays_away_is_retryable(practice):
    """After six tries the run ends, to be tried at the next schedule."""
    practice.fault(SEARCH, kind="html", status=502)
    with pytest.raises(Retryable, match="HTTP 502"):
        pull(practice.source())
    assert practice.asked(SEARCH) == 6


def test_a_used_up_day_ends_the_run_until_the_portals_midnight(practice):
    """Asking again at once would not help anybody."""
    body = {"status": "error", "errorType": "RATE_LIMIT", "message": "no", "policyName": "DAILY"}
    practice.fault(SEARCH, status=429, body=body)
    with pytest.raises(Retryable, match="calls of the day") as stopped:
        pull(practice.source())
    assert 0 < stopped.value.after <= 24 * 3600
    assert practice.asked(SEARCH) == 1


def test_the_last_fifth_of_the_day_is_left_to_people(practice):
    """The answer that tells of it is still used; the next question is not asked."""
    practice.sandbox.state.limits.daily = 2
    with pytest.raises(Retryable, match="of the portal's 2 daily API calls"):
        pull(practice.source())
    assert practice.asked(SEARCH) == 0


def test_a_missing_scope_is_named_with_the_place_to_add_it(practice):
    """Only its own stream stops."""
    practice.sandbox.state.add_token("pat-few", scopes={"crm.objects.contacts.read", "crm.schemas.contacts.read"})
    source = practice.source(access_token="pat-few")  # a token of the sandbox
    with pytest.raises(Fatal, match=r"Private Apps open the app and add the scope tickets \(") as refused:
        pull(source, "tickets")
    assert not refused.value.credentials
    assert "pat-few" not in str(refused.value)


def test_a_clock_that_was_a_year_ahead_hides_nothing(practice):
    """Once it is put back everything is read again, and from then on changes alone."""
    practice.contacts(range(1, 4))
    practice.clock.advance(timedelta(days=365))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(days=-365, hours=3))
    practice.contacts(range(10, 12))
    pages = pull(practice.source(), "contacts", cursor)
    assert ids(pages) == ["1", "2", "3", "10", "11"]
    practice.clock.advance(timedelta(hours=3))
    practice.contacts(range(20, 22))
    assert ids(pull(practice.source(), "contacts", pages[-1].cursor)) == ["10", "11", "20", "21"]


def test_a_row_that_lacks_its_stamp_is_kept_by_the_objects_own(practice):
    """One such row stops no other."""
    row = {
        "id": "1",
        "properties": {"lastmodifieddate": None, "email": "a@kolbe.example"},
        "updatedAt": "2026-10-01T00:00:00Z",
    }
    practice.fault("/contacts/search", status=200, body={"total": 1, "results": [row]})
    (record,) = records(pull(practice.source()))
    assert (record.key.id, record.updated_at) == ("1", datetime(2026, 10, 1, tzinfo=UTC))


def test_ties_of_a_record_that_was_merged_meanwhile_disturb_no_other(practice):
    """They are told under the id of the record that it became."""
    practice.contacts(range(1, 3))
    tied = {"from": {"id": "77"}, "to": [{"toObjectId": 5, "associationTypes": []}]}
    practice.fault("/associations/contacts/companies", status=200, body={"status": "COMPLETE", "results": [tied]})
    assert ids(pull(practice.source())) == ["1", "2"]
