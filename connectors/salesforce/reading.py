"""Reading one portion of a span: by REST while it is short, by a Bulk job where it is long, by REST again where Bulk will not do.

Whoever reads goes on behind the last row, so they can take turns: a job that is lost costs no row, and a job's end is not believed
but asked for.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from connectors.base import Stream
from connectors.errors import Fatal
from connectors.salesforce.bulk import BulkQueries
from connectors.salesforce.client import Org
from connectors.salesforce.projection import Projection
from connectors.salesforce.refusals import VENDOR, FieldsChanged, JobGone, NoBulk, QueryTooSlow
from connectors.salesforce.rest import RestQueries
from connectors.salesforce.soql import select
from connectors.salesforce.spans import Portion, Sizes, Span, Sweep

logger = logging.getLogger(__name__)

FEWEST = 100  # rows per query below which a walk by Id is not slow for their number

Row = dict[str, Any]


class Reading:
    """One portion being read; `projected` gives the columns and, told `anew=True`, has them described anew."""

    def __init__(
        self, org: Org, stream: Stream, projected: Callable[..., Projection], portion: Portion, sizes: Sizes
    ) -> None:
        self._stream = stream
        self._projected = projected
        self._projection = projected()
        self._described_again = False
        self.portion = portion
        self._spans: list[Span] = [portion.span]
        self._rest = RestQueries(org, stream.name, stream.object)
        self._bulk = BulkQueries(org, stream.name, stream.object, sizes.page)
        self._sizes = sizes
        self._most = sizes.chunk
        self._may_ask = True
        self._ask_now = False
        self._jobs_lost = 0

    def pages(self) -> Iterator[list[Row]]:
        """Pages of whole rows until the portion is full or its span has ended; `portion` stands behind each."""
        while not self.portion.ended and self._room:
            try:
                rows = self._job_page() if self.portion.job else self._begin_job() if self._ask_now else self._chunk()
            except FieldsChanged:
                if self._described_again:
                    raise
                self._projection, self._described_again = self._projected(anew=True), True
                self.portion = replace(self.portion, job=None, locator=None)
                continue
            self._projection.clean(rows)
            if rows or self.portion.job:  # a job's id is written down before it is waited for
                yield rows
            del rows  # let go before the next ones are read

    @property
    def _room(self) -> int:
        """Rows that may still be read."""
        return self._sizes.portion - self.portion.rows

    def _chunk(self) -> list[Row]:
        """The next rows by REST; none where the query must be asked in smaller ones."""
        span = self._spans[-1]
        try:
            rows, last, ended = self._rest.chunk(self._projection, span, min(self._most, self._room))
        except QueryTooSlow:
            smaller = span.smaller()
            if smaller:
                self._spans[-1:] = reversed(smaller)
            elif isinstance(span, Sweep) and self._most > FEWEST:
                self._most //= 2
            else:
                raise
            return []
        self._follow(rows, last)
        if ended:
            self._spans.pop()
            self.portion = replace(self.portion, ended=not self._spans)
        self._ask_now = self._may_ask and not ended
        return rows

    def _follow(self, rows: list[Row], last: Row | None) -> None:
        """Stand behind these rows. Fatal if we stood there already: the server repeats itself."""
        if last is None:
            return
        left = self._spans[-1].behind(last)
        if left == self._spans[-1]:
            message = f"{self._stream.object}: the vendor repeats a page; reading on would never end"
            raise Fatal(message, vendor=VENDOR, stream=self._stream.name)
        self._spans[-1] = left
        self.portion = self.portion.with_rows(rows, self.portion.span.behind(last))

    def _begin_job(self) -> list[Row]:
        """Leave the rest to the Bulk API if it is long; asked once a portion. No rows yet."""
        self._may_ask = self._ask_now = False
        span = self.portion.span
        try:
            if self._is_long(span):
                then = f"ORDER BY {span.order} LIMIT {self._room}"
                soql = select(self._projection.columns, self._stream.object, *span.conditions(), then=then)
                job = self._bulk.begin(span.reason, soql)
                self._spans = [span]
                self.portion = replace(self.portion, job=job)
        except (NoBulk, QueryTooSlow) as error:
            logger.warning("%s; the rows come by REST", error)
        return []

    def _is_long(self, span: Span) -> bool:
        try:
            return self._rest.count(span.conditions()) > self._sizes.bulk_from
        except QueryTooSlow:
            return True

    def _job_page(self) -> list[Row]:
        """The next page of the job; none where the job is lost or failed, and the rows come in another way."""
        portion, reason = self.portion, self.portion.span.reason
        assert portion.job  # noqa: S101  # pages() has looked
        try:
            if portion.locator is None:
                self._bulk.wait(reason, portion.job)
            rows, locator = self._bulk.page(reason, portion.job, portion.locator, self._projection.kinds)
        except JobGone as error:
            self._jobs_lost += 1
            if self._jobs_lost > 1:
                raise
            logger.warning("%s", error)
            self._may_ask = True
            return self._without_job()
        except (NoBulk, QueryTooSlow) as error:
            logger.warning("%s; the rows come by REST", error)
            self._may_ask = False
            return self._without_job()
        self._follow(rows, rows[-1] if rows else None)
        self.portion = replace(self.portion, job=portion.job if locator else None, locator=locator)
        return rows

    def _without_job(self) -> list[Row]:
        self.portion = replace(self.portion, job=None, locator=None)
        return []
