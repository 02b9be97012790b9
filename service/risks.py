"""Who is drifting away and why: the chance, the way alignment went, and the beliefs with their words, for one purpose and audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from models import Alignment, Purpose, Scope
from models.store import transaction
from pipelines.understand.outlook.predict import NEXT, RISKS
from pipelines.workspace import Workspace
from service.held import HeldBelief, SelfModel
from service.people import derived_rows
from service.self_models import SelfModels

REASONS = 3
"""Beliefs that are named: more is a list, and no reason."""
BEFORE = timedelta(days=60)
"""How far back a score is compared: the half-life of the slower average of the trend."""
FELL = 0.05
"""By how much a component must have fallen to be named."""
WAYS = {
    "converging": "is coming closer",
    "diverging": "is drifting away",
    "steady": "is neither coming closer nor drifting away",
    "insufficient": "has been observed too little to say where it goes",
}
COMPONENTS = {
    "goal_fit": "goals that are served", "stance": "what they say of us", "expectation": "intents that came true",
    "understanding": "how well we foretell them", "engagement_value": "what they pay and use",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One component that fell, from what to what."""

    component: str
    before: float
    now: float


@dataclass(frozen=True)
class Risk:
    """What may become of one person, and why.

    Units: chances 0 to 1; `risk` within 90 days, None where nobody pays or no model holds; `payer` is whose: the person's own, or
    that of their account. `because` are beliefs against us, the weightiest first, with the words behind them; words are data.
    """

    person_id: str
    name: str
    sentence: str
    trend: str
    risk: float | None
    payer: str | None
    way: str | None
    standing: str
    next_action: str | None
    next_chance: float | None
    next_standing: str | None
    fell: list[Change]
    because: list[HeldBelief]
    purpose: str
    untrusted_origin: bool = True


def get_risk(models: SelfModels, person: str, *, purpose: Purpose) -> Risk:
    """Read one person's risk through their self-model: what may not be used for the purpose is in neither the trend nor the reasons.

    Errors: UsageError if nobody, or more than one person, is known by that name.
    """
    model = models.get_self_model(person, purpose=purpose)
    lake = models.workspace.lake
    account = model.journey.get("account_id")
    whose = next(
        (
            (payer, rows[0])
            for payer, id_ in (("person", model.person_id), ("account", account))
            if id_ and (rows := derived_rows(lake, RISKS.name, id_, "entity_id"))
        ),
        None,
    )
    following = next(iter(derived_rows(lake, NEXT.name, model.person_id, "person_id")), {})
    trend = model.alignment.trend if model.alignment else "insufficient"
    fell = _fell(models.workspace, model) if model.alignment else []
    because = against_us(model.beliefs)
    payer, row = whose or (None, {})
    standing = row.get("standing") or "no forecast: neither they nor their account has paid, or too few customers have"
    return Risk(
        person_id=model.person_id,
        name=model.name,
        sentence=in_words(model.name, trend, row, payer, fell, because),
        trend=trend,
        risk=row.get("risk"),
        payer=payer,
        way=row.get("way"),
        standing=standing,
        next_action=following.get("action"),
        next_chance=following.get("chance"),
        next_standing=following.get("standing"),
        fell=fell,
        because=because,
        purpose=purpose.value,
    )


def at_risk(workspace: Workspace, limit: int) -> list[str]:
    """Ids of the persons to look at first: who is drifting away by their latest score, the lowest first; then by the risk of leaving."""
    with transaction(workspace.store) as session:
        rows = session.exec(
            select(Alignment).where(Alignment.scope == Scope.person.value).order_by(col(Alignment.as_of))
        ).all()
    latest = {row.entity_id: row for row in rows}
    found = workspace.lake.table(RISKS.name)
    risks = {row["entity_id"]: row["risk"] for row in found.to_pyarrow().to_pylist() if row["scope"] == Scope.person} if found is not None else {}  # fmt: skip

    def order(person: str) -> tuple[bool, float, float, str]:
        row = latest.get(person)
        drifting = row is not None and row.trend == "diverging"
        return not drifting, -risks.get(person, 0.0), row.overall if row else 1.0, person

    return sorted(latest.keys() | risks.keys(), key=order)[:limit]


def against_us(beliefs: Sequence[HeldBelief]) -> list[HeldBelief]:
    """Their own beliefs against us, those first that are surest now."""
    own = [belief for belief in beliefs if belief.polarity == "negative" and belief.holder is None]
    return sorted(own, key=lambda belief: (-belief.confidence_now, belief.number))[:REASONS]


def in_words(
    name: str, trend: str, row: dict[str, Any], payer: str | None, fell: list[Change], because: list[HeldBelief]
) -> str:
    """One or two sentences: which way, how likely, what fell, and what they believe."""
    parts = [f"{name} {WAYS[trend]}"]
    if row:
        who = "their account" if payer == "account" else "they"
        parts.append(f"the chance that {who} {_plural(row['way'], payer)} within 90 days is {row['risk']:.0%} ({row['standing']})")  # fmt: skip
    said = "; ".join(parts)
    if fell:
        said += ". What fell: " + ", ".join(
            f"{COMPONENTS[one.component]} ({one.before:.2f} to {one.now:.2f})" for one in fell
        )
    if because:
        said += ". What speaks against us: " + "; ".join(belief.statement for belief in because)
    return f"{said}."


def _plural(way: str, payer: str | None) -> str:
    """Such as "their account buys nothing", "they buy nothing"."""
    verb, _, rest = way.partition(" ")
    return way if payer == "account" else f"{verb.removesuffix('s')} {rest}"


def _fell(workspace: Workspace, model: SelfModel) -> list[Change]:
    """Components that fell since the last score that is `BEFORE` older than the latest, the furthest first."""
    now = model.alignment
    assert now is not None  # noqa: S101  # asked only where there is one
    query = (
        select(Alignment)
        .where(Alignment.scope == Scope.person.value, Alignment.entity_id == model.person_id)
        .where(col(Alignment.as_of) <= now.as_of - BEFORE)
        .order_by(col(Alignment.as_of).desc())
    )
    with transaction(workspace.store) as session:
        row = session.exec(query).first()
    if row is None:
        return []
    both = row.components.keys() & now.components.keys()
    changes = [Change(name, row.components[name]["value"], now.components[name]["value"]) for name in sorted(both)]
    return sorted((one for one in changes if one.before - one.now >= FELL), key=lambda one: one.now - one.before)
