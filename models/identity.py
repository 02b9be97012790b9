"""Who is who. Judgements and identity events are decisions; persons' current membership is derived from them and from facts."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class Entity(SQLModel, table=True):
    """A person or an account. Its id is minted once and resolves for ever, through `merged_into` after a merge."""

    __tablename__ = "entity"
    id: str = Field(primary_key=True, description="UUIDv7: sorting ids sorts them by age")
    scope: str = Field(index=True, description="person or account")
    created_at: datetime = Field(sa_type=UtcDateTime, description="when the id was minted, UTC")
    merged_into: str | None = Field(default=None, index=True, description="the id that took over; empty while in use")


class Membership(SQLModel, table=True):
    """One record belongs to one person or account: the current state, rebuilt by every stitch."""

    __tablename__ = "membership"
    record: str = Field(primary_key=True, description="written record key")
    record_hash: int = Field(sa_type=BigInteger, index=True, description="signed 64-bit hash of the key")
    scope: str = Field(description="person or account")
    entity_id: str = Field(index=True, description="the person or account it belongs to")
    via_record: str | None = Field(
        default=None, description="record it was joined to; empty for the first of its entity"
    )
    via_kind: str | None = Field(default=None, description="identifier kind that joined them")
    via_value: str | None = Field(default=None, description="the shared value, masked")
    stitch_version: int = Field(description="stitch run that put it there")


class Judgement(SQLModel, table=True):
    """A decision that two records are, or are not, the same person; outlives every stitch until superseded."""

    __tablename__ = "judgement"
    id: str = Field(primary_key=True, description="UUIDv7")
    left: str = Field(index=True, description="written record key")
    right: str = Field(index=True, description="written record key")
    same: bool = Field(description="true: always together; false: never together")
    decided_by: str = Field(description="who decided")
    reason: str = Field(description="why, in their words")
    decided_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
    superseded_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; empty while in force")


class IdentityEvent(SQLModel, table=True):
    """An entity was created, merged or split: appended, never changed."""

    __tablename__ = "identity_event"
    id: str = Field(primary_key=True, description="UUIDv7")
    kind: str = Field(description="create, merge or split")
    scope: str = Field(description="person or account")
    from_id: str | None = Field(default=None, index=True, description="the entity that was; empty on create")
    to_id: str = Field(index=True, description="the entity that is")
    stitch_version: int = Field(index=True, description="stitch run that did it")
    occurred_at: datetime = Field(sa_type=UtcDateTime, description="UTC")


class Suggestion(SQLModel, table=True):
    """Two records whose persons or accounts might be the same, for a human to decide; stands for ever once decided."""

    __tablename__ = "suggestion"
    id: str = Field(primary_key=True, description="names scope and pair; the same pair always has the same id")
    scope: str = Field(description="person or account")
    left: str = Field(index=True, description="written record key that stands for one side, the lesser of the two")
    right: str = Field(index=True, description="written record key that stands for the other side")
    weight: float = Field(description="what speaks for it less what speaks against it, in bits")
    probability: float = Field(description="the same from 0 (certainly not) to 1 (certainly)")
    evidence: list[dict[str, Any]] = Field(
        sa_column=Column(JSON, nullable=False),
        description="what agreed how far, strongest first: signal, words, bits, shown (masked)",
    )
    status: str = Field(index=True, description="open, accepted, refused, or closed by itself")
    suggested_at: datetime = Field(sa_type=UtcDateTime, description="when it was first suggested, UTC")
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; empty while open")
    decided_by: str | None = Field(default=None, description="who decided; empty while open")
    reason: str | None = Field(default=None, description="why, in their words, or why it closed by itself")
