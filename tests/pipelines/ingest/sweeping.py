"""A vendor that tells of deletions by what it does not show any more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.base import Page, Position, Stream, Whole
from tests.pipelines.ingest.scripted import START, ScriptedSource


@dataclass
class SweepingSource(ScriptedSource):
    """Tells everything it has in windows of some ids each, and that each is whole."""

    bounds: Sequence[str | None] = (None, None)
    day: int = 10

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        at = START.replace(day=self.day).isoformat()
        for number, (after, upto) in enumerate(zip(self.bounds, self.bounds[1:], strict=False)):
            inside = [one for one in self.log if (after or "") < one.key.id <= (upto or "~")]
            yield Page(inside, {"at": number})
            yield Page([], {"at": number}, {"at": number}, Whole(self.account, at, after, upto))
