"""How the machinery remembers where it is, what it could not read, and who looked."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class Purpose(StrEnum):
    """What a self-model may be read for; every read names one."""

    sales = "sales"
    service = "service"
    analytics = "analytics"
    write_back = "write_back"
    agent = "agent"
    subject = "subject"  # the customer looking at what is held on them


class Cursor(SQLModel, table=True):
    """Up to where one stream of one vendor account has landed; moves only after its rows have."""

    __tablename__ = "cursor"
    vendor: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    position: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False), description="the connector's own words")
    landed_at: datetime = Field(sa_type=UtcDateTime, description="UTC")


class StreamColumn(SQLModel, table=True):
    """A column that a vendor has told of a stream, in one type; one that changed its type is two rows, the older of them gone."""

    __tablename__ = "stream_column"
    vendor: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    name: str = Field(primary_key=True, description="the vendor's name of it; never a value")
    type: str = Field(primary_key=True, description="the vendor's word for it")
    first_seen: datetime = Field(sa_type=UtcDateTime, description="UTC")
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; null while it is there")


class StreamCount(SQLModel, table=True):
    """How many live records a vendor last counted in a stream, and what became of comparing that with the lake."""

    __tablename__ = "stream_count"
    vendor: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    at_vendor: int = Field(description="live records, as the vendor counts them")
    counted_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
    in_lake: int = Field(description="live records that the lake knew when they were last compared")
    missing: int = Field(default=0, description="records at the vendor that the lake lacks for certain")
    surplus: int = Field(default=0, description="records of the lake that the vendor has no more, for certain")
    settled: bool = Field(description="whether the comparison is final; if not, what moved meanwhile may explain it")


class Dirty(SQLModel, table=True):
    """A record that its vendor says has changed, until a pull has read it; said twice, it is one row."""

    __tablename__ = "dirty"
    vendor: str = Field(primary_key=True)
    account: str = Field(primary_key=True, description="empty where the vendor named none: that of the settings")
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True, description="the vendor's own id of the record")
    noticed_at: datetime = Field(sa_type=UtcDateTime, description="UTC, the last time it was said")


class Rejection(SQLModel, table=True):
    """A record that arrived and is kept, but could not be read as facts, with the reason."""

    __tablename__ = "rejection"
    record: str = Field(primary_key=True, description="written record key")
    stream: str = Field(index=True, description="vendor/stream")
    reason: str = Field(description="what is wrong and where; never the value itself")
    batch: int = Field(description="raw batch that brought it")
    rejected_at: datetime = Field(sa_type=UtcDateTime, description="UTC")


class Audit(SQLModel, table=True):
    """Who read or changed whose self-model, and for what."""

    __tablename__ = "audit"
    id: str = Field(primary_key=True, description="UUIDv7")
    actor: str = Field(description="who asked")
    action: str = Field(description="what they did")
    purpose: str = Field(description="what they said it was for")
    entity_id: str = Field(index=True, description="whose self-model")
    at: datetime = Field(sa_type=UtcDateTime, description="UTC")
