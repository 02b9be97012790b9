"""Puts the practice ground's world where a pull would have put it: one raw row per record, in the connectors' own payloads.

The world is the demo's, grown (`sandbox/world`), so that all vendors tell of the same people. It goes around HTTP, whose cost has
a benchmark of its own, and lands by the product's own landing; files of the product are read by their connector.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

from connectors.base import Stream
from connectors.meta_ads.payload import free_text
from connectors.product_events import CONNECTOR as PRODUCT
from connectors.product_events.settings import ProductEventsSettings
from connectors.registry import connectors_by_name
from connectors.salesforce.projection import PARENTS
from models.clock import FrozenClock
from models.keys import RecordKey
from models.records import Record
from pipelines.ingest.lake import Lake
from pipelines.ingest.landing import land, rows
from pipelines.ingest.staging import Mark, Staging
from sandbox.hubspot import PORTAL_ID
from sandbox.hubspot.pipelines import PIPELINES
from sandbox.practice import NOW
from sandbox.salesforce.derive import derived
from sandbox.stripe.shapes import complete
from sandbox.world import World
from sandbox.world.documents import load
from sandbox.world.truth import PRODUCT_ACCOUNT, SALESFORCE_ACCOUNT, STRIPE_ACCOUNT

Json = dict[str, Any]
Rows = Mapping[str, Sequence[Json]]

PAGE = 5_000
"""Records that are staged at a time."""
READ = NOW - timedelta(minutes=1)
"""As of when objects without a stamp of their own were read."""
FLAGS = ("Is", "Has")
"""How columns begin that say yes or no, which the practice ground keeps as 1 and 0."""
STAGES = {stage.id: stage.label for stage in PIPELINES["deals"][0].stages}
BARE = frozenset({"pipelines", "forms"})
"""What no person hangs on in HubSpot."""


def plant(lake: Lake, folder: Path, world: World, texts: int) -> int:
    """Land every record of the world, with words on so many calls more; gives how many rows there are."""
    _speak(world, texts)
    for name, content in world.product_events.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    streams = [(name, stream) for name, connector in connectors_by_name().items() for stream in connector.streams]
    return sum(
        _land(lake, folder, vendor, stream, _records(folder, world, vendor, stream)) for vendor, stream in streams
    )


def _speak(world: World, texts: int) -> None:
    """Reps note on so many calls what call notes of the world's own people say."""
    said = [text.text for told in load().values() for text in told if text.source == "call_note"]
    silent = (row for row in world.salesforce["Task"] if row["TaskSubtype"] == "Call" and not row.get("Description"))
    for number, row in enumerate(islice(silent, texts)):
        row["Description"] = said[number % len(said)]


def _land(lake: Lake, folder: Path, vendor: str, stream: Stream, found: Iterator[Record]) -> int:
    staged = Staging(folder / "staging" / vendor / stream.name)
    for number, page in enumerate(iter(lambda: list(islice(found, PAGE)), [])):
        staged.add(number, rows(page, stream, NOW, number)[0], Mark(None, {}, None))
    landed = land(lake, vendor, stream.name, staged.pages())
    staged.clear()
    return landed


def _records(folder: Path, world: World, vendor: str, stream: Stream) -> Iterator[Record]:
    """A stream's records, made while they are read."""
    if vendor == "salesforce":
        return _salesforce(stream.object, world.salesforce)
    if vendor == "hubspot":
        return _submissions(world.hubspot) if stream.name == "form_submissions" else _hubspot(stream, world.hubspot)
    if vendor == "stripe":
        return _stripe(stream.object, world.stripe)
    if vendor == "meta_ads":
        return _days(world.meta_ads) if stream.name == "insights" else _meta(stream.object, world.meta_ads)
    settings = ProductEventsSettings(url=str(folder / "files"), account=PRODUCT_ACCOUNT)
    pages = PRODUCT.open(settings, FrozenClock(NOW)).pages(stream, None, None)
    return chain.from_iterable(page.records for page in pages)


