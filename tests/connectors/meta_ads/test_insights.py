"""Days of ads: whole, by the account's own calendar, corrected as Meta corrects them, and however hard the reports come."""

import json
from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Page
from connectors.errors import Fatal
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.accounts import AdAccount
from connectors.meta_ads.insights import VERSION
from connectors.meta_ads.refusals import Limited, TooMuch
from models.facts import Spend
from sandbox.faults import Fault
from tests.connectors.meta_ads.conftest import BATCH, BERLIN, PACIFIC, REFUSED, TODAY, Ground, Puller, part

INSIGHTS = CONNECTOR.streams_by_name["insights"]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LONG_LIFE = (("Job Not Started", 0), ("Job Running", 60), ("Job Running", 100), ("Job Completed", 100))


@pytest.fixture
def history(ground: Ground) -> dict[tuple[str, str, str], int]:
    """Two accounts of three months, four ads, one of them deleted; what they cost by account, day and ad."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    planted = {}
    for number, (ad, account, status) in enumerate(
        (("1", BERLIN, "ACTIVE"), ("2", BERLIN, "DELETED"), ("3", BERLIN, "ARCHIVED"), ("4", PACIFIC, "ACTIVE"))
    ):
        ground.ad(ad, account, status)
        for back in range(90):
            day, cents = TODAY - back * DAY, 100 * back + number + 1
            ground.day(ad, day, f"{cents // 100}.{cents % 100:02d}", account, "USD" if account == PACIFIC else "EUR")
            planted[account, str(day), ad] = cents
    return planted


def whole_past(puller: Puller) -> dict[str, Any]:
    """The cursor once every day since the accounts began is read."""
    state = {"read": str(TODAY), "since": "2026-08-01"}
    return {"version": VERSION, "accounts": {BERLIN: state, PACIFIC: state}}


def begun(puller: Puller) -> int:
    return len(puller.sandbox.log.matching("/insights", "POST"))


def test_every_day_of_every_account_is_read_newest_first(puller: Puller, history: dict[Any, int]) -> None:
    """Back to the account's first day, deleted and archived ads included, to the cent; days without rows are told as such."""
    days: dict[str, list[str]] = {BERLIN: [], PACIFIC: []}
    for page in puller.open().pages(INSIGHTS, None, None):
        puller.keep("insights", page)
        for record in page.records:
            days[record.key.account].append(record.key.id)
    assert puller.spend() == history
    for account in (BERLIN, PACIFIC):
        assert days[account][0] == "2026-10-04"  # the first day of the newest span
        assert min(days[account]) == "2026-08-01"
        assert len(set(days[account])) == len(days[account]) == 94
    assert puller.records[BERLIN, "2026-08-01"].payload["rows"] == []
    assert begun(puller) == 2 * (1 + 3)


def test_a_quiet_hour_costs_two_calls_per_account(puller: Puller, history: dict[Any, int]) -> None:
    """Yesterday and today by ad and as the account says, at once and without a report, and the same to the last character."""
    puller.pull("insights")
    before = {key: record.payload for key, record in puller.records.items()}
    puller.clock.advance(HOUR)
    reports = begun(puller)
    brought, source = puller.pull("insights")
    assert (brought, dict(source.calls)) == (4, {"definition": 1, "window": 4})
    assert {key: record.payload for key, record in puller.records.items()} == before
    assert begun(puller) == reports
    assert puller.pauses == [0.5, 0.5]  # between the looks at the first run's reports


def test_today_is_the_account_s_own(puller: Puller, history: dict[Any, int], ground: Ground) -> None:
    """At eight in the evening of the first of November in Los Angeles it is the second in Berlin."""
    puller.clock.instant = datetime.fromisoformat("2026-11-02T04:00:00+00:00")
    puller.pull("insights")
    newest = {account: max(day for known, day in puller.records if known == account) for account in (BERLIN, PACIFIC)}
    assert newest == {BERLIN: "2026-11-02", PACIFIC: "2026-11-01"}
    puller.clock.advance(timedelta(hours=4))  # midnight in Los Angeles, where the clocks went back the night before
    puller.pull("insights")
    assert (PACIFIC, "2026-11-02") in puller.records


