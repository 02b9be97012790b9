"""What a vendor must offer: a folder under `connectors/` whose `__init__` declares one `CONNECTOR` of this shape.

A connector is data (streams, settings) and two doors: `open` gives a `Source` to pull from, `open_crm`, where the vendor is a
CRM, a `Crm` to write to. A source walks windows: it yields pages, and marks with a cursor the page that completes a window.
Ingest lands the rows first and saves the cursor afterwards, so a crash re-reads at most one window.
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.errors import Unsupported
from models.clock import Clock
from models.facts import Fact
from models.keys import RecordKey
from models.records import Record

Position = dict[str, Any]
"""Where a pull stands, in the connector's own words; must survive JSON."""


class Floors(BaseSettings):
    """How much of a vendor's daily calls is not ours; the defaults are the shares that Meltano's tap-salesforce keeps."""

    quota_floor: float = Field(default=0.2, ge=0, le=1, description="share of the day's calls that is left to others")
    run_share: float = Field(default=0.25, gt=0, le=1, description="share of the day's calls that one run may spend")

    def left(self, used: int, allowed: int, spent: int = 0) -> int:
        """Calls that a run may still make, of which it has spent some: neither of the two shares is exceeded; 0 where it must stop."""
        of_all, own = (1 - self.quota_floor) * allowed - used, self.run_share * allowed - spent
        return max(0, math.floor(min(of_all, own)))

    def reached(self, used: int, allowed: int, spent: int, whose: str) -> str | None:
        """Which share is used up, in a sentence; None while a run may go on."""
        if used >= (1 - self.quota_floor) * allowed:
            return f"{used} of the {whose}'s {allowed} daily API calls are used; the rest is left to people"
        if spent >= self.run_share * allowed:
            return f"this run has spent {spent} of the {whose}'s {allowed} daily API calls, its share; the next one goes on from here"
        return None


