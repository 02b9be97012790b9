"""What the shared transport repeats, waits for and hides, against a real server."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.transport import LONGEST_WAIT, TRIES, Transport, redact, retry_after, session


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
        Transport(repeatable=lambda request: request.method != "POST", calls=calls, base_url=url, pause=waits.append)
    )


def busy(status: int, **headers: str) -> Response:
    return Response("<html>", status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_request_goes_to_the_other_host_and_names_the_real_one(client, vendor):
    """The sandbox sees for whom it stands in."""
    assert client.get("https://acme.my.salesforce.com/a?b=c").json() == {"fine": True}
    assert vendor.asked[0].headers["X-Original-Host"] == "acme.my.salesforce.com"
    assert str(vendor.asked[0].url).endswith("/a?b=c")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_vendor_is_asked_again_after_the_wait_it_names(client, vendor, waits, calls, status):
    """Each repetition is counted."""
    vendor.answers = [busy(status, retry_after="7"), busy(status, retry_after="0")]
    assert client.get("https://vendor.example/").ok
    assert waits == [7, 0]
    assert calls == {"retry": 2}


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


def test_other_refusals_stand(client, vendor):
    """A 403 will not get better by asking."""
    vendor.answers = [busy(403)]
    assert client.get("https://vendor.example/").status_code == 403
    assert len(vendor.asked) == 1


def test_nobody_at_home_is_tried_as_often_as_a_busy_vendor(waits):
    """A refused connection is worth as many tries, then it rises."""
    nobody = session(
        Transport(repeatable=lambda _: True, calls=Counter(), base_url="http://127.0.0.1:9", pause=waits.append)
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
