"""What each CRM record should show: pure functions of what is known, so the same knowledge always gives the same values.

Confidence and scores are as of the last evidence and money as of the last payment: looking later changes nothing, until a long silence
has brought the score across a band. Of somebody about whom nothing is known, nothing is shown; of somebody who only did or paid something, the figures and no beliefs.
"""

from collections.abc import Iterable, Mapping, Sequence

from models import Alignment, Belief, Scope, Slot
from pipelines.understand.accounts import rolled_up
from pipelines.understand.alignment import KAPPA
from pipelines.understand.scoring import score_row
from pipelines.understand.words import (
    answered,
    ask,
    evidence_block,
    fitted,
    full_date,
    harmless,
    headline,
    missing_slots,
    ranked,
    sign,
    summary,
    top_belief,
)
from pipelines.write_back.compare import Values
from pipelines.write_back.fields import EVIDENCE, INSUFFICIENT, SUMMARY
from pipelines.write_back.known import Account, Deal, Person
from pipelines.write_back.voices import next_action, risk, sides, voices

HIGH, LOW = 65, 40
"""Points of 100, as they are shown: High from there, Low below. Who holds only one or two things of us, and those plainly, comes to lie about there."""
MARGIN = 3
"""Points beyond its edge at which a band is left, so that a score on the edge does not flicker."""
HALF = 5
"""Engagements within 90 days that make half the engagement score; twice as many make three quarters of it."""
MOST_BELIEFS = 5


def person_values(person: Person, slots: Sequence[Slot]) -> Values:
    """What every record of the person shows; empty if nothing is known."""
    figures = person.figures
    if not (person.beliefs or person.scores or figures):
        return {}
    values = {
        "key": person.id,
        **_belief_values(person.beliefs, person.scores, person.present),
        "top_belief": top_belief(person.beliefs, person.evidence, slots),
        "summary": summary(person.beliefs, person.evidence, slots, most=MOST_BELIEFS, limit=SUMMARY),
        "evidence": evidence_block(person.beliefs, person.evidence, person.links, limit=EVIDENCE),
        "acquisition_source": figures.source,
        "engagement_score": engagement_score(figures.recent),
        "revenue_to_date": None if figures.revenue is None else float(figures.revenue),
    }
    return _harmless(values)


def account_values(account: Account, slots: Sequence[Slot]) -> Values:
    """What every record of the account shows: its people taken together; empty if nothing is known."""
    known = [person for person in account.people if person.beliefs]
    if not (known or account.scores or account.revenue is not None):
        return {}
    values = {
        "key": account.id,
        **_belief_values(_beliefs(known), account.scores, account.present),
        **_told(account.people, slots, {}),
        "people_scored": sum(bool(person.scores) for person in account.people),
        "revenue_12m": None if account.revenue is None else float(account.revenue),
    }
    return _harmless(values)


def deal_values(deal: Deal, slots: Sequence[Slot]) -> Values:
    """What a deal shows: who backs it, who blocks it, who is silent; empty if none of its people has said or paid anything."""
    scores, present = deal_scores(deal)
    known = [person for person in deal.people if person.beliefs]
    if not (known or scores):
        return {}
    said = voices(deal.people, slots, deal.roles)
    judged = risk(said)
    values = {
        "key": str(deal.record),
        **_belief_values(_beliefs(known), scores, present),
        **_told(
            deal.people, slots, deal.roles, *([f"Risk: {judged.level.lower()}, {judged.why}."] if deal.open else [])
        ),
        "risk": judged.level if deal.open else None,
        "next_action": next_action(said, deal.people, slots) if deal.open else None,
    }
    return _harmless(values)


def deal_scores(deal: Deal) -> tuple[list[Alignment], Alignment | None]:
    """What the scores of its people come to together, oldest first; and the latest of them, faded by the silence since."""
    told = rolled_up({person.id: person.scores for person in deal.people}, ())
    now = rolled_up({person.id: [person.present] for person in deal.people if person.present}, ())
    scores, faded = ([score_row(Scope.account, deal.entity_id, one) for one in some] for some in (told, now))
    return scores, faded[-1] if faded else None


def numbered(person: Person) -> list[str]:
    """Ids of the beliefs that a person's summary numbers, in its order."""
    return [belief.id for belief in ranked(person.beliefs)[:MOST_BELIEFS]]


def numbered_together(people: Sequence[Person]) -> list[str]:
    """Ids of the beliefs that the summary of an account or a deal numbers, in its order."""
    return [belief.id for _, belief in spokesmen(people)[:MOST_BELIEFS]]


