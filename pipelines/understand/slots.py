"""The topics a belief can be about: seventeen rows that ship; customers add their own. None for special categories."""

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import Slot
from models.keys import content_id
from models.store import transaction

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


def slots_version(slots: list[Slot]) -> str:
    """Hash of everything about the slots that conclusions depend on."""
    return content_id(*(f"{slot.name} {slot.half_life_days} {slot.valence}" for slot in slots))[:12]
