"""Our fields in HubSpot's words: what the properties API is told, and whether a property that is there already will do.

Source: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide; length of a text:
https://knowledge.hubspot.com/properties/property-field-types-in-hubspot. Percent and money are plain numbers at the same scale as
elsewhere: 87.5 means 87.5 %.
"""

from collections.abc import Mapping
from typing import Any

from connectors.base import FieldKind, FieldSpec

Json = dict[str, Any]

SUBJECTS = {"person": ("contact",), "account": ("company",), "deal": ("deal",)}
"""CRM objects per subject."""
KINDS = {"contact": "contacts", "company": "companies", "deal": "deals"}
"""How paths name them."""

GROUP_LABEL = "Beliefs"
NAME_LIMIT = 100  # characters of a property name
TEXT_LIMIT = 65_536  # characters of a text property

TYPES: dict[FieldKind, tuple[str, str]] = {
    "text": ("string", "text"),
    "long_text": ("string", "textarea"),
    "number": ("number", "number"),
    "percent": ("number", "number"),
    "money": ("number", "number"),
    "picklist": ("enumeration", "select"),
    "checkbox": ("bool", "booleancheckbox"),
    "datetime": ("datetime", "date"),
}
"""Type and field type of each kind."""

YES_NO = (("true", "Yes"), ("false", "No"))


def group_name(prefix: str) -> str:
    """The group that our properties are shown in: `blf_beliefs`."""
    return f"{prefix}beliefs"


def api_name(spec: FieldSpec, prefix: str) -> str:
    """`top_belief` with prefix `blf_` is `blf_top_belief`. ValueError if HubSpot would refuse its length."""
    name = prefix + spec.name
    if len(name) > NAME_LIMIT:
        raise ValueError(f"field {spec.name} with prefix {prefix} is longer than {NAME_LIMIT} characters")
    return name


def definition(spec: FieldSpec, prefix: str) -> Json:
    """The property as it is created. Not unique: that could never be undone, and duplicates of a person share a key."""
    kind, field_kind = TYPES[spec.kind]
    shown = "radio" if spec.kind == "picklist" and spec.reps_edit else field_kind
    return {
        "name": api_name(spec, prefix),
        "label": spec.label,
        "description": spec.help,
        "groupName": group_name(prefix),
        "type": kind,
        "fieldType": shown,
        "options": _options(YES_NO if spec.kind == "checkbox" else [(value, value) for value in spec.values]),
        "hidden": spec.hidden,
        "formField": False,
    }


def difference(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> tuple[Json, str]:
    """What to change in a property that exists, and why it cannot be changed (empty if it can).

    Shape: the changes alone; empty means the property will do. Options that people added stay.
    """
    if present.get("type") != wanted["type"]:
        return {}, f"is {present.get('type')}, we need {wanted['type']}; rename or delete it"
    same = ("label", "description", "groupName", "fieldType", "hidden", "formField")
    changes = {key: wanted[key] for key in same if present.get(key) != wanted[key]}
    there = list(present.get("options") or [])
    values = {option.get("value") for option in there}
    if missing := [option for option in wanted["options"] if option["value"] not in values]:
        changes["options"] = there + missing
    return changes, ""


def length(present: Mapping[str, Any]) -> int:
    """Characters that a property holds, 0 where that says nothing."""
    return TEXT_LIMIT if present.get("type") == "string" else 0


def writable(present: Mapping[str, Any]) -> bool:
    """Whether its value may be written."""
    return not (present.get("modificationMetadata") or {}).get("readOnlyValue")


def _options(values: Any) -> list[Json]:
    return [
        {"value": value, "label": label, "displayOrder": place, "hidden": False}
        for place, (value, label) in enumerate(values)
    ]