def spokesmen(people: Sequence[Person]) -> list[tuple[Person, Belief]]:
    """Everybody of whom we hold something, with their strongest belief, the strongest of all first."""
    owner = {belief.id: person for person in people for belief in person.beliefs}
    first: dict[str, tuple[Person, Belief]] = {}
    for belief in ranked(_beliefs(people)):
        person = owner[belief.id]
        first.setdefault(person.id, (person, belief))
    return list(first.values())


def band(scores: Iterable[Alignment]) -> str:
    """The latest score in a word; a band is entered at its edge and left a margin beyond it. Shape: oldest first."""
    word = INSUFFICIENT
    for score in scores:
        observed = sum(part["n"] for part in score.components.values())
        word = INSUFFICIENT if observed < KAPPA else _word(_points(score), word)
    return word


def crossed(scores: Sequence[Alignment], present: Alignment | None) -> bool:
    """Whether time alone has brought a score into another band than it had when something was last heard."""
    return _faded(band(scores), present) != band(scores)


def engagement_score(recent: int) -> int:
    """0 to 100, relative to nobody else: each further engagement counts a little less."""
    return round(100 * (1 - 2 ** (-recent / HALF)))


def _points(score: Alignment) -> int:
    """A score as it is shown, 0 to 100; its band goes by that."""
    return round(100 * score.overall)


def _word(points: int, before: str) -> str:
    if points >= HIGH or (before == "High" and points > HIGH - MARGIN):
        return "High"
    return "Low" if points < LOW or (before == "Low" and points < LOW + MARGIN) else "Medium"


def _faded(word: str, present: Alignment | None) -> str:
    """The band that a score has faded into: what was not enough does not become enough."""
    return word if word == INSUFFICIENT or present is None else _word(_points(present), word)


def _edge(before: str, after: str) -> int:
    """The first points of a band for which another was left."""
    if after == "Medium":
        return HIGH - MARGIN if before == "High" else LOW + MARGIN
    return HIGH if after == "High" else LOW - 1


def _belief_values(beliefs: Sequence[Belief], scores: Sequence[Alignment], present: Alignment | None) -> Values:
    """Score, band, trend, confidence and number: the same for a person, an account and a deal.

    A score that has faded into another band is told as it was on that day: it fades by and by, so it was the edge of the two.
    """
    current = ranked(beliefs)
    latest = scores[-1] if scores else None
    trend = latest.trend if latest else "insufficient"
    heard = band(scores)
    now = _faded(heard, present)
    points = None
    if latest:
        points = _points(latest) if now == heard else _edge(heard, now)
    return {
        "alignment_score": points,
        "alignment_band": now,
        "trend": INSUFFICIENT if trend == "insufficient" else trend.capitalize(),
        "confidence": round(100 * current[0].confidence) if current else None,
        "belief_count": len(current),
    }


def _told(people: Sequence[Person], slots: Sequence[Slot], roles: Mapping[str, str], *before: str) -> Values:
    """The words of several people: the strongest belief of each, numbered, after who stands where; and everybody's quotes."""
    shown = spokesmen(people)
    lines = [headline(belief, person.evidence, slots, _name(person)) for person, belief in shown]
    blocks = [
        f"{_name(person)}\n{evidence_block(person.beliefs, person.evidence, person.links, limit=EVIDENCE)}"
        for person, _ in shown
    ]
    return {
        "top_belief": lines[0] if lines else None,
        "summary": _summary(people, slots, roles, lines, before) if lines else None,
        "evidence": fitted(blocks, lambda _: [], EVIDENCE),
    }


def _summary(
    people: Sequence[Person],
    slots: Sequence[Slot],
    roles: Mapping[str, str],
    lines: Sequence[str],
    before: Sequence[str],
) -> str:
    shown = [belief for _, belief in spokesmen(people)][:MOST_BELIEFS]
    told = [
        f"{number}  {sign(belief)}  {line}"
        for number, (belief, line) in enumerate(zip(shown, lines, strict=False), start=1)
    ]
    start = "\n".join([*sides(voices(people, slots, roles)), *before])
    gaps = ask(missing_slots(_beliefs(people), slots))
    last = f"Last heard {full_date(max(belief.last_at for belief in _beliefs(people)))}."
    first, *others = told
    return fitted([f"{start}\n{first}", *others], lambda count: [last, gaps, answered(shown[:count])], SUMMARY)


def _name(person: Person) -> str:
    return person.name or person.title or "Somebody"


def _harmless(values: Values) -> Values:
    return {name: harmless(value) if isinstance(value, str) else value for name, value in values.items()}


def _beliefs(people: Iterable[Person]) -> list[Belief]:
    return [belief for person in people for belief in person.beliefs]
