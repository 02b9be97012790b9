"""What customers said and believe. Observations, extractions and evidence are kept; beliefs are derived from them by replay.

No row of a decision holds a person id: evidence names records, membership resolves them, so a merge that is split again leaves
identical beliefs without asking a model.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Text
from sqlmodel import Field, SQLModel

from models.base import UtcDateTime


class Polarity(StrEnum):
    """Whether a belief favours doing more business with us, less, or neither."""

    positive = "positive"
    negative = "negative"
    neutral = "neutral"


class Strength(StrEnum):
    """How plainly it was said."""

    explicit = "explicit"
    implied = "implied"
    speculative = "speculative"


class Level(StrEnum):
    """What a belief, or a piece of evidence, comes from: the surest first."""

    explicit = "explicit"  # words that were said
    behavioural = "behavioural"  # rows of what was done
    reviewed = "reviewed"  # what one of our own people found when looking at it
    deduced = "deduced"  # what follows from other beliefs, never surer than the least of them
    asserted = "asserted"  # what an agent says, without words or rows


class Verdict(StrEnum):
    """What somebody who looked at a belief said of it."""

    agree = "agree"
    disagree = "disagree"
    unsure = "unsure"


class Slot(SQLModel, table=True):
    """A topic that a belief can be about; seventeen ship, customers add their own."""

    __tablename__ = "slot"
    name: str = Field(primary_key=True, description="short name used everywhere")
    description: str = Field(description="completes the sentence: a belief about …")
    example: str = Field(description="one belief in this slot")
    half_life_days: float = Field(gt=0, description="days after which a silent belief has lost half its certainty")
    valence: float = Field(ge=-1, le=1, description="weight of a held belief in the stance component, -1 to 1")
    active: bool = Field(default=True, description="whether extractors may use it")


class Observation(SQLModel, table=True):
    """One thing said that can be evidence, with its text: the only place where text is kept outside the raw record."""

    __tablename__ = "observation"
    id: str = Field(primary_key=True, description="hash of the source record and field: the same text twice is one row")
    record: str = Field(index=True, description="written key of the record that holds the words")
    subject: str = Field(description="written key of the person record the text hangs on")
    subject_hash: int = Field(sa_type=BigInteger, index=True, description="signed 64-bit hash of the subject")
    source: str = Field(description="call_note, email, ticket, transcript, form or chat; behaviour, review or agent")
    author: str = Field(description="customer, rep or agent")
    participants: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False), description="record keys"
    )
    regarding: str | None = Field(default=None, description="record key of the deal, case or account it was about")
    thread: str | None = Field(default=None, description="conversation; quotes of one thread within 72 h count once")
    text: str = Field(
        sa_column=Column(Text, nullable=False), description="canonical text; evidence offsets point into it"
    )
    text_hash: str = Field(index=True, description="content hash of the text")
    batch: int = Field(default=0, description="raw batch it was read from; 0 for what did not come from a vendor")
    occurred_at: datetime = Field(sa_type=UtcDateTime, description="when it was said, UTC")
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="when we came to know, UTC")
    lawful_basis: str = Field(description="GDPR article 6 basis under which it is held")
    purposes: list[str] = Field(sa_column=Column(JSON, nullable=False), description="what it may be used for")
    region: str = Field(description="where it may be processed")
    retain_until: datetime = Field(sa_type=UtcDateTime, description="UTC")
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; empty while it counts")


class Extraction(SQLModel, table=True):
    """One reading of one text by one extractor; the key is the cache key. A failure is kept as a failure."""

    __tablename__ = "extraction"
    observation_id: str = Field(primary_key=True, description="the observation that was read")
    text_hash: str = Field(primary_key=True, description="the very text that was read")
    prompt: str = Field(primary_key=True, description="version of the instructions")
    schema_hash: str = Field(primary_key=True, description="hash of the answer's schema, slots included")
    model: str = Field(primary_key=True, description="which extractor or model answered")
    status: str = Field(index=True, description="ok or failed")
    error: str | None = Field(default=None, description="why it failed; never customer text")
    claims: int = Field(default=0, description="claims kept")
    tokens_in: int = Field(default=0, description="tokens sent, every re-ask included")
    tokens_out: int = Field(default=0, description="tokens answered, every re-ask included")
    cost_microusd: int | None = Field(
        default=None, description="list price, millionths of a US dollar; empty where the price is not known"
    )
    extracted_at: datetime = Field(sa_type=UtcDateTime, index=True, description="UTC")


class Evidence(SQLModel, table=True):
    """One verbatim quote, or some rows of what was done, for one stance of one holder on one slot, or against it."""

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint("polarity in ('positive', 'negative', 'neutral')", name="evidence_polarity"),
        CheckConstraint("strength in ('explicit', 'implied', 'speculative')", name="evidence_strength"),
        CheckConstraint(
            "level in ('explicit', 'behavioural', 'reviewed', 'deduced', 'asserted')", name="evidence_level"
        ),
        CheckConstraint("start >= 0 and (\"end\" > start or level <> 'explicit')", name="evidence_span"),
    )
    id: str = Field(primary_key=True, description="hash of observation, text, extractor, slot, holder and span")
    observation_id: str = Field(index=True, foreign_key="observation.id", description="where it was said")
    text_hash: str = Field(description="the very text the offsets point into")
    model: str = Field(description="which extractor found it: model, version of its instructions, hash of its schema")
    subject: str = Field(description="written key of the person record the text hangs on")
    subject_hash: int = Field(sa_type=BigInteger, index=True, description="signed 64-bit hash of the subject")
    holder: str | None = Field(default=None, description="whose belief it is when not the subject's: a name or role")
    slot: str = Field(index=True, description="the topic")
    aspect: str = Field(default="", description="narrower topic; only equal aspects can contradict")
    polarity: str = Field(description="positive, negative or neutral")
    against: bool = Field(default=False, description="whether it speaks against that side without being for another")
    level: str = Field(default=Level.explicit, description="explicit, behavioural, reviewed, deduced or asserted")
    basis: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSON(none_as_null=True), nullable=True),
        description="what stands in place of a quote: the stated numbers of rows, the review, or the parents; empty for a quote",
    )
    strength: str = Field(description="explicit, implied or speculative")
    statement: str = Field(max_length=160, description="the belief in our words")
    quote: str = Field(
        sa_column=Column(Text, nullable=False), description="verbatim words of the source text; empty for rows"
    )
    start: int = Field(description="offset of the quote in the observation's text, characters")
    end: int = Field(description="offset after its last character")
    speaker: str = Field(description="who said it, as the text names them; empty if it does not")
    speaker_role: str = Field(description="customer, or rep_note for hearsay")
    source_class: str = Field(description="source and author role that set its reliability")
    thread: str = Field(description="conversation; quotes of one thread within 72 h count once")
    occurred_at: datetime = Field(sa_type=UtcDateTime, description="when it was said, UTC")
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="when we came to know, UTC")
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="UTC; empty while it counts")


class Belief(SQLModel, table=True):
    """What one holder believes on one slot, as of its last evidence. Derived: thrown away and replayed at will."""

    __tablename__ = "belief"
    __table_args__ = (
        CheckConstraint("confidence >= 0 and confidence <= 1", name="belief_confidence"),
        CheckConstraint("weight >= 0", name="belief_weight"),
    )
    id: str = Field(primary_key=True, description="hash of person, holder, slot, aspect and side")
    person_id: str = Field(index=True, description="the person in whose self-model it stands")
    bucket: int = Field(index=True, description="partition of the person, 0 to 63")
    holder: str | None = Field(default=None, description="whose belief it is when not the person's own: a name or role")
    slot: str = Field(description="the topic")
    aspect: str = Field(default="", description="narrower topic")
    polarity: str = Field(description="the side that is held")
    statement: str = Field(description="the belief in our words, from its strongest recent evidence")
    level: str = Field(
        description="the surest of what supports it: explicit, behavioural, reviewed, deduced or asserted"
    )
    parents: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False), description="beliefs it was deduced from"
    )
    confidence: float = Field(description="probability of the held side as of the last evidence, 0 to 1, as calibrated")
    raw: float = Field(description="the same before calibration, as the filter gave it")
    calibration: str = Field(default="uncalibrated", description="uncalibrated, or calibrated")
    weight: float = Field(description="decayed amount of evidence behind it")
    evidence: str = Field(description="thin, some or strong")
    units: int = Field(description="independent observations")
    contested: bool = Field(description="both sides carry weight: disputed, which is not unknown")
    first_at: datetime = Field(sa_type=UtcDateTime, description="first evidence, UTC")
    last_at: datetime = Field(sa_type=UtcDateTime, description="last evidence, UTC")
    valid_to: datetime | None = Field(default=None, sa_type=UtcDateTime, description="when it ceased to hold, UTC")
    superseded_by: str | None = Field(default=None, description="the belief that took its place")
    reason: str | None = Field(
        default=None, description="why it ceased: contradicted, changed (they said so) or reviewed"
    )
    evidence_ids: list[str] = Field(
        sa_column=Column(JSON, nullable=False), description="all its evidence, in event order"
    )


class Drift(SQLModel, table=True):
    """A belief whose evidence has turned against what was held, at the instant that this showed. Derived."""

    __tablename__ = "drift"
    id: str = Field(primary_key=True, description="hash of person, holder, slot, aspect and instant")
    person_id: str = Field(index=True, description="the person in whose self-model it happened")
    bucket: int = Field(index=True, description="partition of the person, 0 to 63")
    holder: str | None = Field(default=None, description="whose belief it is when not the person's own")
    slot: str = Field(description="the topic")
    aspect: str = Field(default="", description="narrower topic")
    away_from: str = Field(description="the side that had been held, positive or negative")
    at: datetime = Field(sa_type=UtcDateTime, description="instant of the evidence that showed it, UTC")
    announced: bool = Field(
        description="whether another belief of the person drifted about then; one alone is often chance"
    )


class Review(SQLModel, table=True):
    """What somebody said of a belief they were shown. Appended, never changed; names records, not persons."""

    __tablename__ = "review"
    __table_args__ = (CheckConstraint("verdict in ('agree', 'disagree', 'unsure')", name="review_verdict"),)
    id: str = Field(
        primary_key=True, description="hash of where it was said, by whom and of what: told twice, it is one row"
    )
    subject: str = Field(description="written key of the person record whose words the belief rests on")
    subject_hash: int = Field(sa_type=BigInteger, index=True, description="signed 64-bit hash of the subject")
    holder: str | None = Field(default=None, description="whose belief it is when not the subject's")
    slot: str = Field(description="the topic")
    aspect: str = Field(default="", description="narrower topic")
    polarity: str = Field(description="the side that was shown")
    statement: str = Field(description="the belief as it was shown")
    evidence_ids: list[str] = Field(
        sa_column=Column(JSON, nullable=False), description="all evidence that it rested on, reviews apart"
    )
    verdict: str = Field(description="agree, disagree or unsure")
    correction: str | None = Field(default=None, description="what holds instead, in the reviewer's words")
    reviewer: str = Field(description="who said it")
    role: str = Field(description="customer, whose belief it is, or colleague")
    source: str = Field(description="cli, api or crm")
    reviewed_at: datetime = Field(sa_type=UtcDateTime, description="when it was said, UTC")
    recorded_at: datetime = Field(sa_type=UtcDateTime, index=True, description="when we came to know, UTC")


class Lesson(SQLModel, table=True):
    """What reviews have taught up to an instant: how far sources are relied on, and what a confidence is worth. Frozen until the next."""

    __tablename__ = "lesson"
    version: str = Field(primary_key=True, description="hash of what it teaches")
    verdicts: int = Field(description="agreements and disagreements it rests on")
    customers: int = Field(description="persons they are about")
    tallies: dict[str, Any] = Field(
        sa_column=Column(JSON, nullable=False), description="hits and trials of each source class"
    )
    method: str = Field(description="uncalibrated, platt or isotonic")
    knots: list[list[float]] = Field(
        sa_column=Column(JSON, nullable=False), description="the map: slope and intercept, or its corners"
    )
    figures: dict[str, Any] = Field(
        sa_column=Column(JSON, nullable=False),
        description="Brier, log-loss and ECE, before and after, on held-out customers",
    )
    learnt_at: datetime = Field(sa_type=UtcDateTime, description="UTC")


class Alignment(SQLModel, table=True):
    """How well customer and offer agree, sampled whenever evidence arrived. Derived."""

    __tablename__ = "alignment"
    __table_args__ = (CheckConstraint("overall >= 0 and overall <= 1", name="alignment_overall"),)
    scope: str = Field(primary_key=True, description="person or account")
    entity_id: str = Field(primary_key=True, description="the person or account")
    as_of: datetime = Field(
        primary_key=True, sa_type=UtcDateTime, description="instant of the evidence it follows, UTC"
    )
    bucket: int = Field(index=True, description="partition of the person, 0 to 63")
    overall: float = Field(description="0 to 1; 0.5 is the neutral start")
    low: float = Field(description="lower end of the 90 % interval")
    high: float = Field(description="upper end of the 90 % interval")
    trend: str = Field(description="converging, steady, diverging or insufficient")
    components: dict[str, dict[str, float]] = Field(
        sa_column=Column(JSON, nullable=False), description="value and n of each component that has observations"
    )
    coverage: float = Field(description="share of components that have observations")
    weights_version: str = Field(description="which weights combined the components")
    evidence_ids: list[str] = Field(sa_column=Column(JSON, nullable=False), description="evidence behind this sample")


class BucketState(SQLModel, table=True):
    """What a bucket's conclusions were last computed from; a different version means the bucket is due."""

    __tablename__ = "bucket_state"
    stage: str = Field(
        primary_key=True, description="stitch, suggestions, observations, beliefs, alignment or account_alignment"
    )
    bucket: int = Field(primary_key=True, description="0 to 63")
    version: str = Field(description="hash of the inputs that the conclusions rest on")
    computed_at: datetime = Field(sa_type=UtcDateTime, description="UTC")
