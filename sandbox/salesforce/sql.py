"""From a query as written to SQL over real columns, seeing only what the user may see.

SOQL has two truth values: a null meets `!=` and `NOT IN`, and NOT of an unknown is true. Text compares without case, ids with.
Source: SOQL and SOSL Reference 63.0, "Comparison Operators", "Condition Expression Syntax", "ORDER BY".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.errors import Refusal, malformed
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.schema import NUMBERS, WORDS, Field, SObject
from sandbox.salesforce.soql import Combination, Comparison, Condition, Literal, Order, Query
from sandbox.salesforce.values import CONVERTED, Column, from_column, literal_instant

View = Mapping[str, SObject]
"""Objects that a user sees, by name, each with only the fields that the user sees."""

MOST_SKIPPED = 2000  # rows of OFFSET (SOQL reference, "OFFSET")
EQUALITY = frozenset({"=", "!=", "IN", "NOT IN"})
KINDS = {"boolean": "boolean", "date": "date", "datetime": "datetime"}
"""Literal that a field type must be compared with; numbers and text are told by their families."""


@dataclass(frozen=True)
class Place:
    """Where a path leads: a column of the object itself or, through a relation, of a parent."""

    field: Field
    table: str
    relation: Field | None = None

    @property
    def sql(self) -> str:
        """The column, or the JSON of a compound address."""
        if not self.field.parts:
            return f'"{self.table}"."{self.field.name}"'
        parts = {key: f'"{self.table}"."{column}"' for key, column in self.field.parts}
        pairs = ", ".join(f"'{key}', {column}" for key, column in parts.items())
        return f"CASE WHEN coalesce({', '.join(parts.values())}) IS NOT NULL THEN json_object({pairs}) END"

    def nest(self, record: dict[str, Any], value: Any, parent: str | None, url: str) -> None:
        """Put a parent's value into the record under its relation; null where there is no parent."""
        lookup = self.relation
        if lookup is None:
            raise ValueError(f"{self.field.name} is the record's own")
        if parent is None:
            record[str(lookup.relation)] = None
            return
        kind = lookup.refers[0]
        inner = record.setdefault(str(lookup.relation), {"attributes": {"type": kind, "url": f"{url}{kind}/{parent}"}})
        inner[self.field.name] = from_column(self.field, value)


@dataclass(frozen=True)
class Statement:
    """A compiled query: what to fetch, from where, and which rows in which order."""

    object: SObject
    places: tuple[Place, ...]
    joins: str
    where: str
    parameters: tuple[Column, ...]
    tail: str

    def columns(self) -> str:
        """The SELECT list: each place, then the record's own Id and each parent's, which tells whether there is one."""
        return ", ".join([place.sql for place in self.places] + [f'"{table}"."Id"' for table in self._tables()])

    def records(self, rows: Iterable[tuple[Any, ...]], url: str) -> Iterator[dict[str, Any]]:
        """Rows as JSON shows them, parents behind the record's own fields; `url` is the path before object and id."""
        name, tables = self.object.name, self._tables()
        own = [(at, place.field.name) for at, place in enumerate(self.places) if place.relation is None]
        told = [place.field for place in self.places if place.relation is None and place.field.type in CONVERTED]
        parents = [(at, place) for at, place in enumerate(self.places) if place.relation]
        for row in rows:
            ids = dict(zip(tables, row[len(self.places) :], strict=True))
            record: dict[str, Any] = {"attributes": {"type": name, "url": f"{url}{name}/{ids[name]}"}}
            record |= {key: row[at] for at, key in own}
            record |= {field.name: from_column(field, record[field.name]) for field in told}
            for at, place in parents:
                place.nest(record, row[at], ids[place.table], url)
            yield record

    def _tables(self) -> list[str]:
        return list(dict.fromkeys([self.object.name, *(place.table for place in self.places)]))


def compile_query(query: Query, view: View) -> Statement:
    """The statement. Refusal INVALID_TYPE, INVALID_FIELD or MALFORMED_QUERY for what this user cannot ask."""
    return _Compiler(_object(query.object, view), view).statement(query)


def _object(name: str, view: View) -> SObject:
    found = next((each for each in view.values() if each.name.lower() == name.lower()), None)
    if found is None:
        message = (
            f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' "
            "after the entity name. Please reference your WSDL or the describe call for the appropriate names."
        )
        raise Refusal(400, "INVALID_TYPE", message)
    return found


