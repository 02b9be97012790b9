"""Connectors with one thing missing, each of which loses something: what proves that the soak sees a loss.

A mutant is a small subclass of a real part, or a real part with another constant. No SDK is touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import ModuleType
from typing import Any

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import Fatal
from connectors.hubspot import pull as hubspot_pull
from connectors.hubspot.client import Portal, Rows
from connectors.hubspot.span import Span
from connectors.meta_ads import leads, listing, paging
from connectors.meta_ads import pull as meta_ads_pull
from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.listing import Listing
from connectors.meta_ads.paging import Leaf, read_leaf
from connectors.salesforce import pull as salesforce_pull
from connectors.salesforce.client import Org
from connectors.salesforce.projection import Projection
from connectors.salesforce.pull import Window
from connectors.stripe import pull as stripe_pull
from connectors.stripe.client import StripeApi
from tests.harness import hubspot, meta_ads, salesforce, stripe
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


class NoDeletes(Source):
    """A source that says nothing of what has gone."""

    def __init__(self, inner: Source) -> None:
        self.inner = inner
        self.account = inner.account
        self.calls = inner.calls

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        for page in self.inner.pages(stream, cursor, resume):
            yield replace(page, records=[record for record in page.records if not record.deleted])

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        return self.inner.diagnose(streams)


class StrictWindow(Window):
    """Behind the last stamp, and never at it."""

    def soql(self, projection: Projection) -> str:
        whole = super().soql(projection)
        if not self.after:
            return whole
        head, _, tail = whole.partition(" OR (SystemModstamp = ")
        return f"{head}) ORDER BY{tail.partition(' ORDER BY')[2]}"


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
        created = params.get("created") or {}
        if "gte" in created:
            params = {**params, "created": {"gt": created["gte"], "lt": created["lt"]}}
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

    def _params(self, since: int | None) -> Json:
        return super()._params(None if since is None else since + 1)


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
CRM, PAID, ADS = ("contacts", "accounts"), ("customers", "products"), ("campaigns", "ads")

MUTANTS = (
    Mutant(LOOK_BACK, "salesforce", CRM, ((salesforce_pull, "LOOK_BACK", A_MOMENT),)),
    Mutant(STRICT, "salesforce", CRM, ((salesforce_pull, "Window", StrictWindow),)),
    Mutant(EMPTY, "salesforce", CRM, ((salesforce, "Org", HastyOrg),)),
    Mutant(DELETES, "salesforce", CRM, disguise=NoDeletes),
    Mutant(REFUSAL, "salesforce", CRM, ((salesforce, "Org", CarelessOrg),)),
    Mutant(
        LOOK_BACK,
        "hubspot",
        ("contacts", "deals"),
        ((hubspot_pull, "LOOK_BACK", NO_TIME), (hubspot_pull, "LAG", NO_TIME)),
    ),
    Mutant(STRICT, "hubspot", ("contacts", "deals"), ((hubspot_pull, "Span", StrictSpan),)),
    Mutant(EMPTY, "hubspot", ("contacts", "deals"), ((hubspot, "Portal", HastyPortal),)),
    Mutant(DELETES, "hubspot", ("contacts", "deals"), disguise=NoDeletes),
    Mutant(REFUSAL, "hubspot", ("contacts", "deals"), ((hubspot, "Portal", CarelessPortal),)),
    Mutant(LOOK_BACK, "stripe", PAID, ((stripe_pull, "LAG", NO_TIME),)),
    Mutant(STRICT, "stripe", PAID, ((stripe_pull, "LAG", NO_TIME), (stripe, "StripeApi", StrictApi))),
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
)
