"""Who is to be forgotten: a decision like any other, but one that names nobody by a value, only by hashes and ids of systems."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class Erasure(SQLModel, table=True):
    """One person who is to be forgotten: written before anything goes, and done once nothing of them is left."""

    __tablename__ = "erasure"
    id: str = Field(primary_key=True, description="UUIDv7")
    person_id: str = Field(index=True, description="the person, as stitched when it was decided")
    asked_by: str = Field(description="who decided")
    asked_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
    shown: list[str] = Field(
        sa_column=Column(JSON, nullable=False), description="keys of the CRM records of theirs that we ever wrote to"
    )
    naming: list[str] = Field(
        sa_column=Column(JSON, nullable=False), description="writes to records of others whose value names them"
    )
    erased_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime, description="UTC; store and lake hold nothing"
    )
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; nor do CRMs and the ledger")


class Forgotten(SQLModel, table=True):
    """A tombstone: whatever has this hash is not kept when a vendor tells of it again. It does not say whose it was."""

    __tablename__ = "forgotten"
    hash: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False),
        description="signed 64-bit hash of a record key, or of an identifier that was theirs alone",
    )
    vendor: str = Field(default="", description="vendor of the record; empty for an identifier")
    object: str = Field(default="", description="kind of the record; empty for an identifier")