def test_days_of_23_and_25_hours_are_read_as_such(puller: Puller, ground: Ground) -> None:
    """One record and one fact for each, with bounds as long as the day was."""
    puller.clock.instant = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
    ground.ad("1")
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2026-03-01")
    for day in ("2026-03-29", "2026-10-25"):
        ground.day("1", day, "1.00")
    puller.pull("insights")
    hours = {}
    for (_, day), record in puller.records.items():
        for fact in INSIGHTS.translate(record):
            assert isinstance(fact, Spend)
            hours[day] = (fact.ends_at - fact.starts_at) / HOUR
    assert hours == {"2026-03-29": 23, "2026-10-25": 25}


def test_the_last_28_days_are_read_again_once_a_day(puller: Puller, history: dict[Any, int], ground: Ground) -> None:
    """A corrected day comes on the next day of the account; a row that disappeared is gone with it; older days stay."""
    puller.pull("insights")
    corrected, untouched = TODAY - 27 * DAY, TODAY - 40 * DAY
    ground.day("1", corrected, "77.77")
    puller.sandbox.state.remove_day(BERLIN, str(corrected), "3")
    ground.day("1", untouched, "88.88")
    puller.clock.advance(HOUR)
    puller.pull("insights")
    assert puller.spend() == history
    puller.clock.advance(DAY)
    brought, _ = puller.pull("insights")
    found = puller.spend()
    assert found[BERLIN, str(corrected), "1"] == 7777
    assert (BERLIN, str(corrected), "3") not in found
    assert found[BERLIN, str(untouched), "1"] == history[BERLIN, str(untouched), "1"]
    assert brought == 2 * 29
    assert puller.records[BERLIN, str(corrected)].updated_at > puller.records[BERLIN, str(untouched)].updated_at


def test_a_long_absence_leaves_no_day_behind(puller: Puller, history: dict[Any, int], ground: Ground) -> None:
    """Every day that was younger than 28 when it was last read is read again, however long ago that was."""
    puller.pull("insights")
    ground.day("1", TODAY - 27 * DAY, "77.77")
    ground.day("1", TODAY + 10 * DAY, "66.66")
    puller.clock.advance(100 * DAY)
    puller.pull("insights")
    assert puller.spend()[BERLIN, str(TODAY - 27 * DAY), "1"] == 7777
    assert puller.spend()[BERLIN, str(TODAY + 10 * DAY), "1"] == 6666


def test_the_past_ends_where_meta_s_memory_does(puller: Puller, ground: Ground) -> None:
    """37 months of an old account, none of which is refused, in one flight of reports."""
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2015-01-01")
    puller.pull("insights")
    assert min(day for _, day in puller.records) == str(TODAY - 1123 * DAY)
    assert len(puller.records) == 1124
    assert {entry.status for entry in puller.sandbox.log.entries} == {200}


def test_a_young_account_costs_few_calls(puller: Puller, ground: Ground) -> None:
    """A week old: one report, begun, looked at twice and fetched, and what the account says."""
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2026-10-27")
    brought, source = puller.pull("insights")
    assert (brought, dict(source.calls)) == (7, {"definition": 1, "window": 5})


@pytest.mark.parametrize("created", ["0000-00-00T99:99", "0001-01-01T00:00:00+1400", "", 7, None])
def test_a_first_day_that_makes_no_sense_is_none(created: object) -> None:
    """The account is then read as far back as Meta remembers."""
    assert AdAccount(BERLIN, ZoneInfo("Europe/Berlin"), "EUR", {"created_time": created}).created is None


