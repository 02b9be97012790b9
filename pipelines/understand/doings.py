"""What was done that alignment is held against: use of the product, tickets that were closed, what a person or their account bought."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from sys import intern

import ibis
import pyarrow as pa
from sqlmodel import Session, col, select

from models import Engagement, Evidence, Observation, Outcome, Payment, Relation, Scope
from models.keys import stable_hash
from pipelines.ingest.lake import Lake
from pipelines.understand.behaviour.deeds import BOUGHT, USED, each_person, read_deeds
from pipelines.understand.components import GOALS, NOTHING_DONE, Doings, Used
from pipelines.understand.people import belonging

MEMBER = "member_of"
ASKED = pa.schema([("subject", pa.string()), ("observation", pa.string()), ("ticket", pa.string())])
"""Columns of texts beside the records that they are part of."""


def read_doings(lake: Lake, session: Session, now: datetime) -> dict[str, Doings]:
    """Doings of everybody who did anything, whose account bought or whose ticket was closed until now.

    A deal that was won is a purchase of its account.
    """
    of_account = _bought_by_accounts(lake, session)
    bought: dict[str, set[datetime]] = defaultdict(set)
    for account, people in members_by_account(lake, session).items():
        for person in people:
            bought[person].update(of_account.get(account, ()))
    used: dict[str, tuple[Used, ...]] = {}
    for person, done in each_person(read_deeds(lake, session)):
        bought[person].update(deed.at for deed in done if deed.kind == BOUGHT)
        used[person] = tuple(Used(deed.at, intern(deed.which)) for deed in done if deed.kind == USED)
    closed = _closings(lake, session, now)
    everybody = {
        person: Doings(used.get(person, ()), tuple(sorted(bought.get(person, ()))), closed.get(person, {}))
        for person in bought.keys() | closed.keys()
    }
    return {person: done for person, done in everybody.items() if done != NOTHING_DONE}


def members_by_account(lake: Lake, session: Session) -> dict[str, list[str]]:
    """Persons by account, from memberships that are in force."""
    relations = lake.facts(Relation)
    current = relations.filter((relations.kind == MEMBER) & relations.valid_to.isnull()).select("subject", "other")
    persons, accounts = (belonging(session, scope) for scope in (Scope.person, Scope.account))
    joined = current.join(persons.select(subject="record", person="entity_id"), "subject").join(
        accounts.select(other="record", account="entity_id"), "other"
    )
    pairs = joined.select("account", "person").distinct().order_by("account", "person").to_pyarrow().to_pylist()
    found: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        found[pair["account"]].append(pair["person"])
    return found


def summary(done: Doings) -> tuple[int, ...]:
    """Numbers that differ when anything done does."""
    closed = [f"{text} {at.timestamp()}" for text, every in sorted(done.closed.items()) for at in every]
    return (
        len(done.used),
        _added(one.at for one in done.used),
        len(done.bought),
        _added(done.bought),
        stable_hash(*closed),
    )


def _closings(lake: Lake, session: Session, now: datetime) -> Mapping[str, Mapping[str, Sequence[datetime]]]:
    """By person and observation of what they want, when the ticket that the words are part of was closed, each time until now.

    Every version of a ticket is asked: that it was opened again, or closed once more, takes no earlier closing back.
    """
    words = select(Evidence.subject, Observation.id, Observation.record, Observation.regarding)
    wanting = words.join(Observation, col(Observation.id) == col(Evidence.observation_id)).where(
        col(Evidence.slot).in_(GOALS), col(Evidence.withdrawn_at).is_(None)
    )
    asked = {(subject, id_, record) for subject, id_, *of in session.exec(wanting) for record in of if record}
    told = lake.written(Engagement)
    closed = told.filter((told.kind == "ticket") & (told.closed_at <= now)).select(ticket="record", at="closed_at")
    parts = pa.Table.from_pylist([dict(zip(ASKED.names, row, strict=True)) for row in sorted(asked)], schema=ASKED)
    owned = (
        ibis.memtable(parts)
        .join(closed.distinct(), "ticket")
        .join(belonging(session, Scope.person).rename(subject="record"), "subject")
    )
    found: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for row in owned.select("entity_id", "observation", "at").distinct().order_by("at").to_pyarrow().to_pylist():
        found[row["entity_id"]][row["observation"]].append(row["at"])
    return found


def _bought_by_accounts(lake: Lake, session: Session) -> Mapping[str, list[datetime]]:
    paid, deals = lake.facts(Payment), lake.facts(Outcome)
    charges = paid.filter((paid.kind == "charge") & paid.payer.notnull() & (paid.amount_minor > 0))
    won = deals.filter((deals.status == "won") & deals.subject.notnull() & deals.closes_at.notnull())
    told = charges.select(who="payer", at="occurred_at").union(won.select(who="subject", at="closes_at"))
    owned = (
        told.join(belonging(session, Scope.account).rename(who="record"), "who").select("entity_id", "at").distinct()
    )
    found: dict[str, list[datetime]] = defaultdict(list)
    for row in owned.to_pyarrow().to_pylist():
        found[row["entity_id"]].append(row["at"])
    return found


def _added(instants: Iterable[datetime]) -> int:
    return sum(int(at.timestamp()) for at in instants)
