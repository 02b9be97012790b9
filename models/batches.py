"""Requests that are with a provider for hours: memory of the machinery, so that a run that is killed resumes and nothing is paid twice."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class Batch(SQLModel, table=True):
    """Requests that were, or are about to be, handed to a provider together. Written before they are."""

    __tablename__ = "batch"
    id: str = Field(primary_key=True, description="random, as it also goes to the provider")
    model: str = Field(index=True, description="provider/model that is asked")
    provider_id: str | None = Field(default=None, description="the provider's name for it; empty until that is known")
    status: str = Field(index=True, description="open, read or failed")
    requests: int = Field(description="how many")
    gathered_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="when its answers were read, UTC")


class BatchRequest(SQLModel, table=True):
    """One request of a batch that is open; gone once the batch is read. Holds no words."""

    __tablename__ = "batch_request"
    batch_id: str = Field(primary_key=True, foreign_key="batch.id", description="the batch")
    custom_id: str = Field(primary_key=True, description="what the provider's answer is known by: hash of the request")
    observation_id: str = Field(primary_key=True, description="a text that asks it")
