"""An account whose changes are told by events, some of them late; lists longer than are shown, and balances that settle."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

import orjson

from connectors.stripe.client import StripeApi
from connectors.stripe.pull import StripeSource
from connectors.stripe.settings import StripeSettings
from sandbox.stripe import ACCOUNT_ID, API_KEY
from tests.harness import Living, Payload, Served, backdated, seeded

ACCOUNT = f"{ACCOUNT_ID}:test"
PREFIXES = {
    "customer": "cus", "subscription": "sub", "invoice": "in", "charge": "ch", "refund": "re", "dispute": "du", "product": "prod",
    "price": "price", "balance_transaction": "txn",
}  # fmt: skip
DELETABLE = frozenset({"customer", "invoice", "product", "price"})
HIDDEN = {"customer": {"subscriptions"}, "charge": {"refunds"}, "price": {"tiers"}}
"""Keys that are shown on request only, and that nobody requests."""
LATEST = timedelta(seconds=55)
"""An event may arrive so long after its instant, also while everything is listed: a minute of lag, less some seconds."""


class StripeHarness(Served):
    """One account in test mode."""

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

    def open(self) -> StripeSource:
        settings = StripeSettings(api_key=API_KEY, base_url=self.url)
        return StripeSource(StripeApi(settings, self.pause), self.clock, settings.mode)

    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:
        kind = stream.removesuffix("s")
        made = {"id": self.state.next_id(PREFIXES[kind]), "object": kind, **self._needed(kind, random)}
        with backdated(self.clock, min(ago, LATEST)):
            if kind == "balance_transaction":  # told by no event
                self.state.insert_many([{"created": self.state.now(), **made}])
            else:
                self.state.create(made)
        return str(made["id"])

    def update(self, stream: str, record_id: str, random: Random) -> None:
        kind, words = stream.removesuffix("s"), self.words(random)
        if kind == "balance_transaction":
            return
        change: Payload = {"metadata": {"note": words}}
        if kind == "subscription" and random.random() < 0.2:
            change["status"] = random.choice(("canceled", "active", "past_due"))
        with backdated(self.clock, random.choice((timedelta(0), LATEST))):
            self.state.update(record_id, change)

    def delete(self, stream: str, record_id: str, random: Random) -> bool:
        if stream.removesuffix("s") not in DELETABLE:
            return False
        with backdated(self.clock, random.choice((timedelta(0), LATEST))):
            self.state.delete(record_id)
        return True

    def weather(self, random: Random) -> Mapping[str, Callable[[], None]]:
        return {"settle": self._settle}

    def living(self, stream: str) -> Living:
        kind = stream.removesuffix("s")
        sql = "select json from objects where type=? and gone=0"
        rows = [orjson.loads(row) for (row,) in self.state._db.execute(sql, (kind,)).fetchall()]
        return {(ACCOUNT, row["id"]): self._payload(kind, row) for row in rows}

    def drift(self) -> tuple[str, str, str]:
        made = self.create("customers", seeded(0))
        self.rewrite(r'"object":"customer"', '"object":"customer","mood":"brand new"')
        return "customers", made, "brand new"

    def _payload(self, kind: str, row: Payload) -> Payload:
        shown = {name: value for name, value in row.items() if name not in HIDDEN.get(kind, ())}
        if kind in {"refund", "dispute"} and (charge := self.state.find(row["charge"] or "")):
            shown["charge"] = {name: charge.get(name) for name in ("id", "object", "customer")}
        return shown

    def _settle(self) -> None:
        """Pending entries whose day has come become available, and nobody tells."""
        now = self.state.now()
        sql = "select json from objects where type='balance_transaction'"
        for (json,) in self.state._db.execute(sql).fetchall():
            row = orjson.loads(json)
            if row["status"] == "pending" and row["available_on"] <= now:
                self.state.update(row["id"], {"status": "available"})

    def _needed(self, kind: str, random: Random) -> Payload:
        number, words = self.next(), self.words(random)
        match kind:
            case "customer":
                return {"email": f"p{number}@kolbe.example", "name": words}
            case "subscription":
                return {"customer": "cus_0", "items": self._entries("subscription_item", random)}
            case "invoice":
                return {"customer": "cus_0", "lines": self._entries("line_item", random), "description": words}
            case "charge":
                return {"amount": number, "amount_captured": number, "description": words, "currency": "jpy"}
            case "refund" | "dispute":
                return {"amount": number, "charge": self._charge()}
            case "product":
                return {"name": words}
            case "price":
                return {"unit_amount": number, "nickname": words}
        due = self.state.now() + random.choice((3600, 90_000, 200_000))
        return {"amount": number, "net": number, "status": random.choice(("available", "pending")), "available_on": due}

    def _charge(self) -> str:
        if self.state.find("ch_0") is None:
            self.state.insert_many(
                [{"id": "ch_0", "object": "charge", "created": self.state.now(), "customer": "cus_0"}]
            )
        return "ch_0"

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
