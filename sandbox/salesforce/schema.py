"""What an object and a field are: the words of Salesforce's describe, and how a value is kept in a SQLite column.

Source: Object Reference, "Field Types" and "System Fields"; REST API developer guide 63.0, "sObject Describe".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

Type = Literal[
    "id", "reference", "string", "textarea", "email", "phone", "url", "picklist", "combobox", "boolean", "int", "double",
    "currency", "percent", "date", "datetime", "address", "complexvalue",
]  # fmt: skip

NUMBERS = frozenset({"int", "double", "currency", "percent"})
WORDS = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "combobox"})
LONG = 255  # a text area above this many characters can be neither filtered nor sorted by
COLUMNS = {"boolean": "INTEGER", "int": "INTEGER", "double": "REAL", "currency": "REAL", "percent": "REAL"}


@dataclass(frozen=True)
class Field:
    """One field. Units: `length` in characters, `precision` in digits, `scale` in decimal places."""

    name: str
    type: Type
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    default: bool | str | None = None
    values: tuple[str, ...] = ()
    restricted: bool = False
    refers: tuple[str, ...] = ()
    relation: str | None = None
    parts: tuple[tuple[str, str], ...] = ()
    """Of a compound address: key in the answer and field that holds it."""
    help: str | None = None
    custom: bool = False
    unique: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    calculated: bool = False

    @property
    def column(self) -> str:
        """Its declaration in SQLite. Text compares without case, as SOQL does; ids do not."""
        kind = COLUMNS.get(self.type, "TEXT")
        words = self.type in WORDS and not self.case_sensitive
        default = f" DEFAULT {int(bool(self.default))}" if self.type == "boolean" else ""
        return f'"{self.name}" {kind}{" COLLATE NOCASE" if words else ""}{default}'

    @property
    def filterable(self) -> bool:
        """Whether a query may compare or sort by it."""
        return self.type not in {"address", "complexvalue"} and not (self.type == "textarea" and self.length > LONG)


@dataclass(frozen=True)
class SObject:
    """One object with its fields in describe order; `unique` lists the fields whose values together occur once."""

    name: str
    prefix: str
    fields: tuple[Field, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    replicateable: bool = True
    customizable: bool = True
    tooling: bool = False
    by_name: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # SOQL and JSON keys are read without case
        object.__setattr__(self, "by_name", {each.name.lower(): each for each in self.fields})

    def get(self, name: str) -> Field | None:
        """The field of that name, whatever its case."""
        return self.by_name.get(name.lower())

    def relation(self, name: str) -> Field | None:
        """The reference field behind a relationship name."""
        return self._relations.get(name.lower())

    @cached_property
    def _relations(self) -> dict[str, Field]:
        return {each.relation.lower(): each for each in self.fields if each.relation}

    def with_fields(self, more: Iterable[Field]) -> "SObject":
        """The object with further fields at its end."""
        return replace(self, fields=(*self.fields, *more))


def text(name: str, length: int = LONG, **more: object) -> Field:
    """A line of text."""
    return replace(Field(name, "string", length=length), **more)  # type: ignore[arg-type]


def long_text(name: str, length: int = 32_000, **more: object) -> Field:
    """A text area."""
    return replace(Field(name, "textarea", length=length), **more)  # type: ignore[arg-type]


def phone(name: str) -> Field:
    """A telephone number."""
    return Field(name, "phone", length=40)


def email(name: str, length: int = 80, **more: object) -> Field:
    """An e-mail address."""
    return replace(Field(name, "email", length=length), **more)  # type: ignore[arg-type]


def pick(name: str, *values: str, **more: object) -> Field:
    """A picklist; anything may be written unless it is restricted."""
    return replace(Field(name, "picklist", length=LONG, values=values), **more)  # type: ignore[arg-type]


def flag(name: str, *, default: bool = False, **more: object) -> Field:
    """A checkbox, never null."""
    return replace(Field(name, "boolean", default=default), **more)  # type: ignore[arg-type]


def whole(name: str, **more: object) -> Field:
    """A whole number."""
    return replace(Field(name, "int", precision=9), **more)  # type: ignore[arg-type]


def money(name: str, scale: int = 2, **more: object) -> Field:
    """An amount in the org's currency."""
    return replace(Field(name, "currency", precision=18, scale=scale), **more)  # type: ignore[arg-type]


def number(name: str, precision: int, scale: int, **more: object) -> Field:
    """A decimal number."""
    return replace(Field(name, "double", precision=precision, scale=scale), **more)  # type: ignore[arg-type]


def date(name: str, **more: object) -> Field:
    """A calendar day."""
    return replace(Field(name, "date"), **more)  # type: ignore[arg-type]


def moment(name: str, **more: object) -> Field:
    """An instant."""
    return replace(Field(name, "datetime"), **more)  # type: ignore[arg-type]


def ref(name: str, *objects: str, **more: object) -> Field:
    """A lookup; its relationship is the name without Id."""
    lookup = Field(name, "reference", length=18, refers=objects, relation=name.removesuffix("Id"))
    return replace(lookup, **more)  # type: ignore[arg-type]


def shown(*fields: Field) -> tuple[Field, ...]:
    """Fields that Salesforce computes: seen, never written."""
    return tuple(replace(each, createable=False, updateable=False) for each in fields)


def fixed(each: Field) -> Field:
    """A field that can be set at birth only."""
    return replace(each, updateable=False)


def address(prefix: str) -> tuple[Field, ...]:
    """The parts of an address and the compound field that shows them together."""
    parts = ("street", "city", "state", "postalCode", "country")
    names = {part: f"{prefix}{part[0].upper()}{part[1:]}" for part in parts}
    lengths = {"street": 255, "city": 40, "state": 80, "postalCode": 20, "country": 80}
    kinds: dict[str, Type] = {"street": "textarea"}
    own = tuple(Field(names[part], kinds.get(part, "string"), length=lengths[part]) for part in parts)
    whole_one = Field(f"{prefix}Address", "address", parts=tuple(names.items()), createable=False, updateable=False)
    return (*own, whole_one)


IDENTITY = shown(Field("Id", "id", length=18))
DELETED = shown(flag("IsDeleted"))
STAMPS = shown(
    moment("CreatedDate", required=True), ref("CreatedById", "User", required=True), moment("LastModifiedDate", required=True),
    ref("LastModifiedById", "User", required=True), moment("SystemModstamp", required=True),
)  # fmt: skip


def thing(name: str, prefix: str, *fields: Field) -> SObject:
    """A business object: it can be deleted, replicated and given custom fields."""
    return SObject(name, prefix, (*IDENTITY, *DELETED, *fields, *STAMPS))
