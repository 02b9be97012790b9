"""Who is let in, how much is used, and what is said where nothing is.

Sources: https://developers.facebook.com/docs/graph-api/guides/secure-requests, /guides/error-handling, /overview/rate-limiting,
/batch-requests and /docs/marketing-api/error-reference.
"""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError

from models.clock import FrozenClock
from sandbox.meta_ads.state import MetaState
from sandbox.meta_ads.usage import Limits
from tests.conftest import NOW, Sandbox
from tests.sandbox.meta_ads.conftest import Plant, ads, sdk


def refused(api: FacebookAdsApi, *path: str, method: str = "GET") -> FacebookRequestError:
    with pytest.raises(FacebookRequestError) as caught:
        api.call(method, path)
    return caught.value


@pytest.mark.parametrize("version", ["v25.0", "v26.0"])
def test_any_version_and_both_forms_of_a_path_are_accepted(
    meta_ads_sandbox: Sandbox, account: AdAccount, version: str
) -> None:
    """The SDK puts a slash behind a node and none behind an edge (FacebookRequest)."""
    api = sdk(meta_ads_sandbox, version=version)
    AdAccount("act_1", api=api).api_get(fields=["name"])
    AdAccount("act_1", api=api).get_ads(fields=["name"])
    assert [entry.path for entry in meta_ads_sandbox.log.entries] == [f"/{version}/act_1/", f"/{version}/act_1/ads"]
    assert {entry.status for entry in meta_ads_sandbox.log.entries} == {200}


def test_an_unknown_or_revoked_token_is_190(meta_ads_sandbox: Sandbox) -> None:
    """A token that was never issued, one that has expired, and one that is taken back, each with its subcode."""
    state = meta_ads_sandbox.state
    state.add_token("old", expires=NOW - timedelta(seconds=1))
    state.add_token("taken")
    assert sdk(meta_ads_sandbox, "taken").call("GET", ("me", "")).json()["id"]
    state.revoke("taken")
    errors = [refused(sdk(meta_ads_sandbox, token), "me", "") for token in ("never", "old", "taken")]
    assert [(one.http_status(), one.api_error_code(), one.api_error_subcode()) for one in errors] == [
        (401, 190, 467), (401, 190, 463), (401, 190, 467),
    ]  # fmt: skip


def test_a_call_must_be_proven(meta_ads_sandbox: Sandbox) -> None:
    """Without the proof, and with the proof of another secret, Meta answers a GraphMethodException with code 100."""
    for secret in (None, "another secret"):
        error = refused(sdk(meta_ads_sandbox, secret=secret), "me", "")  # type: ignore[arg-type]
        assert (error.api_error_code(), error.api_error_type()) == (100, "GraphMethodException")


def test_permissions_are_asked_for(meta_ads_sandbox: Sandbox, account: AdAccount, plant: Plant) -> None:
    """Code 200 names the permission that the token lacks."""
    plant("ad", ads(1))
    meta_ads_sandbox.state.add_token("few", permissions={"ads_read"})
    meta_ads_sandbox.state.add_token("none", permissions=())
    error = refused(sdk(meta_ads_sandbox, "few"), "3000", "leads")
    assert (error.http_status(), error.api_error_code()) == (403, 200)
    assert "leads_retrieval" in str(error.api_error_message())
    assert refused(sdk(meta_ads_sandbox, "none"), "act_1", "ads").api_error_code() == 200


def test_an_unknown_object_and_an_unknown_path_are_told_as_meta_tells_them(api: FacebookAdsApi) -> None:
    """100/33 for what is not there or hidden, 2500 for a path that means nothing, and no POST but to insights."""
    assert (refused(api, "act_9", "").api_error_code(), refused(api, "act_9", "").api_error_subcode()) == (100, 33)
    assert refused(api, "act_9", "ads", "more").api_error_code() == 2500
    assert refused(api, "act_9", "ads", method="POST").api_error_code() == 100
    assert refused(api, "act_9", "ads", method="DELETE").api_error_code() == 100


def test_headers_tell_the_use_on_every_answer(
    meta_ads_sandbox: Sandbox, account: AdAccount, clock: FrozenClock
) -> None:
    """Shares rise with use, fall with time, and come with refusals too."""
    meta_ads_sandbox.state.conduct.limits.account = 4
    api = sdk(meta_ads_sandbox)

    def used() -> float:
        headers = api.call("GET", ("act_1", "ads")).headers()
        assert json.loads(headers["x-app-usage"])["call_count"] >= 0
        assert json.loads(headers["x-business-use-case-usage"])
        return float(json.loads(headers["x-ad-account-usage"])["acc_id_util_pct"])

    assert [used(), used()] == [25, 50]
    clock.advance(timedelta(hours=1))
    assert used() == 25
    assert "x-ad-account-usage" in refused(api, "act_1", "nothing").http_headers()


@pytest.mark.parametrize(
    ("limits", "edge", "code"),
    [
        (Limits(app=2), "ads", 4),
        (Limits(account=2), "ads", 17),
        (Limits(calls=2), "ads", 613),
        (Limits(management=2), "ads", 80004),
        (Limits(insights=2), "insights", 80000),
    ],
)
def test_past_a_limit_calls_are_refused(
    meta_ads_sandbox: Sandbox, account: AdAccount, limits: Limits, edge: str, code: int, clock: FrozenClock
) -> None:
    """The code says which limit; for a business use case the header says in how many minutes it is over.

    Source: https://developers.facebook.com/docs/graph-api/overview/rate-limiting and /docs/marketing-api/error-reference.
    """
    vars(meta_ads_sandbox.state.conduct.limits).update(vars(limits))
    api = sdk(meta_ads_sandbox)
    params = {"time_range": {"since": "2026-11-01", "until": "2026-11-01"}} if edge == "insights" else {}
    for _ in range(2):
        api.call("GET", ("act_1", edge), params=params)
    error = refused(api, "act_1", edge)
    assert error.api_error_code() == code
    if code >= 80000:
        ((business,),) = json.loads(error.http_headers()["x-business-use-case-usage"]).values()
        assert business["estimated_time_to_regain_access"] == 60
    if edge == "insights":
        share = json.loads(error.http_headers()["x-fb-ads-insights-throttle"])
        assert share["acc_id_util_pct"] == 100
    clock.advance(timedelta(hours=1))
    assert api.call("GET", ("act_1", edge), params=params).status() == 200


