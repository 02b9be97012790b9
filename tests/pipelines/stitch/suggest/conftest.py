"""A town of people and companies with doubles that no identifier shows, in a real lake and store."""

from collections.abc import Iterable

import pytest

from models.facts import Fact, Identifier, Profile, Relation, Scope
from models.identity import Suggestion
from pipelines.stitch.stitch import stitch
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.stitch.suggest.suggest import SuggestReport, suggest
from tests.pipelines.stitch.conftest import Bench, Hand, open_bench


def who(name: str | None, *, scope: Scope = Scope.person, **more: str | None) -> list[Fact]:
    """A record of somebody: what their profile says, and identifiers for the address, phone and so on that it names."""
    said = {key: value for key, value in more.items() if key in {"company", "country", "city", "postcode", "title"}}
    facts: list[Fact] = [Profile(scope=scope, name=name, **said)]
    for kind in ("email", "phone", "domain", "external_id"):
        facts += Identifier.of(scope, kind, more.get(kind))
    return facts


def firm(name: str | None, **more: str | None) -> list[Fact]:
    return who(name, scope=Scope.account, **more)


def member(bench: Bench, person: str, account: str, **dates: object) -> Relation:
    return Relation(kind="member_of", subject=bench.hand.key(person), other=bench.hand.key(account), **dates)


def look(bench: Bench, scope: Scope = Scope.person, **settings: float) -> SuggestReport:
    """Stitch, then suggest."""
    for each in (Scope.person, Scope.account):
        stitch(bench.lake, bench.store, bench.clock, each)
    return suggest(bench.lake, bench.store, bench.clock, scope, SuggestSettings(**settings))


def queued(bench: Bench, status: str = "open") -> set[frozenset[str]]:
    """Which records are suggested to be the same, by their short names."""
    return {
        frozenset((row.left.rsplit("/", 1)[1], row.right.rsplit("/", 1)[1]))
        for row in bench.rows(Suggestion)
        if row.status == status
    }


def pairs(*named: str) -> set[frozenset[str]]:
    return {frozenset(one.split()) for one in named}


__all__ = ["Bench", "Hand", "Iterable", "bench", "firm", "look", "member", "open_bench", "pairs", "queued", "who"]


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)
