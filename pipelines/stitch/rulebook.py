"""The rules that stand: what somebody decided, kind by kind, and the product's own where nobody did.

A decision is a row with who, when and why; the next one on the same kind supersedes it, and nothing is ever changed or removed. The
content of the rules has a version, which every stitch that changed something names.
"""

import getpass
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import duckdb
from sqlmodel import Session, col, select

from models.base import new_id
from models.facts import Scope
from models.identifiers import NORMALISERS, normaliser_of
from models.identity import IdentityRule
from pipelines.stitch.rules import CLICKS, RULES, Rule, version_of_rules

KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")
HIGHEST = 2**31 - 1  # the store keeps 32-bit integers
LIMITS = ("priority", "max_records", "max_values")
FOUND_IN_ALL = "select bool_and(regexp_matches(value, ?)) from (select unnest(?) as value)"
ORDINARY = ["jane.doe@corp.example", "+14155550101", "cus_9s6XKzkNRiz8i3"]
"""Values of all sorts: a pattern that is found in each of them blocks everything."""


class BadRule(ValueError):
    """A rule that cannot be; the message says what is wrong, where and how to mend it."""


@dataclass(frozen=True)
class Decision:
    """Who decides, why, and when (UTC)."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Rulebook:
    """All rules that stand, strongest first, and the version of their content."""

    rules: tuple[Rule, ...]
    decided: frozenset[tuple[Scope, str]] = frozenset()
    """Scope and kind of those that somebody decided; the others are the product's own."""

    def of(self, scope: Scope) -> tuple[Rule, ...]:
        """The rules of one scope, those that were switched off included."""
        return tuple(rule for rule in self.rules if rule.scope == scope)

    def version(self, scope: Scope) -> str:
        """Names the content of one scope's rules."""
        return version_of_rules(self.of(scope))

    def find(self, scope: Scope, kind: str) -> Rule | None:
        """The rule of this kind, if there is one."""
        return next((rule for rule in self.of(scope) if rule.kind == kind), None)


def rulebook(session: Session) -> Rulebook:
    """The rules as they stand now."""
    decided = {(rule.scope, rule.kind): rule for rule in map(_rule, _standing(session))}
    rules = {(rule.scope, rule.kind): rule for rule in RULES} | decided
    ordered = sorted(rules.values(), key=lambda rule: (rule.scope == Scope.account, rule.priority, rule.kind))
    return Rulebook(tuple(ordered), frozenset(decided))


def decide(session: Session, rule: Rule, decision: Decision) -> bool:
    """Let this rule stand from now on; says whether that is a change. BadRule, with nothing written, for one that cannot be."""
    check(rule)
    if rulebook(session).find(rule.scope, rule.kind) == rule:
        return False
    _supersede(session, rule.scope, rule.kind, decision)
    said = {**asdict(rule), "blocked": list(rule.blocked), "decided_by": decision.by, "reason": decision.reason}
    session.add(IdentityRule(id=new_id(decision.at), decided_at=decision.at, **said))
    return True


def reset(session: Session, scope: Scope, kind: str | None, decision: Decision) -> list[str]:
    """Go back to the product's own rule of this kind, or of all kinds; names the kinds for which that is a change."""
    return _supersede(session, scope, kind, decision)


def history(session: Session, scope: Scope | None = None, kind: str | None = None) -> list[IdentityRule]:
    """Every decision on rules, the oldest first."""
    rows = [
        row for row in session.exec(select(IdentityRule)) if scope in (None, row.scope) and kind in (None, row.kind)
    ]
    return sorted(rows, key=lambda row: (row.decided_at, row.id))


def changed(rulebook: Rulebook, scope: Scope, kind: str, wanted: dict[str, Any]) -> Rule:
    """The rule of this kind with what is wanted in place of what stands.

    Errors: BadRule for a kind that has no rule yet and is not given its two limits.
    """
    rule = rulebook.find(scope, kind)
    if rule:
        return replace(rule, **wanted)
    missing = [name for name in ("priority", "max_records") if name not in wanted]
    if missing:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in missing)
        kinds = ", ".join(one.kind for one in rulebook.of(scope))
        raise BadRule(
            f"There is no rule for {scope} {kind!r} yet: give {options} to make one. Kinds with rules: {kinds}."
        )
    return Rule(**{"scope": scope, "kind": kind, "normaliser": normaliser_of(kind), **wanted})


def check(rule: Rule) -> None:
    """BadRule for a rule that cannot be."""
    where = f"Rule {rule.scope} {rule.kind!r}"
    if rule.scope not in (Scope.person, Scope.account):
        raise BadRule(f"{where}: rules join persons or accounts; choose the scope person or account.")
    if not KIND.fullmatch(rule.kind):
        raise BadRule(f"{where}: a kind is written in small letters, digits and _, as in stripe_customer.")
    if rule.kind in CLICKS:
        raise BadRule(
            f"{where}: a click is a touch, never an identity, for links are forwarded; leave it to attribution."
        )
    if rule.normaliser not in NORMALISERS:
        raise BadRule(f"{where}: there is no normaliser {rule.normaliser!r}; choose from {', '.join(NORMALISERS)}.")
    for name in LIMITS:
        number = getattr(rule, name)
        if number is not None and not 0 < number <= HIGHEST:
            raise BadRule(f"{where}: {name} is {number}; give a whole number from 1 to {HIGHEST}.")
    for pattern in rule.blocked:
        _check_pattern(where, pattern)


def deciding(by: str | None, reason: str, at: datetime) -> Decision:
    """A decision in the name of whoever is logged in, unless another is named. BadRule without a reason."""
    if not reason.strip():
        raise BadRule('Say why, in words that others will understand later: --why "…".')
    return Decision(by or getpass.getuser(), reason.strip(), at)


def _check_pattern(where: str, pattern: str) -> None:
    try:
        with duckdb.connect() as engine:  # asked itself, for dialects differ
            row = engine.execute(FOUND_IN_ALL, [pattern, ORDINARY]).fetchone()
    except duckdb.Error as error:
        raise BadRule(
            f"{where}: the pattern {pattern!r} cannot be read: {str(error).partition(': ')[2]}; write RE2 "
            "(https://github.com/google/re2/wiki/Syntax)."
        ) from error
    if row and row[0]:
        raise BadRule(
            f"{where}: the pattern {pattern!r} is found in every value; to join by nothing of this kind, disable it."
        )


def _standing(session: Session) -> Sequence[IdentityRule]:
    return session.exec(select(IdentityRule).where(col(IdentityRule.superseded_at).is_(None))).all()


def _supersede(session: Session, scope: Scope, kind: str | None, decision: Decision) -> list[str]:
    rows = [row for row in _standing(session) if row.scope == scope and kind in (None, row.kind)]
    for row in rows:
        row.superseded_at = decision.at
        row.superseded_by, row.superseded_because = decision.by, decision.reason
        session.add(row)
    return sorted(row.kind for row in rows)


def _rule(row: IdentityRule) -> Rule:
    said = {field.name: getattr(row, field.name) for field in fields(Rule)}
    return Rule(**{**said, "scope": Scope(row.scope), "blocked": tuple(row.blocked)})
