"""Answers of the endpoints that read records: list, single read, batch read and associations.

Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide (each object has the same) and /associations/guide.
"""

from collections.abc import Iterable
from typing import Any

from hubspot.crm import contacts as models
from hubspot.crm.associations import v4

from sandbox.hubspot import associations
from sandbox.hubspot.bodies import judge
from sandbox.hubspot.errors import Answer, HubSpotRefusal, gone, not_found
from sandbox.hubspot.objects import ObjectType, object_type
from sandbox.hubspot.query import ARCHIVED, PAGE, SHOWN, Query, cursor
from sandbox.hubspot.render import chosen, paging, shown
from sandbox.hubspot.state import HubSpotState, Record
from sandbox.hubspot.values import wire

DEFAULT_LIMIT, MOST = 10, 100
BATCH = 100
"""Inputs of one batch: the guide's limit for reads and writes of records."""
ASSOCIATION_BATCH = 1_000
ASSOCIATION_PAGE = 100
"""Associations of one record that a batch read, or `associations=` on a list, gives at once: vendors.md 5.2."""

Status = tuple[int, Answer]


class Reader:
    """Reads over the state."""

    def __init__(self, state: HubSpotState) -> None:
        self._state = state

    def page(self, kind: ObjectType, text: str) -> Answer:
        """One page of all records, in the order of their ids."""
        query = Query.read(text, SHOWN | PAGE)
        limit = query.number("limit", DEFAULT_LIMIT, MOST)
        names = chosen(kind, self._state.properties.known(kind), query.many("properties"))
        where = ["id > ?", "archived=?"], [query.after(), query.yes("archived")]
        found = list(self._state.select(kind, " and ".join(where[0]), where[1], "id", limit + 1))
        answer: Answer = {"results": [self._whole(one, names, query) for one in found[:limit]]}
        if len(found) > limit:
            after = str(found[limit - 1].id)
            answer["paging"] = paging(after, f"https://api.hubapi.com/crm/v3/objects/{kind.path}?after={after}")
        return answer

    def retrieve(self, kind: ObjectType, record_id: str, text: str) -> Answer:
        """One record; the id of a merged one gives what it became."""
        query = Query.read(text, SHOWN | {"idProperty"})
        found = self._find(kind, record_id, query.one("idProperty"))
        if found is None or (found.archived_at is not None) != query.yes("archived"):
            raise not_found()
        return self._whole(found, chosen(kind, self._state.properties.known(kind), query.many("properties")), query)

    def batch(self, kind: ObjectType, text: str, body: bytes) -> Status:
        """Records by id or by a unique property; 207 if some are not there."""
        archived = Query.read(text, ARCHIVED).yes("archived")
        asked = judge(models, "BatchReadInputSimplePublicObjectId", body)
        if asked.get("propertiesWithHistory"):
            raise HubSpotRefusal(400, "the sandbox keeps no history of values")
        inputs = [one["id"] for one in limited(asked)]
        names = chosen(kind, self._state.properties.known(kind), asked.get("properties") or [])
        found: dict[int, Record] = {}
        lost: list[str] = []
        for one in inputs:
            record = self._find(kind, one, asked.get("idProperty"))
            if record is None or (record.archived_at is not None) != archived:
                lost.append(one)
            else:
                found[record.id] = record
        errors = [gone(kind.label, lost).entry({})] if lost else []
        return batch_answer(self._state, (shown(one, names) for one in found.values()), errors)

    def associated(self, source: str, target: str, body: bytes) -> Status:
        """What many records are associated with, a page of each; 207 if one has none (SDK: PublicAssociationMultiWithLabel)."""
        near, far = object_type(source), object_type(target)
        associations.types(near, far, primary=False)
        asked = judge(v4, "BatchInputPublicFetchAssociationsBatchRequest", body)
        results, errors = [], []
        for one in limited(asked, ASSOCIATION_BATCH):
            record, after = self._state.find(near.path, one["id"]), cursor(one.get("after"))
            found, more = (
                self._state.associations.page(near, record.id, far, after=after, limit=ASSOCIATION_PAGE)
                if record
                else ([], None)
            )
            if not found:
                errors.append(_alone(near, far, one["id"]))
                continue
            whole: Answer = {"from": {"id": one["id"]}, "to": _targets(near, far, found)}
            if more is not None:
                whole["paging"] = paging(str(more))
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

    def _whole(self, record: Record, names: list[str], query: Query) -> Answer:
        answer = shown(record, names)
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
