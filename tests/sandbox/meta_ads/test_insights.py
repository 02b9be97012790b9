"""What ads did, at once and by report.

Sources: https://developers.facebook.com/docs/marketing-api/insights, /insights/parameters, /insights/best-practices, /insights/breakdowns;
the SDK's AdsInsights and AdReportRun.
"""

import json
from collections import deque
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.exceptions import FacebookRequestError

from models.clock import FrozenClock
from sandbox.meta_ads.params import FIELDS, names
from sandbox.meta_ads.state import MetaState
from tests.conftest import Sandbox
from tests.sandbox.meta_ads.conftest import ALL, Plant, ads, day

WEEK = {"since": "2026-10-26", "until": "2026-11-01"}
DAILY = {"level": "ad", "time_increment": 1, "time_range": WEEK}
LONG_LIFE = (("Job Not Started", 0), ("Job Running", 60), ("Job Running", 100), ("Job Completed", 100))


@pytest.fixture
def state(meta_ads_sandbox: Sandbox, plant: Plant) -> MetaState:
    """Two ads that ran for a week."""
    plant("ad", ads(2))
    plant("insight", [day(ad, f"2026-10-{n}") for ad in ("3000", "3001") for n in range(26, 32)])
    found = meta_ads_sandbox.state
    assert isinstance(found, MetaState)
    return found


def ask(holder: Any, *fields: str, **params: Any) -> list[dict[str, Any]]:
    return [row.export_all_data() for row in holder.get_insights(fields=list(fields), params={"limit": 500, **params})]


def test_a_row_per_ad_and_day_with_numbers_as_texts(account: AdAccount, state: MetaState) -> None:
    """AdsInsights._field_types says texts; both ends of the range count; every key is one of the SDK's."""
    rows = ask(account, "ad_id", "spend", "impressions", "actions", **DAILY)
    assert len(rows) == 12
    assert rows[0] == {
        "ad_id": "3000", "spend": "14.35", "impressions": "900", "actions": [{"action_type": "link_click", "value": "12"}],
        "date_start": "2026-10-26", "date_stop": "2026-10-26",
    }  # fmt: skip
    assert {key for row in rows for key in row} <= FIELDS["insight"]
    assert len(ask(account, "ad_id", **{**DAILY, "time_range": {"since": "2026-10-26", "until": "2026-10-27"}})) == 4


@pytest.mark.parametrize(("level", "rows"), [("ad", 2), ("adset", 1), ("campaign", 1), ("account", 1)])
def test_levels_add_up_to_the_same_money(account: AdAccount, state: MetaState, level: str, rows: int) -> None:
    """Whatever the level, the sum is what the ads cost."""
    found = ask(account, "spend", level=level, time_range=WEEK)
    assert len(found) == rows
    assert sum(Decimal(row["spend"]) for row in found) == 12 * Decimal("14.35")


def test_a_span_of_days_may_be_cut_in_equal_parts(account: AdAccount, state: MetaState) -> None:
    """time_increment=3 over seven days: three rows, the last of one day."""
    found = ask(
        account, "spend", level="campaign", time_range={"since": "2026-10-25", "until": "2026-10-31"}, time_increment=3
    )
    assert [(row["date_start"], row["date_stop"]) for row in found] == [
        ("2026-10-25", "2026-10-27"), ("2026-10-28", "2026-10-30"), ("2026-10-31", "2026-10-31"),
    ]  # fmt: skip


def test_breakdowns_make_a_row_per_combination_and_lose_nothing(account: AdAccount, state: MetaState) -> None:
    """Two platforms by two genders, and not a cent more or less."""
    found = ask(account, "spend", level="account", time_range=WEEK, breakdowns=["publisher_platform", "gender"])
    assert len({(row["publisher_platform"], row["gender"]) for row in found}) == len(found) == 4
    assert sum(Decimal(row["spend"]) for row in found) == 12 * Decimal("14.35")