def test_an_account_that_is_shared_later_is_filled_like_the_first(
    puller: Puller, history: dict[Any, int], ground: Ground
) -> None:
    """Its place in the cursor is its own; the others are not read again."""
    puller.pull("insights")
    ground.account("333", "Asia/Tokyo", "JPY", created="2026-09-01")
    ground.ad("5", "333")
    ground.day("5", "2026-09-15", "1200", "333", "JPY")
    puller.clock.advance(HOUR)
    brought, _ = puller.pull("insights")
    assert puller.spend()["333", "2026-09-15", "5"] == 1200
    assert brought == 2 + 2 + len([day for account, day in puller.records if account == "333"])


# reports --------------------------------------------------------------------------------------------------------------


def test_a_report_is_waited_for_by_its_status(puller: Puller, history: dict[Any, int]) -> None:
    """Not there at first, then at 100 % and still running, then completed and not loaded: every row comes all the same."""
    conduct = puller.sandbox.state.conduct
    conduct.life, conduct.unborn, conduct.unloaded = LONG_LIFE, 1, 1
    puller.pull("insights")
    assert puller.spend() == history


def test_looks_at_reports_are_shared(puller: Puller, ground: Ground) -> None:
    """Forty reports of an old account are looked at in one call each time."""
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2015-01-01")
    puller.pull("insights")
    looks = [
        entry for entry in puller.sandbox.log.entries if entry.method == "POST" and not entry.path.endswith("insights")
    ]
    assert len(looks) == 2 * 2


@pytest.mark.parametrize("outcome", ["Job Failed", "Job Skipped"])
def test_a_failed_report_is_begun_once_more_then_split(puller: Puller, history: dict[Any, int], outcome: str) -> None:
    """Failing once costs one more report; failing twice, two halves."""
    puller.pull("insights")
    plain = begun(puller)
    for failures, more in ((1, 1), (2, 1)):
        puller.cursors.clear()
        puller.records.clear()
        puller.sandbox.log.clear()
        # the first flight begins one report for each of the two accounts; the second failure meets the repetition of the first
        outcomes = [outcome] if failures == 1 else [outcome, "Job Completed", outcome]
        puller.sandbox.state.conduct.outcomes = deque(outcomes)
        puller.pull("insights")
        assert puller.spend() == history
        assert begun(puller) - plain == more + (2 if failures == 2 else 0)


def test_a_report_that_never_ends_is_given_up_after_an_hour(puller: Puller, history: dict[Any, int]) -> None:
    """And begun once more."""
    puller.sandbox.state.conduct.outcomes = deque(["stuck"])
    puller.pull("insights")
    assert puller.spend() == history
    assert 3600 <= sum(puller.pauses) < 3700


@pytest.mark.parametrize("refuses", [False, True], ids=["fails", "is refused"])
@pytest.mark.parametrize("cells", [100, 30, 8], ids=["days", "campaigns", "fields"])
def test_what_is_too_much_is_split(
    puller: Puller,
    history: dict[Any, int],
    ground: Ground,
    refuses: bool,  # noqa: FBT001
    cells: int,
) -> None:
    """By days, then by campaigns, ad sets and ads, then by fields: in the end every row is there, whole."""
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2026-10-30")
    ground.account(PACIFIC, "America/Los_Angeles", "USD", created="2026-10-30")
    puller.sandbox.state.conduct.most_cells, puller.sandbox.state.conduct.refuses_large = cells, refuses
    puller.pull("insights")
    assert puller.spend() == {key: cents for key, cents in history.items() if key[1] >= "2026-10-30"}
    row = puller.records[BERLIN, "2026-10-31"].payload["rows"][0]
    assert row.keys() >= {"ad_id", "ad_name", "campaign_id", "campaign_name", "spend", "impressions", "clicks", "reach"}


