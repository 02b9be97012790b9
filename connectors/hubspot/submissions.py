"""What people wrote into forms: per form the newest first, read back to where the last pull began.

A submission is not a contact: it is kept as a record of its own, with the values by the names of their fields. Two values of one name
are joined as HubSpot joins the values of a property. Source:
https://legacydocs.hubspot.com/docs/methods/forms/get-submissions-for-a-form.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.base import Page, Position, Stream
from connectors.errors import Fatal
from connectors.hubspot.client import Portal
from connectors.hubspot.refusals import VENDOR, Gone
from models.keys import RecordKey, content_id
from models.records import Record

Json = dict[str, Any]

LOOK_BACK = 5 * 60_000  # milliseconds; a submission may be listed a little later than it is dated


def submissions(
    portal: Portal, stream: Stream, cursor: Position | None, resume: Position | None, now: int
) -> Iterator[Page]:
    """One window over all forms, in the order of their ids; an unfinished one is ended first."""
    window = resume or {"end": now, "form": "", "after": None}
    while True:
        since = (
            cursor["until"] - LOOK_BACK if cursor and cursor["until"] <= now else 0
        )  # a clock may have been put back
        for form in sorted(_forms(portal, stream), key=lambda form: str(form["id"])):
            if str(form["id"]) < window["form"]:
                continue
            after = window["after"] if str(form["id"]) == window["form"] else None
            for records, behind in _pages(portal, stream, form, after, since, now):
                yield Page(records, {"end": window["end"], "form": str(form["id"]), "after": behind})
        cursor = {"until": window["end"]}
        yield Page([], {"end": window["end"], "form": "~", "after": None}, cursor)
        if window["end"] >= now:
            return
        window = {"end": now, "form": "", "after": None}


def _pages(
    portal: Portal, stream: Stream, form: Json, after: str | None, since: int, now: int
) -> Iterator[tuple[list[Record], str | None]]:
    """Pages of one form, each with where the next one starts; the page that reaches back far enough is the last."""
    while True:
        try:
            found = portal.submissions(str(form["id"]), after, stream.name)
        except Gone:
            return  # the form was deleted, and its submissions with it
        fresh = [row for row in found.rows if _at(row, now) >= since]
        if fresh:
            yield [_record(portal, stream, form, row, now) for row in fresh], found.after or after
        if found.after is None or len(fresh) < len(found.rows):
            return
        if found.after == after:
            message = "the submissions of a form repeat a page; reading on would never end"
            raise Fatal(message, vendor=VENDOR, stream=stream.name, record_id=str(form["id"]))
        after = found.after


def _forms(portal: Portal, stream: Stream) -> Iterator[Json]:
    after = None
    while True:
        found = portal.forms(after, stream.name)
        yield from found.rows
        if found.after is None:
            return
        if found.after == after:
            message = "the list of forms repeats a page; reading on would never end"
            raise Fatal(message, vendor=VENDOR, stream=stream.name)
        after = found.after


def _record(portal: Portal, stream: Stream, form: Json, row: Json, now: int) -> Record:
    values: Json = {}
    for entry in row.get("values") or []:
        name, value = str(entry["name"]), str(entry["value"])
        values[name] = f"{values[name]};{value}" if name in values else value
    about = {"formId": str(form["id"]), "formName": form.get("name"), "formFields": _kinds(form)}
    payload = {**values, **about, "pageUrl": row.get("pageUrl"), "submittedAt": row.get("submittedAt")}
    named = row.get("conversionId") or content_id(
        str(form["id"]), str(row.get("submittedAt")), repr(sorted(values.items()))
    )
    key = RecordKey(VENDOR, portal.id, stream.object, str(named))
    return Record(key, datetime.fromtimestamp(_at(row, now) / 1000, UTC), payload)


def _kinds(form: Json) -> Json:
    """The kind of each field of the form: multi_line_text is what people write in their own words."""
    groups = form.get("fieldGroups") or []
    return {str(field["name"]): field.get("fieldType") for group in groups for field in group.get("fields") or []}


def _at(row: Json, now: int) -> int:
    """When it was submitted; one that does not say is kept as of now, and refused when it is read as facts."""
    at = row.get("submittedAt")
    return (
        at if isinstance(at, int) and 0 <= at < 2**43 else now
    )  # beyond are no milliseconds of a year that stores know
