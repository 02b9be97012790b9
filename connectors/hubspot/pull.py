"""The open portal as the port of a source: each stream by the way in which HubSpot lets it be read.

CRM objects are searched (`objects.py`), owners and pipelines are short lists that are read whole (`catalogue.py`), and the submissions
of a form are listed newest first (`submissions.py`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connectors.base import Finding, Page, Position, Quota, Source, Stream
from connectors.hubspot.catalogue import owners, pipelines
from connectors.hubspot.client import Portal
from connectors.hubspot.diagnose import diagnose
from connectors.hubspot.feeds import FEEDS
from connectors.hubspot.objects import Objects
from connectors.hubspot.refusals import VENDOR
from connectors.hubspot.submissions import Submissions
from connectors.hubspot.wire import milliseconds
from models.clock import Clock
from models.records import Record


class HubSpotSource(Source):
    """A portal that can be pulled from."""

    vendor = VENDOR

    def __init__(self, portal: Portal, clock: Clock) -> None:
        self._portal = portal
        self._clock = clock
        self.account = portal.id
        self.calls: Counter[str] = portal.calls
        self._objects: dict[str, Objects] = {}

    @property
    def quota(self) -> Quota | None:
        """The portal's calls of the day; unknown under OAuth."""
        return Quota(*self._portal.used) if self._portal.used else None

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream to the present."""
        now = milliseconds(self._clock.now())
        match stream.name:
            case "owners":
                return owners(self._portal, stream, cursor, now)
            case "pipelines":
                return pipelines(self._portal, stream, cursor, now)
            case "form_submissions":
                return Submissions(self._portal, stream, now).pages(cursor, resume)
        return self._of(stream).pages(cursor, resume, now)

    def between(self, stream: Stream, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        """Read once more what is stamped, or was submitted, in `[since, until)`."""
        if stream.name == "form_submissions":
            now = milliseconds(self._clock.now())
            return Submissions(self._portal, stream, now).between(milliseconds(since), milliseconds(until), resume)
        if stream.name not in FEEDS:
            return super().between(stream, since, until, resume)
        return self._of(stream).between(milliseconds(since), milliseconds(until), resume)

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        """CRM objects as they are now. What was deleted for good is absent, for HubSpot does not tell it from what never was."""
        return self._of(stream).read(ids) if stream.name in FEEDS else super().read(stream, ids)

    def count(self, stream: Stream) -> int:
        """How many live CRM objects the index counts; it may be an hour late."""
        feed = FEEDS.get(stream.name)
        return self._portal.count(feed.kind, stream.name) if feed else super().count(stream)

    def columns(self, stream: Stream) -> Mapping[str, str]:
        """HubSpot's types of the properties that are read."""
        return self._of(stream).known.columns if stream.name in FEEDS else super().columns(stream)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which scope is missing."""
        return diagnose(self._portal, streams)

    def _of(self, stream: Stream) -> Objects:
        return self._objects.setdefault(stream.name, Objects(self._portal, stream, FEEDS[stream.name]))
