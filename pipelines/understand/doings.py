"""What persons did that their alignment is held against: their use of the product, and what they or their account bought."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlmodel import Session

from models import Outcome, Payment, Relation, Scope
from pipelines.ingest.lake import Lake
from pipelines.understand.behaviour.deeds import BOUGHT, USED, read_deeds
from pipelines.understand.components import Doings, Used
from pipelines.understand.people import owners

MEMBER = "member_of"


def read_doings(lake: Lake, session: Session) -> dict[str, Doings]:
    """Doings of everybody who did anything, or whose account bought; a deal that was won is a purchase of its account."""
    deeds = read_deeds(lake, session).by_person
    of_account = _bought_by_accounts(lake, session)
    theirs: dict[str, list[datetime]] = defaultdict(list)
    for account, people in members_by_account(lake, session).items():
        for person in people:
            theirs[person] += of_account.get(account, ())
    found = {}
    for person in deeds.keys() | {person for person, bought in theirs.items() if bought}:
        own = deeds.get(person, ())
        bought = {deed.at for deed in own if deed.kind == BOUGHT} | set(theirs.get(person, ()))
        used = tuple(Used(deed.at, deed.which) for deed in own if deed.kind == USED)
        if used or bought:
            found[person] = Doings(used, tuple(sorted(bought)))
    return found


def members_by_account(lake: Lake, session: Session) -> dict[str, list[str]]:
    """Persons by account, from memberships that are in force."""
    relations = lake.facts(Relation)
    current = relations.filter((relations.kind == MEMBER) & relations.valid_to.isnull()).select("subject", "other")
    pairs = current.distinct().to_pyarrow().to_pylist()
    persons = owners(session, {pair["subject"] for pair in pairs}, Scope.person)
    accounts = owners(session, {pair["other"] for pair in pairs}, Scope.account)
    found: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        if (person := persons.get(pair["subject"])) and (account := accounts.get(pair["other"])):
            found[account].add(person)
    return {account: sorted(people) for account, people in found.items()}


def summary(done: Doings) -> tuple[int, ...]:
    """Numbers that differ when anything done does."""
    return len(done.used), _added(one.at for one in done.used), len(done.bought), _added(done.bought)


def _bought_by_accounts(lake: Lake, session: Session) -> Mapping[str, list[datetime]]:
    paid, deals = lake.facts(Payment), lake.facts(Outcome)
    charges = paid.filter((paid.kind == "charge") & paid.payer.notnull() & (paid.amount_minor > 0))
    won = deals.filter((deals.status == "won") & deals.subject.notnull() & deals.closes_at.notnull())
    told = charges.select(who="payer", at="occurred_at").union(won.select(who="subject", at="closes_at"))
    rows = told.distinct().to_pyarrow().to_pylist()
    accounts = owners(session, {row["who"] for row in rows}, Scope.account)
    found: dict[str, list[datetime]] = defaultdict(list)
    for row in rows:
        if account := accounts.get(row["who"]):
            found[account].append(row["at"])
    return found


def _added(instants: Iterable[datetime]) -> int:
    return sum(int(at.timestamp()) for at in instants)
