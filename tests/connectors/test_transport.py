"""What the shared transport repeats, waits for and hides, against a real server. Its clock moves only when it waits."""

import asyncio
import gzip
import logging
import math
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.errors import Fatal, Retryable
from connectors.hubspot import rates as hubspot
from connectors.hubspot.client import repeatable as hubspot_repeats
from connectors.meta_ads.client import repeatable as meta_repeats
from connectors.pace import Buckets, Pace, Rate, Told, shared
from connectors.salesforce.client import repeatable as salesforce_repeats
from connectors.stripe import rates as stripe
from connectors.stripe.client import StripeApi
from connectors.stripe.client import repeatable as stripe_repeats
from connectors.stripe.settings import StripeSettings
from connectors.transport import (
    LONGEST_WAIT,
    PATIENCE,
    TRIES,
    Again,
    Held,
    Transport,
    decoded,
    redact,
    retry_after,
    session,
)


@dataclass
class Vendor:
    """A server that answers as told, and remembers what it was asked."""

    answers: list[Response] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else JSONResponse({"fine": True})


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def calls() -> Counter[str]:
    return Counter()


@pytest.fixture
def client(vendor, serve, waits, calls) -> requests.Session:
    """A session that repeats whatever is not a POST."""
    methods = ["GET", "POST"]
    url = serve(Starlette(routes=[Route("/{path:path}", vendor.answer, methods=methods)]))
    return session(
        Transport(
            "shop", repeatable=lambda request: request.method != "POST", calls=calls, base_url=url, pause=waits.append
        )
    )


