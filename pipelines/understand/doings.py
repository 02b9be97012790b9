"""What persons did that their alignment is held against: their use of the product, their tickets, and what they or their account bought."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from sys import intern

from sqlmodel import Session

from models import Engagement, Outcome, Payment, Relation, Scope
from models.keys import RecordKey
from pipelines.ingest.lake import Lake
from pipelines.understand.behaviour.deeds import BOUGHT, USED, each_person, read_deeds
from pipelines.understand.components import NOTHING_DONE, Doings, Used
from pipelines.understand.people import belonging

MEMBER = "member_of"


def read_doings(lake: Lake, session: Session) -> dict[str, Doings]:
    """Doings of everybody who did anything, or whose account bought; a deal that was won is a purchase of its account."""
    of_account = _bought_by_accounts(lake, session)
    bought: dict[str, set[datetime]] = defaultdict(set)
    for account, people in members_by_account(lake, session).items():
        for person in people:
            bought[person].update(of_account.get(account, ()))
    used: dict[str, tuple[Used, ...]] = {}
    for person, done in each_person(read_deeds(lake, session)):
        bought[person].update(deed.at for deed in done if deed.kind == BOUGHT)
        used[person] = tuple(Used(deed.at, intern(deed.which)) for deed in done if deed.kind == USED)
    tickets = _tickets(lake, session)
    everybody = {
        person: Doings(used.get(person, ()), tuple(sorted(bought.get(person, ()))), tickets.get(person, {}))
        for person in bought.keys() | tickets.keys()
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
    closed = [at for at in done.tickets.values() if at]
    told = [[one.at for one in done.used], done.bought, closed]
    return (len(done.tickets), *(number for at in told for number in (len(at), _added(at))))


def _tickets(lake: Lake, session: Session) -> Mapping[str, Mapping[str, datetime | None]]:
    """By person, every ticket's id at its vendor and when it was closed; texts of a ticket name it as their thread."""
    told = lake.facts(Engagement)
    asked = told.filter(told.kind == "ticket").select("subject", "closed_at", ticket="record")
    owned = asked.join(belonging(session, Scope.person).rename(subject="record"), "subject")
    found: dict[str, dict[str, datetime | None]] = defaultdict(dict)
    for row in owned.select("entity_id", "ticket", "closed_at").order_by("ticket").to_pyarrow().to_pylist():
        found[row["entity_id"]][RecordKey.parse(row["ticket"]).id] = row["closed_at"]
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