def _salesforce(kind: str, org: Rows) -> Iterator[Record]:
    """Rows with what Salesforce works out by itself, and what is read of the records beside them."""
    asked = [
        (*path.split("."), {row["Id"]: row for row in org.get(other, ())}) for path, other in PARENTS.get(kind, ())
    ]
    for row in org.get(kind, ()):
        worked_out = {name: bool(told) if name.startswith(FLAGS) else told for name, told in derived(kind, row).items()}
        payload: Json = {**row, **worked_out}
        for relation, column, known in asked:
            told = known.get(row.get(f"{relation}Id") or "")
            payload[relation] = {**(payload.get(relation) or {}), column: told[column]} if told else None
        yield Record(
            RecordKey("salesforce", SALESFORCE_ACCOUNT, kind, row["Id"]), _instant(row["SystemModstamp"]), payload
        )


def _hubspot(stream: Stream, portal: Rows) -> Iterator[Record]:
    if stream.name in BARE:
        return
    for row in portal.get(stream.name, ()):
        ties = {
            kind: [{"toObjectId": int(one), "associationTypes": []} for one in ids]
            for kind, ids in row.get("associations", {}).items()
        }
        stamps = {"createdate": row["createdAt"], "hs_createdate": row["createdAt"]}
        payload = {**stamps, **row["properties"], "associations": ties} if "properties" in row else row
        if stream.object == "deal":
            payload |= {"stageLabel": STAGES[payload["dealstage"]], "companyCurrency": "eur"}
        key, at = RecordKey("hubspot", str(PORTAL_ID), stream.object, str(row["id"])), _instant(row["updatedAt"])
        yield Record(key, at, payload, deleted="archivedAt" in row)
        for former in filter(None, payload.get("hs_merged_object_ids", "").split(";")):
            yield Record(key._replace(id=former), at, {"mergedInto": str(row["id"])}, deleted=True)


def _submissions(portal: Rows) -> Iterator[Record]:
    for form in portal["forms"]:
        fields = {field["name"]: field["fieldType"] for group in form["fieldGroups"] for field in group["fields"]}
        for row in portal.get(f"submissions/{form['id']}", ()):
            payload = {one["name"]: one["value"] for one in row["values"]}
            about = {"formId": form["id"], "formName": form["name"], "formFields": fields, "pageUrl": row["pageUrl"]}
            key = RecordKey("hubspot", str(PORTAL_ID), "form_submission", row["conversionId"])
            at = datetime.fromtimestamp(row["submittedAt"] / 1000, UTC)
            yield Record(key, at, {**payload, **about, "submittedAt": row["submittedAt"]})


def _stripe(kind: str, objects: Iterable[Json]) -> Iterator[Record]:
    """Whole objects; refunds and disputes with the charge that they are about."""
    charges = {one["id"]: one for one in objects if one["object"] == "charge"} if kind in ("refund", "dispute") else {}
    for one in objects:
        if one["object"] == kind:
            payload = complete(one)
            if charge := charges.get(one.get("charge", "")):
                payload["charge"] = {name: charge.get(name) for name in ("id", "object", "customer")}
            yield Record(RecordKey("stripe", STRIPE_ACCOUNT, kind, one["id"]), READ, payload)


def _meta(kind: str, ads: Rows) -> Iterator[Record]:
    for row in ads[kind]:
        stamp = row.get("created_time" if kind == "lead" else "updated_time")
        own = row["account_id"] if kind == "adaccount" else row["id"]
        payload = row | free_text(row.get("field_data"))
        yield Record(RecordKey("meta_ads", row["account_id"], kind, own), _instant(stamp) if stamp else READ, payload)


def _days(ads: Rows) -> Iterator[Record]:
    """What every ad of an account did on one day is one record."""
    found = defaultdict[tuple[str, str], list[Json]](list)
    for row in ads["insight"]:
        found[row["account_id"], row["date_start"]].append(row)
    accounts = {row["account_id"]: row for row in ads["adaccount"]}
    for (account, day), told in sorted(found.items()):
        about = {"zone": accounts[account]["timezone_name"], "currency": accounts[account]["currency"].lower()}
        payload = {"day": day, **about, "windows": [], "rows": sorted(told, key=lambda row: str(row["ad_id"]))}
        yield Record(RecordKey("meta_ads", account, "insights_day", day), READ, payload)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
