"""Custom fields through the Tooling API: created, read, changed as a whole, deleted with their values and permissions.

Source: Tooling API developer guide 63.0, "CustomField" and "REST Resources".
"""

from typing import Any

import orjson

from sandbox.salesforce.custom_fields import (
    LONG_TEXT_PER_OBJECT,
    Metadata,
    developer_name,
    field_of,
    read_metadata,
)
from sandbox.salesforce.errors import RowRefusal, not_found, unreadable
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.schema import Field
from sandbox.salesforce.setup_objects import CUSTOM_FIELD
from sandbox.salesforce.state import SalesforceState
from sandbox.salesforce.tables import Row
from sandbox.salesforce.values import from_column

NAME = "CustomField"


def create(state: SalesforceState, body: Any, user: str) -> str:
    """A new field that nobody sees yet; gives its Tooling id."""
    full, metadata = _read(body)
    owner, name, field = checked(state, full, metadata)
    given = {"DeveloperName": name, "TableEnumOrId": owner, "ManageableState": "unmanaged", **_columns(full, metadata)}
    with state.tables.transaction():
        state.tables.add_column(owner, field)
        field_id = state.store(NAME, state.born(CUSTOM_FIELD, given, user))
        state.tables.reload()
    return field_id


def checked(state: SalesforceState, full: str, metadata: Metadata) -> tuple[str, str, Field]:
    """Object, DeveloperName and field of a definition that the org would take. RowRefusal for one that it would not."""
    owner, name = developer_name(full)
    sobject = state.tables.objects.get(owner)
    if sobject is None or not sobject.customizable:
        message = f"Entity Enumeration Or ID: bad value for restricted picklist field: {owner}"
        raise RowRefusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, "TableEnumOrId")
    if sobject.get(f"{name}__c"):
        message = f"There is already a field named {name} on {owner}."
        raise RowRefusal("DUPLICATE_DEVELOPER_NAME", message, "DeveloperName")
    field = field_of(f"{name}__c", metadata)
    _room(state, owner, field)
    return owner, name, field


def read(state: SalesforceState, field_id: str, base: str) -> dict[str, Any]:
    """One field with its Metadata."""
    row = _row(state, field_id)
    shown = {field.name: from_column(field, row[field.name]) for field in CUSTOM_FIELD.fields}
    return {"attributes": {"type": NAME, "url": f"{base}sobjects/{NAME}/{row['Id']}"}, **shown}


def change(state: SalesforceState, field_id: str, body: Any, user: str) -> None:
    """Replace the definition. RowRefusal for another type or another field."""
    row = _row(state, field_id)
    full, metadata = _read(body)
    before = Metadata.model_validate(orjson.loads(str(row["Metadata"])))
    if full != row["FullName"]:
        raise RowRefusal(
            "FIELD_INTEGRITY_EXCEPTION", "FullName: a field cannot be renamed through this call", "FullName"
        )
    if metadata.type != before.type:
        message = f"Cannot change the type of {full} from {before.type} to {metadata.type}"
        raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", message, "Metadata")
    if any((getattr(metadata, size) or 0) < (getattr(before, size) or 0) for size in ("length", "precision")):
        raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", f"Cannot make {full} shorter than it is", "Metadata")
    _room(state, str(row["TableEnumOrId"]), field_of(f"{row['DeveloperName']}__c", metadata))
    changes = {
        name: value if name != "Metadata" else orjson.dumps(value).decode()
        for name, value in _columns(full, metadata).items()
    }
    with state.tables.transaction():
        state.save(NAME, str(row["Id"]), changes, user)
        state.tables.reload()


def delete(state: SalesforceState, field_id: str) -> None:
    """Drop the field, its values and its permissions. RowRefusal while something refers to it.

    Source: help page "Delete Custom Fields" (a field that is referred to elsewhere cannot be deleted); SOAP API guide, "StatusCode".
    """
    row = _row(state, field_id)
    _unused(state, str(row["TableEnumOrId"]), f"{row['DeveloperName']}__c")
    with state.tables.transaction():
        state.tables.drop_column(str(row["TableEnumOrId"]), f"{row['DeveloperName']}__c")
        state.tables.run('DELETE FROM "FieldPermissions" WHERE "Field" = ?', [row["FullName"]])
        state.tables.run(f'DELETE FROM "{NAME}" WHERE "Id" = ?', [row["Id"]])  # noqa: S608  # a constant
        state.tables.reload()


def _unused(state: SalesforceState, owner: str, name: str) -> None:
    named = state.switches.referred.get(f"{owner}.{name}")
    users = [named] if named else [f"List View - {each}" for each in state.list_views.users_of(owner, name)]
    if users:
        message = f"This custom field is referenced elsewhere in salesforce.com : {', '.join(users)}"
        raise RowRefusal("DEPENDENCY_EXISTS", message, "Id")


def _read(body: Any) -> tuple[str, Metadata]:
    if not isinstance(body, dict) or body.keys() != {"FullName", "Metadata"} or not isinstance(body["FullName"], str):
        raise unreadable("a CustomField is written as FullName and Metadata, and nothing else")
    return body["FullName"], read_metadata(body["Metadata"])


def _columns(full: str, metadata: Metadata) -> dict[str, Any]:
    """What a query of the Tooling API shows of a definition."""
    whole = metadata.model_dump(mode="json")
    return {
        "FullName": full, "Metadata": whole, "Length": metadata.length, "Precision": metadata.precision, "Scale": metadata.scale,
        "Description": metadata.description, "InlineHelpText": metadata.inlineHelpText,
    }  # fmt: skip


def _row(state: SalesforceState, field_id: str) -> Row:
    row = state.tables.row(NAME, full_id(field_id) or "")
    if row is None:
        raise not_found("The requested resource does not exist")
    return row


def _room(state: SalesforceState, owner: str, new: Field) -> None:
    """RowRefusal if all long texts of the object together would be too long."""
    if new.type != "textarea":
        return
    others = [
        each.length
        for each in state.tables.objects[owner].fields
        if each.custom and each.type == "textarea" and each.name != new.name
    ]
    if sum(others) + new.length > LONG_TEXT_PER_OBJECT:
        message = (
            f"You have reached the maximum of {LONG_TEXT_PER_OBJECT} characters in long text area fields of {owner}"
        )
        raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", message, "Metadata")
