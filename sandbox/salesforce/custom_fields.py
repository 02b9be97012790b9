"""What a custom field may look like: the Metadata of the Tooling API, its limits, and the field it becomes.

Source: Metadata API developer guide 63.0, "CustomField"; limits from the help pages "Custom Field Attributes" and "Rich Text Area
Field Limits" (length of long text, and characters of all long texts of one object).
"""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.salesforce.errors import RowRefusal, unreadable
from sandbox.salesforce.schema import Field, Type

NAME = re.compile(r"([A-Za-z](?:_?[A-Za-z0-9])*)__c")
LONGEST_NAME = 40  # characters before __c
LONGEST_LABEL = 40
LONGEST_HELP = 510
LONGEST_TEXT = 255
LONG_TEXT = (256, 131_072)
LONG_TEXT_PER_OBJECT = 1_638_400  # characters of all long texts of one object
MOST_DIGITS = 18

TYPES: dict[str, Type] = {
    "Text": "string", "LongTextArea": "textarea", "Number": "double", "Percent": "percent", "Currency": "currency",
    "Picklist": "picklist", "Checkbox": "boolean", "DateTime": "datetime",
}  # fmt: skip
Kind = Literal["Text", "LongTextArea", "Number", "Percent", "Currency", "Picklist", "Checkbox", "DateTime"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Choice(_Strict):
    """One value of a picklist; REST writes its name as valueName, the Metadata API as fullName."""

    fullName: str | None = None  # noqa: N815  # Salesforce's own spelling, here and below
    valueName: str | None = None  # noqa: N815
    label: str | None = None
    default: bool = False
    isActive: bool | None = None  # noqa: N815

    @property
    def name(self) -> str:
        """The value itself."""
        return self.valueName or self.fullName or ""


class Choices(_Strict):
    """The values of a picklist, in order."""

    sorted: bool = False
    value: list[Choice]


class ValueSet(_Strict):
    """Whether other values are refused, and the values."""

    restricted: bool = False
    valueSetDefinition: Choices  # noqa: N815


class Metadata(_Strict):
    """The definition of one custom field."""

    type: Kind
    label: str
    description: str | None = None
    inlineHelpText: str | None = None  # noqa: N815
    formula: str | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    visibleLines: int | None = None  # noqa: N815
    defaultValue: str | bool | None = None  # noqa: N815
    required: bool = False
    unique: bool = False
    externalId: bool = False  # noqa: N815
    caseSensitive: bool = False  # noqa: N815
    trackHistory: bool = False  # noqa: N815
    trackTrending: bool = False  # noqa: N815
    valueSet: ValueSet | None = None  # noqa: N815


def developer_name(full: str) -> tuple[str, str]:
    """Object and DeveloperName of `Contact.BLF_Key__c`. RowRefusal for a name that Salesforce would not take."""
    sobject, _, name = full.partition(".")
    found = NAME.fullmatch(name)
    if found is None or len(found[1]) > LONGEST_NAME:
        message = (
            "Field Name: the name can only contain underscores and alphanumeric characters, must begin with a letter, not "
            f"end with an underscore or hold two in a row, have at most {LONGEST_NAME} characters, and be followed by __c"
        )
        raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", message, "FullName")
    return sobject, found[1]


def read_metadata(given: Any) -> Metadata:
    """The definition. Refusal for a key or type that does not exist, RowRefusal for a limit that is not kept."""
    try:
        metadata = Metadata.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise unreadable(f"Metadata.{place}: {first['msg']}") from None
    trouble = _trouble(metadata)
    if trouble:
        raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", trouble, "Metadata")
    return metadata


def _trouble(metadata: Metadata) -> str | None:
    kind = metadata.type
    if not metadata.label or len(metadata.label) > LONGEST_LABEL:
        return f"Label: must have 1 to {LONGEST_LABEL} characters"
    if len(metadata.inlineHelpText or "") > LONGEST_HELP:
        return f"Help text: data value too large (max length={LONGEST_HELP})"
    if kind == "Text" and not 1 <= (metadata.length or 0) <= LONGEST_TEXT:
        return f"Must specify a 'length' between 1 and {LONGEST_TEXT} for a CustomField of type Text"
    if kind == "LongTextArea":
        return _long_text_trouble(metadata)
    if kind in {"Number", "Percent", "Currency"}:
        return _number_trouble(metadata)
    if kind == "Checkbox" and str(metadata.defaultValue).lower() not in {"true", "false"}:
        return "Must specify 'defaultValue' for a CustomField of type Checkbox"
    if kind == "Picklist" and not (metadata.valueSet and all(value.name for value in _choices(metadata))):
        return "Must specify a 'valueSet' with named values for a CustomField of type Picklist"
    return None


def _long_text_trouble(metadata: Metadata) -> str | None:
    least, most = LONG_TEXT
    if not metadata.visibleLines:
        return "Must specify 'visibleLines' for a CustomField of type LongTextArea"
    if not least <= (metadata.length or 0) <= most:
        return f"Must specify a 'length' between {least} and {most} for a CustomField of type LongTextArea"
    if metadata.unique or metadata.externalId:
        return "A CustomField of type LongTextArea can be neither unique nor an external id"
    return None


def _number_trouble(metadata: Metadata) -> str | None:
    if metadata.precision is None or metadata.scale is None:
        return f"Must specify 'precision' and 'scale' for a CustomField of type {metadata.type}"
    if not 1 <= metadata.precision <= MOST_DIGITS or not 0 <= metadata.scale <= metadata.precision:
        return f"Precision must lie between 1 and {MOST_DIGITS} and hold the scale"
    return None


def _choices(metadata: Metadata) -> list[Choice]:
    return metadata.valueSet.valueSetDefinition.value if metadata.valueSet else []


def field_of(name: str, metadata: Metadata) -> Field:
    """The field that a definition becomes; `name` ends in __c. A formula is not worked out: `recalculate` says what it shows."""
    length = {"Picklist": LONGEST_TEXT}.get(metadata.type, metadata.length or 0)
    checked = str(metadata.defaultValue).lower() == "true"
    return Field(
        name,
        TYPES[metadata.type],
        label=metadata.label,
        length=length,
        precision=metadata.precision or 0,
        scale=metadata.scale or 0,
        required=metadata.required,
        default=checked if metadata.type == "Checkbox" else None,
        values=tuple(choice.name for choice in _choices(metadata) if choice.isActive is not False),
        restricted=bool(metadata.valueSet and metadata.valueSet.restricted),
        help=metadata.inlineHelpText,
        custom=True,
        unique=metadata.unique,
        external_id=metadata.externalId,
        case_sensitive=metadata.caseSensitive,
        createable=not metadata.formula,
        updateable=not metadata.formula,
        calculated=bool(metadata.formula),
    )
