"""Answers of the endpoints that write records. One bad value refuses a whole batch; ids that are gone only themselves.

Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide (each object has the same).
"""

from collections import Counter
from collections.abc import Mapping

from hubspot.crm import contacts as models
from hubspot.crm import pipelines
from hubspot.crm.associations import v4

from sandbox.hubspot.bodies import judge
from sandbox.hubspot.definitions import PIPELINE_PROPERTIES
from sandbox.hubspot.errors import Answer, HubSpotRefusal, gone, invalid_values, not_found
from sandbox.hubspot.objects import ASSOCIATION_TYPES, ObjectType, object_type
from sandbox.hubspot.reading import ASSOCIATION_BATCH, Status, batch_answer, limited
from sandbox.hubspot.render import chosen, shown
from sandbox.hubspot.state import HubSpotState, Record, Values
from sandbox.hubspot.values import BadValue, read


class Writer:
    """Creates, changes, archives and merges over the state."""

    def __init__(self, state: HubSpotState) -> None:
        self._state = state

    def create(self, kind: ObjectType, body: bytes) -> Status:
        """A new record. Errors: 409 with the existing id for an e-mail address that somebody has."""
        given = judge(models, "SimplePublicObjectInputForCreate", body)
        return 201, self._shown(self._create(kind, given), given["properties"])

    def update(self, kind: ObjectType, record_id: str, body: bytes) -> Status:
        """The record with the given values replaced; "" clears one."""
        given = judge(models, "SimplePublicObjectInput", body)
        before = self._living(kind, record_id)
        values = self._checked(kind, given["properties"], before)
        return 200, self._shown(self._state.update(kind.path, before.id, values), values)

    def archive(self, kind: ObjectType, record_id: str) -> Status:
        """Nothing, whether the record was there or not."""
        self._state.archive(kind.path, record_id)
        return 204, {}

    def purge(self, kind: ObjectType, body: bytes) -> Status:
        """Nothing; what was known of a contact is gone for good, and never was in the recycling bin.

        Source: https://knowledge.hubspot.com/records/restore-deleted-records ("GDPR-related deletions aren't held in the recycle bin").
        """
        given = judge(models, "PublicGdprDeleteInput", body)
        by = given.get("idProperty")
        if kind.path != "contacts" or by not in {None, "email"}:
            raise HubSpotRefusal(400, "Only contacts can be deleted so, by id or by email.")
        found = self._state.holder(kind, "email", given["objectId"]) if by else given["objectId"]
        if found is not None:
            self._state.purge(kind.path, found)
        return 204, {}

    def merge(self, kind: ObjectType, body: bytes) -> Status:
        """The record that two became."""
        given = judge(models, "PublicMergeInput", body)
        first = self._living(kind, given["primaryObjectId"])
        second = self._living(kind, given["objectIdToMerge"])
        if first.id == second.id:
            raise HubSpotRefusal(400, f"Cannot merge {kind.label} {first.id} with itself.")
        return 200, self._shown(self._state.merge(kind.path, first.id, second.id), {"hs_merged_object_ids": ""})

    def create_many(self, kind: ObjectType, body: bytes) -> Status:
        """New records, all or none; but where every input has a trace id, 207 tells which of them failed.

        Source: https://developers.hubspot.com/docs/api-reference/error-handling, "Multi-status errors".
        """
        inputs = limited(judge(models, "BatchInputSimplePublicObjectBatchInputForCreate", body))
        traced = all(one.get("objectWriteTraceId") for one in inputs)
        results, errors = [], []
        with self._state.together():
            for one in inputs:
                try:
                    results.append(self._traced(self._create(kind, one), one))
                except HubSpotRefusal as refusal:
                    if not traced:
                        raise
                    errors.append(refusal.entry({"objectWriteTraceId": [one["objectWriteTraceId"]]}))
        return batch_answer(self._state, results, errors, 201)

    def update_many(self, kind: ObjectType, body: bytes) -> Status:
        """Changed records; ids that are not there are told with 207, a bad value refuses the whole batch."""
        inputs = limited(judge(models, "BatchInputSimplePublicObjectBatchInput", body))
        twice = [one for one, number in Counter(each["id"] for each in inputs).items() if number > 1]
        if twice:
            raise HubSpotRefusal(400, f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique")
        results, errors = [], []
        with self._state.together():
            for one in inputs:
                before = self._named(kind, one)
                values = self._checked(kind, one["properties"], before)
                if before is None:
                    context = (
                        {"objectWriteTraceId": [one["objectWriteTraceId"]]} if one.get("objectWriteTraceId") else {}
                    )
                    errors.append(gone(kind.label, [one["id"]]).entry(context))
                else:
                    results.append(self._traced(self._state.update(kind.path, before.id, values), one))
        return batch_answer(self._state, results, errors)

    def upsert_many(self, kind: ObjectType, body: bytes) -> Status:
        """Records found by a unique property and changed, or made where there was none (SDK: SimplePublicUpsertObject)."""
        inputs = limited(judge(models, "BatchInputSimplePublicObjectBatchInputUpsert", body))
        results = []
        with self._state.together():
            for one in inputs:
                before, by = self._named(kind, one), one.get("idProperty")
                if before is None and by is None:
                    raise gone(kind.label, [one["id"]])
                given = {"properties": {str(by): one["id"], **one["properties"]}}
                values = {} if before is None else self._checked(kind, one["properties"], before)
                made = self._create(kind, given) if before is None else self._state.update(kind.path, before.id, values)
                results.append({**self._traced(made, one), "new": before is None})
        return batch_answer(self._state, results, [])

    def archive_many(self, kind: ObjectType, body: bytes) -> Status:
        """Nothing, whether the records were there or not."""
        with self._state.together():
            for one in limited(judge(models, "BatchInputSimplePublicObjectId", body)):
                self._state.archive(kind.path, one["id"])
        return 204, {}

    def associate(self, source: str, target: str, body: bytes) -> Status:
        """Unlabelled associations (SDK: PublicDefaultAssociationMultiPost); errors beside them tell of records that are not there.

        The SDK knows this answer with status 200 only, errors or not.
        """
        near, far = object_type(source), object_type(target)
        results, errors = [], []
        with self._state.together():
            for one in limited(judge(v4, "BatchInputPublicDefaultAssociationMultiPost", body), ASSOCIATION_BATCH):
                first, second = self._there(near, one["from"]["id"]), self._there(far, one["to"]["id"])
                if first and second:
                    results += self._link(near, first.id, far, second.id)
                else:
                    errors.append(gone(near.label, [one["from"]["id"]]).entry({"toObjectId": [one["to"]["id"]]}))
        _, whole = batch_answer(self._state, results, errors)
        return 200, whole

    def change_stage(self, kind: ObjectType, pipeline: str, stage: str, body: bytes) -> Status:
        """The stage with what was given; it touches every record of its pipeline (PipedreamHQ/pipedream#4209)."""
        given = judge(pipelines, "PipelineStagePatchInput", body)
        with self._state.together():
            self._state.change_stage(kind.path, pipeline, stage, given)
        one = next(one for one in self._state.pipelines.all(kind.path) if one.id == pipeline)
        place, after = next((place, each) for place, each in enumerate(one.stages) if each.id == stage)
        return 200, after.answer(place)

    def _link(self, near: ObjectType, near_id: int, far: ObjectType, far_id: int) -> list[Answer]:
        number = self._state.associations.link(near, near_id, far, far_id)
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}
        return [{"from": {"id": str(near_id)}, "to": {"id": str(far_id)}, "associationSpec": spec}]

    def _create(self, kind: ObjectType, given: Answer) -> Record:
        values = self._checked(kind, given["properties"], None)
        required = PIPELINE_PROPERTIES.get(kind.path, ())[1:]
        if absent := [name for name in required if not values.get(name)]:
            problems = [(name, "REQUIRED_FIELD", f'Property "{name}" is required') for name in absent]
            raise invalid_values(problems)
        made = self._state.create(kind.path, values)
        for one in given.get("associations") or []:
            numbers = [spec["associationTypeId"] for spec in one["types"]]
            self._associate_new(kind, made.id, one["to"]["id"], numbers)
        return made

    def _associate_new(self, kind: ObjectType, made: int, target_id: str, numbers: list[int]) -> None:
        for number in numbers:
            far = target_of(kind, number)
            end = self._there(far, target_id)
            if end is None:
                raise gone(far.label, [target_id])
            self._state.associations.link(kind, made, far, end.id)

    def _checked(self, kind: ObjectType, given: Mapping[str, str], before: Record | None) -> Values:
        """The values as they will be kept. Errors: 400 for those that do not fit, 409 for one that another record has."""
        known, owners = self._state.properties.known(kind), self._state.owner_ids()
        values: Values = {}
        problems: list[tuple[str, str, str]] = []
        for name, text in given.items():
            if name not in known:
                problems.append((name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
            elif known[name].read_only:
                problems.append(
                    (name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
                )
            else:
                try:
                    values[name] = read(known[name], text, owners) if text else ""
                except BadValue as bad:
                    problems.append((name, bad.code, str(bad)))
        problems += self._misplaced(kind, {**(before.values if before else {}), **values})
        if problems:
            raise invalid_values(problems)
        for name in self._state.properties.unique(kind):
            holder = self._state.holder(kind, name, values.get(name, ""))
            if holder is not None and (before is None or holder != before.id):
                message = f"{kind.label.capitalize()} already exists. Existing ID: {holder}"
                raise HubSpotRefusal(409, message, "CONFLICT")
        return values

    def _misplaced(self, kind: ObjectType, values: Values) -> list[tuple[str, str, str]]:
        """A stage must belong to its pipeline."""
        if kind.path not in PIPELINE_PROPERTIES:
            return []
        pipeline, stage = PIPELINE_PROPERTIES[kind.path]
        if not values.get(stage) or self._state.pipelines.stage(kind.path, values.get(pipeline), values[stage]):
            return []
        return [(stage, "INVALID_OPTION", f"{values[stage]} was not one of the allowed options of its pipeline")]

    def _named(self, kind: ObjectType, one: Answer) -> Record | None:
        by = one.get("idProperty")
        if by is not None and by not in self._state.properties.unique(kind):
            raise HubSpotRefusal(400, f"{by} is not a unique property of {kind.path}")
        record_id = one["id"] if by is None else self._state.holder(kind, by, one["id"])
        return None if record_id is None else self._there(kind, record_id)

    def _there(self, kind: ObjectType, record_id: str | int) -> Record | None:
        found = self._state.find(kind.path, record_id)
        return found if found and found.archived_at is None else None

    def _living(self, kind: ObjectType, record_id: str) -> Record:
        found = self._there(kind, record_id)
        if found is None:
            raise not_found()
        return found

    def _shown(self, record: Record, written: Mapping[str, str]) -> Answer:
        names = chosen(record.type, self._state.properties.known(record.type), [])
        return shown(record, dict.fromkeys([*names, *written]))

    def _traced(self, record: Record, given: Answer) -> Answer:
        answer = self._shown(record, given["properties"])
        trace = given.get("objectWriteTraceId")
        return {**answer, "objectWriteTraceId": trace} if trace else answer


def target_of(kind: ObjectType, number: int) -> ObjectType:
    """The kind that an association type leads to. Errors: 400 for a number that does not start here."""
    for name, known in ASSOCIATION_TYPES.items():
        source, _, target = name.partition("_TO_")
        if known == number and source.removeprefix("PRIMARY_").lower() == kind.label:
            return object_type(target)
    raise HubSpotRefusal(400, f"Association type {number} does not start at {kind.label}")