def busy(status: int, **headers: str) -> Response:
    return Response("<html>", status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_request_goes_to_the_other_host_and_names_the_real_one(client, vendor):
    """The sandbox sees for whom it stands in."""
    assert client.get("https://acme.my.salesforce.com/a?b=c").json() == {"fine": True}
    assert vendor.asked[0].headers["X-Original-Host"] == "acme.my.salesforce.com"
    assert str(vendor.asked[0].url).endswith("/a?b=c")


def test_a_session_reads_no_proxies_from_the_machine_and_heeds_its_own_certificates(client, vendor, monkeypatch):
    """A proxy of the machine's would see whom we ask, and an SDK may have brought the vendor's own certificates."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")  # nobody is there
    assert client.get("https://acme.my.salesforce.com/a").json() == {"fine": True}
    client.verify = "vendor.pem"
    assert client.merge_environment_settings("", {}, None, None, None)["verify"] == "vendor.pem"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_vendor_is_asked_again_after_the_wait_it_names(client, vendor, waits, calls, status):
    """Each repetition is counted."""
    vendor.answers = [busy(status, retry_after="7"), busy(status, retry_after="5")]
    assert client.get("https://vendor.example/").ok
    assert waits == [7, 5]
    assert calls == {"retry": 2}


@pytest.mark.parametrize("past", ["0", "Wed, 01 Jan 2020 08:00:00 GMT"])
def test_a_wait_that_is_over_is_none(client, vendor, waits, past):
    """A busy vendor that names no time ahead is not asked six times at once: the waits grow."""
    vendor.answers = [busy(503, retry_after=past) for _ in range(3)]
    assert client.get("https://vendor.example/").ok
    assert all(2**n <= wait <= 2 ** (n + 1) for n, wait in enumerate(waits))
    assert len(waits) == 3


def test_without_a_named_wait_the_waits_grow(client, vendor, waits):
    """Twice as long each time, a little less at random; the sixth answer stands."""
    vendor.answers = [busy(502) for _ in range(TRIES)]
    assert client.get("https://vendor.example/").status_code == 502
    assert len(waits) == TRIES - 1
    assert all(2**n <= wait <= 2 ** (n + 1) for n, wait in enumerate(waits))


def test_a_wait_too_long_is_left_to_the_caller(client, vendor, waits):
    """Nobody sleeps for an hour inside a request."""
    vendor.answers = [busy(429, retry_after=str(LONGEST_WAIT + 1))]
    assert client.get("https://vendor.example/").status_code == 429
    assert waits == []


def test_what_could_create_twice_is_sent_once(client, vendor, waits):
    """A POST that was refused as busy may have been done."""
    vendor.answers = [busy(503)]
    assert client.post("https://vendor.example/").status_code == 503
    assert (len(vendor.asked), waits) == (1, [])


def test_a_long_body_that_was_packed_comes_whole(client, vendor):
    """Whatever its length is said to be, it is that of the packed one."""
    body = b"[" + b"17," * 400_000 + b"4]"
    vendor.answers = [Response(gzip.compress(body), headers={"Content-Encoding": "gzip"})]
    assert client.get("https://shop.example/all").content == body


def test_other_refusals_stand(client, vendor):
    """A 403 will not get better by asking."""
    vendor.answers = [busy(403)]
    assert client.get("https://vendor.example/").status_code == 403
    assert len(vendor.asked) == 1


def test_nobody_at_home_is_tried_as_often_as_a_busy_vendor(waits):
    """A refused connection is worth as many tries, then it rises."""
    nobody = session(
        Transport("shop", repeatable=lambda _: True, calls=Counter(), base_url="http://127.0.0.1:9", pause=waits.append)
    )
    with pytest.raises(requests.ConnectionError):
        nobody.get("https://vendor.example/")
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "Mon, 02 Nov 2026 09:00:30 GMT", "Date": "Mon, 02 Nov 2026 09:00:00 GMT"}, 30),
        ({"Retry-After": "Mon, 02 Nov 2026 08:00:00 GMT", "Date": "Mon, 02 Nov 2026 09:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_as_seconds_or_date(headers, seconds):
    """A date counts from the vendor's own clock; nonsense is no wait."""
    response = requests.Response()
    response.headers.update(headers)
    assert retry_after(response) == seconds


@pytest.mark.parametrize("secrets", [["s3cret"], ["", "s3cret"]])
def test_secrets_are_taken_out_of_words(secrets):
    """An empty secret hides nothing else."""
    assert redact("app key s3cret is wrong", secrets) == "app key [secret] is wrong"


# reactions ------------------------------------------------------------------------------------------------------------


@dataclass
class Clock:
    """A monotonic clock that moves when somebody waits, and only then."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        with self.lock:
            self.waits.append(seconds)
            self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(vendor, serve, clock):
    """Opens a session to the vendor, with what a connector would give the transport."""
    url = serve(Starlette(routes=[Route("/{path:path}", vendor.answer, methods=["GET", "POST"])]))

    def make(**more: Any) -> requests.Session:
        given = {"repeatable": lambda _: True, "calls": Counter(), "base_url": url, "pause": clock.pause} | more
        return session(Transport("shop", **given))

    return make


def coded(response: requests.Response) -> Again | None:
    """A vendor that says 200 to everything, and means what the body says."""
    return {"limit": Again(300, told=True), "trouble": Again(5)}.get(decoded(response).get("code"))


def test_a_vendor_may_say_in_the_body_that_it_is_busy(opened, vendor, clock):
    """A limit's wait is taken at its word, trouble's doubles; what the reaction does not name stands."""
    vendor.answers = [JSONResponse({"code": code}) for code in ("limit", "trouble", "trouble", "wrong")]
    assert opened(reaction=coded).get("https://shop.example/").json() == {"code": "wrong"}
    assert clock.waits[0] == 300
    assert 5 <= clock.waits[1] <= 10 <= clock.waits[2] <= 20


def test_every_answer_is_heard_those_that_are_repeated_too(opened, vendor):
    """A quota is told by refusals as well."""
    vendor.answers = [busy(429, quota="3"), busy(200, quota="2")]
    heard: list[str] = []
    opened(heard=lambda response: heard.append(response.headers["quota"])).get("https://shop.example/")
    assert heard == ["3", "2"]


def test_a_run_waits_for_a_vendor_only_so_long_in_all(opened, vendor, clock):
    """Not per request and not per stream: when the patience is spent, the next wait ends the stream."""
    client = opened()
    vendor.answers = [busy(503, retry_after="250") if n % 2 == 0 else busy(200) for n in range(14)]
    for _ in range(7):
        client.get("https://shop.example/")
    vendor.answers = [busy(503, retry_after="250")]
    with pytest.raises(Fatal, match="the next one goes on from here") as ended:
        client.get("https://shop.example/")
    assert not ended.value.credentials
    assert sum(clock.waits) <= PATIENCE < sum(clock.waits) + 250
    assert client.get("https://shop.example/").ok  # a vendor that is well again is asked, also then


def test_a_long_backfill_whose_vendor_answers_between_its_waits_goes_on(opened, vendor, clock):
    """What is worth waiting for: two hours of waits of a minute, with a few good answers behind each."""
    client = opened()
    for _ in range(120):
        vendor.answers = [busy(429, retry_after="60"), *(busy(200) for _ in range(6))]
        assert all(client.get("https://shop.example/").ok for _ in range(6))
    assert sum(clock.waits) == 7200


def test_secrets_in_urls_are_in_no_line_of_urllib3(opened, caplog):
    """Whatever the vendor; urllib3 writes every URL down at level DEBUG."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):
        opened().get("https://shop.example/a?access_token=s3cret&b=1&client_secret=s3cret")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")]
    assert any("access_token=[secret]&b=1&client_secret=[secret]" in line for line in lines)
    assert not any("s3cret" in line for line in lines)


# pace -----------------------------------------------------------------------------------------------------------------


def asked(url: str = "https://shop.example/a", method: str = "GET") -> requests.PreparedRequest:
    return requests.Request(method, url).prepare()


def most_in(starts: list[float], seconds: float) -> int:
    """The greatest number of starts in any stretch of that length."""
    return max(sum(start <= one < start + seconds for one in starts) for start in starts)


@given(
    calls=st.integers(1, 200),
    seconds=st.floats(0.5, 20),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=300),
)
def test_no_stretch_of_time_holds_more_calls_than_the_limit(calls, seconds, gaps):
    """However the requests come: in bursts, steadily, or after a rest in which tokens were saved."""
    clock = Clock()
    pace = Buckets(lambda _: {"all": Rate(calls, seconds)}, clock=clock)
    starts = []
    for gap in gaps:
        clock.now += gap
        clock.pause(pace.reserve(asked()))
        starts.append(clock.now)
    assert most_in(starts, seconds * 0.999999) <= max(calls, 2)


