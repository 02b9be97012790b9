"""What each CRM record should show: pure functions of what is known, so the same knowledge always gives the same values.

Confidence and scores are as of the last evidence and money as of the last payment: looking later changes nothing. Of somebody
about whom nothing is known, nothing is shown; of somebody who only did or paid something, the figures and no beliefs.
"""

from collections.abc import Iterable, Mapping, Sequence

from models import Alignment, Belief, Scope, Slot
from pipelines.understand.accounts import rolled_up
from pipelines.understand.alignment import KAPPA
from pipelines.understand.scoring import score_row
from pipelines.understand.words import evidence_block, ranked, summary, top_belief
from pipelines.write_back.compare import Values
from pipelines.write_back.fields import EVIDENCE, INSUFFICIENT, SUMMARY
from pipelines.write_back.known import Account, Deal, Person
from pipelines.write_back.voices import next_action, outlook, risk, voices

HIGH, LOW = 0.65, 0.4
"""A person who holds only one or two things of us, and those plainly, comes to lie about there."""
MARGIN = 0.03
"""A band is left only this far beyond its edge, so that a score on the edge does not flicker."""
HALF = 5
"""Engagements within 90 days that make half the engagement score; twice as many make three quarters of it."""
MOST_BELIEFS = 5


def person_values(person: Person, slots: Sequence[Slot]) -> Values:
    """What every record of the person shows; empty if nothing is known."""
    figures = person.figures
    if not (person.beliefs or person.scores or figures):
        return {}
    return {
        "key": person.id,
        **_belief_values(person.beliefs, person.scores),
        "top_belief": top_belief(person.beliefs, person.evidence, slots),
        "summary": summary(person.beliefs, person.evidence, slots, most=MOST_BELIEFS, limit=SUMMARY),
        "evidence": evidence_block(person.beliefs, person.evidence, limit=EVIDENCE),
        "acquisition_source": figures.source,
        "engagement_score": engagement_score(figures.recent),
        "revenue_to_date": None if figures.revenue is None else float(figures.revenue),
    }


def account_values(account: Account, slots: Sequence[Slot]) -> Values:
    """What every record of the account shows: its people taken together; empty if nothing is known."""
    known = [person for person in account.people if person.beliefs]
    if not (known or account.scores or account.revenue is not None):
        return {}
    return {
        "key": account.id,
        **_belief_values(_beliefs(known), account.scores),
        **_told(known, account.people, slots, {}),
        "people_scored": sum(bool(person.scores) for person in account.people),
        "revenue_12m": None if account.revenue is None else float(account.revenue),
    }


def deal_values(deal: Deal, slots: Sequence[Slot]) -> Values:
    """What a deal shows: who backs it, who blocks it, who is silent; empty if none of its people has said or paid anything."""
    together = rolled_up({person.id: person.scores for person in deal.people}, ())
    scores = [score_row(Scope.account, deal.entity_id, sample) for sample in together]
    known = [person for person in deal.people if person.beliefs]
    if not (known or scores):
        return {}
    said = voices(deal.people, slots, deal.roles)
    return {
        "key": str(deal.record),
        **_belief_values(_beliefs(known), scores),
        **_told(known, deal.people, slots, deal.roles),
        "risk": risk(said) if deal.open else None,
        "next_action": next_action(said, deal.people, slots) if deal.open else None,
    }


def band(scores: Iterable[Alignment]) -> str:
    """The latest score in a word; a band is entered at its edge and left a margin beyond it. Shape: oldest first."""
    word = INSUFFICIENT
    for score in scores:
        observed = sum(part["n"] for part in score.components.values())
        word = INSUFFICIENT if observed < KAPPA else _word(score.overall, word)
    return word


def engagement_score(recent: int) -> int:
    """0 to 100, relative to nobody else: each further engagement counts a little less."""
    return round(100 * (1 - 2 ** (-recent / HALF)))


def _word(overall: float, before: str) -> str:
    if overall >= HIGH - (MARGIN if before == "High" else 0):
        return "High"
    return "Low" if overall < LOW + (MARGIN if before == "Low" else 0) else "Medium"


def _belief_values(beliefs: Sequence[Belief], scores: Sequence[Alignment]) -> Values:
    """Score, band, trend, confidence and number: the same for a person, an account and a deal."""
    current = ranked(beliefs)
    latest = scores[-1] if scores else None
    trend = latest.trend if latest else "insufficient"
    return {
        "alignment_score": round(100 * latest.overall) if latest else None,
        "alignment_band": band(scores),
        "trend": INSUFFICIENT if trend == "insufficient" else trend.capitalize(),
        "confidence": round(100 * current[0].confidence) if current else None,
        "belief_count": len(current),
    }


def _told(known: Sequence[Person], people: Sequence[Person], slots: Sequence[Slot], roles: Mapping[str, str]) -> Values:
    """The words of several people: the strongest belief, who stands where, and everybody's quotes."""
    owner = {belief.id: person for person in known for belief in person.beliefs}
    order = list(dict.fromkeys(owner[belief.id].id for belief in ranked(_beliefs(known))))
    by_id = {person.id: person for person in known}
    lines = []
    blocks = []
    for person in (by_id[id_] for id_ in order):
        name = person.name or person.title or "Somebody"
        lines.append(f"{name}: {top_belief(person.beliefs, person.evidence, slots)}")
        blocks.append(f"{name}\n{evidence_block(person.beliefs, person.evidence, limit=EVIDENCE)}")
    said = outlook(voices(people, slots, roles), people, slots) if known else None
    return {
        "top_belief": lines[0] if lines else None,
        "summary": "\n".join([said, *lines[:MOST_BELIEFS]]) if said else None,
        "evidence": "\n\n".join(blocks),
    }


def _beliefs(people: Iterable[Person]) -> list[Belief]:
    return [belief for person in people for belief in person.beliefs]