class _Compiler:
    def __init__(self, sobject: SObject, view: View) -> None:
        self._object = sobject
        self._view = view
        self._joined: dict[str, str] = {}
        self._parameters: list[Column] = []

    def statement(self, query: Query) -> Statement:
        if len({path.lower() for path in query.paths}) < len(query.paths):
            raise malformed("duplicate field selected")
        if query.offset > MOST_SKIPPED:
            raise Refusal(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MOST_SKIPPED}")
        places = tuple(self._place(path) for path in query.paths)
        where = self._condition(query.where) if query.where else "1"
        order = f" ORDER BY {', '.join(self._order(each) for each in query.order)}" if query.order else ""
        limit = f" LIMIT {-1 if query.limit is None else query.limit} OFFSET {query.offset}"
        joins = "".join(self._joined.values())
        return Statement(self._object, places, joins, where, tuple(self._parameters), order + limit)

    def _place(self, path: str) -> Place:
        relation, _, name = path.rpartition(".")
        if not relation:
            return Place(_field(self._object, name), self._object.name)
        lookup = self._object.relation(relation)
        if lookup is None or len(lookup.refers) != 1 or lookup.refers[0] not in self._view:
            raise Refusal(400, "INVALID_FIELD", f"Didn't understand relationship '{relation}' in field path '{path}'.")
        parent, alias = self._view[lookup.refers[0]], f"{self._object.name}.{lookup.relation}"
        self._joined[alias] = (
            f' LEFT JOIN "{parent.name}" AS "{alias}" ON "{alias}"."Id" = "{self._object.name}"."{lookup.name}"'
        )
        return Place(_field(parent, name), alias, lookup)

    def _filter(self, path: str) -> Place:
        place = self._place(path)
        if not place.field.filterable:
            message = f"field '{place.field.name}' can not be filtered in a query call"
            raise Refusal(400, "INVALID_FIELD", message)
        return place

    def _order(self, order: Order) -> str:
        place = self._filter(order.path)
        nulls = " NULLS LAST" if order.nulls_last else " NULLS FIRST" if order.descending else ""
        return f"{place.sql}{' DESC' if order.descending else ''}{nulls}"

    def _condition(self, condition: Condition) -> str:
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        floor = _keyset_floor(condition)
        bound = f"{self._comparison(floor)} AND " if floor else ""
        parts = [self._condition(part) for part in condition.parts]
        if condition.operator == "NOT":
            return f"NOT coalesce({parts[0]}, 0)"
        return f"({bound}({f' {condition.operator} '.join(parts)}))"

    def _comparison(self, test: Comparison) -> str:
        place = self._filter(test.path)
        values = [_value(place.field, literal, test.operator) for literal in test.values]
        if test.operator in {"IN", "NOT IN"}:
            known = [value for value in values if value is not None]
            self._parameters += known
            inside = f"{place.sql} IN ({', '.join('?' for _ in known)})"
            inside = f"({inside} OR {place.sql} IS NULL)" if len(known) < len(values) else inside
            return inside if test.operator == "IN" else f"NOT coalesce({inside}, 0)"
        self._parameters += values
        if test.operator == "LIKE":
            return f"{place.sql} LIKE ? ESCAPE '\\'"
        return f"{place.sql} {({'=': 'IS', '!=': 'IS NOT'}).get(test.operator, test.operator)} ?"


def _keyset_floor(condition: Combination) -> Comparison | None:
    """What `a > x OR (a = x AND b > y)` implies: `a >= x`, which lets SQLite enter its index there and not at the start."""
    if condition.operator != "OR" or len(condition.parts) != 2:
        return None
    above, tied = condition.parts
    if not isinstance(above, Comparison) or above.operator != ">" or not isinstance(tied, Combination):
        return None
    same = Comparison(above.path, "=", above.values)
    return Comparison(above.path, ">=", above.values) if tied.operator == "AND" and same in tied.parts else None


def _field(sobject: SObject, name: str) -> Field:
    found = sobject.get(name)
    if found is None:
        message = (
            f"\nERROR at Row:1:Column:1\nNo such column '{name}' on entity '{sobject.name}'. If you are attempting to use a custom "
            "field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for "
            "the appropriate names."
        )
        raise Refusal(400, "INVALID_FIELD", message)
    return found


def _value(field: Field, literal: Literal, operator: str) -> Column:
    """What the column is compared with. Refusal where literal, field and operator do not go together."""
    if literal.kind == "null":
        if operator not in EQUALITY:
            raise malformed(f"null cannot be compared by {operator}")
        return None
    if operator == "LIKE" and field.type not in WORDS:
        raise Refusal(400, "INVALID_FIELD", f"invalid operator on {field.type} field: {field.name}")
    wanted = "number" if field.type in NUMBERS else KINDS.get(field.type, "string")
    if literal.kind != wanted:
        quotes = "should be" if wanted == "string" else "should not be"
        message = f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quotes} enclosed in quotes"
        raise Refusal(400, "INVALID_FIELD", message)
    return _converted(field, literal, operator)


def _converted(field: Field, literal: Literal, operator: str) -> Column:
    if literal.kind == "number":
        return float(literal.text)
    if literal.kind == "boolean":
        return int(literal.text == "true")
    if literal.kind == "datetime":
        return literal_instant(literal.text)
    if literal.kind == "date":
        return literal.text
    if operator == "LIKE":
        return literal.pattern()
    text = literal.plain()
    if field.type not in {"id", "reference"}:
        return text or None  # an empty string is null
    found = full_id(text)
    if found is None and text:
        raise Refusal(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
    return found
