"""Who is who. Rules, judgements and identity events are decisions; membership and refused ties are derived from them and from facts."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column
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
    by_rules: str | None = Field(
        default=None, description="the id that it has by the rules alone, where judgements give it another"
    )
    formerly: str | None = Field(
        default=None, description="the id that a merge took it from; goes back to it when that merge is undone"
    )
    stitch_version: int = Field(description="stitch run that put it there")


class IdentityRule(SQLModel, table=True):
    """How far one kind of identifier is trusted, as somebody decided it; the product's own rule counts where nobody did."""

    __tablename__ = "identity_rule"
    __table_args__ = (
        CheckConstraint("priority > 0 and max_records > 0 and max_values > 0", name="identity_rule_limits"),
    )
    id: str = Field(primary_key=True, description="UUIDv7")
    scope: str = Field(description="person or account")
    kind: str = Field(description="kind of identifier: email, phone and so on")
    priority: int = Field(description="lower is stronger")
    normaliser: str = Field(description="name of what makes values comparable")
    max_records: int = Field(description="a value on more records joins nobody")
    max_values: int | None = Field(default=None, description="values by which one person or account may hang together")
    needs_same_name: bool = Field(description="joins only records whose names agree too")
    one_ever: bool = Field(description="a person or account has at most one such value")
    enabled: bool = Field(description="false: the kind joins nobody")
    blocked: list[str] = Field(sa_type=JSON, description="RE2 patterns of values that join nobody")
    decided_by: str = Field(description="who decided")
    reason: str = Field(description="why, in their words")
    decided_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
    superseded_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; empty while in force")
    superseded_by: str | None = Field(default=None, description="who decided otherwise")
    superseded_because: str | None = Field(default=None, description="why, in their words")


class Stitch(SQLModel, table=True):
    """One stitch that changed something, and the rules it went by: appended, never changed."""

    __tablename__ = "stitch"
    version: int = Field(primary_key=True, description="counts stitches that changed something")
    scope: str = Field(description="person or account")
    rules_version: str = Field(description="names the content of the rules it went by")
    changes: dict[str, int] = Field(sa_type=JSON, description="rows and identity events by what they are")
    stitched_at: datetime = Field(sa_type=UtcDateTime, description="UTC")


class Look(SQLModel, table=True):
    """What the latest stitch of a scope has looked at, whether or not it changed anything: the next one starts from there."""

    __tablename__ = "look"
    scope: str = Field(primary_key=True, description="person or account")
    release: str = Field(description="names the content of the product's rules and code")
    rules_version: str = Field(description="names the content of the rules it went by")
    read_to: dict[str, int] = Field(
        sa_column=Column(JSON, nullable=False), description="by stream and fact, the raw batch up to which it had read"
    )
    whole_on: date = Field(description="day, UTC, on which everything was looked at last")


class RefusedTie(SQLModel, table=True):
    """Two records that share a usable value and were kept apart: the current state, rebuilt by every stitch, for review."""

    __tablename__ = "refused_tie"
    id: str = Field(primary_key=True, description="names its records, kind and masked value")
    left: str = Field(description="written record key")
    right: str = Field(description="written record key")
    kind: str = Field(description="identifier kind they share")
    value: str = Field(description="the shared value, masked")
    scope: str = Field(description="person or account")
    cause: str = Field(description="too_large, too_many_values, one_ever or told_apart")
    stitch_version: int = Field(description="stitch run that refused it first")
    since: datetime = Field(sa_type=UtcDateTime, description="when it was refused first, UTC")


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
    superseded_by: str | None = Field(default=None, description="who took it back or decided otherwise")
    superseded_because: str | None = Field(default=None, description="why, in their words")


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
    rules_version: str | None = Field(
        default=None, description="names the content of the rules that the stitch went by"
    )
    left: str | None = Field(
        default=None, description="record key of one end of the edge that came (merge) or went (split)"
    )
    right: str | None = Field(default=None, description="record key of its other end")
    via_kind: str | None = Field(default=None, description="identifier kind of that edge, or judgement")
    via_value: str | None = Field(default=None, description="the value shared by it, masked")


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
