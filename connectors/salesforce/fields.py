"""Our fields in Salesforce's words: what Tooling REST is told, and whether a field that is there already will do.

Source: Metadata API developer guide 63.0, CustomField; limits from its help pages.
"""

from collections.abc import Sequence
from typing import Any

from connectors.base import FieldKind, FieldSpec

SUBJECTS = {"person": ("Contact", "Lead"), "account": ("Account",), "deal": ("Opportunity",)}
"""CRM objects per subject."""

TYPES: dict[FieldKind, str] = {
    "text": "Text",
    "long_text": "LongTextArea",
    "number": "Number",
    "percent": "Percent",
    "money": "Currency",
    "picklist": "Picklist",
    "checkbox": "Checkbox",
    "datetime": "DateTime",
}

NAME_LIMIT = 40  # characters of an API name before __c
TEXT_LIMIT = 255  # longest Text
MOST_DIGITS = 18  # precision of a number field
SHOWN_LINES = 6  # of a long text on a page
NUMBERS = frozenset({"number", "percent", "money"})
SIZES = ("length", "precision", "scale")


def api_name(spec: FieldSpec, prefix: str) -> str:
    """`top_belief` with prefix `BLF_` is `BLF_Top_Belief__c`. ValueError if Salesforce would refuse its length."""
    name = prefix + spec.name.title()
    if len(name) > NAME_LIMIT:
        raise ValueError(f"field {spec.name} with prefix {prefix} is longer than {NAME_LIMIT} characters")
    return f"{name}__c"


def metadata(spec: FieldSpec) -> dict[str, Any]:
    """The `Metadata` of a CustomField. Never required: a required field cannot enter a permission set."""
    wanted: dict[str, Any] = {
        "type": TYPES[spec.kind],
        "label": spec.label,
        "inlineHelpText": spec.help,
        "required": False,
    }
    if spec.kind in {"text", "long_text"}:
        wanted["length"] = spec.length or TEXT_LIMIT
    if spec.kind == "long_text":
        wanted["visibleLines"] = SHOWN_LINES
    if spec.kind in NUMBERS:
        wanted |= {"precision": spec.length or MOST_DIGITS, "scale": spec.scale}
    if spec.kind == "checkbox":
        wanted["defaultValue"] = "false"
    if spec.kind == "picklist":
        wanted["valueSet"] = _value_set(spec.values)
    return wanted


def difference(wanted: dict[str, Any], present: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What to change in a field that exists, and why it cannot be changed (empty if it can).

    Shape: the changes alone; empty means the field will do. A field that is larger than wanted will do.
    """
    if present.get("type") != wanted["type"]:
        return {}, f"is {present.get('type')}, we need {wanted['type']}; rename or delete it"
    changes = {key: wanted[key] for key in ("label", "inlineHelpText") if (present.get(key) or "") != wanted[key]}
    sizes = {key: (int(present.get(key) or 0), wanted[key]) for key in SIZES if key in wanted}
    if wanted.get("scale") is not None and sizes["scale"][0] != wanted["scale"]:
        return {}, f"keeps {sizes['scale'][0]} decimals, we need {wanted['scale']}; rename or delete it"
    changes |= {key: needed for key, (there, needed) in sizes.items() if there < needed}
    if "valueSet" in wanted:
        names = _names(present)
        missing = [name for name in _names(wanted) if name not in names]
        if missing:
            changes["valueSet"] = _value_set([*names, *missing])
    return changes, ""


def _value_set(names: Sequence[str]) -> dict[str, Any]:
    values = [
        {"fullName": name, "label": name, "valueName": name, "default": False, "isActive": True} for name in names
    ]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}


def _names(field: dict[str, Any]) -> list[str]:
    definition = (field.get("valueSet") or {}).get("valueSetDefinition") or {}
    return [value.get("valueName") or value.get("fullName") or "" for value in definition.get("value") or []]