def test_a_page_has_a_limit_of_its_own(meta_ads_sandbox: Sandbox) -> None:
    """Code 32, for calls that are made with the Page's token: https://developers.facebook.com/docs/graph-api/overview/rate-limiting."""
    meta_ads_sandbox.state.conduct.limits.page = 2
    meta_ads_sandbox.state.insert_many("page", [{"id": "7", "name": "Acme", "access_token": "EAApage"}])
    page = sdk(meta_ads_sandbox, token="EAApage")
    for _ in range(2):
        assert page.call("GET", ("7", "leadgen_forms")).json() == {"data": []}
    assert refused(page, "7", "leadgen_forms").api_error_code() == 32
    assert sdk(meta_ads_sandbox).call("GET", ("me", "accounts")).status() == 200


def test_the_forms_of_a_page_are_told_to_the_page_alone(meta_ads_sandbox: Sandbox, api: FacebookAdsApi) -> None:
    """190 for a user's token: https://developers.facebook.com/docs/graph-api/reference/page/leadgen_forms."""
    meta_ads_sandbox.state.insert_many("page", [{"id": "7", "name": "Acme", "access_token": "EAApage"}])
    meta_ads_sandbox.state.insert_many("form", [{"id": "77", "page_id": "7", "status": "ARCHIVED"}])
    ((token,),) = [
        [
            page["access_token"]
            for page in api.call("GET", ("me", "accounts"), params={"fields": "access_token"}).json()["data"]
        ]
    ]
    assert refused(api, "7", "leadgen_forms").api_error_code() == 190
    assert sdk(meta_ads_sandbox, token=token).call("GET", ("7", "leadgen_forms")).json()["data"] == [{"id": "77"}]
    meta_ads_sandbox.state.add_token("EAAfew", permissions={"ads_read"})
    assert sdk(meta_ads_sandbox, token="EAAfew").call("GET", ("me", "accounts")).json() == {"data": []}


def test_a_batch_may_leave_parts_out(
    meta_ads_sandbox: Sandbox, api: FacebookAdsApi, account: AdAccount, plant: Plant
) -> None:
    """As null, for which the SDK makes a new batch (FacebookAdsApiBatch.execute): https://developers.facebook.com/docs/graph-api/batch-requests."""
    plant("ad", ads(2))
    meta_ads_sandbox.state.conduct.left_out = 1
    said: list[str] = []
    batch = api.new_batch()
    for ad in ("3000", "3001"):
        batch.add("GET", (ad, ""), success=lambda part: said.append(part.json()["id"]))
    again = batch.execute()
    assert (said, len(again)) == (["3001"], 1)
    assert again.execute() is None
    assert said == ["3001", "3000"]


def test_a_batch_answers_each_part_by_itself(api: FacebookAdsApi, account: AdAccount, plant: Plant) -> None:
    """Status, headers and body (a text) per part; more than 50 parts are refused."""
    plant("ad", ads(2))
    said = []
    batch = api.new_batch()
    for path in (("3000", ""), ("9999", "")):
        batch.add(
            "GET",
            path,
            success=lambda part: said.append(part.json()["id"]),
            failure=lambda part: said.append(part.status()),
        )
    assert batch.execute() is None
    assert said == ["3000", 400]
    with pytest.raises(FacebookRequestError):
        api.call("POST", ("",), params={"batch": [{"method": "GET", "relative_url": "3000/"}] * 51})


def test_the_token_tells_its_end(meta_ads_sandbox: Sandbox, api: FacebookAdsApi) -> None:
    """https://developers.facebook.com/docs/graph-api/reference/debug_token: expires_at in seconds, 0 is never."""
    meta_ads_sandbox.state.add_token("short", permissions={"ads_read"}, expires=NOW + timedelta(days=3))
    told = sdk(meta_ads_sandbox, "short").call("GET", ("debug_token",), params={"input_token": "short"}).json()["data"]
    assert (told["is_valid"], told["expires_at"], told["scopes"]) == (
        True,
        int((NOW + timedelta(days=3)).timestamp()),
        ["ads_read"],
    )
    assert refused(api, "debug_token").api_error_code() == 100


def test_the_state_outlives_the_server(tmp_path: Path, clock: FrozenClock) -> None:
    """Objects, days, reports and tokens are there for the next server on the same folder."""
    state = MetaState(tmp_path, clock)
    state.insert_many("ad", ads(1))
    state.add_token("kept")
    report = state.add_report("act_1", {"level": "ad"}, "Job Completed")
    state.close()
    again = MetaState(tmp_path, clock)
    assert again.node("3000") is not None
    assert again.token("kept") is not None
    assert again.look_at(report, "asked") is not None
    again.close()


def test_nothing_is_told_without_a_token(meta_ads_sandbox: Sandbox) -> None:
    """Not even a path that does not exist."""
    answer = requests.get(f"{meta_ads_sandbox.url}/v26.0/nowhere/at/all", timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 2500)
