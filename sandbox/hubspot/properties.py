"""The property definitions of the portal: HubSpot's own, which nobody may change, and those that customers add.

Source: https://developers.hubspot.com/docs/api-reference/properties/guide and the SDK's models of `hubspot.crm.properties`.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sandbox.hubspot.definitions import DEFINITIONS, PIPELINE_PROPERTIES, Definition
from sandbox.hubspot.errors import Answer, HubSpotRefusal, not_found
from sandbox.hubspot.objects import ObjectType
from sandbox.hubspot.pipelines import MADE, Pipeline
from sandbox.hubspot.stages import Pipelines
from sandbox.hubspot.values import wire

SCHEMA = """
create table if not exists properties (
    type text, name text, archived_at integer, created integer not null, updated integer not null, json blob not null,
    primary key (type, name)) without rowid;
create table if not exists property_groups (type text, name text, json blob not null, primary key (type, name)) without rowid;
"""
FIELD_TYPES = {
    "string": {"text", "textarea", "file"}, "number": {"number", "calculation_equation"}, "date": {"date"}, "datetime": {"date"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"}, "bool": {"booleancheckbox", "calculation_equation"},
}  # fmt: skip
"""Which field types a type may have: "Property type and fieldType values" of the guide."""
MOST_OPTIONS = 5_000
"""Options of one enumeration, and characters of one: https://knowledge.hubspot.com/properties/property-field-types-in-hubspot."""
LONGEST_OPTION = 3_000
LONGEST_NAME = 100
CHANGEABLE = frozenset(
    {"label", "description", "groupName", "options", "displayOrder", "hidden", "formField", "fieldType"}
)
"""SDK: PropertyUpdate, without `type`, whose change HubSpot allows only where no value is lost."""
DEFAULT_GROUPS = {"contacts": "contactinformation", "companies": "companyinformation", "deals": "dealinformation", "tickets": "ticketinformation"}  # fmt: skip