def test_lanes_do_not_wait_for_each_other(clock):
    """HubSpot's searches are limited by themselves; other calls go on."""
    pace = Buckets(hubspot.lanes, clock=clock)
    search, read = (
        asked("https://api.hubapi.com/crm/v3/objects/contacts/search", "POST"),
        asked("https://api.hubapi.com/crm/v3/owners"),
    )
    assert pace.reserve(search) == 0
    assert pace.reserve(search) == pytest.approx(0.25)
    assert pace.reserve(read) == 0


def test_a_call_waits_for_the_slowest_of_its_lanes(clock):
    """Stripe counts an endpoint by itself and all together; live accounts may do more than test ones."""
    live, test = (Buckets(stripe.lanes(live=kind), clock=clock) for kind in (True, False))
    charges, events = asked("https://api.stripe.com/v1/charges"), asked("https://api.stripe.com/v1/events/evt_1")
    assert [live.reserve(one) > 0 for one in [charges] * 3 + [events] * 2] == [False, False, True, False, False]
    assert [test.reserve(one) > 0 for one in [charges] * 2 + [events]] == [False, False, True]


def test_the_vendors_own_count_has_the_last_word(opened, vendor, clock):
    """Somebody else uses the account up: we go slower before a call is refused, and its real limit replaces our guess."""
    left = [170, 60, 19, 5, 0]
    vendor.answers = [
        busy(
            200,
            X_HubSpot_RateLimit_Max="190",
            X_HubSpot_RateLimit_Interval_Milliseconds="10000",
            X_HubSpot_RateLimit_Remaining=str(n),
        )
        for n in left
    ]
    client = opened(pace=Buckets(hubspot.lanes, hubspot.told, clock=clock))
    waits = []
    for _ in range(len(left) + 1):
        before = clock.now
        client.get("https://api.hubapi.com/crm/v3/owners")
        waits.append(clock.now - before)
    assert waits[:3] == [0, 0, 0]
    assert 0 < waits[3] < waits[4] < waits[5] < 2


@pytest.mark.parametrize(
    "headers", [{}, {"Max": "many"}, {"Max": "100", "Remaining": "5", "Interval-Milliseconds": "0"}]
)
def test_a_count_that_cannot_be_read_changes_nothing(headers):
    """Searches tell none, and a proxy's answer neither."""
    response = requests.Response()
    response.headers.update({f"X-HubSpot-RateLimit-{name}": value for name, value in headers.items()})
    assert hubspot.told(response) is None


