"""Connectors with one thing missing, each of which loses something: what proves that the soak sees a loss.

A mutant is a small subclass of a real part, or a real part with another constant. No SDK is touched.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import ModuleType
from typing import Any

from connectors.base import Page, Position, Stream, Whole
from connectors.errors import Fatal
from connectors.hubspot import objects as hubspot_objects
from connectors.hubspot import span as hubspot_span
from connectors.hubspot.client import Portal, Rows
from connectors.hubspot.span import Span
from connectors.meta_ads import leads, listing, paging
from connectors.meta_ads import pull as meta_ads_pull
from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.drift import Names
from connectors.meta_ads.listing import Listing
from connectors.meta_ads.paging import Leaf, read_leaf
from connectors.salesforce import spans, state
from connectors.salesforce.client import Org
from connectors.salesforce.spans import Window
from connectors.stripe import increments as stripe_increments
from connectors.stripe import listing as stripe_listing
from connectors.stripe.client import StripeApi
from pipelines.ingest import pull as ingest
from pipelines.ingest.pull import Pull
from pipelines.ingest.staging import Mark
from tests.harness import hubspot, meta_ads, salesforce, stripe
from tests.soak.front import Front
from tests.soak.pages import replaced
from tests.soak.run import Disguise

Json = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """What is missing, of which vendor, and the names that are replaced; `streams` are where it shows."""

    missing: str
    vendor: str
    streams: tuple[str, ...]
    parts: tuple[tuple[ModuleType, str, object], ...] = ()
    disguise: Disguise = lambda source: source

    @contextmanager
    def alive(self) -> Iterator[None]:
        """The connector is the mutant for the length of the block."""
        with ExitStack() as stack:
            for part in self.parts:
                stack.enter_context(replaced(*part))
            yield

    def __str__(self) -> str:
        return f"{self.vendor}-{self.missing}"


class NoDeletes(Front):
    """A source that says nothing of what has gone."""

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        for page in super().pages(stream, cursor, resume):
            yield replace(page, records=[record for record in page.records if not record.deleted], whole=None)


class NoWhole(Front):
    """A source that never claims to have shown everything."""

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        for page in super().pages(stream, cursor, resume):
            yield replace(page, whole=None)


class HeedlessPull(Pull):
    """A landing that does not ask what should have been there."""

    def _bury(self, mark: Mark, whole: Whole) -> None:
        """Nobody."""


class StrictWindow(Window):
    """Behind the last stamp, and never at it."""

    def conditions(self) -> list[str]:
        first, *behind = super().conditions()
        return [first, *(f"{each.partition(' OR ')[0]})" if self.after else each for each in behind)]


class HastyOrg(Org):
    """Takes a page without rows for the end."""

    def _result(self, answer: Any, about: str, stream: str | None) -> Any:
        whole = super()._result(answer, about, stream)
        return whole if whole["records"] else {"totalSize": 0, "done": True, "records": []}


class CarelessOrg(Org):
    """Takes a refusal for an empty answer."""

    def query(self, *given: Any, **named: Any) -> Any:
        try:
            return super().query(*given, **named)
        except Fatal:
            return {"totalSize": 0, "done": True, "records": []}


class StrictSpan(Span):
    """Behind the start, and never at it."""

    def query(self, stamp: str) -> Json:
        asked = super().query(stamp)
        for one in asked["filterGroups"][0]["filters"]:
            one["operator"] = one["operator"].replace("GTE", "GT")
        return asked


class HastyPortal(Portal):
    """Takes a page without rows for the end."""

    def search(self, reason: str, kind: str, query: Json, stream: str | None = None) -> Rows:
        found = super().search(reason, kind, query, stream)
        return found if found.rows else Rows([], None)


class CarelessPortal(Portal):
    """Takes a refusal for an empty answer."""

    def search(self, reason: str, kind: str, query: Json, stream: str | None = None) -> Rows:
        try:
            return super().search(reason, kind, query, stream)
        except Fatal:
            return Rows([], None)


class StrictApi(StripeApi):
    """Behind the start, and never at it."""

    def get(self, reason: str, path: str, params: Mapping[str, Any], **named: Any) -> Json:
        if "created" in params:
            params = {**params, "created": {name.replace("gte", "gt"): at for name, at in params["created"].items()}}
        return super().get(reason, path, params, **named)


class HastyApi(StripeApi):
    """Takes a page without rows for the end."""

    def get(self, reason: str, path: str, params: Mapping[str, Any], **named: Any) -> Json:
        found = super().get(reason, path, params, **named)
        return found if found.get("data") != [] else {**found, "has_more": False}


class CarelessApi(StripeApi):
    """Takes a refusal for an empty answer."""

    def list(self, *given: Any, **named: Any) -> Json:
        try:
            return super().list(*given, **named)
        except Fatal:
            return {"object": "list", "data": [], "has_more": False}


class StrictListing(Listing):
    """Behind the start, and never at it."""

    def _params(self, since: int | None, until: int | None, names: Names) -> Json:
        return super()._params(None if since is None else since + 1, until, names)


class CarelessMeta(MetaApi):
    """Takes a refusal for an empty answer."""

    def get(self, *given: Any, **named: Any) -> Json:
        try:
            return super().get(*given, **named)
        except Fatal:
            return {"data": []}


def hasty_leaf(page: Json, about: str, stream: str) -> Leaf:
    """Takes a page without rows for the end."""
    leaf = read_leaf(page, about, stream)
    return leaf if leaf.rows else Leaf([], None)


A_MOMENT, NO_TIME = timedelta(seconds=1), 0
LOOK_BACK, STRICT, EMPTY, DELETES, REFUSAL = "look-back", "ties", "empty pages", "deletes", "refusals"
UNCLAIMED, UNHEEDED = "claim of all", "burial"
CRM, PAID, ADS = ("contacts", "accounts"), ("customers", "products"), ("campaigns", "ads")
CLAIMING = {"salesforce": CRM, "hubspot": ("contacts", "deals"), "stripe": PAID}
"""Vendors that can tell that a window holds everything."""
STRIPE_HASTE = ((stripe_listing, "LAG", NO_TIME), (stripe_increments, "LAG", NO_TIME))

MUTANTS = (
    Mutant(LOOK_BACK, "salesforce", CRM, ((state, "LOOK_BACK", A_MOMENT),)),
    Mutant(STRICT, "salesforce", CRM, ((state, "Window", StrictWindow), (spans, "Window", StrictWindow))),
    Mutant(EMPTY, "salesforce", CRM, ((salesforce, "Org", HastyOrg),)),
    Mutant(DELETES, "salesforce", CRM, disguise=NoDeletes),
    Mutant(REFUSAL, "salesforce", CRM, ((salesforce, "Org", CarelessOrg),)),
    Mutant(
        LOOK_BACK,
        "hubspot",
        ("contacts", "deals"),
        ((hubspot_objects, "LOOK_BACK", NO_TIME), (hubspot_objects, "LAG", NO_TIME), (hubspot_span, "LAG", NO_TIME)),
    ),
    Mutant(STRICT, "hubspot", ("contacts", "deals"), ((hubspot_objects, "Span", StrictSpan),)),
    Mutant(EMPTY, "hubspot", ("contacts", "deals"), ((hubspot, "Portal", HastyPortal),)),
    Mutant(DELETES, "hubspot", ("contacts", "deals"), disguise=NoDeletes),
    Mutant(REFUSAL, "hubspot", ("contacts", "deals"), ((hubspot, "Portal", CarelessPortal),)),
    Mutant(LOOK_BACK, "stripe", PAID, STRIPE_HASTE),
    Mutant(STRICT, "stripe", PAID, (*STRIPE_HASTE, (stripe, "StripeApi", StrictApi))),
    Mutant(EMPTY, "stripe", PAID, ((stripe, "StripeApi", HastyApi),)),
    Mutant(DELETES, "stripe", PAID, disguise=NoDeletes),
    Mutant(REFUSAL, "stripe", PAID, ((stripe, "StripeApi", CarelessApi),)),
    Mutant(
        LOOK_BACK, "meta_ads", ("campaigns", "leads"), ((listing, "LOOK_BACK", NO_TIME), (leads, "LOOK_BACK", NO_TIME))
    ),
    Mutant(STRICT, "meta_ads", ADS, ((listing, "LOOK_BACK", NO_TIME), (meta_ads_pull, "Listing", StrictListing))),
    Mutant(EMPTY, "meta_ads", ADS, ((paging, "read_leaf", hasty_leaf), (leads, "read_leaf", hasty_leaf))),
    Mutant(DELETES, "meta_ads", ADS, disguise=NoDeletes),
    Mutant(REFUSAL, "meta_ads", ADS, ((meta_ads, "MetaApi", CarelessMeta),)),
    *(Mutant(UNCLAIMED, vendor, streams, disguise=NoWhole) for vendor, streams in CLAIMING.items()),
    *(Mutant(UNHEEDED, vendor, streams, ((ingest, "Pull", HeedlessPull),)) for vendor, streams in CLAIMING.items()),
)