@pytest.mark.parametrize(
    "params",
    [
        {"breakdowns": ["dma"]},
        {"breakdowns": ["colour"]},
        {"level": "ads"},
        {"time_range": {"since": "2026-11-01", "until": "2026-10-01"}},
        {"time_range": {"since": "yesterday", "until": "today"}},
        {"time_increment": 91},
        {"action_attribution_windows": ["28d_view"]},
        {"filtering": [{"field": "colour", "operator": "IN", "value": ["red"]}]},
        {"colour": "red"},
    ],
    ids=[
        "removed breakdown",
        "breakdown",
        "level",
        "order",
        "words",
        "increment",
        "dead window",
        "filter",
        "parameter",
    ],
)
def test_what_meta_does_not_know_is_code_100(account: AdAccount, state: MetaState, params: dict[str, Any]) -> None:
    """Dma and 28d_view are still in the SDK's enums and dead on the server."""
    with pytest.raises(FacebookRequestError) as refused:
        account.get_api().call("GET", ("act_1", "insights"), params={"time_range": WEEK, **params})
    assert refused.value.api_error_code() == 100
    assert "dma" in names(AdsInsights.Breakdowns)


def test_an_unknown_field_is_refused_and_the_memory_ends(account: AdAccount, state: MetaState) -> None:
    """A field that is none of the SDK's is code 100; a day more than 37 months ago is 3018."""
    for params, code in (
        ({"fields": "colour", "time_range": WEEK}, 100),
        ({"time_range": {"since": "2023-10-01", "until": "2023-10-02"}}, 3018),
    ):
        with pytest.raises(FacebookRequestError) as refused:
            account.get_api().call("GET", ("act_1", "insights"), params=params)
        assert refused.value.api_error_code() == code
    assert ask(account, "spend", level="account", time_range={"since": "2023-10-03", "until": "2023-10-03"}) == []


def test_deleted_ads_are_counted_on_request_only(account: AdAccount, state: MetaState) -> None:
    """A filter on ad.effective_status brings them back; the ad itself can always be asked."""
    state.update("3001", effective_status="DELETED")
    assert {row["ad_id"] for row in ask(account, "ad_id", **DAILY)} == {"3000"}
    wanted = [{"field": "ad.effective_status", "operator": "IN", "value": ALL}]
    assert {row["ad_id"] for row in ask(account, "ad_id", filtering=wanted, **DAILY)} == {"3000", "3001"}
    assert ask(Ad("3000", api=account.get_api()), "spend", time_range=WEEK)[0]["spend"] == "86.10"


def test_days_change_and_rows_disappear(account: AdAccount, state: MetaState) -> None:
    """The last 28 days are corrected: https://developers.facebook.com/docs/marketing-api/insights/best-practices."""
    state.insert_many("insight", [day("3000", "2026-10-26", "20.00")])
    state.remove_day("1", "2026-10-26", "3001")
    found = ask(account, "ad_id", "spend", **{**DAILY, "time_range": {"since": "2026-10-26", "until": "2026-10-26"}})
    assert [(row["ad_id"], row["spend"]) for row in found] == [("3000", "20.00")]


def run_of(account: AdAccount, **params: Any) -> AdReportRun:
    found = account.get_insights(fields=["ad_id", "spend"], params={**DAILY, **params}, is_async=True)
    assert isinstance(found, AdReportRun)
    return found


def test_a_report_is_begun_looked_at_and_fetched(account: AdAccount, state: MetaState) -> None:
    """Its life: not there, not started, running, running at 100 %, completed, not loaded, rows."""
    state.conduct.life, state.conduct.unborn, state.conduct.unloaded = LONG_LIFE, 1, 1
    run = run_of(account)
    with pytest.raises(FacebookRequestError) as unborn:
        run.api_get()
    assert (unborn.value.api_error_code(), unborn.value.api_error_subcode()) == (100, 33)
    seen = [(run.api_get()["async_status"], run["async_percent_completion"]) for _ in LONG_LIFE]
    assert seen == list(LONG_LIFE)
    with pytest.raises(FacebookRequestError) as unloaded:
        run.get_result()
    assert (unloaded.value.api_error_code(), unloaded.value.api_error_subcode()) == (2601, 1815107)
    assert len(list(run.get_result(params={"limit": 5}))) == 12
    assert run.export_all_data().keys() <= FIELDS["report"] | {"report_run_id"}


@pytest.mark.parametrize("outcome", ["Job Failed", "Job Skipped"])
def test_a_report_may_fail(account: AdAccount, state: MetaState, outcome: str) -> None:
    """With an error_code on its node, as since v25; it has no rows."""
    state.conduct.outcomes = deque([outcome])
    run = run_of(account)
    for _ in state.conduct.life:
        run.api_get()
    assert (run["async_status"], run["error_code"]) == (outcome, 2)
    with pytest.raises(FacebookRequestError):
        run.get_result()


