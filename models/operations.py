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
