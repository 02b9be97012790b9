"""The door for webhooks over real HTTP, knocked at with signatures that are made as the vendors' pages say, not as our code does."""

import base64
import hashlib
import hmac
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from models.operations import Dirty
from models.store import transaction
from pipelines.workspace import Workspace, WorkspaceSettings
from service.webhooks import LARGEST, Brief, create_app, create_server
from tests import stores
from tests.conftest import NOW, Serve

ROOT = Path(__file__).parents[2]
NEW = "whsec_new"
ADDRESS = "https://hooks.example.com"
SECRETS = {
    "STRIPE_API_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRET": f"whsec_old, {NEW}",
    "HUBSPOT_ACCESS_TOKEN": "pat-x",
    "HUBSPOT_CLIENT_SECRET": "hush-hubspot",
    "META_ADS_ACCESS_TOKEN": "EAA-x",
    "META_ADS_APP_ID": "1",
    "META_ADS_APP_SECRET": "hush-meta",
    "META_ADS_VERIFY_TOKEN": "our words",
}
STRIPE_EVENT = {
    "id": "evt_1", "object": "event", "type": "customer.updated", "livemode": False,
    "data": {"object": {"id": "cus_dana", "object": "customer", "email": "dana@kolbe.example"}},
}  # fmt: skip
"""A snapshot event: https://docs.stripe.com/api/events/object."""
HUBSPOT_EVENT = {
    "eventId": 1, "subscriptionId": 2, "portalId": 62515, "appId": 3, "occurredAt": 1564113600000, "attemptNumber": 0,
    "subscriptionType": "contact.propertyChange", "objectId": 123, "propertyName": "email", "propertyValue": "dana@kolbe.example",
}  # fmt: skip
"""https://developers.hubspot.com/docs/api/webhooks#webhook-payloads."""
META_CHANGE = {"object": "page", "entry": [{"id": "153125381133", "time": 1438292065, "changes": [
    {"field": "leadgen", "value": {"leadgen_id": 123123123123, "page_id": 123123123, "form_id": 12312312312, "created_time": 1440120384}}
]}]}  # fmt: skip
"""https://developers.facebook.com/docs/graph-api/webhooks/getting-started/webhooks-for-leadgen."""


def stripe_signature(body: bytes, at: datetime, secret: str) -> str:
    """`t=…,v1=…`: HMAC-SHA256 over timestamp, a dot and the body (https://docs.stripe.com/webhooks#verify-manually)."""
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def hubspot_signature(body: bytes, stamp: int, url: str) -> str:
    """Base64 of HMAC-SHA256 over method, URI, body and timestamp (request-validation, "Validate the v3 request signature")."""
    return base64.b64encode(
        hmac.new(b"hush-hubspot", f"POST{url}".encode() + body + str(stamp).encode(), hashlib.sha256).digest()
    ).decode()


def meta_signature(body: bytes, secret: str) -> str:
    """`sha256=` and HMAC-SHA256 over the body (graph-api/webhooks/getting-started, "Validating Payloads")."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


@dataclass
class Knocker:
    """Vendors' side of the door."""

    url: str
    workspace: Workspace
    clock: FrozenClock
    client: httpx.Client = field(default_factory=httpx.Client)

    def stripe(self, event: Any = STRIPE_EVENT, *, ago: float = 0, secret: str | None = None) -> int:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        header = stripe_signature(body, self.clock.now() - timedelta(seconds=ago), NEW if secret is None else secret)
        return self.post("stripe", body, {"stripe-signature": header})

    def hubspot(self, events: Any, *, ago: float = 0, query: str = "", signed: str | None = None) -> int:
        body = events if isinstance(events, bytes) else json.dumps(events).encode()
        stamp = int((self.clock.now().timestamp() - ago) * 1000)
        header = hubspot_signature(body, stamp, signed or f"{ADDRESS}/hooks/hubspot{query}")
        headers = {"x-hubspot-signature-v3": header, "x-hubspot-request-timestamp": str(stamp)}
        return self.post(f"hubspot{query}", body, headers)

    def meta(self, said: Any = META_CHANGE, secret: str | None = None) -> int:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return self.post(
            "meta_ads", body, {"x-hub-signature-256": meta_signature(body, secret or SECRETS["META_ADS_APP_SECRET"])}
        )

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        answer = self.client.post(f"{self.url}/hooks/{path}", content=body, headers=headers)
        assert answer.text == ""
        return answer.status_code

    @property
    def marked(self) -> list[tuple[str, ...]]:
        with transaction(self.workspace.store) as session:
            rows = session.exec(select(Dirty)).all()
        return sorted((row.vendor, row.account, row.stream, row.id) for row in rows)


