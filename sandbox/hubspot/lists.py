"""Active lists (segments) by the v3 lists API: created with a filter, found by name, deleted.

Source: https://developers.hubspot.com/docs/api-reference/legacy/crm/lists/create-list and .../list-filters; the SDK's models of
`hubspot.crm.lists` for paths, keys, operations and answers. Who is in a list is not worked out.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sandbox.hubspot.bodies import parse
from sandbox.hubspot.errors import Answer, HubSpotRefusal, not_found
from sandbox.hubspot.objects import OBJECTS, object_type
from sandbox.hubspot.properties import Properties
from sandbox.hubspot.values import wire

SCHEMA = """
create table if not exists lists (id integer primary key, type text, name text, deleted_at integer, created integer not null, json blob not null)
"""
KEYS = {
    "objectTypeId",
    "processingType",
    "customProperties",
    "listFolderId",
    "name",
    "filterBranch",
    "membershipSettings",
}
BRANCH = {"filterBranchType", "filterBranchOperator", "filterBranches", "filters"}
OPERATIONS = {
    "ENUMERATION": ({"enumeration", "bool"}, {"values", "operator"}, {"IS_ANY_OF", "IS_NONE_OF", "IS_EXACTLY"}),
    "ROLLING_DATE_RANGE": (
        {"date", "datetime"}, {"numberOfDays", "operator", "requiresTimeZoneConversion"},
        {"IS_LESS_THAN_X_DAYS_AGO", "IS_MORE_THAN_X_DAYS_AGO", "IS_LESS_THAN_X_DAYS_FROM_NOW", "IS_MORE_THAN_X_DAYS_FROM_NOW"},
    ),
}  # fmt: skip
"""Types of property that an operation is for, the keys it needs, and its operators; other operations are not understood."""


class Lists:
    """The lists of the portal."""

    def __init__(self, db: sqlite3.Connection, now: Callable[[], int], properties: Properties) -> None:
        self._db, self._now, self._properties = db, now, properties
        db.executescript(SCHEMA)

    def create(self, body: bytes) -> Answer:
        """A new list. Errors: 400 for a definition that makes no sense or a name that is taken."""
        given = parse(body)
        self._judge(given)
        now = self._now()
        row = (given["objectTypeId"], given["name"], now, orjson.dumps(given))
        self._db.execute("insert into lists (type, name, created, json) values (?, ?, ?, ?)", row)
        return self.named(given["objectTypeId"], given["name"])

    def named(self, type_id: str, name: str) -> Answer:
        """The list of that name. Errors: 404 if there is none."""
        sql = "select id, created, json from lists where type=? and name=? and deleted_at is null"
        row = self._db.execute(sql, (type_id, name)).fetchone()
        if row is None:
            raise not_found(f"List does not exist with name {name} and object type ID {type_id}.")
        one, created, json = row
        given = orjson.loads(json)
        return {
            "list": {
                "listId": str(one), "listVersion": 1, "name": name, "objectTypeId": type_id, "processingStatus": "COMPLETE",
                "processingType": given["processingType"], "createdAt": wire(created), "updatedAt": wire(created),
            }
        }  # fmt: skip

    def remove(self, list_id: str) -> None:
        """Delete one. Errors: 404 if there is none."""
        sql = "update lists set deleted_at=? where id=? and deleted_at is null"
        if not self._db.execute(sql, (self._now(), list_id)).rowcount:
            raise not_found(f"List does not exist with ID {list_id}.")

    def names(self) -> set[str]:
        """Of all that are not deleted."""
        return {name for (name,) in self._db.execute("select name from lists where deleted_at is null")}

    def users_of(self, path: str, name: str) -> list[str]:
        """Names of the lists that filter by a property."""
        rows = self._db.execute(
            "select name, json from lists where type=? and deleted_at is null", (object_type(path).type_id,)
        )
        return [used for used, json in rows if name in {each["property"] for each in _filters(orjson.loads(json))}]

    def _judge(self, given: Mapping[str, Any]) -> None:
        if unknown := sorted(given.keys() - KEYS):
            raise _wrong(f"{unknown[0]} is not known")
        if not isinstance(given.get("name"), str) or not given["name"]:
            raise _wrong("name must be given")
        if given.get("processingType") != "DYNAMIC":
            raise _wrong("processingType must be DYNAMIC where the sandbox is asked")
        if given.get("objectTypeId") not in {kind.type_id for kind in OBJECTS}:
            raise _wrong("objectTypeId is not known")
        if given["name"] in self.names():
            raise HubSpotRefusal(400, "A list with this name exists already.", "ILS_VALIDATION_ERROR")
        root = given.get("filterBranch") or {}
        branches = root.get("filterBranches") or []
        if root.keys() - BRANCH or root.get("filterBranchType") != "OR" or root.get("filters") or not branches:
            raise _wrong("the root filter branch is an OR of AND branches and has no filters of its own")
        if any(
            one.keys() - BRANCH or one.get("filterBranchType") != "AND" or not one.get("filters") for one in branches
        ):
            raise _wrong("every branch under the root is an AND with filters")
        for each in _filters(given):
            self._judge_filter(given["objectTypeId"], each)

    def _judge_filter(self, type_id: str, given: Mapping[str, Any]) -> None:
        if given.keys() != {"filterType", "property", "operation"} or given["filterType"] != "PROPERTY":
            raise _wrong("a filter has filterType PROPERTY, property and operation")
        known = self._properties.known(object_type(type_id)).get(given["property"])
        if known is None:
            raise HubSpotRefusal(400, f"Property {given['property']} does not exist.", "ILS_VALIDATION_ERROR")
        operation = given["operation"]
        types, keys, operators = OPERATIONS.get(operation.get("operationType"), (set(), set(), set()))
        if known.type not in types or operation["operator"] not in operators:
            raise _wrong(f"the operation does not fit {given['property']}")
        if operation.keys() != keys | {"operationType", "includeObjectsWithNoValueSet"}:
            raise _wrong(f"the operation on {given['property']} has other keys")
        if unknown := set(operation.get("values") or []) - set(known.values):
            raise _wrong(f"{min(unknown)} is no option of {given['property']}")


def _filters(given: Mapping[str, Any]) -> list[Any]:
    return [each for branch in given["filterBranch"]["filterBranches"] for each in branch["filters"]]


def _wrong(why: str) -> HubSpotRefusal:
    return HubSpotRefusal(400, f"Invalid input JSON: {why}", "ILS_VALIDATION_ERROR")