class Properties:
    """Definitions by object; what is archived has lost its values and may be created anew."""

    def __init__(self, db: sqlite3.Connection, now: Callable[[], int], pipelines: Pipelines) -> None:
        self._db, self._now, self._pipelines = db, now, pipelines
        self._known: dict[str, dict[str, Definition]] = {}
        db.executescript(SCHEMA)

    def known(self, kind: ObjectType) -> dict[str, Definition]:
        """All that are not archived, by name."""
        if kind.path not in self._known:
            sql = "select name, json from properties where type=? and archived_at is null"
            own = {name: _definition(orjson.loads(json)) for name, json in self._db.execute(sql, (kind.path,))}
            self._known[kind.path] = {**DEFINITIONS[kind.path], **own}
        return self._known[kind.path]

    def unique(self, kind: ObjectType) -> list[str]:
        """Names of those whose value only one record may have."""
        return [each.name for each in self.known(kind).values() if each.unique]

    def all(self, kind: ObjectType, *, archived: bool) -> list[Answer]:
        """As the API lists them (SDK: ModelProperty)."""
        if archived:
            rows = self._db.execute("select * from properties where type=? and archived_at is not null", (kind.path,))
            return [_own(row) for row in rows.fetchall()]
        return [self.answer(kind, name) for name in self.known(kind)]

    def answer(self, kind: ObjectType, name: str) -> Answer:
        """One as the API shows it. Errors: 404 if there is none."""
        row = self._db.execute("select * from properties where type=? and name=?", (kind.path, name)).fetchone()
        if row and row[2] is None:
            return _own(row)
        if name not in DEFINITIONS[kind.path]:
            raise not_found(f"The property named {name} does not exist")
        return _standard(kind, DEFINITIONS[kind.path][name], self._pipelines.all(kind.path))

    def create(self, kind: ObjectType, given: Mapping[str, Any]) -> Answer:
        """A new one. Errors: 400 if it makes no sense, 409 if there is one of that name."""
        self.check(kind, given)
        if given["name"] in self.known(kind):
            message = f"A property named '{given['name']}' already exists."
            raise HubSpotRefusal(409, message, "OBJECT_ALREADY_EXISTS", context={"name": [given["name"]]})
        now = self._now()
        row = (kind.path, given["name"], None, now, now, orjson.dumps(dict(given)))
        self._db.execute("insert or replace into properties values (?, ?, ?, ?, ?, ?)", row)
        self._known.pop(kind.path, None)
        return self.answer(kind, given["name"])

    def update(self, kind: ObjectType, name: str, changes: Mapping[str, Any]) -> Answer:
        """One with these parts replaced. Errors: 400 for a part that cannot change, 404 if there is none."""
        before = self._custom(kind, name)
        if unchangeable := sorted(key for key in changes if key not in CHANGEABLE and changes[key] != before.get(key)):
            raise HubSpotRefusal(400, f"The {', '.join(unchangeable)} of a property cannot be changed here.")
        after = {**before, **changes}
        self.check(kind, after)
        sql = "update properties set json=?, updated=? where type=? and name=?"
        self._db.execute(sql, (orjson.dumps(after), self._now(), kind.path, name))
        self._known.pop(kind.path, None)
        return self.answer(kind, name)

    def archive(self, kind: ObjectType, name: str) -> None:
        """Archive one together with its values. Errors: 400 for one of HubSpot's own, 404 if there is none."""
        self._custom(kind, name)
        sql = "update properties set archived_at=? where type=? and name=?"
        self._db.execute(sql, (self._now(), kind.path, name))
        path = f'$."{name}"'
        without = "update records set json=cast(json_remove(json, ?) as blob) where type=? and json_extract(json, ?) is not null"
        self._db.execute(without, (path, kind.path, path))
        self._db.execute("delete from uniques where type=? and name=?", (kind.path, name))
        self._known.pop(kind.path, None)

    def _custom(self, kind: ObjectType, name: str) -> Answer:
        if name in DEFINITIONS[kind.path]:
            raise HubSpotRefusal(400, f"The definition of property {name} is read-only.")
        self.answer(kind, name)
        sql = "select json from properties where type=? and name=?"
        found: Answer = orjson.loads(self._db.execute(sql, (kind.path, name)).fetchone()[0])
        return found

    def check(self, kind: ObjectType, given: Mapping[str, Any]) -> None:
        """Errors: 400 for a definition that makes no sense."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", given["name"]) or len(given["name"]) > LONGEST_NAME:
            message = f"Property name {given['name']} is invalid: use lower-case letters, digits and underscores, beginning with a letter."
            raise HubSpotRefusal(400, message)
        if given["fieldType"] not in FIELD_TYPES[given["type"]]:
            raise HubSpotRefusal(400, f"Field type {given['fieldType']} does not fit property type {given['type']}.")
        if given["groupName"] not in {group["name"] for group in self.groups(kind)}:
            raise HubSpotRefusal(400, f"The property group {given['groupName']} does not exist.")
        values = [option["value"] for option in given.get("options") or []]
        if given["type"] == "enumeration" and not values:
            raise HubSpotRefusal(400, f"Property {given['name']} of type enumeration needs options.")
        if given["type"] == "bool" and sorted(values) != ["false", "true"]:
            raise HubSpotRefusal(
                400, f"Property {given['name']} of type bool needs exactly the options true and false."
            )
        if (
            len(set(values)) < len(values)
            or len(values) > MOST_OPTIONS
            or any(len(one) > LONGEST_OPTION for one in values)
        ):
            raise HubSpotRefusal(400, f"The options of property {given['name']} are twice there, too many or too long.")

    # groups -------------------------------------------------------------------------------------------------------

    def groups(self, kind: ObjectType) -> list[Answer]:
        """As the API lists them (SDK: PropertyGroup)."""
        sql = "select json from property_groups where type=? order by name"
        own = [orjson.loads(json) for (json,) in self._db.execute(sql, (kind.path,))]
        return [_group(default_group(kind), "Information"), *own]

    def group(self, kind: ObjectType, name: str) -> Answer:
        """One group. Errors: 404 if there is none."""
        found = [group for group in self.groups(kind) if group["name"] == name]
        if not found:
            raise not_found(f"The property group {name} does not exist")
        return found[0]

    def create_group(self, kind: ObjectType, given: Mapping[str, Any]) -> Answer:
        """A new group. Errors: 409 if there is one of that name."""
        if any(group["name"] == given["name"] for group in self.groups(kind)):
            raise HubSpotRefusal(
                409, f"A property group named '{given['name']}' already exists.", "OBJECT_ALREADY_EXISTS"
            )
        made = _group(given["name"], given["label"], given.get("displayOrder", -1))
        self._db.execute("insert into property_groups values (?, ?, ?)", (kind.path, given["name"], orjson.dumps(made)))
        return made

    def update_group(self, kind: ObjectType, name: str, changes: Mapping[str, Any]) -> Answer:
        """A group with another label or place. Errors: 404 if there is none."""
        after = {**self.group(kind, name), **changes}
        sql = "update property_groups set json=? where type=? and name=?"
        self._db.execute(sql, (orjson.dumps(after), kind.path, name))
        return after

    def archive_group(self, kind: ObjectType, name: str) -> None:
        """Remove an empty group. Errors: 400 while properties are in it, 404 if there is none."""
        self.group(kind, name)
        if any(each.get("groupName") == name for each in self.all(kind, archived=False)):
            raise HubSpotRefusal(400, f"The property group {name} still has properties.")
        self._db.execute("delete from property_groups where type=? and name=?", (kind.path, name))


def default_group(kind: ObjectType) -> str:
    """The group of HubSpot's own properties."""
    return DEFAULT_GROUPS.get(kind.path, kind.label)