@pytest.fixture
def knocker(tmp_path: Path, clock: FrozenClock, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[Knocker]:
    """A door that vendors know as https://hooks.example.com, with every secret set."""
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            monkeypatch.delenv(connector.settings.variable(name), raising=False)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(store=stores.new_store(tmp_path), clock=clock)
    with httpx.Client() as client:
        yield Knocker(serve(create_app(workspace, ADDRESS)), workspace, clock, client)


def test_what_stripe_says_is_marked_once(knocker: Knocker):
    """Said again, it is the same row with a later instant; the old secret of a rolled one still counts."""
    assert (knocker.stripe(), knocker.stripe(secret="whsec_old")) == (200, 200)
    knocker.clock.advance(timedelta(minutes=1))
    assert knocker.stripe(ago=60) == 200
    assert knocker.marked == [("stripe", "", "customers", "cus_dana")]
    with transaction(knocker.workspace.store) as session:
        assert session.exec(select(Dirty)).one().noticed_at == NOW + timedelta(minutes=1)


def test_a_thin_event_names_its_object(knocker: Knocker):
    """It carries a reference only (https://docs.stripe.com/event-destinations#thin-events)."""
    related = {"id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1"}
    thin = {"object": "v2.core.event", "type": "v1.invoice.paid", "livemode": False, "related_object": related}
    assert knocker.stripe(thin) == 200
    assert knocker.marked == [("stripe", "", "invoices", "in_1")]


@pytest.mark.parametrize(
    "event",
    [
        STRIPE_EVENT | {"livemode": True},
        STRIPE_EVENT | {"data": {"object": {"object": "balance", "available": []}}},
        STRIPE_EVENT | {"data": {"object": {"object": "person", "id": "person_1"}}},
        STRIPE_EVENT | {"data": {"object": {"object": "customer", "id": "cus_" + "x" * 200}}},
        STRIPE_EVENT | {"data": {"object": {"object": "customer", "id": "cus_<script>\n"}}},
    ],
    ids=["of the other mode", "without an id", "not read here", "long id", "odd id"],
)
def test_an_event_of_something_else_is_taken_and_marks_nothing(knocker: Knocker, event: Any):
    """Else Stripe would send it again for three days."""
    assert knocker.stripe(event) == 200
    assert knocker.marked == []


@pytest.mark.parametrize("ago", [301, -301])
def test_an_old_delivery_of_stripe_is_refused(knocker: Knocker, ago: float):
    """Five minutes, as in Stripe's own libraries, and by our clock; a replay within them marks the same row."""
    assert knocker.stripe(ago=ago) == 401
    assert knocker.stripe(ago=ago - 1 if ago > 0 else ago + 1) == 200
    assert len(knocker.marked) == 1


@pytest.mark.parametrize(
    "header",
    [
        "", "t=1,v1=abc", "v1=", "t=NOW", "t=NOW,v0=GOOD", "t=OLD,v1=GOOD", "t= OLD,t=NOW,v1=GOOD", "t=NOW,t=OLD,v1=GOOD",
        "t=NOW,v1=\xff", "t=NOW=1,v1=GOOD",
    ],
)  # fmt: skip
def test_a_forged_signature_of_stripe_is_refused(knocker: Knocker, header: str):
    """No signature, another scheme, an instant that the signature does not cover, or one hidden behind another."""
    body = json.dumps(STRIPE_EVENT).encode()
    old, now = NOW - timedelta(hours=1), NOW
    good = stripe_signature(body, old if "OLD" in header else now, NEW).partition("v1=")[2]
    if header == "t=OLD,v1=GOOD":
        good = stripe_signature(body, now, NEW).partition("v1=")[2]
    stamps = {"NOW": str(int(now.timestamp())), "OLD": str(int(old.timestamp())), "GOOD": good}
    given = re.sub("NOW|OLD|GOOD", lambda word: stamps[word[0]], header)
    assert knocker.post("stripe", body, {"stripe-signature": given.encode("latin-1")}) == 401  # type: ignore[dict-item]
    assert knocker.marked == []


def test_a_body_that_was_changed_on_the_way_is_refused(knocker: Knocker):
    """At each vendor; and a signature of one vendor opens no other's door."""
    body = json.dumps(STRIPE_EVENT).encode()
    signed = {
        "stripe-signature": stripe_signature(body, NOW, NEW),
        "x-hub-signature-256": meta_signature(body, "hush-meta"),
    }
    assert knocker.post("stripe", body + b" ", signed) == 401
    assert knocker.post("meta_ads", body + b" ", signed) == 401
    assert knocker.post("hubspot", body, signed) == 401
    assert knocker.stripe(secret="whsec_other") == 401
    assert knocker.meta(secret="whsec_new") == 401
    assert knocker.marked == []


def test_what_hubspot_says_is_marked(knocker: Knocker):
    """Changes, creations, deletions, restorations, ties, and all records of a merge, in both spellings; other events mark nothing."""
    events = [
        HUBSPOT_EVENT,
        HUBSPOT_EVENT | {"eventId": 2, "propertyName": "phone"},
        {"portalId": 62515, "subscriptionType": "company.creation", "objectId": 7},
        {"portalId": 62515, "subscriptionType": "object.deletion", "objectTypeId": "0-3", "objectId": 8},
        {"portalId": 62515, "subscriptionType": "object.restore", "objectTypeId": "0-48", "objectId": 9},
        {"portalId": 62515, "subscriptionType": "contact.merge", "objectId": 11, "primaryObjectId": 10, "mergedObjectIds": [11, 12],
         "newObjectId": 13, "numberOfPropertiesMoved": 3},
        {"portalId": 62515, "subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT", "fromObjectId": 14,
         "toObjectId": 123, "associationRemoved": False},
        {"portalId": 62515, "subscriptionType": "object.creation", "objectTypeId": "2-777", "objectId": 15},
        {"portalId": 62515, "subscriptionType": "conversation.newMessage", "objectId": 16},
        {"portalId": 62515, "subscriptionType": {"odd": 1}, "objectId": [17]}, "odd", None,
        {"subscriptionType": "company.creation", "objectId": 18}, {"portalId": 62515, "subscriptionType": "company.creation", "objectId": True},
    ]  # fmt: skip
    assert knocker.hubspot(events) == 200
    assert {(stream, record_id) for _, _, stream, record_id in knocker.marked} == {
        ("contacts", "123"), ("companies", "7"), ("deals", "8"), ("calls", "9"), ("deals", "14"),
        *(("contacts", str(number)) for number in (10, 11, 12, 13)),
    }  # fmt: skip
    assert {account for _, account, _, _ in knocker.marked} == {"62515"}


def test_hubspot_signs_the_address_as_it_sent_to_it(knocker: Knocker):
    """Some codes are decoded before it is signed, others are not; another address is another signature."""
    sent, signed = "?to=a%3Ab%2Fc%40d%20e%25", "?to=a:b/c@d%20e%25"
    assert knocker.hubspot([HUBSPOT_EVENT], query=sent, signed=f"{ADDRESS}/hooks/hubspot{signed}") == 200
    assert knocker.hubspot([HUBSPOT_EVENT], query=sent) == 401
    assert knocker.hubspot([HUBSPOT_EVENT], signed="https://elsewhere.example/hooks/hubspot") == 401


@pytest.mark.parametrize("ago", [301, -301])
def test_an_old_delivery_of_hubspot_is_refused(knocker: Knocker, ago: float):
    """Its page says five minutes."""
    assert knocker.hubspot([HUBSPOT_EVENT], ago=ago) == 401
    assert knocker.marked == []


def test_the_leads_that_meta_names_are_marked(knocker: Knocker):
    """Several entries and changes in one delivery; other fields of the page mark nothing."""
    other = {"field": "feed", "value": {"leadgen_id": 5}}
    odd = {"field": "leadgen", "value": None}
    lead = {"field": "leadgen", "value": {"leadgen_id": "9"}}
    said = {
        "object": "page",
        "entry": [*META_CHANGE["entry"], {"changes": [other, odd, "odd", lead]}, {"changes": 1}, None],
    }
    assert knocker.meta(said) == 200
    assert knocker.marked == [("meta_ads", "", "leads", "123123123123"), ("meta_ads", "", "leads", "9")]


def test_meta_is_told_its_challenge_if_it_knows_our_words(knocker: Knocker):
    """Verification request of graph-api/webhooks/getting-started; nobody else gets an echo."""
    asked = {"hub.mode": "subscribe", "hub.verify_token": "our words", "hub.challenge": "1158201444"}
    url = f"{knocker.url}/hooks/meta_ads"
    answer = knocker.client.get(url, params=asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    for change in ({"hub.verify_token": "other"}, {"hub.mode": "unsubscribe"}, {"hub.challenge": "<b>"}):
        answer = knocker.client.get(url, params=asked | change)
        assert (answer.status_code, answer.text) == (401, "")


def test_a_vendor_without_a_secret_is_not_heard(knocker: Knocker, monkeypatch: pytest.MonkeyPatch, caplog):
    """Whoever runs the door reads which variable to set; whoever knocks does not."""
    for name in ("STRIPE_WEBHOOK_SECRET", "HUBSPOT_CLIENT_SECRET", "META_ADS_VERIFY_TOKEN"):
        monkeypatch.delenv(name)
    assert knocker.stripe(secret="") == 503
    assert knocker.hubspot([HUBSPOT_EVENT]) == 503
    assert knocker.client.get(f"{knocker.url}/hooks/meta_ads").status_code == 503
    for name in ("STRIPE_WEBHOOK_SECRET", "HUBSPOT_CLIENT_SECRET", "META_ADS_VERIFY_TOKEN"):
        assert name in caplog.text


def test_there_is_no_other_door(knocker: Knocker):
    """Unknown vendors, vendors without webhooks, other paths and methods."""
    for path in ("nobody", "salesforce", "product_events", "stripe/x", "../x"):
        assert knocker.client.post(f"{knocker.url}/hooks/{path}", content=b"{}").status_code == 404, path
    assert knocker.client.put(f"{knocker.url}/hooks/stripe", content=b"").status_code == 405


@pytest.mark.parametrize("how", ["announced", "in chunks"])
def test_what_is_too_large_is_not_read(knocker: Knocker, how: str):
    """A mebibyte is enough for every vendor."""
    body = b" " * (LARGEST + 1)
    content = body if how == "announced" else iter([body[: LARGEST // 2]] * 3)
    answer = knocker.client.post(f"{knocker.url}/hooks/stripe", content=content)
    assert answer.status_code == 413
    largest = json.dumps(STRIPE_EVENT).encode().ljust(LARGEST)
    assert knocker.stripe(largest) == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"livemode": []}'])
def test_a_signed_delivery_that_is_no_message_marks_nothing(knocker: Knocker, body: bytes):
    """It is refused or taken, and never breaks the door."""
    assert knocker.stripe(body) in {400, 401}
    assert knocker.hubspot(body) in {200, 400, 401}
    assert knocker.meta(body) in {200, 400}
    assert knocker.marked == []


def test_nothing_of_a_delivery_is_told_or_kept_but_names(knocker: Knocker, caplog: pytest.LogCaptureFixture):
    """Vendor, account, stream and id are logged; no address, no secret, no signature."""
    caplog.set_level(logging.DEBUG)
    assert knocker.stripe() == knocker.hubspot([HUBSPOT_EVENT]) == knocker.meta() == 200
    assert knocker.stripe(ago=999) == knocker.meta(secret="wrong") == 401
    asked = {"hub.mode": "subscribe", "hub.verify_token": "our words", "hub.challenge": "1"}
    knocker.client.get(f"{knocker.url}/hooks/meta_ads", params=asked)
    told = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert "stripe/-/customers/cus_dana" in told
    assert "hubspot/62515/contacts/123" in told
    for hidden in ("dana@", "whsec", "hush", "our words", "v1=", "sha256"):
        assert hidden not in told


def test_a_store_that_is_away_is_not_answered_as_done(knocker: Knocker, caplog: pytest.LogCaptureFixture):
    """The vendor will send again."""
    with transaction(knocker.workspace.store) as session:
        session.connection().exec_driver_sql("alter table dirty rename to gone")
    assert knocker.stripe() == 503
    with transaction(knocker.workspace.store) as session:
        session.connection().exec_driver_sql("alter table gone rename to dirty")
    assert knocker.stripe() == 200
    assert "dana" not in caplog.text.replace("cus_dana is marked", "")


class Blink(Brief):
    """A door that is as patient as a test."""

    longest = 0.3


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The address of a door as `sidecar webhooks` opens it."""
    server = create_server(create_app(Workspace(WorkspaceSettings(home=tmp_path))), Blink)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("said", [b"", b"POST /hooks/stripe HTTP/1.1\r\nHost:", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_connection_that_says_nothing_more_is_closed(impatient: tuple[str, int], said: bytes):
    """Before, within or after a request: silent ones must not take every place at the door."""
    with socket.create_connection(impatient, timeout=10) as silent:
        silent.sendall(said)
        assert (silent.makefile("rb").read() == b"") == (not said.endswith(b"\r\n\r\n"))


@pytest.mark.parametrize("large", ["headers", "body"])
def test_who_sends_too_much_is_sent_away(impatient: tuple[str, int], large: str):
    """Ten times as much as the door keeps is never taken: the line is closed while it is sent."""
    begun, piece = b"POST /hooks/stripe HTTP/1.1\r\nHost: x\r\n", b"X: " + b"x" * 65_000 + b"\r\n"
    if large == "body":
        begun, piece = begun + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    whole = begun + piece * (10 * LARGEST // len(piece))
    with socket.create_connection(impatient, timeout=10) as sender, pytest.raises(OSError, match=r"reset|pipe"):
        sender.sendall(whole)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of `sidecar webhooks` in a folder of its own, with Stripe set up."""
    home = tmp_path / "home"
    home.mkdir()
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    secrets = {name: value for name, value in SECRETS.items() if name.startswith("STRIPE")}
    return {**keep, **secrets, "PYTHONPATH": str(ROOT), "SIDECAR_HOME": str(home), **stores.variables(home)}


@pytest.mark.slow
def test_killed_between_mark_and_answer_the_vendor_sends_again(
    commands: dict[str, str], tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    """The mark is there, the answer is not; sent again, it is still one mark."""
    dying = [sys.executable, "-m", "tests.dying", "2", str(tmp_path / "tally"), "webhooks", "--port", "0"]
    body = json.dumps(STRIPE_EVENT).encode()
    headers = {"stripe-signature": stripe_signature(body, datetime.now(UTC), NEW)}
    with subprocess.Popen(dying, env=commands, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next((line for line in process.stderr if "listening at" in line), "")
        url = said.split("listening at ")[1].strip()
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}stripe", content=body, headers=headers)
        process.stderr.read()
    assert process.returncode == -9
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", NEW)
    store = stores.new_store(tmp_path / "home")
    workspace = Workspace(WorkspaceSettings(home=tmp_path / "home"))
    workspace.__dict__.update(store=store)
    with httpx.Client() as client:
        knocker = Knocker(serve(create_app(workspace)), workspace, FrozenClock(NOW), client)
        assert knocker.marked == [("stripe", "", "customers", "cus_dana")]
        assert knocker.post("stripe", body, headers) == 200
        assert knocker.marked == [("stripe", "", "customers", "cus_dana")]


def test_a_taken_port_is_said_plainly(commands: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """As every refusal of the command line."""
    from typer.testing import CliRunner

    from service.commands import app

    monkeypatch.chdir(tmp_path)
    for name, value in commands.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = CliRunner().invoke(app, ["webhooks", "--port", str(taken.getsockname()[1])])
    assert done.exit_code == 2
    assert "choose another" in " ".join(done.stderr.split())