def test_rows_come_in_the_order_that_is_asked_for(account: AdAccount, state: MetaState) -> None:
    """By a field, up or down, in a report as well; what is no field, or no way, is refused; a vendor may keep to none."""
    newest = {**DAILY, "sort": ["date_start_descending", "ad_id_ascending"]}
    expected = [(f"2026-10-{n}", ad) for n in range(31, 25, -1) for ad in ("3000", "3001")]

    def order(rows: Any) -> list[tuple[str, str]]:
        return [(row["date_start"], row["ad_id"]) for row in rows]

    assert order(ask(account, "ad_id", **newest)) == expected
    run = account.get_insights(fields=["ad_id"], params=newest, is_async=True)
    for _ in state.conduct.life:
        run.api_get()
    assert order(run.get_result()) == expected
    for wrong in ("date_start", "date_start_upwards", "day_ascending"):
        with pytest.raises(FacebookRequestError):
            ask(account, "ad_id", **DAILY, sort=[wrong])
    state.conduct.unsorted = True
    assert [ad for _, ad in order(ask(account, "ad_id", **newest))] == ["3000"] * 6 + ["3001"] * 6


def test_too_much_is_told_before_while_and_after(account: AdAccount, state: MetaState) -> None:
    """A page, a report at its beginning, and a report at its end."""
    state.conduct.most_page_cells = 10
    with pytest.raises(FacebookRequestError) as refused:
        ask(account, "ad_id", "spend", **DAILY)
    assert (refused.value.http_status(), refused.value.api_error_code()) == (500, 1)
    assert len(account.get_insights(fields=["ad_id", "spend"], params={**DAILY, "limit": 5})) == 5
    state.conduct.most_page_cells, state.conduct.most_cells = None, 10
    run = run_of(account)
    for _ in state.conduct.life:
        run.api_get()
    assert (run["async_status"], run["error_subcode"]) == ("Job Failed", 1487534)
    state.conduct.refuses_large = True
    with pytest.raises(FacebookRequestError) as refused:
        run_of(account)
    assert (refused.value.api_error_code(), refused.value.api_error_subcode()) == (100, 1487534)


def test_the_day_is_the_account_s_own(account: AdAccount, state: MetaState, clock: FrozenClock) -> None:
    """The memory of 37 months ends by the account's calendar, an hour after midnight in Berlin still in October in UTC."""
    clock.instant = clock.instant.replace(month=10, day=31, hour=23, minute=30)
    with pytest.raises(FacebookRequestError):
        ask(account, "spend", level="account", time_range={"since": "2023-09-30", "until": "2023-09-30"})
    clock.advance(timedelta(hours=-1))
    assert ask(account, "spend", level="account", time_range={"since": "2023-09-30", "until": "2023-09-30"}) == []


def test_the_throttle_is_told_with_insights(account: AdAccount, state: MetaState) -> None:
    """x-fb-ads-insights-throttle, with the shares of app and account."""
    headers = account.get_insights(params={"time_range": WEEK}).headers()
    assert json.loads(headers["x-fb-ads-insights-throttle"]).keys() == {
        "app_id_util_pct",
        "acc_id_util_pct",
        "ads_api_access_tier",
    }


def test_an_account_s_sum_holds_deleted_ads_that_rows_of_ads_leave_out(
    account: AdAccount, state: MetaState, plant: Plant
) -> None:
    """Unless a filter asks the account, too, for the living alone; and one that insights forgot is in no row of ads at all."""
    known = state.node("3001")
    assert known is not None
    plant("ad", [{**known[1], "effective_status": "DELETED"}])
    span = {"time_range": WEEK}
    living = {"filtering": [{"field": "ad.effective_status", "operator": "IN", "value": ["ACTIVE"]}]}

    def spent(**params: Any) -> Decimal:
        return sum((Decimal(row["spend"]) for row in ask(account, "spend", **span, **params)), Decimal())

    assert spent(level="account") == 2 * spent(level="ad") == 2 * spent(level="account", **living) > 0
    assert spent(level="account", time_increment=1) == spent(level="account")
    state.conduct.forgotten.add("3000")
    assert (spent(level="ad"), spent(level="account") > 0) == (0, True)
