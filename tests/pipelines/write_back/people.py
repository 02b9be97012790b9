"""People with beliefs, made the way the understand room makes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from models import Evidence, Scope
from pipelines.understand.alignment import Paid, history
from pipelines.understand.beliefs import conclude
from pipelines.understand.scoring import score_row
from pipelines.understand.slots import shipped
from pipelines.write_back.known import Figures, Person

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
SLOTS = shipped()
HALF_LIVES = {slot.name: slot.half_life_days for slot in SLOTS}
VALENCES = {slot.name: slot.valence for slot in SLOTS}


def said(statement: str, slot: str, polarity: str = "negative", day: int = 0, **more) -> Evidence:
    """One plain statement of a customer."""
    at = START + timedelta(days=day)
    row = {
        "id": f"{statement}-{slot}-{day}", "observation_id": f"o{day}-{slot}", "text_hash": "t", "model": "m", "subject": "s",
        "subject_hash": 0, "slot": slot, "polarity": polarity, "strength": "explicit", "statement": statement,
        "quote": f"we say {statement.lower()}", "start": 0, "end": 5, "speaker": "", "speaker_role": "customer",
        "source_class": "email/customer", "thread": f"o{day}-{slot}", "occurred_at": at, "recorded_at": at,
    }  # fmt: skip
    return Evidence(**{**row, **more})


def person(name: str, *evidence: Evidence, paid: int = 0, title: str | None = None, **figures) -> Person:
    """Somebody who said this, and paid so many times."""
    payments = [Paid(START + timedelta(days=30 * month), 1_000, "eur") for month in range(paid)]
    scores = history(evidence, payments, VALENCES, HALF_LIVES)
    money = Decimal(10 * paid) if paid else None
    return Person(
        name, name, title, conclude(name, evidence, HALF_LIVES), evidence,
        [score_row(Scope.person, name, sample) for sample in scores], figures=Figures(revenue=money, **figures),
    )  # fmt: skip
