"""Every refusal of Meta becomes a reaction, and none of them shows a secret."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Page
from connectors.errors import Fatal, Retryable
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.refusals import GRANTS, Limited, TooMuch
from connectors.transport import TRIES
from sandbox.faults import Fault
from tests.conftest import NOW
from tests.connectors.meta_ads.conftest import BERLIN, PACIFIC, TODAY, Ground, Puller

ADS = "act_111/ads"


def error(code: int, subcode: int | None = None, **more: Any) -> dict[str, Any]:
    said = {"message": "secret words of Meta", "type": "OAuthException", "code": code, "fbtrace_id": "A", **more}
    return {"error": said | ({"error_subcode": subcode} if subcode else {})}


def fault(status: int, body: Any, **more: Any) -> Fault:
    return Fault(path=ADS, status=status, body=body, **more)


PASSING = {
    "html 502": Fault(path=ADS, kind="html", status=502, calls=(1,)),
    "html 200": Fault(path=ADS, kind="html", status=200, calls=(1,)),
    "empty 500": Fault(path=ADS, kind="html", status=500, calls=(1,)),
    "empty body": Fault(path=ADS, kind="empty", calls=(1,)),
    "cut in the middle": Fault(path=ADS, kind="reset", calls=(1,)),
    "json without error": fault(404, {"err": "x"}, calls=(1,)),
    "error is a text": fault(200, {"error": "x"}, calls=(1,)),
    "no json error_data": fault(500, error(2, error_data="An unknown error occurred"), calls=(1,)),
    "service": fault(500, error(2), calls=(1,)),
    "unknown, passing": fault(500, error(1, 99), calls=(1,)),
    "is_transient": fault(400, error(368, is_transient=True), calls=(1,)),
    "503": fault(503, error(9999), calls=(1,)),
    "a text": fault(200, "hello", calls=(1,)),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_passing_trouble_is_repeated(puller: Puller, ground: Ground, trouble: Fault) -> None:
    """One bad answer, one pause, and every ad; the SDK takes half of these for a success (FacebookResponse.is_success)."""
    ground.ad("1")
    puller.sandbox.faults.add(trouble)
    brought, source = puller.pull("ads")
    assert (brought, source.calls["retry"], len(puller.pauses)) == (1, 1, 1)


@pytest.mark.parametrize(
    "trouble",
    [
        Fault(path=ADS, kind="html", status=502),
        fault(500, error(2)),
        fault(200, {"data": "x"}),
        fault(200, {"data": [], "paging": {"next": "x"}}),
    ],
    ids=["html 502", "service", "no rows", "next without a cursor"],
)
def test_lasting_trouble_is_left_for_the_next_run(puller: Puller, ground: Ground, trouble: Fault) -> None:
    """Retryable, with no word of Meta's in the message and no cursor moved."""
    puller.sandbox.faults.add(trouble)
    with pytest.raises(Retryable) as given_up:
        puller.pull("ads")
    assert "html" not in str(given_up.value)
    assert "secret words" not in str(given_up.value)
    assert puller.cursors == {}
    assert len(puller.pauses) <= TRIES - 1


@pytest.mark.parametrize(
    ("code", "subcode"), [(4, 1504022), (17, 2446079), (613, 1487742), (32, None), (341, None), (80004, 2446079)]
)
def test_a_limit_is_waited_out(puller: Puller, ground: Ground, code: int, subcode: int | None) -> None:
    """Five minutes where it does not say how long."""
    ground.ad("1")
    puller.sandbox.faults.add(fault(400, error(code, subcode), calls=(1,)))
    assert puller.pull("ads")[0] == 1
    assert puller.pauses == [300]