def test_a_turn_too_far_away_is_left_to_the_next_run(opened, clock):
    """Nothing is asked, and the error says when."""
    pace = Buckets(lambda _: {"all": Rate(1, 3600)}, lambda _: Told("all", Rate(1, 3600), 0), clock=clock)
    client = opened(pace=pace)
    client.get("https://shop.example/")
    with pytest.raises(Held) as held:
        client.get("https://shop.example/")
    assert held.value.after > LONGEST_WAIT
    assert clock.waits == []


def test_what_the_transport_refuses_comes_through_the_stripe_sdk(vendor, serve, clock):
    """The SDK takes any error for a lost line; ours says what it is."""
    url = serve(Starlette(routes=[Route("/{path:path}", vendor.answer)]))
    settings = StripeSettings(api_key=SecretStr("rk_test_x"), base_url=url)
    api = StripeApi(settings, clock.pause, Buckets(lambda _: {"all": Rate(1, 3600)}, clock=clock))
    api.get("window", "charges", {})
    with pytest.raises(Held):
        api.get("window", "charges", {})


@pytest.fixture
def charge(vendor, serve, clock) -> Callable[[str | bytes], dict[str, Any]]:
    """What the Stripe SDK brings of a body that the server sends."""
    url = serve(Starlette(routes=[Route("/{path:path}", vendor.answer)]))
    api = StripeApi(StripeSettings(api_key=SecretStr("rk_test_x"), base_url=url), clock.pause)

    def bring(body: str | bytes) -> dict[str, Any]:
        vendor.answers.append(Response(body, headers={"Request-Id": "req_17"}))
        return api.get("window", "charges/ch_1", {})

    return bring


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ('{"id": "ch_1", "amount": 4900, "note": null}', {"id": "ch_1", "amount": 4900, "note": None}),
        ('{"name": "Zoë \\u65e5本 🙂"}', {"name": "Zoë 日本 🙂"}),
        ('{"name": "cut \\ud83d"}', {"name": "cut \ud83d"}),
        ('{"id": "ch_1", "id": "ch_2"}', {"id": "ch_2"}),
        ('{"fee": 1e400, "id": "ch_1"}', {"fee": float("inf"), "id": "ch_1"}),
        ('{"most": 18446744073709551615}', {"most": 2**64 - 1}),
        ('{"more": 36893488147419103232}', {"more": float(2**65)}),
        ("{}", {}),
    ],
)
def test_what_comes_through_the_stripe_sdk_is_the_body_as_it_was_sent(charge, body, read):
    """Half an emoji is kept; the later of two values of one name counts; an integer beyond 64 bits, which no column holds, is a float."""
    assert charge(body) == read


def test_a_value_that_is_no_number_is_kept(charge):
    """NaN is no JSON, but one such value costs no page."""
    assert math.isnan(charge('{"fee": NaN}')["fee"])


@pytest.mark.parametrize(
    "body",
    ['{"id": "ch_1", "amou', "", "<html>", b'{"id": "\xff"}', '{"a":' * 2_000 + "1" + "}" * 2_000, "[]", "null", "17"],
    ids=["cut", "empty", "page", "no text", "too deep", "list", "null", "number"],
)
def test_a_good_status_over_what_is_no_object_is_left_for_the_next_run(charge, body):
    """Nothing of it is taken, and the error quotes nothing of it."""
    with pytest.raises(Retryable, match="the next run tries again") as refused:
        charge(body)
    assert "ch_1" not in str(refused.value).replace("charges/ch_1", "")


def test_a_proxys_page_in_another_encoding_is_left_for_the_next_run(charge, vendor, clock):
    """The SDK reads UTF-8 and nothing else."""
    vendor.answers = [Response("Überlastet".encode("latin-1"), 502) for _ in range(TRIES)]
    with pytest.raises(Retryable, match="HTTP 502"):
        charge("{}")


def test_no_body_is_written_into_a_line_of_the_stripe_sdk(charge, caplog):
    """Whoever turns on its lines to see its requests sees no customer in them."""
    with caplog.at_level(logging.DEBUG, logger="stripe"):
        charge('{"email": "dana@kolbe.example"}')
    assert "charges/ch_1" in caplog.text
    assert "kolbe" not in caplog.text


