"""What the sidecar wants in the CRM, and what the CRM is known to hold. Both outlive a crash; nothing is sent that is not a row here."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import JSON, CheckConstraint, Column, Index, Text
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class WritePlan(SQLModel, table=True):
    """One reading of what should change in one CRM; the only thing that can be applied."""

    __tablename__ = "write_plan"
    id: str = Field(primary_key=True, description="UUIDv7")
    crm: str = Field(index=True, description="vendor")
    account: str = Field(description="vendor account")
    created_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
    applied_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; empty until delivered")
    stopped: str | None = Field(
        default=None, description="why a circuit breaker refused it; empty if it may be applied"
    )
    undoes: str | None = Field(default=None, description="the plan whose writes it takes back")
    needs_approval: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": sa.false()},
        description="not to be applied before somebody has approved it",
    )
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC")
    approved_by: str | None = Field(default=None, description="who approved it")
    counts: dict[str, int] = Field(sa_column=Column(JSON, nullable=False), description="rows by what was decided")


class IntendedWrite(SQLModel, table=True):
    """One field value the sidecar wants in the CRM: the ledger, before and after delivery."""

    __tablename__ = "intended_write"
    __table_args__ = (
        CheckConstraint(
            "state in ('planned', 'sent', 'ok', 'failed', 'conflict', 'suppressed', 'superseded', 'undone')",
            name="intended_write_state",
        ),
        # some records of a plan or a job are asked for at a time; by one column alone, each time would walk through all of it
        Index("ix_intended_write_plan_record", "plan_id", "record"),
        Index("ix_intended_write_job_record", "job", "record"),
    )
    id: str = Field(primary_key=True, description="UUIDv7")
    plan_id: str = Field(foreign_key="write_plan.id", description="the plan it belongs to")
    record: str = Field(index=True, description="written key of the CRM record")
    entity_id: str = Field(index=True, description="the person or account it speaks of, as stitched when planned")
    field: str = Field(description="API name of the field")
    old_value: str | None = Field(
        default=None,
        sa_column=Column(Text),
        description="what the CRM held when planned, or what a human put there, as JSON",
    )
    new_value: str | None = Field(default=None, sa_column=Column(Text), description="what we want there, as JSON")
    value_hash: str = Field(description="content hash of the new value as the CRM will hold it")
    reason: str = Field(description="why it changes, without customer text")
    belief_ids: list[str] = Field(
        default_factory=list,
        sa_column=Column(JSON, nullable=False, server_default="[]"),
        description="the beliefs that the record then shows, in the order shown",
    )
    state: str = Field(index=True, description="planned, sent, ok, failed, conflict, suppressed, superseded or undone")
    attempts: int = Field(default=0, description="deliveries tried")
    parked: bool = Field(default=False, description="refused for good: due again only with another value")
    parked_under: str | None = Field(
        default=None,
        description="fingerprint of the CRM's own fields when it was refused; another one is worth another try",
    )
    job: str | None = Field(default=None, description="id of the vendor's bulk job that carries it")
    error: str | None = Field(default=None, description="the vendor's code and message")
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC")
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC")


class Baseline(SQLModel, table=True):
    """What a CRM field is known to hold because we wrote it; advances only when the CRM has said yes."""

    __tablename__ = "baseline"
    record: str = Field(primary_key=True, description="written key of the CRM record")
    field: str = Field(primary_key=True, description="API name of the field")
    value: str | None = Field(default=None, sa_column=Column(Text), description="the acknowledged value, as JSON")
    value_hash: str = Field(description="content hash of the value")
    write_id: str = Field(description="the intended write that put it there")
    acknowledged_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
