"""The topics a belief can be about: seventeen rows that ship; customers add their own. None for special categories."""

import re
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Engine
from sqlmodel import Session, col, select

from models import Evidence, Slot
from models.keys import content_id
from models.store import transaction
from pipelines.understand import screens

NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
MOST_WORDS = 200
"""Characters of a description or example: they go out with every request."""
LONGEST_LIFE = 3_650
NEVER = re.compile(
    r"\b(?:health\w*|medical\w*|clinical|genetic\w*|biometric\w*|faith|politic\w*|part(?:y|ies) membership|unions?|race|ethnicit\w*|sex(?:ual\w*)?|"
    r"gender identity|orientation|pregnan\w*|disabilit\w*|criminal\w*)\b",
    re.IGNORECASE,
)
"""Topics of GDPR articles 9 and 10, beyond the words by which texts about them are told."""

STANCE, PERSONAL = 1.0, 0.0
"""Valence: a belief about us moves the stance by all of its confidence; how somebody likes to be reached says nothing about us."""

# half-lives in days are starting values: preference a year, goals half a year, objections four months, plans six weeks
SHIPPED = (
    ("value", "the outcome they want or expect from us", "Expects two quarters of engineering time saved", 180, STANCE),
    ("need", "the problem they have and how much it hurts", "Their infrastructure cannot scale any further", 180, STANCE),
    ("price", "whether the price is worth it", "The return does not justify the price", 120, STANCE),
    ("budget", "whether money exists or is approved", "Budget is approved for the first quarter", 120, STANCE),
    ("timeline", "when, and how urgent", "Must be live before the audit in March", 45, STANCE),
    ("authority", "who decides, who backs or blocks", "The CTO has to sign and is not convinced", 120, STANCE),
    ("fit", "whether the product does what they need", "Reporting is too shallow for finance", 120, STANCE),
    ("integration", "effort of integrating, migrating, API", "Connecting it would take weeks", 120, STANCE),
    ("performance", "speed, uptime, service level", "Expects the latency of the previous vendor", 120, STANCE),
    ("security", "security, privacy, compliance", "Fears gaps in the SOC 2 coverage", 120, STANCE),
    ("lock_in", "dependence, portability, exit", "Fears not getting the data out again", 120, STANCE),
    ("support", "onboarding, help, the relationship", "Feels ignored since onboarding", 120, STANCE),
    ("usability", "ease of use, adoption by their people", "Drivers will not use the app", 120, STANCE),
    ("competitor", "an alternative, the incumbent, building it themselves", "Acme is good enough at half the price", 120, STANCE),
    ("contract", "terms, length, legal", "Wants a shorter contract", 120, STANCE),
    ("intent", "to buy, renew, expand, reduce, leave", "Plans to renew and add 40 seats", 45, STANCE),
    ("preference", "how or when they like to be dealt with", "Prefers e-mail and no calls on Fridays", 365, PERSONAL),
)  # fmt: skip


def shipped() -> list[Slot]:
    """The seventeen slots as rows."""
    return [
        Slot(name=name, description=about, example=example, half_life_days=half_life, valence=valence)
        for name, about, example, half_life, valence in SHIPPED
    ]


def seed(store: Engine) -> int:
    """Put the shipped slots that are missing into the store; what a customer changed stays. Returns how many were added."""
    with transaction(store) as session:
        present = set(session.exec(select(Slot.name)).all())
        missing = [slot for slot in shipped() if slot.name not in present]
        session.add_all(missing)
    return len(missing)


def active_slots(session: Session) -> list[Slot]:
    """The slots that extractors may use, by name."""
    return sorted(session.exec(select(Slot).where(col(Slot.active))).all(), key=lambda slot: slot.name)


def in_use() -> ColumnElement[bool]:
    """Whether evidence is on a slot that is not retired: nothing that was ever said, done or reviewed on a retired one is held."""
    return col(Evidence.slot).not_in(select(Slot.name).where(col(Slot.active).is_(False)))


def slots_version(slots: list[Slot]) -> str:
    """Hash of everything about the slots that conclusions depend on."""
    return content_id(*(f"{slot.name} {slot.half_life_days} {slot.valence}" for slot in slots))[:12]


class BadSlot(ValueError):
    """A slot cannot be as it was asked for; the message says why, in one sentence."""


def add(session: Session, slot: Slot) -> Slot:
    """A topic of one's own. Errors: BadSlot, also where the name is taken."""
    if session.get(Slot, slot.name):
        raise BadSlot(f"There is a slot {slot.name} already; change it with sidecar slots edit.")
    session.add(_checked(slot))
    return slot


def edit(session: Session, name: str, wanted: Mapping[str, object]) -> bool:
    """Change what is named of a slot; returns whether anything is other than before. Errors: BadSlot."""
    slot = _known(session, name)
    before = slot.model_dump()
    slot.sqlmodel_update(_checked(Slot(**{**before, **wanted})).model_dump())
    return slot.model_dump() != before


def retire(session: Session, name: str) -> bool:
    """Read nothing into a slot from now on; returns whether it was in use. Errors: BadSlot.

    With the next run texts are read without it, and what was said on it is held no more: it is kept, and counts again once it is active.
    """
    return edit(session, name, {"active": False})


def _known(session: Session, name: str) -> Slot:
    slot = session.get(Slot, name)
    if slot is None:
        raise BadSlot(f"There is no slot {name}; sidecar slots list shows them.")
    return slot


def _checked(slot: Slot) -> Slot:
    """The slot, if it may be one: named like the others, said in one line each, its numbers within bounds, its topic allowed."""
    words = (slot.description, slot.example)
    if not NAME.fullmatch(slot.name):
        raise BadSlot("A slot is named by 2 to 31 small letters, digits and underscores, a letter first.")
    if not all(3 <= len(word.strip()) <= MOST_WORDS and word.isprintable() for word in words):
        raise BadSlot(f"Description and example need 3 to {MOST_WORDS} characters each, in one line.")
    if not 1 <= slot.half_life_days <= LONGEST_LIFE:
        raise BadSlot(f"The half-life is 1 to {LONGEST_LIFE} days.")
    if not -1 <= slot.valence <= 1:
        raise BadSlot("The valence is a number from -1 to 1; 0 says nothing about us.")
    told = f"{slot.name.replace('_', ' ')} {slot.description} {slot.example}"
    if screens.special(told) or NEVER.search(told):
        raise BadSlot(
            "Health, religion, politics, ethnicity, sexuality and trade unions are nobody's business here: no slot may be about them."
        )
    return slot
