"""Accounts whose changes are told by events, some of them late; lists longer than are shown, test clocks, balances that settle."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from connectors.stripe.client import StripeApi
from connectors.stripe.listing import GAP
from connectors.stripe.pull import StripeSource
from connectors.stripe.settings import StripeSettings
from models.clock import FrozenClock
from sandbox.stripe import API_KEY
from sandbox.stripe.state import StripeState
from tests.harness import Key, Living, Payload, Served, backdated, seeded

OTHER = "acct_soak"
"""An account that is connected in some runs."""
CLOCK = "clock_soak"
PREFIXES = {
    "customer": "cus", "subscription": "sub", "invoice": "in", "charge": "ch", "refund": "re", "dispute": "du", "product": "prod",
    "price": "price", "balance_transaction": "txn",
}  # fmt: skip
DELETABLE = frozenset({"customer", "invoice", "product", "price"})
HIDDEN = {"customer": {"subscriptions"}, "charge": {"refunds"}, "price": {"tiers"}}
"""Keys that are shown on request only, and that nobody requests."""
LATE = 86400
"""Seconds after its day at which a balance is settled at the latest."""
LATEST = timedelta(seconds=55)
"""An event may arrive so long after its instant, also while everything is listed: a minute of lag, less some seconds."""


class StripeHarness(Served):
    """An account in test mode, in some runs with another one connected to it."""

    vendor = "stripe"
    streams = (
        "customers", "subscriptions", "invoices", "charges", "refunds", "disputes", "products", "prices", "balance_transactions",
    )  # fmt: skip
    lag = timedelta(minutes=3)
    cadence = timedelta(days=3)
    secrets = (API_KEY,)
    grant = "to Read"
    nonsense = (
        ("charges", r'"amount":\d+', '"amount":-500'),
        ("charges", r'"status":"[^"]*"', '"status":"nobody_knows"'),
        ("charges", r'"currency":"[^"]*"', '"currency":"€"'),
        ("refunds", r'"reason":null', '"reason":9007199254740993'),
        ("customers", r'"created":\d+', '"created":99999999999999999'),
        ("customers", r'"email":"[^"]*"', '"email":{"an":"object"}'),
    )

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        super().__init__(root, clock)
        self.accounts: list[StripeState] = [self.state]
        clock_of_test = {"id": CLOCK, "object": "test_helpers.test_clock", "created": self.state.now()}
        self.state.insert_many([clock_of_test])

    def vary(self, random: Random) -> None:
        if random.random() < 0.5:
            self.accounts.append(self.state.connect(OTHER))

    def open(self) -> StripeSource:
        self._settle(LATE)
        connect = tuple(account.account for account in self.accounts[1:])
        settings = StripeSettings(api_key=API_KEY, base_url=self.url, connect=connect)
        return StripeSource(StripeApi(settings, self.pause), self.clock, settings.mode, settings.connect)

    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:
        kind, account = stream.removesuffix("s"), random.choice(self.accounts)
        made = {"id": account.next_id(PREFIXES[kind]), "object": kind, **self._needed(kind, random, account)}
        with backdated(self.clock, min(ago, LATEST)):
            if kind == "balance_transaction":  # told by no event
                account.insert_many([{"created": account.now(), **made}])
            else:
                account.create(made)
        return str(made["id"])

    def update(self, stream: str, record_id: str, random: Random) -> None:
        kind, words = stream.removesuffix("s"), self.words(random)
        if kind == "balance_transaction":
            return
        change: Payload = {"metadata": {"note": words}}
        if kind == "subscription" and random.random() < 0.2:
            change["status"] = random.choice(("canceled", "active", "past_due"))
        with backdated(self.clock, random.choice((timedelta(0), LATEST))):
            self._holder(record_id).update(record_id, change)

    def delete(self, stream: str, record_id: str, random: Random) -> bool:
        if stream.removesuffix("s") not in DELETABLE:
            return False
        with backdated(self.clock, random.choice((timedelta(0), LATEST))):
            self._holder(record_id).delete(record_id)
        return True

    def weather(self, random: Random) -> Mapping[str, Callable[[], None]]:
        return {"settle": self._settle}

    def living(self, stream: str) -> Living:
        kind = stream.removesuffix("s")
        sql = "select json from objects where type=? and gone=0"
        return {
            (f"{account.account}:test", row["id"]): self._payload(kind, row, account)
            for account in self.accounts
            for (found,) in account._db.execute(sql, (kind,)).fetchall()
            for row in [orjson.loads(found)]
        }

    def untold(self, stream: str) -> AbstractSet[Key]:
        """Lists leave out prices that were made inline, so one that no list names need not be gone, and events are soon forgotten."""
        if stream != "prices":
            return frozenset()
        sql = "select json from objects where type='event' and created < ?"
        forgotten = [
            (f"{account.account}:test", orjson.loads(found))
            for account in self.accounts
            for (found,) in account._db.execute(sql, (account.now() - GAP,)).fetchall()
        ]
        return {
            (account, told["data"]["object"]["id"]) for account, told in forgotten if told["type"] == "price.deleted"
        }

    def drift(self) -> tuple[str, str, str]:
        made = self.create("customers", seeded(0))
        self.rewrite(r'"object":"customer"', '"object":"customer","mood":"brand new"')
        return "customers", made, "brand new"

    def _holder(self, record_id: str) -> StripeState:
        return next(account for account in self.accounts if account.find(record_id))

    def _payload(self, kind: str, row: Payload, account: StripeState) -> Payload:
        shown = {name: value for name, value in row.items() if name not in HIDDEN.get(kind, ())}
        if kind in {"refund", "dispute"} and (charge := account.find(row["charge"] or "")):
            shown["charge"] = {name: charge.get(name) for name in ("id", "object", "customer")}
        return shown

    def _settle(self, late: int = 0) -> None:
        """Pending entries whose day came so many seconds ago become available, and nobody tells."""
        sql = "select json from objects where type='balance_transaction'"
        for account in self.accounts:
            for (json,) in account._db.execute(sql).fetchall():
                row = orjson.loads(json)
                if row["status"] == "pending" and row["available_on"] <= account.now() - late:
                    account.update(row["id"], {"status": "available"})

    def _needed(self, kind: str, random: Random, account: StripeState) -> Payload:
        number, words = self.next(), self.words(random)
        match kind:
            case "customer":
                simulated = account is self.state and random.random() < 0.3
                return {
                    "email": f"p{number}@kolbe.example",
                    "name": words,
                    "test_clock": CLOCK if simulated else None,
                }
            case "subscription":
                return {"customer": "cus_0", "items": self._entries("subscription_item", random)}
            case "invoice":
                return {"customer": "cus_0", "lines": self._entries("line_item", random), "description": words}
            case "charge":
                return {"amount": number, "amount_captured": number, "description": words, "currency": "jpy"}
            case "refund" | "dispute":
                return {"amount": number, "charge": self._charge(account)}
            case "product":
                return {"name": words}
            case "price":
                return {"unit_amount": number, "nickname": words}
        due = self.state.now() + random.choice((3600, 90_000, 200_000))
        return {"amount": number, "net": number, "status": random.choice(("available", "pending")), "available_on": due}

    def _charge(self, account: StripeState) -> str:
        """The one charge that everything is about, each account's own."""
        number = f"ch_{account.account}"
        if account.find(number) is None:
            account.insert_many([{"id": number, "object": "charge", "created": account.now(), "customer": "cus_0"}])
        return number

    def _entries(self, kind: str, random: Random) -> list[Any]:
        """Entries of a list inside an object, sometimes more than are shown."""
        many = random.choice((1, 2, 13))
        return [
            {"id": f"{kind[:2]}_{self.next()}", "object": kind, "created": self.state.now(), "quantity": each + 1}
            if kind == "subscription_item"
            else {"id": f"il_{self.next()}", "object": kind, "quantity": each + 1}
            for each in range(many)
        ]


HARNESS = StripeHarness
