"""What is known of each person or account, one row each, ready to be compared. Empty means that nothing is known, never a value.

Of several records with different answers the most frequent answer counts, then the longer, then the one that sorts first.
Everybody is named by the least key of their records, so that the same records give the same rows whatever ids were minted.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connectors.countries import region
from models.facts import Identifier, Profile, Relation, Scope
from pipelines.ingest.lake import Lake
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA
from pipelines.stitch.rules import PLACEHOLDERS, rules_of
from pipelines.stitch.suggest import folding

TEXT, TEXTS = pa.string(), pa.list_(pa.string())
COLUMNS: dict[Scope, dict[str, pa.DataType]] = {
    Scope.person: {
        "id": TEXT, "entity_id": TEXT, "vendors": TEXTS, "given": TEXT, "family": TEXT, "full_name": TEXT, "called": TEXTS,
        "company": TEXT, "company_words": TEXTS, "domain": TEXT, "account": TEXT, "phone": TEXT, "mailbox": TEXT, "city": TEXT,
        "postcode": TEXT, "country": TEXT, "number": TEXT,
    },
    Scope.account: {
        "id": TEXT, "entity_id": TEXT, "vendors": TEXTS, "company": TEXT, "company_words": TEXTS, "domain": TEXT, "phone": TEXT,
        "people": TEXTS, "city": TEXT, "postcode": TEXT, "country": TEXT, "number": TEXT,
    },
}  # fmt: skip
"""What is compared, by scope: `id` is a record key, `account` and `people` are such keys of the entities on the other side;
`number` is the seller's own number of them, which is not compared."""
SAID = ("name", "company", "country", "city", "postcode")
"""Columns of a profile of which one answer is chosen."""
INSTANT_TYPE = "timestamp('UTC', 6)"


def features(lake: Lake, scope: Scope, now: datetime) -> pa.Table:
    """One row per person or account that has a record, sorted by `id`; columns as in `COLUMNS`."""
    who = _who(lake)
    own = who.filter(who.scope == scope).select("record", "record_hash", "entity_id")
    heads = own.group_by("entity_id").agg(id=lambda t: t.record.min())
    facets = [*_said(lake, own), *_identified(lake, own, scope), _belonging(lake, who, scope, now)]
    joined = reduce(lambda left, right: left.left_join(right, "entity_id").drop("entity_id_right"), facets, heads)
    vendors = own.select("entity_id", vendor=own.record.split("/")[0]).distinct()
    told = joined.left_join(vendors.group_by("entity_id").agg(vendors=lambda t: t.vendor.collect()), "entity_id")
    rows = told.drop("entity_id_right").order_by("id").to_pyarrow().to_pylist()
    fold = _person if scope is Scope.person else _account
    return pa.Table.from_pylist([fold(row) for row in rows], schema=pa.schema(COLUMNS[scope]))


def related(lake: Lake) -> set[tuple[str, str]]:
    """Pairs of records of accounts of which one is the other's parent: related, and therefore not the same."""
    told = lake.facts(Relation)
    pairs = told.filter(told.kind == "parent_of").select("subject", "other").distinct().to_pyarrow()
    return set(zip(pairs["subject"].to_pylist(), pairs["other"].to_pylist(), strict=True))


def _who(lake: Lake) -> ir.Table:
    table = lake.table(SNAPSHOT)
    return ibis.memtable(SNAPSHOT_SCHEMA.empty_table()) if table is None else table


def _said(lake: Lake, own: ir.Table) -> list[ir.Table]:
    profile = lake.facts(Profile).select("record_hash", *SAID)
    told = profile.join(own.select("record_hash", "entity_id"), "record_hash")
    return [_usual(told, column) for column in SAID]


def _identified(lake: Lake, own: ir.Table, scope: Scope) -> list[ir.Table]:
    """The usual phone, address, web site and number of each, of those that may join anybody at all."""
    identifier = lake.facts(Identifier)
    rules = rules_of(scope)
    facets = []
    for kind in ("phone", "email", "domain", "external_id"):
        barred = [*PLACEHOLDERS, *(rules[kind].blocked if kind in rules else ())]
        held = identifier.filter(identifier.scope == scope, identifier.kind == kind)
        held = held.filter([~held.value.re_search(pattern) for pattern in barred])
        told = held.join(own.select("record_hash", "entity_id"), "record_hash")
        facets.append(_usual(told.mutate(**{kind: told.value}), kind))
    return facets


def _belonging(lake: Lake, who: ir.Table, scope: Scope, now: datetime) -> ir.Table:
    """The account that a person is a member of now, or the persons that an account has now; `entity_id, others`."""
    relation = lake.facts(Relation)
    moment = ibis.literal(now, INSTANT_TYPE)
    holds = (relation.valid_to.isnull() | (relation.valid_to > moment)) & (
        relation.valid_from.isnull() | (relation.valid_from <= moment)
    )
    ties = relation.filter(relation.kind == "member_of", holds).select("subject", "other")
    named = who.join(who.group_by("entity_id").agg(head=lambda t: t.record.min()), "entity_id")
    persons = named.filter(named.scope == Scope.person).select(subject="record", person_id="entity_id", person="head")
    accounts = named.filter(named.scope == Scope.account).select(other="record", account_id="entity_id", account="head")
    both = ties.join(persons, "subject").join(accounts, "other")
    entity, other = ("person_id", "account") if scope is Scope.person else ("account_id", "person")
    pairs = both.select(entity_id=both[entity], other=both[other]).distinct()
    return pairs.group_by("entity_id").agg(others=lambda t: t.other.collect())


def _usual(told: ir.Table, column: str) -> ir.Table:
    """The most frequent value of a column, by entity."""
    counted = told.filter(told[column].notnull()).group_by("entity_id", column).agg(times=lambda t: t.count())
    order = [counted.times.desc(), counted[column].length().desc(), counted[column]]
    ranked = counted.mutate(place=ibis.row_number().over(group_by="entity_id", order_by=order))
    return ranked.filter(ranked.place == 0).select("entity_id", column)


def _person(row: dict[str, Any]) -> dict[str, Any]:
    name, words = folding.person(row["name"]), folding.company(row["company"])
    email = row["email"]
    return _common(row) | {
        "given": name.given,
        "family": name.family,
        "full_name": name.full_name,
        "called": name.called,
        "company": _joined(words),
        "company_words": words,
        "domain": folding.mail_domain(email) if email else None,
        "account": min(row["others"], default=None) if row["others"] else None,
        "mailbox": folding.mailbox(email, name) if email else None,
    }


def _account(row: dict[str, Any]) -> dict[str, Any]:
    words = folding.company(row["name"] or row["company"])
    people = sorted(row["others"]) if row["others"] else None
    return _common(row) | {
        "company": _joined(words),
        "company_words": words,
        "domain": row["domain"],
        "people": people,
    }


def _common(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "entity_id": row["entity_id"],
        "vendors": sorted(row["vendors"]),
        "phone": row["phone"],
        "city": folding.place(row["city"]),
        "postcode": folding.number(row["postcode"]),
        "number": row["external_id"],
        "country": region(row["country"]) or folding.place(row["country"]),
    }


def _joined(words: Sequence[str] | None) -> str | None:
    return " ".join(words) if words else None
