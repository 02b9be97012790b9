"""Answers of the endpoints that read records: list, single read, batch read and associations.

Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide (each object has the same) and /associations/guide.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

from hubspot.crm import contacts as models
from hubspot.crm.associations import v4

from sandbox.hubspot import associations
from sandbox.hubspot.bodies import judge
from sandbox.hubspot.errors import Answer, HubSpotRefusal, gone, not_found
from sandbox.hubspot.objects import ObjectType, object_type
from sandbox.hubspot.query import ARCHIVED, HISTORY, PAGE, SHOWN, Query
from sandbox.hubspot.render import chosen, paging, shown
from sandbox.hubspot.state import HubSpotState, Record
from sandbox.hubspot.values import wire

DEFAULT_LIMIT, MOST = 10, 100
MOST_WITH_HISTORY = 50
"""Records of one list or batch that is asked for earlier values (guide, "Retrieve contacts" and "Read in batches")."""
BATCH = 100
"""Inputs of one batch: the guide's limit for reads and writes of records."""
ASSOCIATION_BATCH = 1_000
ASSOCIATION_PAGE = 100
"""Associations of one record that a batch read, or `associations=` on a list, gives at once (airbytehq/airbyte#56447)."""

Status = tuple[int, Answer]


class Reader:
    """Reads over the state."""

    def __init__(self, state: HubSpotState) -> None:
        self._state = state

    def page(self, kind: ObjectType, text: str) -> Answer:
        """One page of all records, in the order of their ids."""
        query = Query.read(text, SHOWN | PAGE)
        limit = query.number("limit", DEFAULT_LIMIT, MOST_WITH_HISTORY if query.many(HISTORY) else MOST)
        names = chosen(kind, self._state.properties.known(kind), query.many("properties"))
        where, values = "id > ? and archived=?", [query.after(), query.yes("archived")]
        if query.yes("archived"):
            where, values = f"{where} and archived_at >= ?", [*values, self._state.bin_start()]
        found = list(self._state.select(kind, where, values, "id", limit + 1))
        answer: Answer = {"results": [self._whole(one, names, query) for one in found[:limit]]}
        if len(found) > limit:
            after = str(found[limit - 1].id)
            answer["paging"] = paging(after, f"https://api.hubapi.com/crm/v3/objects/{kind.path}?after={after}")
        return answer

    def retrieve(self, kind: ObjectType, record_id: str, text: str) -> Answer:
        """One record; the id of a merged one gives what it became."""
        query = Query.read(text, SHOWN | {"idProperty"})
        found = self._there(kind, record_id, query.one("idProperty"), archived=query.yes("archived"))
        if found is None:
            raise not_found()
        return self._whole(found, chosen(kind, self._state.properties.known(kind), query.many("properties")), query)

    def batch(self, kind: ObjectType, text: str, body: bytes) -> Status:
        """Records by id or by a unique property; 207 if some are not there."""
        archived = Query.read(text, ARCHIVED).yes("archived")
        asked = judge(models, "BatchReadInputSimplePublicObjectId", body)
        earlier = asked.get(HISTORY) or []
        inputs = [one["id"] for one in limited(asked, MOST_WITH_HISTORY if earlier else BATCH)]
        names = chosen(kind, self._state.properties.known(kind), asked.get("properties") or [])
        found: dict[int, Record] = {}
        lost: list[str] = []
        for one in inputs:
            record = self._there(kind, one, asked.get("idProperty"), archived=archived)
            if record is None:
                lost.append(one)
            else:
                found[record.id] = record
        errors = [gone(kind.label, lost).entry({})] if lost else []
        return batch_answer(self._state, (self._with_history(one, names, earlier) for one in found.values()), errors)

    def associated(self, source: str, target: str, body: bytes) -> Status:
        """What many records are associated with, a page of each; 207 if one has none (SDK: PublicAssociationMultiWithLabel).

        Source of the merged: https://developers.hubspot.com/changelog/announcement-deals-now-support-merging.
        """
        near, far = object_type(source), object_type(target)
        associations.types(near, far, primary=False)
        asked = judge(v4, "BatchInputPublicFetchAssociationsBatchRequest", body)
        results, errors = [], []
        for one in limited(asked, ASSOCIATION_BATCH):
            after = _read_place(one["id"], one.get("after"))
            record = self._state.find(near.path, one["id"])
            found, more = (
                self._state.associations.page(near, record.id, far, after=after, limit=ASSOCIATION_PAGE)
                if record and str(record.id) == one["id"]  # the id of a merged record has none any more
                else ([], None)
            )
            if not found:
                errors.append(_alone(near, far, one["id"]))
                continue
            whole: Answer = {"from": {"id": one["id"]}, "to": _targets(near, far, found)}
            if more is not None:
                whole["paging"] = paging(_place(one["id"], more))
            results.append(whole)
        return batch_answer(self._state, results, errors)

    def _find(self, kind: ObjectType, record_id: str, by: str | None) -> Record | None:
        if by is None or by == "hs_object_id":
            return self._state.find(kind.path, record_id)
        known = self._state.properties.known(kind).get(by)
        if known is None or not known.unique:
            raise HubSpotRefusal(400, f"{by} is not a unique property of {kind.path}")
        held = self._state.holder(kind, by, record_id)
        return None if held is None else self._state.find(kind.path, held)

    def _there(self, kind: ObjectType, record_id: str, by: str | None, *, archived: bool) -> Record | None:
        """The record if it is alive, or if it is in the recycling bin and wanted from there."""
        found = self._find(kind, record_id, by)
        if found is None or (found.archived_at is not None) != archived:
            return None
        return None if found.archived_at is not None and found.archived_at < self._state.bin_start() else found

    def _with_history(self, record: Record, names: list[str], earlier: list[str]) -> Answer:
        answer = shown(record, names)
        if earlier:
            known = chosen(record.type, self._state.properties.known(record.type), earlier)
            wanted = [name for name in known if name in earlier]
            answer[HISTORY] = self._state.history.of(
                record.type, record.id, record.created, record.all_values(), wanted
            )
        return answer

    def _whole(self, record: Record, names: list[str], query: Query) -> Answer:
        answer = self._with_history(record, names, query.many(HISTORY))
        wanted = [object_type(name) for name in query.many("associations")]
        pages = {far.path: self._beside(record, far) for far in wanted}
        if found := {path: page for path, page in pages.items() if page["results"]}:
            answer["associations"] = found
        return answer

    def _beside(self, record: Record, far: ObjectType) -> Answer:
        found, more = self._state.associations.page(record.type, record.id, far, after=0, limit=ASSOCIATION_PAGE)
        name = f"{record.type.label}_to_{far.label}"
        results = [{"id": str(one), "type": name} for one, _ in found]
        return {"results": results, "paging": paging(str(more))} if more is not None else {"results": results}