def test_a_limit_is_waited_out_as_long_as_it_says(puller: Puller, ground: Ground) -> None:
    """estimated_time_to_regain_access is in minutes; more than a quarter of an hour ends the run."""
    header = '{"1":[{"type":"ads_insights","call_count":100,"estimated_time_to_regain_access":%d}]}'
    for minutes in (7, 40):
        told = {"x-business-use-case-usage": header % minutes}
        puller.sandbox.faults.clear()
        puller.sandbox.faults.add(fault(400, error(80004), headers=told, calls=(1,)))
        if minutes == 7:
            puller.pull("ads")
        else:
            with pytest.raises(Limited) as ended:
                puller.pull("ads")
            assert ended.value.after == 40 * 60
    assert puller.pauses == [7 * 60]


def test_limits_are_minded_before_they_bite(puller: Puller, ground: Ground) -> None:
    """At 95 % the next call waits for as long as the headers say, and none is refused."""
    puller.sandbox.state.conduct.limits.account = 20
    source = puller.open()
    for _ in range(18):
        puller.pull("ads")
    ground.page("777", "f1")
    puller.clock.advance(timedelta(minutes=50))
    puller.time_passes = True
    assert all(finding.ok for finding in source.diagnose(CONNECTOR.streams))
    assert puller.pauses == [600]
    assert {entry.status for entry in puller.sandbox.log.entries} == {200}


@pytest.mark.parametrize(
    ("status", "body", "credentials", "words"),
    [
        (401, error(190, 463), True, "has expired"),
        (401, error(190, 460), True, "changed the password"),
        (401, error(190), True, "META_ADS_ACCESS_TOKEN"),
        (400, error(102), True, "META_ADS_ACCESS_TOKEN"),
        (403, error(10), False, "ads_read"),
        (403, error(200), False, "ads_read"),
        (400, error(100, 33), False, "hidden"),
        (400, error(100), False, "our mistake"),
        (400, error(2500), False, "our mistake"),
        (400, error(100, type="GraphMethodException"), True, "META_ADS_APP_SECRET"),
    ],
)
def test_what_a_human_must_mend_is_fatal(
    puller: Puller,
    ground: Ground,
    status: int,
    body: Any,
    credentials: bool,  # noqa: FBT001
    words: str,
) -> None:
    """With the way to mend it, and never Meta's own words or our token."""
    puller.sandbox.faults.add(fault(status, body))
    with pytest.raises(Fatal, match=words) as refused:
        puller.pull("ads")
    assert refused.value.credentials is credentials
    assert "secret words" not in str(refused.value)
    assert puller.token not in str(refused.value)
    assert refused.value.__cause__ is None
    assert puller.pauses == []


@pytest.mark.parametrize("body", [error(1), error(100, 1487534)])
def test_a_page_that_is_too_much_is_halved_until_it_cannot_be(puller: Puller, ground: Ground, body: Any) -> None:
    """Smaller pages at once, without a pause; the next run tries again in the end."""
    puller.sandbox.faults.add(fault(500, body))
    with pytest.raises(TooMuch):
        puller.pull("ads")
    sizes = [entry.query.partition("limit=")[2].partition("&")[0] for entry in puller.sandbox.log.matching(ADS)]
    assert sizes == ["500", "250", "125", "62", "31", "15"]
    assert puller.pauses == []


def test_a_wrong_token_stops_the_vendor(puller: Puller, ground: Ground) -> None:
    """The message names the variable and not the token."""
    puller.token = "EAAmistyped"
    with pytest.raises(Fatal, match="META_ADS_ACCESS_TOKEN") as refused:
        puller.open()
    assert refused.value.credentials
    assert "mistyped" not in str(refused.value)


def test_a_wrong_secret_stops_the_vendor(puller: Puller, ground: Ground) -> None:
    """Meta calls it a bad parameter; we say which variable."""
    puller.secret = "not the secret"
    with pytest.raises(Fatal, match="META_ADS_APP_SECRET") as refused:
        puller.open()
    assert refused.value.credentials
    assert "not the secret" not in str(refused.value)