def test_threads_share_one_pace(opened, clock):
    """Two clients of one account in eight threads are no faster than one."""
    first, second = (shared("shop", "key", Buckets(lambda _: {"all": Rate(20, 1)}, clock=clock)) for _ in range(2))
    assert first is second
    assert shared("shop", "another key", Buckets(lambda _: {}, clock=clock)) is not first

    class Counting(Pace):
        starts: list[float] = []  # noqa: RUF012

        def reserve(self, request: requests.PreparedRequest) -> float:
            self.starts.append(clock.now + first.reserve(request))
            return 0.0

        def note(self, request: requests.PreparedRequest, response: requests.Response) -> None:
            first.note(request, response)

    clients = [opened(pace=Counting()) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: clients[n % 2].get("https://shop.example/").ok, range(60)))
    assert most_in(Counting.starts, 0.999) <= 20


# what could create twice ----------------------------------------------------------------------------------------------

POSTS = {
    "salesforce": (
        salesforce_repeats,
        {
            "/services/oauth2/token": True,  # another token
            "/services/data/v63.0/composite/batch": True,  # parts that read
            "/services/data/v63.0/composite/sobjects/Contact": True,  # ids that are read
            "/services/data/v63.0/composite/sobjects": False,  # rows of FieldPermissions
            "/services/data/v63.0/sobjects/PermissionSet/": False,
            "/services/data/v63.0/sobjects/PermissionSetAssignment/": False,
            "/services/data/v63.0/tooling/sobjects/CustomField": False,
        },
    ),
    "hubspot": (
        hubspot_repeats,
        {
            "/crm/v3/objects/contacts/search": True,
            "/crm/v3/objects/contacts/batch/read": True,
            "/crm/v3/objects/contacts/batch/update": True,  # by id
            "/crm/v4/associations/deals/contacts/batch/read": True,
            "/crm/v3/properties/contacts": True,  # a name is taken once: the second answer is 409
            "/crm/v3/properties/contacts/groups": True,  # likewise
        },
    ),
    "meta_ads": (
        meta_repeats,
        {
            "/v26.0/": True,  # a batch of reads
            "/v26.0/act_1/insights": True,  # a report; the one whose id was lost is never read
        },
    ),
    "stripe": (stripe_repeats, {"/v1/customers": False, "/v1/webhook_endpoints": False}),
}
"""Every POST that a connector sends (of Stripe's none, so any), and whether doing it twice is doing it once."""


@given(
    door=st.sampled_from(
        ["sobjects", "tooling/sobjects", "composite/tree", "composite", "jobs/ingest", "actions/custom"]
    ),
    name=st.text("abcABC/_", max_size=12),
)
def test_a_post_that_nobody_listed_is_taken_for_one_that_creates(door, name):
    """A door that a connector learns to use later is safe before somebody thinks of it."""
    assert not salesforce_repeats(asked(f"https://a.my.salesforce.com/services/data/v63.0/{door}/{name}", "POST"))
    assert not stripe_repeats(asked(f"https://api.stripe.com/v1/{name}", "POST"))


@pytest.mark.parametrize(
    ("vendor_name", "path", "harmless"),
    [(name, path, harmless) for name, (_, posts) in POSTS.items() for path, harmless in posts.items()],
)
@pytest.mark.parametrize("lost", ["answer", "busy"])
def test_a_post_that_could_create_twice_is_not_repeated_when_its_answer_is_lost(
    serve, clock, vendor_name, path, harmless, lost
):
    """The work is done and the answer never comes: only what is harmless is done again."""
    done: list[str] = []

    async def work(request: Request) -> Response:
        done.append(request.url.path)
        if lost == "busy":
            return busy(503)
        return Cut()

    url = serve(Starlette(routes=[Route("/{path:path}", work, methods=["POST"])]))
    client = session(
        Transport("shop", repeatable=POSTS[vendor_name][0], calls=Counter(), base_url=url, pause=clock.pause)
    )
    try:
        client.post(f"https://shop.example{path}")
    except requests.RequestException:
        assert lost == "answer"
    assert len(done) == (TRIES if harmless else 1)


class Cut(Response):
    """Promises more than it sends, and hangs up."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        await asyncio.sleep(0)