class VendorSettings(BaseSettings):
    """A vendor's settings, read from the environment; each vendor has its own prefix. Secrets are `SecretStr`."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment variable behind a field."""
        return f"{cls.model_config.get('env_prefix', '')}{name}".upper()

    def missing(self) -> list[str]:
        """Environment variables that must be set before the vendor can be reached; empty means ready."""
        return [self.variable(name) for name in self.required() if getattr(self, name) is None]

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields without which the vendor is skipped."""
        raise NotImplementedError


@dataclass(frozen=True)
class Stream:
    """One kind of vendor object that is pulled, and how it reads as facts.

    `translate` turns the latest version of one record into facts and raises `ValueError` (pydantic's included) with a plain
    reason for a record that makes no sense; that record is kept and counted as rejected. It sees this one record only: what
    several records must tell together is named by key and joined later. Every value of the payload is blanked in the reason, so
    the place of a record that has no id of its own (a line of a file) is best its id. A deleted record is not translated.
    """

    name: str
    object: str
    description: str
    translate: Callable[[Record], Iterable[Fact]]
    facts: tuple[type[Fact], ...]
    unstamped: frozenset[str] = frozenset()
    """Payload keys that say nothing about content (modification stamps); left out of the payload hash, own fields likewise."""
    lasting: bool = False
    """Whether a deleted record still says who somebody was: a deleted payer has still paid. Otherwise it says nothing."""


def raw_only(record: Record) -> Iterator[Fact]:  # noqa: ARG001  # every stream translates
    """A record that is kept as it is, for checks and later questions."""
    return iter(())


class Whole(NamedTuple):
    """A stretch of ids, compared as text, of which a window holds every record of an account that the vendor still has.

    Ids lie behind `after` (None: from the first) and up to `upto` (None: to the last). What the lake has in the stretch and the window
    has not is gone, unless its newest version is younger than `at`, ISO 8601: that instant is the stamp of its tombstone.
    """

    account: str
    at: str
    after: str | None = None
    upto: str | None = None


@dataclass(frozen=True)
class Page:
    """Some records of one window. `cursor` is set on the page that completes the window, and only there.

    A window lands whole, and a page is held whole: some MB a page and some 100,000 records a window are well within memory.
    """

    records: list[Record]
    """Versions in any order. Of a record the greatest `updated_at` is kept, of equal ones the later; one older than what has landed
    tells nothing new. A vendor without such stamps takes the instant at which it is read."""
    position: Position
    """Where to go on inside the window after this page. It may be the cursor as it would be now; it is kept with every page."""
    cursor: Position | None = None
    """Where the next window starts; saved once the rows have landed."""
    whole: Whole | None = None
    """Beside a cursor: what the window holds without a gap, so that a deletion nobody tells is seen all the same."""


@dataclass(frozen=True)
class Finding:
    """One line of `sidecar doctor`: what was looked at, whether it works and, if not, what to do."""

    subject: str
    ok: bool
    message: str
    remedy: str | None = None


@dataclass(frozen=True)
class Quota:
    """How many calls of the vendor's own period are used, and allowed; whoever else uses the account is counted too."""

    used: int
    allowed: int
    left: int | None = None
    """Calls that this run may still make before it leaves the rest to others; None where nobody has reckoned."""


class Source(ABC):
    """An open vendor account that can be pulled from. What a vendor lacks raises Unsupported."""

    vendor: ClassVar[str]
    """The connector's name."""
    account: str
    """The vendor's own id of the account (org id, portal id, account id with mode)."""
    calls: Counter[str]
    """Requests made so far, by reason: definition, window, look-back, association, sweep, count, retry, login."""

    @property
    def quota(self) -> Quota | None:
        """The quota as the newest answer told it; None where the vendor has none or has not told yet."""
        return None

    @abstractmethod
    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream from the cursor to the present.

        Shape: pages in the order they must land; `cursor=None` means everything the vendor has; `resume` is the position of
        the last staged page of an unfinished window. The last page always carries a cursor, even where nothing was new.
        Errors: Retryable after the connector's own retries are spent, Fatal; never a part of the pages as if they were all.
        """

    @abstractmethod
    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """Say what works, which permission is missing and how to grant it; never raises for a vendor's refusal."""

    def between(
        self,
        stream: Stream,
        since: datetime,
        until: datetime,
        resume: Position | None,  # noqa: ARG002  # the shape of every vendor's own
    ) -> Iterator[Page]:
        """Read once more what the vendor stamped in `[since, until)`: a backfill, which moves no cursor of `pages`.

        Shape: as `pages`; only the last page carries a cursor, which says no more than that the range is complete.
        Errors: as `pages`; Unsupported for a stream that has no stamps.
        """
        raise self._unsupported(stream, f"cannot be read by date ({since:%F} to {until:%F})")

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        """These records as they are now; one that is gone comes marked deleted, one that never was is absent.

        Errors: as `pages`; Unsupported for a stream whose records cannot be asked for one by one.
        """
        raise self._unsupported(stream, f"cannot be read by id ({len(ids)} asked for)")

    def count(self, stream: Stream) -> int:
        """How many live records the vendor counts by itself, without handing them out. Errors: as `pages`; Unsupported."""
        raise self._unsupported(stream, "cannot be counted")

    def columns(self, stream: Stream) -> Mapping[str, str]:
        """The vendor's own type of every column that is read now, by name. Errors: as `pages`; Unsupported where none are told."""
        raise self._unsupported(stream, "has no columns that the vendor tells")

    def _unsupported(self, stream: Stream, message: str) -> Unsupported:
        return Unsupported(message, vendor=self.vendor, stream=stream.name)


PROMPT = timedelta(minutes=5)
"""How far the instant of a delivery may lie from ours: what Stripe and HubSpot ask for, in both directions."""


@dataclass(frozen=True)
class Delivery:
    """One HTTP request that came to our door in a vendor's name. `url` is as the sender wrote it, header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    """When it came, by our clock, UTC."""

    def is_prompt(self, seconds: float) -> bool:
        """Whether it was sent just now, if it was sent at that instant (seconds since 1970)."""
        return abs(self.at.timestamp() - seconds) <= PROMPT.total_seconds()


@dataclass(frozen=True)
class Notice:
    """A record that the vendor says has changed: its name and nothing else. The next pull reads it."""

    stream: str
    id: str
    account: str | None = None
    """As the source of that account calls itself; None where the vendor names none: that of the settings."""


@dataclass(frozen=True)
class Heard:
    """What a delivery says. `answer` is what the vendor wants to read back, if anything."""

    notices: Sequence[Notice] = ()
    answer: str = ""


FieldKind = Literal["text", "long_text", "number", "percent", "money", "picklist", "checkbox", "datetime"]
FieldValue = str | float | int | bool | None
Policy = Literal["always", "only_if_empty", "never_over_human"]
"""When a field may be written: whatever stands there; only where nothing does; only over what we wrote ourselves."""


@dataclass(frozen=True)
class FieldSpec:
    """One custom field the sidecar owns in a CRM, in neutral words; the vendor's `fields.py` turns it into metadata.

    Units: `length` in characters; `scale` in decimal places. `reps_edit` fields are read back as feedback; `hidden` ones are
    for machines only.
    """

    name: str
    label: str
    help: str
    kind: FieldKind
    subjects: frozenset[str]
    """Subjects that carry it: person, account, deal."""
    length: int = 0
    scale: int = 0
    values: tuple[str, ...] = ()
    reps_edit: bool = False
    hidden: bool = False
    policy: Policy = "never_over_human"


@dataclass(frozen=True)
class ProvisionStep:
    """One difference between what is wanted and what is there: created, changed, deleted, ok, or refused with the reason."""

    target: str
    action: Literal["create", "change", "delete", "ok", "refuse"]
    detail: str = ""


@dataclass(frozen=True)
class RowResult:
    """The vendor's answer for one written record."""

    id: str
    ok: bool
    code: str = ""
    message: str = ""
    retry: bool = False
    """Whether the same write may succeed later without anybody acting (a locked row)."""
    gone: bool = False
    """Whether the record takes no writes any more: deleted, merged or converted."""


@dataclass(frozen=True)
class JobEnd:
    """What a bulk job came to: an answer for every record that the vendor looked at or says it did not, and its own complaint."""

    results: Sequence[RowResult]
    complaint: str = ""


class Jobs(Protocol):
    """Writing very many records of one kind by jobs, which the vendor works off in its own time."""

    least: int
    """Records from which a job costs the vendor less than batches."""
    most_bytes: int
    """Of one job's content."""

    def takes(self, values: Mapping[str, FieldValue]) -> bool:
        """Whether a job can carry these values; one that cannot goes by batch."""
        ...

    def heading(self, fields: Sequence[str]) -> bytes:
        """How a job's content begins."""
        ...

    def lines(self, rows: Sequence[tuple[str, dict[str, FieldValue]]], fields: Sequence[str]) -> bytes:
        """Records as a job's content goes on; a field that a row does not name is left as it is."""
        ...

    def begin(self, object_name: str) -> str | None:
        """A job that is open and empty; gives its id, which must be kept before anything is handed in. None if none is to be had."""
        ...

    def hand_in(self, job: str, content: bytes) -> None:
        """Give the job its content and let the vendor begin. Errors: Retryable if it is not known to have arrived."""
        ...

    def end(self, job: str) -> JobEnd | None:
        """Wait until the job has ended; None if it never was handed in (it is called off then), or is forgotten.

        Errors: Retryable if it is at work still; a later run waits on.
        """
        ...


class Crm(Protocol):
    """An open CRM account that can be enriched. It never creates or deletes a customer's record."""

    account: str
    currency: str | None
    """What the CRM's money fields are in, ISO 4217 in lower case; None where the CRM does not tell."""
    batch_size: int
    """Records per write call at the vendor."""
    read_size: int
    """Records per read call at the vendor."""
    jobs: Jobs | None
    """None where the vendor has none."""
    calls: Counter[str]
    """Requests made so far, by reason."""
    subjects: Mapping[str, tuple[str, ...]]
    """CRM objects per subject: `{"person": ("Contact", "Lead"), "account": ("Account",), "deal": ("Opportunity",)}`."""

    @property
    def quota(self) -> Quota | None:
        """The quota as the newest answer told it; None where the vendor does not tell."""
        ...

    def field_name(self, spec: FieldSpec) -> str:
        """The vendor's API name of the field, prefix included."""
        ...

    def provision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Make the fields exist, visible and writable; idempotent; refuses to shrink or convert a field."""
        ...

    def validate(self, specs: Sequence[FieldSpec]) -> list[ProvisionStep]:
        """What the vendor says of the fields that are missing, taken or refused; none is made. Errors: Unsupported where it cannot be asked."""
        ...

    def unprovision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Delete what `provision` made, values included, and nothing else; idempotent; refuses what cannot be deleted."""
        ...

    def holding(self, object_name: str, specs: Sequence[FieldSpec]) -> Iterator[tuple[str, dict[str, FieldValue]]]:
        """Every living record on which one of our fields has a value: its id and all values, by API name, of the fields seen."""
        ...

    def writable(self, object_name: str) -> dict[str, int]:
        """API names of our fields that this user may write on the object, with their length (0 where none applies)."""
        ...

    def fingerprint(self, object_name: str) -> str:
        """Changes whenever the definition of a field of ours does: type, length, options, who may edit it."""
        ...

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, FieldValue]]:
        """Present values by record id; a record that is gone (deleted, merged, converted) is absent. Safe for threads."""
        ...

    def moved(self, object_name: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Where records that are gone went: object and id of the record each was merged into or converted to; absent if nowhere."""
        ...

    def update(self, object_name: str, rows: Sequence[tuple[str, dict[str, FieldValue]]]) -> list[RowResult]:
        """Write one batch of at most `batch_size` records by id; as many results as rows, in their order. Safe for threads."""
        ...


@dataclass(frozen=True)
class Connector:
    """Everything the rest of the product knows of a vendor."""

    name: str
    label: str
    kinds: frozenset[str]
    """Dagster kind chips."""
    settings: type[VendorSettings]
    streams: tuple[Stream, ...]
    open: Callable[[Any, Clock], Source]
    schedule: str
    """Cron expression of its pull, UTC."""
    open_crm: Callable[[Any, Clock], Crm] | None = None
    listen: Callable[[Any, Delivery], Heard] | None = None
    """Reads a webhook, if the vendor has them. Errors: Forged; Fatal if a variable is missing; ValueError if it is no message."""
    editor: str = ""
    """Payload key that names the user who changed a record last; empty where records do not tell."""
    reading: int = 1
    """By which reading its records become facts: raised whenever a translation makes something else of the same record, a new field
    of a fact included. The next pull then reads anew what was pulled before, since facts stay as they were read."""
    address: Callable[[Any, RecordKey, RecordKey], str | None] | None = None
    """Where a record, or else the person it hangs on, is seen in the vendor's own pages; None for what has no page."""
    docs: str = ""
    """Where the vendor documents what is read."""
    streams_by_name: dict[str, Stream] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams_by_name", {stream.name: stream for stream in self.streams})
