"""Faults, log and server of the practice ground, over real HTTP."""

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from models.clock import FrozenClock
from sandbox.core import Context, guarded, listen
from sandbox.faults import Fault, Faults
from sandbox.storms import STORMS, storm


async def hello(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "x" * 1000})


@pytest.fixture
def context(tmp_path, clock: FrozenClock) -> Context:
    return Context(tmp_path, clock)


@pytest.fixture
def url(context, serve) -> str:
    return serve(Starlette(routes=[Route("/hello", hello)], middleware=guarded(context)))


def get(url: str, path: str = "/hello") -> requests.Response:
    return requests.get(url + path, timeout=5)


def test_an_answer_is_logged_with_path_query_and_status(context, url):
    """The log shows what was asked and how it ended."""
    assert get(url, "/hello?a=1").json()
    get(url, "/elsewhere")
    (entry,) = context.log.matching("/hello", "GET")
    assert (entry.query, entry.status, entry.fault) == ("a=1", 200, "")
    assert context.log.matching("/elsewhere")[0].status == 404


def test_a_fault_strikes_the_call_it_was_set_for(context, url):
    """The second call fails with the given body and headers; the first and third do not."""
    context.faults.add(
        Fault(path="/hello", calls=(2,), status=503, body=[{"errorCode": "BUSY"}], headers={"Retry-After": "7"})
    )
    answers = [get(url) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json() == [{"errorCode": "BUSY"}]
    assert answers[1].headers["Retry-After"] == "7"
    assert [entry.fault for entry in context.log.entries] == ["", "status", ""]


def test_a_fault_may_strike_every_nth_call(context, url):
    """Every second call is answered by a page in HTML."""
    context.faults.add(Fault(kind="html", every=2, status=502))
    answers = [get(url) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 502, 200, 502]
    assert answers[1].headers["content-type"].startswith("text/html")


def test_chance_is_repeatable():
    """The same seed strikes the same calls."""
    runs = []
    for _ in range(2):
        faults = Faults(seed=7)
        faults.add(Fault(probability=0.5))
        runs.append([faults.strike("GET", "/") is not None for _ in range(50)])
    assert runs[0] == runs[1]
    assert 10 < sum(runs[0]) < 40


def test_a_connection_can_be_cut_in_the_middle_of_a_body(context, url):
    """The client sees a broken body, not a short one; the next call is whole again."""
    context.faults.add(Fault(kind="reset", calls=(1,)))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        get(url)
    assert get(url).json()
    assert [entry.status for entry in context.log.entries] == [0, 200]


def test_a_body_can_be_missing(context, url):
    """The status says success and nothing follows."""
    context.faults.add(Fault(kind="empty"))
    answer = get(url)
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_answer_can_come_too_late(context, url):
    """A delay beyond the client's patience is a time-out for the client."""
    context.faults.add(Fault(kind="delay", seconds=0.3, calls=(1,)))
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url + "/hello", timeout=0.05)
    assert get(url).json()


def test_another_process_steers_faults_and_log_over_http(url):
    """Control routes switch faults on and off and show the log; they are not logged themselves."""
    assert requests.post(url + "/_sandbox/faults", json={"status": 500, "path": "hello"}, timeout=5).status_code == 204
    assert get(url).status_code == 500
    assert get(url, "/_sandbox/faults").json()[0]["status"] == 500
    assert requests.delete(url + "/_sandbox/faults", timeout=5).status_code == 204
    assert get(url).status_code == 200
    assert [entry["status"] for entry in get(url, "/_sandbox/log").json()] == [500, 200]
    requests.delete(url + "/_sandbox/log", timeout=5)
    assert get(url, "/_sandbox/log").json() == []


def test_a_fault_that_makes_no_sense_is_refused(url):
    """An unknown kind or key is an error, not a silent nothing."""
    assert requests.post(url + "/_sandbox/faults", json={"kind": "flood"}, timeout=5).status_code == 400
    assert requests.post(url + "/_sandbox/faults", json={"statsu": 500}, timeout=5).status_code == 400
    assert get(url, "/_sandbox/other").status_code == 404


def test_a_port_in_use_is_an_error():
    """Two servers cannot share a port."""
    with listen() as taken, pytest.raises(OSError, match="in use"):
        listen(taken.getsockname()[1])


def test_a_connection_can_end_before_a_word_is_said(context, url):
    """Nothing is answered and nothing is done; the next call is whole again."""
    context.faults.add(Fault(kind="refuse", calls=(1,)))
    with pytest.raises(requests.exceptions.ConnectionError):
        get(url)
    assert get(url).json()
    assert [entry.status for entry in context.log.entries] == [0, 200]


def test_half_a_body_can_look_like_the_whole(context, url):
    """Length and body agree, so no client notices by the wire alone."""
    context.faults.add(Fault(kind="truncated"))
    answer = get(url)
    assert int(answer.headers["content-length"]) == len(answer.content) == 506
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_body_can_trickle(context, url):
    """It comes in pieces, whole in the end, for whoever waits from byte to byte."""
    context.faults.add(Fault(kind="drip", seconds=0.08))
    answer = requests.get(url + "/hello", timeout=5, stream=True)
    first = answer.raw.read1(2_000)
    assert 0 < len(first) < 1012
    assert len(first + answer.raw.read()) == 1012


def test_a_page_of_a_proxy_may_talk_of_success(context, url):
    """The page has status 200 and the word in it that Meta's SDK takes for JSON's (facebook-python-business-sdk, api.py)."""
    context.faults.add(Fault(kind="html", status=200))
    answer = get(url)
    assert (answer.status_code, "success" in answer.text) == (200, True)


def test_an_answer_can_be_patched_and_rewritten(context, url):
    """A merge patch (RFC 7396) makes pages empty or partial; a rewrite also makes what no writer of JSON would."""
    context.faults.add(Fault(kind="patch", calls=(1,), status=207, body={"hello": None, "has_more": True}))
    context.faults.add(Fault(kind="rewrite", calls=(2,), body={'"x+"': r'"\ud83e"'}))
    partial, broken = get(url), get(url)
    assert (partial.status_code, partial.json()) == (207, {"has_more": True})
    assert broken.text == r'{"hello":"\ud83e"}'


def test_data_can_change_between_two_pages(context, url):
    """The answer is of before, and what happens meanwhile has happened when it arrives; a change nobody knows is refused."""
    happened = []
    context.faults.hooks["sale"] = lambda: happened.append("sold")
    context.faults.add(Fault(kind="change", hook="sale", calls=(1,)))
    assert get(url).json()
    assert get(url).json()
    assert happened == ["sold"]
    assert requests.post(url + "/_sandbox/faults", json={"kind": "change", "hook": "?"}, timeout=5).status_code == 400


@pytest.mark.parametrize("vendor", sorted(STORMS))
def test_a_storm_strikes_its_share_and_is_repeatable(vendor):
    """One call gives every trouble of a vendor in its own words; together they strike one request in twenty."""
    struck = []
    for _ in range(2):
        faults = Faults()
        for fault in storm(vendor, seed=3):
            faults.add(fault)
        struck.append([fault.kind if (fault := faults.strike("GET", "/")) else "" for _ in range(4_000)])
    assert struck[0] == struck[1]
    assert 0.04 < sum(map(bool, struck[0])) / 4_000 < 0.06
    assert {"refuse", "reset", "truncated", "empty", "html", "status"} <= set(struck[0])
