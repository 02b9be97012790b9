"""Requests that somebody else sends, and answers that come back later: from a provider's batch, or from a file.

Both are the live path with another post office: a request is kept as it would have been sent, and its answer is read, checked
against its text and mapped back as if it had just arrived. A request is known by a hash of its content.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models import Slot
from models.keys import content_id
from pipelines.understand.claims import Document
from pipelines.understand.extractor import Extractor, Outcome, Reading, Waiting
from pipelines.understand.language_model import LanguageModel

MARKED = re.compile(r"<<([0-9a-f]{16}) about>>")
Request = dict[str, Any]
"""The body of one request, as the SDK would send it."""


class Kept(Exception):
    """The request has been kept and is not sent."""


class Outbox:
    """Keeps every request instead of sending it, by its id."""

    def __init__(self) -> None:
        self.requests: dict[str, Request] = {}

    async def send(self, **request: Any) -> Any:
        """Keep one."""
        self.requests[request_id(request)] = request
        raise Kept

    def take(self) -> dict[str, Request]:
        """All that are kept; then there are none."""
        taken, self.requests = self.requests, {}
        return taken


class Inbox:
    """Answers every request with the one that has arrived for it: `parse` makes it an object of the SDK."""

    def __init__(self, parse: Callable[[Any], Any]) -> None:
        self.answers: Mapping[str, Any] = {}
        self.parse = parse

    async def send(self, **request: Any) -> Any:
        """The answer to one. KeyError if there is none."""
        return self.parse(self.answers[request_id(request)])


def request_id(request: Request) -> str:
    """What a request is known by: a hash of all of it but the random mark, so that asking the same again has the same id."""
    plain = {name: value for name, value in request.items() if name not in ("extra_headers", "extra_query", "timeout")}
    written = json.dumps(plain, sort_keys=True, default=str)
    found = MARKED.search(written)
    return content_id(written.replace(found[1], "") if found else written)[:32]


def posed(model: LanguageModel, outbox: Outbox, document: Document) -> dict[str, Request]:
    """The requests that a text makes, by id; none where no customer speaks."""
    model.pose(document)
    return outbox.take()


class Answered:
    """An extractor that reads what has been answered already; `live`, if there is one, is asked anew what is missing or not borne out."""

    def __init__(  # each is another part of one post office
        self,
        name: str,
        model: LanguageModel,
        outbox: tuple[LanguageModel, Outbox],
        inbox: Inbox,
        live: Extractor | None = None,
    ) -> None:
        self.model = name
        self._reads, self._poses, self._inbox, self._live = model, outbox, inbox, live
        self._asked: set[str] = set()

    @property
    def unused(self) -> int:
        """Answers to requests that none of the texts read so far makes."""
        return len(self._inbox.answers.keys() - self._asked)

    @property
    def prompt(self) -> str:
        """Version of the instructions that were sent."""
        return self._reads.prompt

    @property
    def regions(self) -> frozenset[str] | None:
        """Those of the model whose answers they are."""
        return self._reads.regions

    @property
    def yields_to(self) -> str | None:
        """As the model itself."""
        return self._reads.yields_to

    @property
    def at_once(self) -> int:
        """As the model itself."""
        return self._reads.at_once

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """As the model itself."""
        return self._reads.schema_hash(slots)

    def reach(self) -> str:
        """Nothing is asked."""
        return f"{self.model}, whose answers have come in: {len(self._inbox.answers)}"

    def read(self, documents: Sequence[Document]) -> list[Outcome]:
        """What the answers say of each text; one that is not answered in all its parts waits."""
        return [self._one(document) for document in documents]

    def _one(self, document: Document) -> Outcome:
        found: Outcome = Waiting("no answer has come in for it")
        requests = posed(*self._poses, document).keys()
        self._asked |= requests
        if requests <= self._inbox.answers.keys():
            (found,) = self._reads.read([document])
        if isinstance(found, Reading) or self._live is None:
            return found
        (again,) = self._live.read([document])
        return replace(again, usage=again.usage + found.usage)