def test_the_token_is_in_no_line_of_any_log(puller: Puller, ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where urllib3 writes down every URL."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):  # HubSpot's SDK quiets it
        puller.pull("ads")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert any("access_token=[secret]&appsecret_proof=[secret]" in line for line in ours)
    assert not any(puller.token in line for line in ours)


def test_the_token_may_be_taken_back_in_the_middle_of_a_run(puller: Puller, ground: Ground) -> None:
    """The pages so far stay as they are, the vendor stops, and a new token goes on from there."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    ground.ad("1")
    ground.ad("2", account=PACIFIC)
    pages = puller.open().pages(CONNECTOR.streams_by_name["ads"], None, None)
    puller.keep("ads", next(pages))
    puller.sandbox.state.revoke(puller.token)
    with pytest.raises(Fatal) as refused:
        next(pages)
    assert refused.value.credentials
    puller.token = "EAAnew"
    puller.sandbox.state.add_token("EAAnew")
    assert puller.pull("ads")[0] == 1
    assert puller.records.keys() == {(BERLIN, "1"), (PACIFIC, "2")}


def test_accounts_that_are_named_are_read_and_no_others(puller: Puller, ground: Ground) -> None:
    """Once each, in order of their numbers."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    puller.account_ids = (PACIFIC, PACIFIC)
    assert [account.id for account in puller.open().accounts] == [PACIFIC]


@pytest.mark.parametrize("unread", ["hidden", "zoneless"])
@pytest.mark.parametrize("stream", ["ad_accounts", "ads", "insights", "leads"])
def test_an_account_that_cannot_be_read_stops_no_other(
    puller: Puller, ground: Ground, stream: str, unread: str
) -> None:
    """One that is named and not shared, or that has no known time zone: the others land, and then it is named."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="dana@kolbe.example")
    puller.account_ids = ("099", BERLIN)
    if unread == "zoneless":
        ground.account("099", "Mars/Olympus", "EUR")
    with pytest.raises(Fatal, match=r"099.*META_ADS_ACCOUNT_IDS") as refused:
        puller.pull(stream)
    assert not refused.value.credentials
    assert {account for account, _ in puller.records} == {BERLIN}
    assert puller.cursors[stream] is not None
    ground.account("099", "Europe/Paris", "EUR")
    puller.pull(stream)


def test_a_range_is_not_complete_while_an_account_of_it_cannot_be_read(puller: Puller, ground: Ground) -> None:
    """Days and ads alike: the others' records come, and the last page does not."""
    ground.ad("1")
    puller.account_ids = (BERLIN, "999")
    for name in ("insights", "ads"):
        stream, since = CONNECTOR.streams_by_name[name], NOW - timedelta(days=60)
        pages: list[Page] = []
        with pytest.raises(Fatal, match="999"):
            pages.extend(puller.open().between(stream, since, NOW, None))
        assert any(page.records for page in pages)
        assert not any(page.cursor for page in pages)


def test_an_account_that_is_shared_while_a_run_is_down_is_read_by_the_run_that_goes_on(
    puller: Puller, ground: Ground
) -> None:
    """It was passed over, though its number is the lower one."""
    ground.ad("1")
    puller.account_ids = ("099", BERLIN)
    died = next(puller.open().pages(CONNECTOR.streams_by_name["ads"], None, None))
    ground.account("099", "Europe/Paris", "EUR")
    ground.ad("2", "099")
    puller.pull("ads", resume=json.loads(json.dumps(died.position)))
    assert puller.records.keys() == {(BERLIN, "1"), ("099", "2")}


@pytest.mark.parametrize("named", [("999",), ("998", "999")])
def test_where_no_account_is_left_the_vendor_is_refused(puller: Puller, ground: Ground, named: tuple[str, ...]) -> None:
    """With the first of them, and the way to share it."""
    puller.account_ids = named
    with pytest.raises(Fatal, match=rf"{named[0]}.*Business settings") as refused:
        puller.open()
    assert refused.value.credentials


def test_a_token_without_any_account_is_told_how_to_get_one(puller: Puller) -> None:
    """Nothing could be read, so the vendor stops."""
    with pytest.raises(Fatal, match="sees no ad account") as refused:
        puller.open()
    assert refused.value.credentials


def test_the_doctor_finds_nothing_wrong_with_a_full_token(puller: Puller, ground: Ground) -> None:
    """One line for the token, each permission, each account, each Page and each stream."""
    ground.ad("1")
    ground.page("777", "f1")
    found = puller.open().diagnose(CONNECTOR.streams)
    assert all(finding.ok for finding in found)
    assert len(found) == 1 + len(GRANTS) + 1 + 1 + len(CONNECTOR.streams)


def test_the_doctor_names_every_account_that_cannot_be_read(puller: Puller, ground: Ground) -> None:
    """The others are well."""
    ground.ad("1")
    ground.page("777", "f1")
    ground.account("5", "Mars/Olympus", "EUR")
    puller.account_ids = (BERLIN, "5", "999")
    found = {finding.subject: finding for finding in puller.open().diagnose(CONNECTOR.streams)}
    assert {subject for subject, finding in found.items() if not finding.ok} == {"act_5", "act_999"}
    assert "time zone" in found["act_5"].message
    assert "hidden" in found["act_999"].message
    assert "META_ADS_ACCOUNT_IDS" in str(found["act_999"].remedy)


def test_the_doctor_tells_what_it_costs_that_no_page_is_visible(puller: Puller, ground: Ground) -> None:
    """Though every permission was granted: the user was given no Page."""
    ground.ad("1")
    (bad,) = [finding for finding in puller.open().diagnose(CONNECTOR.streams) if not finding.ok]
    assert bad.subject == "pages"
    assert "no ad brought" in bad.message
    assert "shown" in bad.message
    assert "give the user the Pages" in str(bad.remedy)


def test_the_doctor_names_a_page_whose_forms_it_may_not_read(puller: Puller, ground: Ground) -> None:
    """The other Page is well."""
    ground.ad("1")
    ground.page("777", "f1")
    ground.page("888", "f2")
    puller.sandbox.faults.add(Fault(path="777/leadgen_forms", status=403, body=error(200)))
    (bad,) = [finding for finding in puller.open().diagnose(CONNECTOR.streams) if not finding.ok]
    assert bad.subject == "page 777"
    assert "no ad brought" in bad.message
    assert "pages_manage_ads" in str(bad.remedy)


def test_the_doctor_names_what_is_missing_and_when_the_token_ends(puller: Puller, ground: Ground) -> None:
    """A token of three more days without leads_retrieval: both are said, with what to do; ads are well."""
    ground.ad("1")
    puller.token = "EAAshort"
    puller.sandbox.state.add_token("EAAshort", permissions={"ads_read"}, expires=NOW + timedelta(days=3, hours=1))
    bad = {finding.subject: finding for finding in puller.open().diagnose(CONNECTOR.streams) if not finding.ok}
    assert bad.keys() == {"token", "leads_retrieval", "leads", "pages_show_list", "pages_manage_ads", "pages"}
    assert bad["token"].message == "expires in 3 days"
    assert "Leads access" in str(bad["leads"].remedy)
    assert "EAAshort" not in repr(bad)


def test_parts_of_a_batch_that_did_not_come_are_asked_again(puller: Puller, ground: Ground) -> None:
    """Meta leaves parts out (null) where a batch takes too long."""
    for ad in ("1", "2"):
        ground.ad(ad)
        ground.day(ad, "2026-11-01", "1.00")
        ground.lead(f"9{ad}", ad, "2026-11-01T10:00:00+0000", email=f"{ad}@kolbe.example")
    puller.sandbox.faults.add(Fault(path=r"/v26.0/\?", method="POST", status=200, body=[None, None], calls=(1,)))
    assert puller.pull("leads")[0] == 2
    assert len(puller.pauses) == 1