def test_one_field_of_one_ad_may_still_be_too_much(puller: Puller, ground: Ground) -> None:
    """Then the run ends, nothing is taken for whole, and the next one tries again."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    puller.sandbox.state.conduct.most_cells = 1
    with pytest.raises(TooMuch):
        puller.pull("insights")
    assert puller.cursors == {}


def test_pages_that_are_too_much_are_halved(puller: Puller, history: dict[Any, int]) -> None:
    """Smaller pages of the same report; none is begun again."""
    puller.sandbox.state.conduct.most_page_cells = 50 * 12
    puller.pull("insights")
    assert puller.spend() == history
    assert begun(puller) == 8


def test_the_quiet_call_falls_back_to_reports(puller: Puller, history: dict[Any, int]) -> None:
    """Two days that are too much for an answer at once are split like any others."""
    puller.pull("insights")
    puller.clock.advance(HOUR)
    puller.sandbox.faults.add(
        Fault(
            path="act_111/insights", method="GET", status=500, body={"error": {"message": "x", "type": "x", "code": 1}}
        )
    )
    reports = begun(puller)
    puller.pull("insights")
    assert puller.spend() == history
    assert begun(puller) > reports


def test_a_clock_that_was_a_year_ahead_hides_no_day(puller: Puller, history: dict[Any, int]) -> None:
    """Once it is put back the last 28 days are read, and from then on the usual two."""
    puller.clock.advance(365 * DAY)
    puller.pull("insights")
    puller.clock.advance(-365 * DAY + HOUR)
    puller.records.clear()
    puller.pull("insights")
    assert {day for _, day in puller.records} >= {str(TODAY - back * DAY) for back in range(28)}
    puller.clock.advance(HOUR)
    assert puller.pull("insights")[0] == 4


# troubles -------------------------------------------------------------------------------------------------------------


def test_a_run_that_is_killed_goes_on_with_its_reports(puller: Puller, history: dict[Any, int]) -> None:
    """Their ids are written down before the first look; after any page the next run begins no report twice."""
    pages = list(puller.open().pages(INSIGHTS, None, None))
    whole = begun(puller)
    for killed_after in range(1, len(pages)):
        puller.cursors.clear()
        puller.records.clear()
        puller.sandbox.log.clear()
        last: Page | None = None
        for _, page in zip(range(killed_after), puller.open().pages(INSIGHTS, None, None), strict=False):
            puller.keep("insights", page)
            last = page
        assert last is not None
        resume = None if last.cursor else json.loads(json.dumps(last.position))
        puller.clock.advance(timedelta(minutes=1))
        puller.pull("insights", resume=resume)
        assert puller.spend() == history, killed_after
        assert begun(puller) == whole, killed_after


def test_reports_that_meta_forgot_are_begun_again(puller: Puller, history: dict[Any, int]) -> None:
    """A run that goes on after weeks finds none of its reports."""
    first = next(puller.open().pages(INSIGHTS, None, None))
    for span in first.position["spans"]:
        span["job"] = "6999999999999999"
    puller.pull("insights", resume=json.loads(json.dumps(first.position)))
    assert puller.spend() == history


def test_no_report_is_begun_where_much_of_a_limit_is_used(puller: Puller, history: dict[Any, int]) -> None:
    """At ninety percent it waits for as long as the headers say, and no call is ever refused."""
    puller.sandbox.state.conduct.limits.insights = 6
    runs = 0
    while puller.cursors.get("insights", {"accounts": {}}) != whole_past(puller) and runs < 8:
        runs += 1
        with suppress(Limited):  # an hour's wait is too long for a run; the next one goes on
            puller.pull("insights", resume=puller.position)
        puller.clock.advance(HOUR)
    assert 1 < runs < 8
    assert puller.spend() == history
    assert {entry.status for entry in puller.sandbox.log.entries} == {200}


def test_a_refused_account_keeps_its_place_and_the_others_are_read(puller: Puller, history: dict[Any, int]) -> None:
    """Its days come as soon as it may be read."""
    puller.sandbox.faults.add(Fault(path="act_222/insights", status=403, body=REFUSED))
    with pytest.raises(Fatal, match="ads_read"):
        puller.pull("insights")
    assert puller.spend() == {key: cents for key, cents in history.items() if key[0] == BERLIN}
    puller.sandbox.faults.clear()
    puller.pull("insights")
    assert puller.spend() == history


def test_an_account_at_its_limit_holds_up_no_other(puller: Puller, history: dict[Any, int]) -> None:
    """Nobody waits for it while others can be read; its own reports go on where they stood."""
    limit = {"error": {"message": "x", "type": "OAuthException", "code": 17, "error_subcode": 2446079}}
    puller.sandbox.faults.add(Fault(path="act_111/insights", method="POST", status=400, body=limit, calls=(2, 3, 4, 5)))
    with pytest.raises(Limited):
        puller.pull("insights")
    assert [pause for pause in puller.pauses if pause > 60] == []
    assert {key for key in history if key[0] == PACIFIC} <= puller.spend().keys()
    assert BERLIN in {span["account"] for span in (puller.cursors["insights"] or {})["open"]}
    puller.pull("insights")
    assert puller.spend() == history
    assert "open" not in (puller.cursors["insights"] or {})


def killed_in_the_past(puller: Puller, spans: int) -> Any:
    """The position of a run that died in the flight over the past, so many spans having been read."""
    pages = puller.open().pages(INSIGHTS, None, None)
    for page in pages:
        puller.keep("insights", page)
        if page.cursor:
            puller.sandbox.faults.add(Fault(path="act_111/insights", status=403, body=REFUSED))
        if not page.cursor and puller.cursors and sum("read" in span for span in page.position["spans"]) >= spans:
            puller.sandbox.faults.clear()
            return json.loads(json.dumps(page.position))
    raise AssertionError


def test_a_refusal_before_a_kill_still_keeps_the_account_s_place(puller: Puller, history: dict[Any, int]) -> None:
    """The run that ends the flight has not met the refusal itself."""
    puller.pull("insights", resume=killed_in_the_past(puller, 1))
    puller.pull("insights")
    assert puller.spend() == history


def test_an_account_that_is_hidden_while_its_flight_is_ended_keeps_its_place(
    puller: Puller, history: dict[Any, int]
) -> None:
    """It was taken out of the settings, and comes back."""
    resume = killed_in_the_past(puller, 0)
    puller.account_ids = (PACIFIC,)
    puller.pull("insights", resume=resume)
    puller.account_ids = ()
    puller.pull("insights")
    assert puller.spend() == history


def test_a_report_that_is_refused_while_it_runs_stops_no_other_account(puller: Puller, history: dict[Any, int]) -> None:
    """Reports of all accounts are looked at in one call; a refusal counts where it belongs."""
    running = part(200, {"id": "1", "async_status": "Job Running", "async_percent_completion": 1})
    answer = [running, part(403, REFUSED)]
    puller.sandbox.faults.add(Fault(path=BATCH, method="POST", calls=(1,), status=200, body=answer))
    with pytest.raises(Fatal, match="ads_read"):
        puller.pull("insights")
    assert puller.spend() == {key: cents for key, cents in history.items() if key[0] == BERLIN}
    puller.pull("insights")
    assert puller.spend() == history


def test_a_report_that_is_refused_for_good_is_begun_anew(puller: Puller, history: dict[Any, int]) -> None:
    """It was another token's, perhaps; the next run asks for one of its own."""
    first = next(puller.open().pages(INSIGHTS, None, None))
    (job,) = [span["job"] for span in first.position["spans"] if span["account"] == PACIFIC]
    puller.sandbox.faults.add(Fault(path=f"{job}/insights", status=403, body=REFUSED))
    with pytest.raises(Fatal, match="ads_read"):
        puller.pull("insights", resume=json.loads(json.dumps(first.position)))
    puller.pull("insights")
    assert puller.spend() == history


