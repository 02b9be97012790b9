"""What the components of alignment weigh, as learned from what became of customers."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class AlignmentWeights(SQLModel, table=True):
    """One learning: what each component weighs from an instant on. Appended, never changed; scores of before keep their weights."""

    __tablename__ = "alignment_weights"
    version: str = Field(primary_key=True, description="hash of the weights and of what they were learned from")
    weights: dict[str, float] = Field(
        sa_column=Column(JSON, nullable=False), description="by component, not negative, adding up to 1"
    )
    outcomes: int = Field(description="outcomes they were learned from")
    figures: dict[str, Any] = Field(
        sa_column=Column(JSON, nullable=False), description="how many stayed, and log-loss beside that of the base rate"
    )
    learnt_at: datetime = Field(sa_type=UtcDateTime, index=True, description="from when on they count, UTC")
