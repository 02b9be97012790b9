"""Creating, changing and deleting records as the API user, one at a time or up to 200 in one call.

A row's refusal touches no other row unless all or none was asked for. Source: REST API developer guide 63.0, "sObject Rows",
"sObject Collections"; SOAP API guide, "StatusCode".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.salesforce.errors import Refusal, RowRefusal, unreadable
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.security import SETUP
from sandbox.salesforce.sql import View
from sandbox.salesforce.state import INTEGRATION_USER, SalesforceState
from sandbox.salesforce.tables import Row
from sandbox.salesforce.values import to_column

MOST_ROWS = 200
MOST_CHUNKS = 10  # runs of one type among the rows of a call
READ_ONLY = frozenset({"Organization"})

Given = Mapping[str, Any]
Result = dict[str, Any]


class Writes:
    """What one API user may do to records."""

    def __init__(self, state: SalesforceState, view: View, user: str) -> None:
        self._state = state
        self._view = view
        self._user = user

    def seen(self, name: str) -> SObject | None:
        """An object that the user sees."""
        return self._view.get(name)

    def create(self, sobject: SObject, given: Given) -> str:
        """A new record; gives its id."""
        self._set_up(sobject)
        if sobject.name in READ_ONLY:
            raise RowRefusal(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type {sobject.name} does not support create"
            )
        values = _values(sobject, given)
        self._allowed(sobject, values, new=True)
        missing = [
            field.name
            for field in sobject.fields
            if field.required and field.createable and field.default is None and values.get(field.name) in {None, ""}
        ]
        if missing:
            raise RowRefusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
        whole = self._state.tables.objects[sobject.name]
        return self._state.store(sobject.name, self._state.born(whole, values, self._user))

    def update(self, sobject: SObject, record_id: Any, given: Given) -> str:
        """Changes of one record; gives its id."""
        self._set_up(sobject)
        found = self._living(sobject, record_id)
        self._state.meet_fault(found)
        values = _values(sobject, given)
        self._allowed(sobject, values, new=False)
        changes: Row = {name: to_column(sobject.by_name[name.lower()], value) for name, value in values.items()}
        emptied = [name for name, value in changes.items() if value is None and sobject.by_name[name.lower()].required]
        if emptied:
            raise RowRefusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(emptied)}]", *emptied)
        self._state.save(sobject.name, found, changes, self._user)
        return found

    def delete(self, sobject: SObject, record_id: Any) -> str:
        """To the bin; gives the id."""
        self._set_up(sobject)
        found = self._living(sobject, record_id)
        self._state.delete(sobject.name, found, self._user)
        return found

    def many(self, body: Any, *, new: bool) -> list[Result]:
        """The answers to a collection, in the order of its rows. Refusal for more rows than one call takes."""
        records, all_or_none = _collection(body)
        results: list[Result] = []
        try:
            with self._state.tables.transaction():
                results = [self._one(record, new=new) for record in records]
                _judge(results, all_or_none=all_or_none)
        except _RolledBack:
            return [_undone(result) if result["success"] else result for result in results]
        return results

    def delete_many(self, ids: Sequence[str], *, all_or_none: bool) -> list[Result]:
        """The answers to a collection of ids, in their order. Refusal for more than one call takes."""
        if len(ids) > MOST_ROWS:
            raise Refusal(
                400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MOST_ROWS} records"
            )
        results: list[Result] = []
        try:
            with self._state.tables.transaction():
                results = [self._gone(record_id) for record_id in ids]
                _judge(results, all_or_none=all_or_none)
        except _RolledBack:
            return [_undone(result) if result["success"] else result for result in results]
        return results

    def _gone(self, record_id: str) -> Result:
        sobject = next((each for each in self._view.values() if record_id.startswith(each.prefix)), None)

        def write() -> str:
            if sobject is None:
                raise RowRefusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            return self.delete(sobject, record_id)

        return _answer(write)

    def _set_up(self, sobject: SObject) -> None:
        """RowRefusal where a user who is no administrator would write to the Setup menu."""
        if sobject.name in SETUP and self._user != INTEGRATION_USER:
            raise RowRefusal("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")

    def _one(self, record: Given, *, new: bool) -> Result:
        sobject = self._view.get(str(record["attributes"]["type"]))
        keys = {key.lower(): key for key in record}
        record_id = record.get(keys.get("id", "id"))
        given = {key: value for key, value in record.items() if key.lower() not in {"attributes", "id"}}

        def write() -> str:
            if sobject is None:
                name = record["attributes"]["type"]
                raise RowRefusal("INVALID_TYPE", f"sObject type '{name}' is not supported.")
            if not new:
                return self.update(sobject, record_id, given)
            if record_id is not None:
                raise RowRefusal("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
            return self.create(sobject, given)

        return _answer(write)

    def _living(self, sobject: SObject, record_id: Any) -> str:
        found = full_id(record_id) if isinstance(record_id, str) else None
        if record_id is None:
            raise RowRefusal("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        if found is None or not found.startswith(sobject.prefix):
            raise RowRefusal("MALFORMED_ID", f"{sobject.name} ID: id value of incorrect type: {record_id}", "Id")
        row = self._state.tables.row(sobject.name, found)
        if row is None:
            raise RowRefusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if row["IsDeleted"]:
            raise RowRefusal("ENTITY_IS_DELETED", "entity is deleted")
        if row.get("IsConverted"):
            raise RowRefusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        return found

    def _allowed(self, sobject: SObject, values: Given, *, new: bool) -> None:
        fields = [sobject.by_name[name.lower()] for name in values]
        closed = [field.name for field in fields if not (field.createable if new else field.updateable)]
        if closed:
            message = (
                f"Unable to create/update fields: {', '.join(closed)}. Please check the security settings of this field and verify "
                "that it is read/write for your profile or permission set."
            )
            raise RowRefusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, *closed)


class _RolledBack(Exception):
    """All or none, and it was not all."""


def _judge(results: Sequence[Result], *, all_or_none: bool) -> None:
    if all_or_none and not all(result["success"] for result in results):
        raise _RolledBack


def _values(sobject: SObject, given: Given) -> dict[str, Any]:
    """The values under the fields' own spelling. RowRefusal INVALID_FIELD for a field this user does not see."""
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key == "attributes":
            continue
        field = sobject.get(key)
        if field is None:
            raise RowRefusal("INVALID_FIELD", f"No such column '{key}' on sobject of type {sobject.name}")
        values[field.name] = value
    return values


