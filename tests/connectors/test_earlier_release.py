"""A workspace of the release before: its cursors and staged pages, in the shapes that it wrote, are gone on with.

Each vendor's stream is pulled, its cursor is replaced by what the earlier release would have saved at that moment, and the vendor goes
on changing. What the lake holds behind the next pull is what the vendor holds.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Connector, Source
from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from models.operations import Cursor
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.ingest.landing import rows
from pipelines.ingest.pull import PullReport, pull_stream
from pipelines.ingest.staging import Mark, Staging
from sandbox.hubspot.catalogue import form, submission
from tests.conftest import NOW
from tests.connectors.hubspot.conftest import Practice as Portal
from tests.connectors.meta_ads.conftest import BERLIN, Ground
from tests.connectors.meta_ads.conftest import Puller as MetaAds
from tests.connectors.product_events.conftest import Folder, lines, track
from tests.connectors.salesforce.conftest import Practice as Org
from tests.connectors.stripe.conftest import Puller as Stripe
from tests.stores import new_store

HOUR = timedelta(hours=1)
SECONDS = int(NOW.timestamp())


@dataclass
class Vendor:
    """A vendor with three records: how it is opened, how it goes on, and what it then holds, by id."""

    open: Callable[[], Source]
    goes_on: Callable[[], None]
    holds: Callable[[], set[str]]


def salesforce(sandbox: Any, clock: FrozenClock, _: Path) -> Vendor:
    org = Org(sandbox, clock)
    kept, binned, erased = org.contacts(range(1, 4), NOW - 2 * HOUR)

    def goes_on() -> None:
        sandbox.state.update_as_user("Contact", kept, {"LastName": "New"})
        sandbox.state.delete("Contact", binned)
        sandbox.state.hard_delete("Contact", erased)
        org.contacts(range(4, 5), clock.now())

    return Vendor(
        org.source, goes_on, lambda: {one["Id"] for one in sandbox.state.rows("Contact") if not one["IsDeleted"]}
    )


def hubspot(sandbox: Any, clock: FrozenClock, _: Path) -> Vendor:
    portal = Portal(sandbox, clock)
    portal.contacts(range(1, 4), NOW - 2 * HOUR, lastname="Before")

    def goes_on() -> None:
        sandbox.state.update("contacts", 1, {"lastname": "New"})
        sandbox.state.archive("contacts", 2)
        sandbox.state.purge("contacts", 3)
        portal.contacts(range(4, 5), clock.now())

    return Vendor(portal.source, goes_on, lambda: {"1", "4"})


def hubspot_forms(sandbox: Any, clock: FrozenClock, _: Path) -> Vendor:
    portal, guid = Portal(sandbox, clock), "6a3a1f52-4f0e-4b7c-9d0b-2d5a7c1e8f01"
    sandbox.state.insert_many("forms", [form(guid, "Demo", NOW - 90 * 24 * HOUR, [("email", "email")])])

    def submit(number: int) -> None:
        at = int(clock.now().timestamp() * 1000)
        told = submission(f"c-{number}", at, "https://acme.example", {"email": "a@b.example"})
        sandbox.state.insert_many(f"submissions/{guid}", [told])

    submit(1)
    return Vendor(portal.source, lambda: submit(2), lambda: {"c-1", "c-2"})


def stripe(sandbox: Any, clock: FrozenClock, _: Path) -> Vendor:
    made = [{"id": f"cus_{n}", "object": "customer", "created": SECONDS - 7200 + n} for n in range(3)]
    sandbox.state.insert_many(made)

    def goes_on() -> None:
        sandbox.state.update("cus_0", {"email": "new@b.example"})
        sandbox.state.delete("cus_1")
        sandbox.state.create({"id": "cus_3", "object": "customer"})

    return Vendor(Stripe(sandbox, clock).open, goes_on, lambda: {"cus_0", "cus_2", "cus_3"})


def stripe_ledger(sandbox: Any, clock: FrozenClock, _: Path) -> Vendor:
    def book(number: int, at: int) -> None:
        entry = {"id": f"txn_{number}", "object": "balance_transaction", "created": at, "available_on": at}
        sandbox.state.insert_many([{**entry, "status": "available", "amount": 1, "currency": "eur"}])

    book(1, SECONDS - 7200)
    return Vendor(
        Stripe(sandbox, clock).open, lambda: book(2, int(clock.now().timestamp())), lambda: {"txn_1", "txn_2"}
    )


def meta_ads(sandbox: Any, clock: FrozenClock, _: Path) -> Vendor:
    ground = Ground(sandbox)
    ground.account(BERLIN, "Europe/Berlin", "EUR")
    ground.ad("1")
    ground.day("1", "2026-10-31", "9.50")
    ground.lead("l1", "1", "2026-11-01T10:00:00+0000", email="a@b.example")
    return Vendor(MetaAds(sandbox, clock).open, lambda: None, lambda: {"1"})


def meta_ads_leads(sandbox: Any, clock: FrozenClock, folder: Path) -> Vendor:
    before = meta_ads(sandbox, clock, folder)
    late = "2026-11-02T10:00:00+0000"
    return Vendor(before.open, lambda: Ground(sandbox).lead("l2", "1", late), lambda: {"l1", "l2"})


def meta_ads_days(sandbox: Any, clock: FrozenClock, folder: Path) -> Vendor:
    before = meta_ads(sandbox, clock, folder)
    days = {str(date(2026, 8, 1) + timedelta(days=n)) for n in range((NOW.date() - date(2026, 8, 1)).days + 1)}
    return Vendor(before.open, lambda: Ground(sandbox).day("1", "2026-11-01", "3.00"), lambda: days)


def product_events(_: Any, clock: FrozenClock, path: Path) -> Vendor:
    path.mkdir()
    folder = Folder(path, clock)
    folder.write("a.jsonl", lines(track(1), "no event", track(2)))
    return Vendor(
        folder.open,
        lambda: folder.write("a.jsonl", lines(track(1), track(2), track(3)) + "\n") and None,
        lambda: {"m-1", "m-2", "m-3"},
    )


HELD = {"end": "2026-11-02T08:55:00+00:00", "after": None}
OLD = {
    "salesforce": (
        salesforce, "contacts", {"until": "2026-11-02T08:55:00+00:00", "swept": "2026-11-02T08:55:00+00:00"},
        {"start": "2026-11-02T08:45:00+00:00", **HELD},
    ),
    "salesforce-first": (salesforce, "contacts", None, {"start": None, **HELD}),
    "hubspot": (
        hubspot, "contacts", {"until": SECONDS * 1000 - 3_600_000, "swept": SECONDS * 1000, "read_all": SECONDS * 1000},
        {"start": SECONDS * 1000 - 3_900_000, "end": SECONDS * 1000, "after": None},
    ),
    "hubspot-first": (hubspot, "contacts", None, {"start": None, "end": SECONDS * 1000, "after": "1"}),
    "hubspot-forms": (
        hubspot_forms, "form_submissions", {"until": SECONDS * 1000}, {"end": SECONDS * 1000 + 60_000, "form": "", "after": None},
    ),
    "stripe": (
        stripe, "customers", {"events_from": SECONDS, "seen": [], "version": "2026-10-28.endive"}, {"end": SECONDS + 60, "after": None},
    ),
    "stripe-first": (stripe, "customers", None, {"listed_at": SECONDS, "trail": ["cus_2"]}),
    "stripe-ledger": (
        stripe_ledger, "balance_transactions", {"created_from": SECONDS, "pending": {}, "version": "2026-10-28.endive"},
        {"start": SECONDS - 600, "end": SECONDS + 60, "trail": [], "pending": {}},
    ),
    "meta_ads": (
        meta_ads, "ads", {BERLIN: {"until": SECONDS, "listed": SECONDS}},
        {"account": BERLIN, "in": {"as_of": SECONDS + 60, "since": SECONDS - 600, "after": None}},
    ),
    "meta_ads-leads": (
        meta_ads_leads, "leads", {BERLIN: {"until": SECONDS}},
        {"account": BERLIN, "in": {"as_of": SECONDS + 60, "ad": "", "held": False}},
    ),
    "meta_ads-days": (
        meta_ads_days, "insights", {"version": 1, "accounts": {BERLIN: {"read": "2026-11-02", "since": "2026-08-01"}}},
        {
            "version": 1, "as_of": NOW.isoformat(), "done": 0,
            "spans": [{"account": BERLIN, "since": "2026-11-01", "until": "2026-11-02", "job": None}],
        },
    ),
    "product_events": (
        product_events, "events",
        {"files": {"a.jsonl": [1, 1, "whole", 1, 4, "", [2]]}, "sums": {}, "until": -1},
        {"files": {"a.jsonl": [1, 1, "part", 0, 1, "", [2]]}, "sums": {}, "until": -1},
    ),
}  # fmt: skip
"""Per vendor and kind of stream: its three records, its name, the cursor and a position within a window, as release 0.1 wrote them."""


@pytest.fixture(params=OLD)
def case(request: pytest.FixtureRequest) -> str:
    """A vendor and a kind of stream."""
    return str(request.param)


@pytest.mark.parametrize("staged", [False, True], ids=["cursor", "staged page"])
def test_an_earlier_releases_workspace_is_gone_on_with(case, staged, tmp_path, clock, request, caplog):
    """Nothing is lost, nothing comes twice, what is gone is seen, and the run after it finds nothing new."""
    ground, stream, cursor, position = OLD[case]
    name = case.partition("-")[0]
    sandbox = None if name == "product_events" else request.getfixturevalue(f"{name}_sandbox")
    vendor, place = (
        ground(sandbox, clock, tmp_path / "files"),
        Place(connectors_by_name()[name], stream, tmp_path, clock),
    )
    if cursor:
        place.pull(vendor)
        place.save(vendor, cursor)
    if staged:
        place.stage(vendor, cursor, position)
    clock.advance(2 * HOUR)
    vendor.goes_on()
    clock.advance(2 * HOUR)
    with caplog.at_level(logging.WARNING):
        place.pull(vendor)
    place.pull(vendor)  # Stripe's ledger ends a window that was begun, and goes on with the next pull
    assert place.live() == vendor.holds()
    assert place.lake.census(name, stream).twice == 0
    assert place.pull(vendor).rows == 0
    json.dumps(place.cursor(vendor))
    if case in {"salesforce", "hubspot"}:
        assert "of an earlier release" in caplog.text


@dataclass
class Place:
    """A lake and a store, and what the earlier release may have left there."""

    connector: Connector
    name: str
    folder: Path
    clock: FrozenClock

    def __post_init__(self) -> None:
        self.lake = Lake.open(str(self.folder / "lake"))
        self.store = new_store(self.folder)
        self.stream = self.connector.streams_by_name[self.name]

    def pull(self, vendor: Vendor) -> PullReport:
        return pull_stream(
            vendor.open(), self.connector, self.stream, lake=self.lake, store=self.store, staging=self.folder / "staging", clock=self.clock
        )  # fmt: skip

    def save(self, vendor: Vendor, cursor: dict[str, Any]) -> None:
        with transaction(self.store) as session:
            row = session.get(Cursor, (self.connector.name, vendor.open().account, self.name))
            assert row is not None
            row.position = cursor

    def cursor(self, vendor: Vendor) -> Any:
        with transaction(self.store) as session:
            row = session.get(Cursor, (self.connector.name, vendor.open().account, self.name))
            assert row is not None
            return row.position

    def stage(self, vendor: Vendor, since: dict[str, Any] | None, position: dict[str, Any]) -> None:
        """A page of an unfinished window, whose mark does not know what a window may hold whole."""
        pages = Staging.of(self.folder / "staging", self.connector.name, vendor.open().account, self.name)
        table, _ = rows([], self.stream, self.clock.now(), 1)
        pages.add(1, table, Mark(since, position, None))

    def live(self) -> set[str]:
        found = self.lake.latest(self.connector.name, self.name).filter(lambda row: ~row.deleted).to_pyarrow()
        return set(found["id"].to_pylist())
