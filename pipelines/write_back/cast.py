"""Who and what this CRM account holds: live records of stitched persons and accounts, deals and who plays a part in them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
from sqlalchemy import Engine

from connectors.base import Crm
from models import Outcome, Profile, Relation, Scope, Slot
from models.keys import RecordKey
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch.called import known_as
from pipelines.stitch.membership import SNAPSHOT
from pipelines.understand.doings import members_by_account
from pipelines.understand.slots import active_slots
from pipelines.write_back.consents import silenced
from pipelines.write_back.fields import ACCOUNT, DEAL, PERSON
from pipelines.write_back.figures import Ledgers, read_figures
from pipelines.write_back.known import Deal, Person


@dataclass(frozen=True)
class Cast:
    """Who and what the CRM holds, without any words yet."""

    records: Mapping[str, Sequence[RecordKey]]
    """Live records by person or account."""
    names: Mapping[str, Person]
    """Everybody who has a record here or belongs to an account that has one, with name and job title only."""
    members: Mapping[str, Sequence[str]]
    """Persons by account."""
    deals: Sequence[tuple[Deal, Sequence[str]]]
    """Deals with the ids of their people."""
    silenced: frozenset[str]
    """Persons who opted out of everything, or gave no consent where it is the basis: not to be mailed or called is no such refusal."""
    figures: Ledgers
    slots: Sequence[Slot]


def read_cast(lake: Lake, store: Engine, crm: Crm, vendor: str, touched: frozenset[str], currency: str | None) -> Cast:
    """Who and what the lake says this CRM account holds; nobody before the first stitch.

    Closed deals are among them only if they are in `touched`, so that what they show stays true; `currency` is that of the CRM's
    money fields, None to find it out.
    """
    who = lake.table(SNAPSHOT)
    if who is None:
        return Cast({}, {}, {}, (), frozenset(), Ledgers(), ())
    here = _here(lake, who, crm, vendor)
    records: dict[str, list[RecordKey]] = defaultdict(list)
    for row in here:
        if row["live"]:
            records[row["entity_id"]].append(RecordKey.parse(row["record"]))
    persons = [row for row in here if row["scope"] == Scope.person.value]
    with transaction(store) as session:
        members, slots = members_by_account(lake, session), active_slots(session)
        colleagues = {one for entity in records for one in members.get(entity, ())}
        persons += known_as(lake, colleagues - {row["entity_id"] for row in persons})
        quiet = silenced(lake, session, ((row["record"], row["entity_id"]) for row in persons))
    deals = _deals(lake, who, crm, vendor, touched)
    figures = read_figures(lake, vendor, crm.account, currency)
    return Cast(records, _names(persons), members, deals, quiet, figures, slots)


def _here(lake: Lake, who: ir.Table, crm: Crm, vendor: str) -> list[dict[str, Any]]:
    """Every person and account record of this CRM account with its entity, the oldest first."""
    told = lake.facts(Profile)
    objects = [*crm.subjects[PERSON], *crm.subjects[ACCOUNT]]
    here = told.filter((told.vendor == vendor) & (told.account == crm.account) & told.object.isin(objects))
    columns = here.select("record", "name", "title", "live", "created_at")
    joined = columns.join(who.select("record", "entity_id", "scope"), "record")
    rows: list[dict[str, Any]] = joined.order_by("created_at", "record").to_pyarrow().to_pylist()
    return rows


def _names(rows: Iterable[Mapping[str, Any]]) -> dict[str, Person]:
    """Everybody by the first name and the first job title among their records."""
    names: dict[str, Person] = {}
    for row in rows:
        known = names.get(row["entity_id"], Person(row["entity_id"]))
        name, title = known.name or row["name"], known.title or row["title"]
        names[row["entity_id"]] = replace(known, name=name, title=title)
    return names


def _deals(lake: Lake, who: ir.Table, crm: Crm, vendor: str, touched: frozenset[str]) -> list[tuple[Deal, list[str]]]:
    """Open deals, and closed ones that show something, with the ids of the people who play a part in them."""
    told = lake.facts(Outcome)
    here = told.filter((told.vendor == vendor) & (told.account == crm.account) & told.object.isin(crm.subjects[DEAL]))
    owners = who.select(subject="record", entity_id="entity_id")
    deals = here.select("record", "subject", "status").left_join(owners, "subject").order_by("record")
    relations = lake.facts(Relation)
    parts = relations.filter((relations.kind == "contact_role") & relations.valid_to.isnull())
    played = parts.select("subject", "role", deal="other").join(owners, "subject").order_by("deal", "subject")
    people: dict[str, dict[str, str | None]] = defaultdict(dict)
    for row in played.to_pyarrow().to_pylist():
        people[row["deal"]].setdefault(row["entity_id"], row["role"])
    found = []
    for row in deals.to_pyarrow().to_pylist():
        record, is_open = row["record"], row["status"] == "open"
        if is_open or record in touched:
            roles = people.get(record, {})
            known = {person: role for person, role in roles.items() if role}
            deal = Deal(RecordKey.parse(record), row["entity_id"] or record, is_open, roles=known)
            found.append((deal, list(roles)))
    return found