def _collection(body: Any) -> tuple[Sequence[Given], bool]:
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or body.keys() - {"records", "allOrNone"}:
        raise unreadable("the body holds allOrNone and records, and nothing else")
    if len(records) > MOST_ROWS:
        message = f"record limit reached. cannot submit more than {MOST_ROWS} records into this call"
        raise Refusal(400, "EXCEEDED_ID_LIMIT", message)
    if not all(isinstance(record, dict) and isinstance(record.get("attributes"), dict) for record in records):
        raise unreadable("every record is an object with attributes")
    kinds = [record["attributes"].get("type") for record in records]
    if None in kinds:
        raise Refusal(400, "INVALID_TYPE", "every record names its type in attributes")
    if sum(1 for before, kind in zip([None, *kinds], kinds, strict=False) if before != kind) > MOST_CHUNKS:
        raise Refusal(400, "LIMIT_EXCEEDED", f"a call holds at most {MOST_CHUNKS} chunks of one type each")
    return records, bool(body.get("allOrNone", False))


def _answer(write: Callable[[], str]) -> Result:
    try:
        return {"id": write(), "success": True, "errors": []}
    except RowRefusal as refusal:
        return {"success": False, "errors": [refusal.entry()]}


def _undone(result: Result) -> Result:
    message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    entry = RowRefusal("ALL_OR_NONE_OPERATION_ROLLED_BACK", message).entry()
    return {"id": result["id"], "success": False, "errors": [entry]}
