"""What is known of each person or account, one row each, ready to be compared. Empty means that nothing is known, never a value.

Of several records with different answers the most frequent answer counts, then the longer, then the one that sorts first.
Everybody is named by the least key of their records, so that the same records give the same rows whatever ids were minted.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import ibis.selectors as s
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
KINDS = ("phone", "email", "domain", "external_id")
"""Kinds of identifiers that are looked at."""
INSTANT_TYPE = "timestamp('UTC', 6)"


def features(lake: Lake, scope: Scope, now: datetime) -> pa.Table:
    """One row per person or account that has a record, sorted by `id`; columns as in `COLUMNS`."""
    who = _who(lake)
    own = who.filter(who.scope == scope).select("record", "record_hash", "entity_id")
    rows: dict[str, dict[str, Any]] = {}
    for one in own.select("record", "entity_id").order_by("record").to_pyarrow().to_pylist():
        row = rows.setdefault(one["entity_id"], {"id": one["record"], "entity_id": one["entity_id"], "vendors": set()})
        row["vendors"].add(one["record"].partition("/")[0])
    for one in _usual(_said(lake, scope).join(own, "record_hash")).to_pyarrow().to_pylist():
        rows[one["entity_id"]][one["column"]] = one["value"]
    for one in _belonging(lake, who, scope, now).to_pyarrow().to_pylist():
        rows[one["entity_id"]].setdefault("others", []).append(one["other"])
    fold = _person if scope is Scope.person else _account
    return pa.Table.from_pylist([fold(row) for row in rows.values()], schema=pa.schema(COLUMNS[scope]))


def related(lake: Lake) -> set[tuple[str, str]]:
    """Pairs of records of accounts of which one is the other's parent: related, and therefore not the same."""
    told = lake.facts(Relation)
    pairs = told.filter(told.kind == "parent_of").select("subject", "other").distinct().to_pyarrow()
    return set(zip(pairs["subject"].to_pylist(), pairs["other"].to_pylist(), strict=True))


def _who(lake: Lake) -> ir.Table:
    table = lake.table(SNAPSHOT)
    return ibis.memtable(SNAPSHOT_SCHEMA.empty_table()) if table is None else table


def _said(lake: Lake, scope: Scope) -> ir.Table:
    """Everything that records say: `record_hash, column, value`; of identifiers those that may join anybody at all."""
    profile, identifier = lake.facts(Profile), lake.facts(Identifier)
    said = profile.select("record_hash", *SAID).pivot_longer(s.cols(*SAID), names_to="column", values_to="value")
    rules = rules_of(scope)
    barred = {kind: (*PLACEHOLDERS, *(rules[kind].blocked if kind in rules else ())) for kind in KINDS}
    usable = ibis.or_(
        *(
            (identifier.kind == kind) & ~ibis.or_(*(identifier.value.re_search(pattern) for pattern in patterns))
            for kind, patterns in barred.items()
        )
    )
    held = identifier.filter(identifier.scope == scope, usable)
    return said.filter(said.value.notnull()).union(held.select("record_hash", column="kind", value="value"))


def _belonging(lake: Lake, who: ir.Table, scope: Scope, now: datetime) -> ir.Table:
    """The account that a person is a member of now, or the persons that an account has now; `entity_id, other`."""
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
    return both.select(entity_id=both[entity], other=both[other]).distinct()


def _usual(told: ir.Table) -> ir.Table:
    """The most frequent value of each column, by entity: `entity_id, column, value`."""
    counted = told.group_by("entity_id", "column", "value").agg(times=lambda t: t.count())
    order = [counted.times.desc(), counted.value.length().desc(), counted.value]
    ranked = counted.mutate(place=ibis.row_number().over(group_by=["entity_id", "column"], order_by=order))
    return ranked.filter(ranked.place == 0).select("entity_id", "column", "value")


def _person(row: dict[str, Any]) -> dict[str, Any]:
    name, words = folding.person(row.get("name")), folding.company(row.get("company"))
    email = row.get("email")
    return _common(row) | {
        "given": name.given,
        "family": name.family,
        "full_name": name.full_name,
        "called": name.called,
        "company": _joined(words),
        "company_words": words,
        "domain": folding.mail_domain(email) if email else None,
        "account": min(row.get("others", ()), default=None),
        "mailbox": folding.mailbox(email, name) if email else None,
    }


def _account(row: dict[str, Any]) -> dict[str, Any]:
    words = folding.company(row.get("name") or row.get("company"))
    return _common(row) | {
        "company": _joined(words),
        "company_words": words,
        "domain": row.get("domain"),
        "people": sorted(row.get("others", ())) or None,
    }


def _common(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "entity_id": row["entity_id"],
        "vendors": sorted(row["vendors"]),
        "phone": row.get("phone"),
        "city": folding.place(row.get("city")),
        "postcode": folding.number(row.get("postcode")),
        "number": row.get("external_id"),
        "country": region(row.get("country")) or folding.place(row.get("country")),
    }


def _joined(words: Sequence[str] | None) -> str | None:
    return " ".join(words) if words else None
