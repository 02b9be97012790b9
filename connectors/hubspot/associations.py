"""Whom a record is tied to, read per pair of kinds to the last page and kept in the record it starts from.

Source: https://developers.hubspot.com/docs/api-reference/legacy/crm/associations/associate-records/batch/get-associations: the `after`
of a record's page goes back beside its id, and is there only while more follow. The `associations` parameter of lists is not used, since
it ends at 100 (airbytehq/airbyte#56447).
"""

from collections.abc import Sequence
from typing import Any

from connectors.errors import Retryable
from connectors.hubspot.client import ASSOCIATION_BATCH, Portal, next_of
from connectors.hubspot.paging import circle
from connectors.hubspot.refusals import SOON, VENDOR

Json = dict[str, Any]

NONE = "crm.associations.NO_ASSOCIATIONS_FOUND"
"""How the answer says of a record that it has none; so it does where the record has gone meanwhile."""


def associations_of(
    portal: Portal, kind: str, linked: Sequence[str], ids: Sequence[str], stream: str
) -> dict[str, dict[str, list[Json]]]:
    """What each of these records is tied to, by id and by kind of the other end.

    Shape: `{"17": {"contacts": [{"toObjectId": 5, "associationTypes": [...]}]}}`, ordered by the other end's id; kinds without any
    are left out. Errors: those of the portal; Retryable where only a part was answered, or where pages repeat.
    """
    found: dict[str, dict[str, list[Json]]] = {one: {} for one in ids}
    for other in linked:
        for one, ends in _ends(portal, kind, other, ids, stream).items():
            if one in found:  # a record that was merged meanwhile answers as the one it became
                found[one][other] = _each_once(ends) if len(ends) > 1 else ends
    return found


def _ends(portal: Portal, kind: str, other: str, ids: Sequence[str], stream: str) -> dict[str, list[Json]]:
    """The other ends as they came, by id of the record."""
    about = f"{kind} to {other}"
    ends: dict[str, list[Json]] = {}
    due: list[Json] = [{"id": one} for one in ids]
    seen: set[tuple[str, str]] = set()
    while due:
        asked, due = due[:ASSOCIATION_BATCH], due[ASSOCIATION_BATCH:]
        answer = portal.associations(kind, other, asked, stream)
        _refuse_a_part(answer, about, stream)
        for result in answer["results"]:
            one, to = str(result["from"]["id"]), result["to"]
            for end in to:
                _order(end["associationTypes"])
            ends[one] = ends[one] + to if one in ends else to
            after = next_of(result)
            if after is None:
                continue
            if (one, after) in seen:
                raise circle(about, stream, one)
            seen.add((one, after))
            due.append({"id": one, "after": after})
    return ends


def _each_once(ends: Sequence[Json]) -> list[Json]:
    """The ends in the order of their ids, none twice: a page may begin with what the one before ended with."""
    by_id = {int(end["toObjectId"]): end for end in ends}
    return [by_id[one] for one in sorted(by_id)]


def _order(types: list[Json]) -> None:
    """The types of one end in an order of their own, so that the same ties are the same payload."""
    if len(types) > 1:  # most have one
        types.sort(key=lambda one: (str(one.get("category")), int(one.get("typeId") or 0)))


def _refuse_a_part(answer: Json, about: str, stream: str) -> None:
    """To have no associations is told as an error of the record; every other error means that something is missing."""
    if any(error.get("subCategory") != NONE for error in answer.get("errors") or []):
        message = f"{about}: only a part was answered; the next run tries again"
        raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream)