def test_a_token_that_is_taken_back_leaves_whole_days_only(puller: Puller, history: dict[Any, int]) -> None:
    """What was staged stays for the next token; no cursor moved that should not have."""
    pages = puller.open().pages(INSIGHTS, None, None)
    first = [next(pages), next(pages)]
    for page in first:
        puller.keep("insights", page)
    puller.sandbox.state.revoke(puller.token)
    with pytest.raises(Fatal) as refused:
        list(pages)
    assert refused.value.credentials
    assert puller.cursors == {}
    puller.token = "EAAnew"
    puller.sandbox.state.add_token("EAAnew")
    puller.pull("insights", resume=first[-1].position)
    assert puller.spend() == history


@pytest.mark.parametrize("path", ["act_111/insights", r"/\d+/insights", r"/v26.0/\?"], ids=["begin", "fetch", "look"])
@pytest.mark.parametrize("kind", ["html", "reset", "empty"])
def test_a_bad_answer_at_any_step_is_repeated(puller: Puller, history: dict[Any, int], path: str, kind: Any) -> None:
    """Beginning, looking and fetching: one bad answer, and not a cent is missing."""
    puller.sandbox.faults.add(Fault(path=path, kind=kind, status=502, calls=(1,)))
    _, source = puller.pull("insights")
    assert puller.spend() == history
    assert source.calls["retry"] >= 1