def limited(asked: Answer, most: int = BATCH) -> list[Any]:
    """The inputs of a batch. Errors: 400 if they are none or too many."""
    inputs: list[Any] = asked["inputs"]
    if not 1 <= len(inputs) <= most:
        raise HubSpotRefusal(400, f"A batch takes between 1 and {most} inputs, not {len(inputs)}.")
    return inputs


def batch_answer(state: HubSpotState, results: Iterable[Answer], errors: list[Answer], success: int = 200) -> Status:
    """A finished batch; 207 where a part of it failed (SDK: BatchResponse...WithErrors)."""
    now = wire(state.now())
    whole: Answer = {"status": "COMPLETE", "results": list(results), "startedAt": now, "completedAt": now}
    if errors:
        return 207, {**whole, "numErrors": len(errors), "errors": errors}
    return success, whole


def _place(record_id: str, after: int) -> str:
    """Where a record's next page starts, in no words that a client could read or make up."""
    return b64encode(f"{record_id}-{after}".encode()).decode()


def _read_place(record_id: str, token: str | None) -> int:
    """Errors: 400 for a token that was not given for this record."""
    if not token:
        return 0
    try:
        of, _, after = b64decode(token, validate=True).decode().partition("-")
    except ValueError:
        of, after = "", ""
    if of != record_id or not after.isdecimal():
        raise HubSpotRefusal(400, f"The cursor {token} is invalid.")
    return int(after)


def _targets(near: ObjectType, far: ObjectType, found: list[tuple[int, bool]]) -> list[Answer]:
    # ids are numbers here, as the guide shows them, though the SDK's model declares a string
    return [
        {"toObjectId": one, "associationTypes": associations.types(near, far, primary=primary)}
        for one, primary in found
    ]


def _alone(near: ObjectType, far: ObjectType, record_id: str) -> Answer:
    refusal = HubSpotRefusal(
        404, f"No {far.label} is associated with {near.label} {record_id}.", "OBJECT_NOT_FOUND",
        subCategory="crm.associations.NO_ASSOCIATIONS_FOUND",
    )  # fmt: skip
    return refusal.entry({"fromObjectId": [record_id], "fromObjectType": [near.label], "toObjectType": [far.label]})
