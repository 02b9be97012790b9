"""What people wrote into forms: per form the newest first, read back to where the last pull began.

A submission is not a contact: it is kept as a record of its own, with the values by the names of their fields. A form may ask of
several objects under one name (the phone of a contact, the phone of a company): a contact's fields keep their names, those of other
objects stand behind their object, `0-2/phone`. Two values of one field are joined as HubSpot joins the values of a property. An archived
form takes no submissions any more and is deleted for good three months later. Sources:
https://legacydocs.hubspot.com/docs/methods/forms/get-submissions-for-a-form (objectTypeId of a value) and
https://developers.hubspot.com/docs/api-reference/legacy/marketing/forms/delete-form.
"""

from collections.abc import Iterator
from typing import Any

from connectors.base import Page, Position, Stream
from connectors.hubspot.client import Portal, Rows
from connectors.hubspot.paging import leaves
from connectors.hubspot.refusals import VENDOR, Gone
from connectors.hubspot.wire import instant, instant_at, milliseconds
from models.keys import RecordKey, content_id
from models.records import Record

Json = dict[str, Any]

LOOK_BACK = 5 * 60_000  # milliseconds; a submission may be listed a little later than it is dated
CONTACT = "0-1"
"""The object type whose fields keep their bare names; a value that names no object is a contact's, too."""
FIRST, LAST = "", "~"
"""Before and behind the id of every form."""


class Submissions:
    """The submissions of all forms, in the order of the forms' ids. Units: milliseconds since 1970."""

    def __init__(self, portal: Portal, stream: Stream, now: int) -> None:
        self._portal = portal
        self._stream = stream
        self._now = now

    def pages(self, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """One window over all forms up to now; an unfinished one is ended first."""
        window = resume or self._start(self._now)
        while True:
            # a clock may have been put back
            since = cursor["until"] - LOOK_BACK if cursor and cursor["until"] <= self._now else 0
            yield from self._walk(window, since, self._now)
            cursor = {"until": window["end"]}
            yield Page([], {**window, "form": LAST, "after": None}, cursor)
            if window["end"] >= self._now:
                return
            window = self._start(self._now)

    def between(self, since: int, until: int, resume: Position | None) -> Iterator[Page]:
        """What was submitted in `[since, until)`, once more."""
        window = resume or self._start(until)
        yield from self._walk(window, since, until - 1)
        yield Page([], {**window, "form": LAST, "after": None}, {"until": until})

    def _start(self, end: int) -> Position:
        return {"end": end, "form": FIRST, "after": None}

    def _walk(self, window: Position, since: int, last: int) -> Iterator[Page]:
        """What was submitted from `since` to `last`, form by form from the place that the window has reached."""
        for form in self._forms(since):
            one = str(form["id"])
            if one < window["form"]:
                continue
            after = window["after"] if one == window["form"] else None
            for rows, behind in self._newest_first(one, after, since, last):
                records = [self._record(form, row) for row in rows]
                yield Page(records, {**window, "form": one, "after": behind})

    def _newest_first(
        self, form: str, after: str | None, since: int, last: int
    ) -> Iterator[tuple[list[Json], str | None]]:
        """Rows of one form, each page with where the next one starts; the page that reaches back far enough is the last."""

        def ask(place: str | None) -> Rows:
            return self._portal.submissions(form, place, self._stream.name)

        try:
            for found in leaves(ask, "the submissions of a form", self._stream.name, after):
                fresh = [row for row in found.rows if self._at(row) >= since]
                if wanted := [row for row in fresh if self._at(row) <= last]:
                    yield wanted, found.after or after
                if len(fresh) < len(found.rows):
                    return
        except Gone:
            return  # the form was deleted, and its submissions with it

    def _forms(self, since: int) -> list[Json]:
        """All forms, but for those that were archived so early that nobody can have filled them in since."""
        found: dict[str, Json] = {}
        for archived in (True, False):

            def ask(after: str | None, archived: bool = archived) -> Rows:  # noqa: FBT001  # bound to this turn
                return self._portal.forms(after, archived=archived, stream=self._stream.name)

            for leaf in leaves(ask, "the list of forms", self._stream.name):
                found |= {str(form["id"]): form for form in leaf.rows if not archived or _open_at(form, since)}
        return [found[one] for one in sorted(found)]

    def _record(self, form: Json, row: Json) -> Record:
        values: Json = {}
        for entry in filter(_says, row.get("values") or []):
            name, value = field_name(entry), str(entry["value"])
            values[name] = f"{values[name]};{value}" if name in values else value
        about = {"formId": str(form["id"]), "formName": form.get("name"), "formFields": _kinds(form)}
        payload = {**values, **about, "pageUrl": row.get("pageUrl"), "submittedAt": row.get("submittedAt")}
        named = row.get("conversionId") or content_id(
            str(form["id"]), str(row.get("submittedAt")), repr(sorted(values.items()))
        )
        key = RecordKey(VENDOR, self._portal.id, self._stream.object, str(named))
        return Record(key, instant_at(self._at(row)), payload)

    def _at(self, row: Json) -> int:
        """When it was submitted; one that does not say is kept as of now, and refused when it is read as facts."""
        at = row.get("submittedAt")
        # beyond are no milliseconds of a year that stores know
        return at if isinstance(at, int) and 0 <= at < 2**43 else self._now


def _says(entry: Any) -> bool:
    """Whether this is an answer; an empty one may come without its value."""
    return isinstance(entry, dict) and "name" in entry and entry.get("value") is not None


def field_name(field: Json) -> str:
    """How a field of a form is named in the payload."""
    of = str(field.get("objectTypeId") or CONTACT)
    return str(field["name"]) if of == CONTACT else f"{of}/{field['name']}"


def _kinds(form: Json) -> Json:
    """The kind of each field of the form: multi_line_text is what people write in their own words."""
    groups = form.get("fieldGroups") or []
    return {field_name(field): field.get("fieldType") for group in groups for field in group.get("fields") or []}


def _open_at(form: Json, since: int) -> bool:
    """Whether an archived form may have been filled in since; where it does not say when it was archived, it may."""
    try:
        return milliseconds(instant(str(form["archivedAt"]))) >= since
    except (KeyError, ValueError):
        return True
