"""What people were told about the machinery: one row per change of state, so that a restart repeats nothing."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class Alert(SQLModel, table=True):
    """One change of one thing that is watched: it began to fail, or it works again. The newest row of a subject is its state."""

    __tablename__ = "alert"
    id: str = Field(primary_key=True, description="UUIDv7")
    subject: str = Field(index=True, description="job, check or schedule, with its name")
    failing: bool = Field(description="whether it began to fail; else it works again")
    about: str = Field(description="counts and ids, never customer text")
    changed_at: datetime = Field(sa_type=UtcDateTime, index=True, description="when it was seen, UTC")
    told: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False), description="channels that took the message"
    )
