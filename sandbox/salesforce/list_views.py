"""List views through the User Interface API: created, read, deleted, by the object's and their own name.

Source: User Interface API developer guide 63.0, "Create a List View for an Object", "List Info Post Input", "Get List View Metadata",
"Delete List View Metadata" (all since 61.0); Metadata API developer guide, "ListView", for names, operators and filters.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.salesforce.errors import Refusal, not_found
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.tables import Tables

SCHEMA = "CREATE TABLE IF NOT EXISTS _list_views (object TEXT, name TEXT, info TEXT, PRIMARY KEY (object, name))"
NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
LONGEST_LABEL = 40
MOST_COLUMNS = 15  # help page "Create or Clone a List View in Lightning Experience"
OPERATORS = frozenset(
    {
        "Equals", "NotEqual", "LessThan", "GreaterThan", "LessOrEqual", "GreaterOrEqual", "Contains", "NotContain", "StartsWith",
        "Includes", "Excludes", "Within",
    }
)  # fmt: skip
"""FilterOperation of the Metadata API's ListViewFilter, as the UI API spells it."""
KEYS = frozenset(
    {"displayColumns", "filterLogicString", "filteredByInfo", "label", "listShares", "listViewApiName", "scope", "visibility"}
)  # fmt: skip
RELATIVE = re.compile(r"LAST_N_DAYS:\d+|LAST \d+ DAYS|TODAY|THIS_WEEK|LAST_WEEK")


class ListViews:
    """The list views of the org, whoever made them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        tables.run(SCHEMA)

    def create(self, sobject: SObject, given: Mapping[str, Any]) -> dict[str, Any]:
        """A new one, as the API shows it. Refusal for what makes no sense or is there already."""
        _judge(sobject, given)
        name = str(given["listViewApiName"])
        if self._tables.run("SELECT 1 FROM _list_views WHERE object = ? AND name = ?", [sobject.name, name]):
            raise _wrong(
                "DUPLICATE_DEVELOPER_NAME", f"The list view unique name {name} is already in use on {sobject.name}"
            )
        info = _info(sobject, given)
        self._tables.run("INSERT INTO _list_views VALUES (?, ?, ?)", [sobject.name, name, orjson.dumps(info).decode()])
        return info

    def get(self, sobject: SObject, name: str) -> dict[str, Any]:
        """One as the API shows it. Refusal 404 if there is none."""
        rows = self._tables.run("SELECT info FROM _list_views WHERE object = ? AND name = ?", [sobject.name, name])
        if not rows:
            raise not_found("The requested resource does not exist")
        found: dict[str, Any] = orjson.loads(rows[0][0])
        return found

    def delete(self, sobject: SObject, name: str) -> None:
        """Take one away. Refusal 404 if there is none."""
        self.get(sobject, name)
        self._tables.run("DELETE FROM _list_views WHERE object = ? AND name = ?", [sobject.name, name])

    def names(self) -> set[str]:
        """All of them, as `Contact.My_View`."""
        return {f"{owner}.{name}" for owner, name in self._tables.run("SELECT object, name FROM _list_views")}

    def users_of(self, owner: str, field: str) -> list[str]:
        """Names of the views of an object that filter by a field; while there are any the field cannot be deleted."""
        rows = self._tables.run("SELECT name, info FROM _list_views WHERE object = ?", [owner])
        return sorted(
            name
            for name, info in rows
            if field in {each["fieldApiName"] for each in orjson.loads(info)["filteredByInfo"]}
        )


def _judge(sobject: SObject, given: Mapping[str, Any]) -> None:
    if unknown := sorted(given.keys() - KEYS):
        raise _wrong("JSON_PARSER_ERROR", f'Unrecognized field "{unknown[0]}"')
    if not NAME.fullmatch(str(given.get("listViewApiName", ""))):
        raise _wrong(
            "INVALID_INPUT", "listViewApiName: letters, digits and single underscores, beginning with a letter"
        )
    if not 1 <= len(str(given.get("label") or "")) <= LONGEST_LABEL:
        raise _wrong("INVALID_INPUT", f"label: must have 1 to {LONGEST_LABEL} characters")
    if given.get("visibility", "Private") not in {"Private", "Public", "Shared"}:
        raise _wrong("INVALID_INPUT", "visibility: one of Private, Public, Shared")
    columns = given.get("displayColumns") or []
    if len(columns) > MOST_COLUMNS or len(set(columns)) < len(columns):
        raise _wrong("INVALID_INPUT", f"displayColumns: at most {MOST_COLUMNS}, none of them twice")
    for name in columns:
        _seen(sobject, name)
    for each in given.get("filteredByInfo") or []:
        _judge_filter(sobject, each)


def _judge_filter(sobject: SObject, given: Mapping[str, Any]) -> None:
    if given.keys() != {"fieldApiName", "operandLabels", "operator"} or not isinstance(given["operandLabels"], list):
        raise _wrong("INVALID_INPUT", "a filter has fieldApiName, operandLabels and operator")
    field = _seen(sobject, given["fieldApiName"])
    if not field.filterable:
        raise _wrong("INVALID_INPUT", f"{field.name} cannot be filtered by")
    if given["operator"] not in OPERATORS:
        raise _wrong("INVALID_INPUT", f"operator {given['operator']} is not known")
    unfit = [label for label in given["operandLabels"] if field.values and label not in field.values]
    if unfit or (field.type == "datetime" and not all(map(RELATIVE.fullmatch, given["operandLabels"]))):
        raise _wrong("INVALID_INPUT", f"an operand does not fit {field.name}")


def _seen(sobject: SObject, name: str) -> Any:
    field = sobject.get(name)
    if field is None:
        raise _wrong("INVALID_FIELD", f"{name} is no field of {sobject.name} that this user sees")
    return field


def _info(sobject: SObject, given: Mapping[str, Any]) -> dict[str, Any]:
    columns = [
        {"fieldApiName": name, "label": _label(sobject, name), "sortable": True}
        for name in given.get("displayColumns") or []
    ]
    filters = [{**each, "label": _label(sobject, each["fieldApiName"])} for each in given.get("filteredByInfo") or []]
    return {
        "cloneable": True, "createable": True, "deletable": True, "updateable": True, "displayColumns": columns, "eTag": "",
        "filterLogicString": given.get("filterLogicString"), "filteredByInfo": filters, "label": given["label"],
        "listReference": {
            "id": None, "listViewApiName": given["listViewApiName"], "objectApiName": sobject.name, "type": "listView",
        },
        "orderedByInfo": [], "scope": given.get("scope"), "visibility": given.get("visibility", "Private"),
    }  # fmt: skip


def _label(sobject: SObject, name: str) -> str:
    field = sobject.get(name)
    return field.label or name if field else name


def _wrong(code: str, message: str) -> Refusal:
    return Refusal(400, code, message)