def _group(name: str, label: str, place: int = -1) -> Answer:
    return {"name": name, "label": label, "displayOrder": place, "archived": False}


def _definition(given: Answer) -> Definition:
    values = tuple(option["value"] for option in given.get("options") or [])
    kind = f"{given['type']} {given['fieldType']}"
    return Definition(given["name"], kind, values, unique=given.get("hasUniqueValue", False))


def _own(row: tuple[Any, ...]) -> Answer:
    _, _, archived_at, created, updated, json = row
    whole = {
        "description": "", "options": [], "displayOrder": -1, "hidden": False, "formField": False, "hasUniqueValue": False,
        **orjson.loads(json), "calculated": False, "externalOptions": False, "hubspotDefined": False, "archived": archived_at is not None,
        "createdAt": wire(created), "updatedAt": wire(updated),
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyOptions": False, "readOnlyValue": False},
    }  # fmt: skip
    return {**whole, "archivedAt": wire(archived_at)} if archived_at is not None else whole


def _standard(kind: ObjectType, known: Definition, pipelines: tuple[Pipeline, ...]) -> Answer:
    return {
        "name": known.name, "label": known.name.removeprefix("hs_").replace("_", " ").capitalize(), "type": known.type,
        "fieldType": known.field_type, "description": "", "groupName": default_group(kind), "options": _options(kind, known, pipelines),
        "displayOrder": -1, "calculated": known.field_type.startswith("calculation"), "externalOptions": known.name == "hubspot_owner_id",
        "hasUniqueValue": known.unique, "hidden": False, "hubspotDefined": True, "formField": not known.read_only, "archived": False,
        "createdAt": MADE, "updatedAt": MADE, "modificationMetadata": {
            "archivable": False, "readOnlyDefinition": True, "readOnlyOptions": True, "readOnlyValue": known.read_only,
        },
    }  # fmt: skip


def _options(kind: ObjectType, known: Definition, pipelines: tuple[Pipeline, ...]) -> list[Answer]:
    labels: dict[str, str] = {}
    if known.name in PIPELINE_PROPERTIES.get(kind.path, ()):
        labels = {one.id: one.label for one in pipelines}
        labels |= {stage.id: stage.label for one in pipelines for stage in one.stages}
    if known.type == "bool":
        labels = {"true": "Yes", "false": "No"}
    values = known.values or tuple(labels)
    return [
        {"value": value, "label": labels.get(value, value.replace("_", " ").capitalize()), "displayOrder": place, "hidden": False}
        for place, value in enumerate(values)
    ]  # fmt: skip