def account_level(puller: Puller) -> list[Any]:
    return [entry for entry in puller.sandbox.log.matching("/insights", "GET") if "level=account" in entry.query]


def test_ads_that_meta_names_no_more_are_the_account_s_spend_of_an_unknown_ad(
    puller: Puller, history: dict[Any, int]
) -> None:
    """Day by day the sum is what the account says, to the cent, and a correction of a day corrects what is left over."""
    puller.sandbox.state.conduct.forgotten = {"2", "3"}
    puller.pull("insights")
    lost: dict[tuple[str, str, str], int] = {}
    for (account, day, ad), cents in history.items():
        place = (account, day, "unknown" if ad in {"2", "3"} else ad)
        lost[place] = lost.get(place, 0) + cents
    assert puller.spend() == lost
    puller.sandbox.state.conduct.forgotten = set()
    puller.clock.advance(DAY)
    puller.pull("insights")
    recent = {place: cents for place, cents in history.items() if place[1] > str(TODAY + DAY - 28 * DAY)}
    assert {place: cents for place, cents in puller.spend().items() if place[1] > str(TODAY + DAY - 28 * DAY)} == recent


def test_the_account_is_asked_once_per_span(puller: Puller, history: dict[Any, int]) -> None:
    """A row per day, for all days of a report together; quiet days are told as nought."""
    puller.pull("insights")
    assert len(account_level(puller)) == begun(puller)
    assert {record.payload["account_spend"] for key, record in puller.records.items() if key[1] < "2026-08-05"} == {"0"}


@pytest.mark.parametrize(("status", "code"), [(400, 200), (400, 100), (500, 1)])
def test_what_the_account_refuses_to_say_costs_the_check_alone(
    puller: Puller, history: dict[Any, int], status: int, code: int
) -> None:
    """Denied, unknown or too much: every day of every ad is there, without the account's own sum."""
    body = {"error": {"code": code, "type": "OAuthException", "message": "no"}}
    fault = Fault(path="/insights.*level=account", status=status, body=body)
    puller.sandbox.faults.add(fault)
    puller.pull("insights")
    assert puller.spend() == history
    assert all("account_spend" not in record.payload for record in puller.records.values())


def test_a_sum_that_makes_no_sense_is_none(puller: Puller, history: dict[Any, int]) -> None:
    """The days of the ads stay readable."""
    row = {"date_start": str(TODAY), "date_stop": str(TODAY), "spend": "much"}
    body = {"data": [row, {"date_start": 7}]}
    puller.sandbox.faults.add(Fault(path="/insights.*level=account", status=200, body=body))
    puller.pull("insights")
    assert puller.spend() == history
    assert "account_spend" not in puller.records[BERLIN, str(TODAY)].payload
