"""Search over records. Source: https://developers.hubspot.com/docs/api-reference/search/guide.

Strings are compared without regard to case, but `IN` and `NOT_IN` want theirs in lower case. Changes are found after
`HubSpotState.index_lag` (`index.py`); archived records never.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from hubspot.crm import contacts as models

from sandbox.hubspot.bodies import judge, parse
from sandbox.hubspot.definitions import Definition
from sandbox.hubspot.errors import Answer, HubSpotRefusal
from sandbox.hubspot.objects import ObjectType
from sandbox.hubspot.query import cursor
from sandbox.hubspot.render import chosen, paging, shown
from sandbox.hubspot.state import HubSpotState
from sandbox.hubspot.values import MILLISECOND, milliseconds

DEFAULT_LIMIT, MOST = 10, 200
WINDOW = 10_000
"""Results of one query that can be paged through."""
MOST_GROUPS, MOST_PER_GROUP, MOST_FILTERS = 5, 6, 18
MOST_VALUES = 100
COMPARISONS = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}
WIDENING = {"GT": -1, "GTE": -1, "LT": 1, "LTE": 1}
"""To which side the slack of the search moves a bound."""


@dataclass
class Condition:
    """An SQL condition with its values."""

    sql: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, sql: str, *values: Any) -> None:
        """One more that must hold."""
        self.sql.append(sql)
        self.values += values


class Searcher:
    """Answers search requests."""

    def __init__(self, state: HubSpotState) -> None:
        self._state = state
        state.db.create_function("milliseconds", 1, lambda text: text and milliseconds(text), deterministic=True)
        state.db.create_function("has_token", 2, _has_token, deterministic=True)

    def search(self, kind: ObjectType, body: bytes) -> Answer:
        """One page of the records that fit (SDK: CollectionResponseWithTotalSimplePublicObjectForwardPaging)."""
        asked = _judged(body)
        known = self._state.properties.known(kind)
        limit, offset = _window(asked)
        condition, lag = self._condition(kind, known, asked.get("filterGroups") or []), self._state.index_lag
        source = self._state.index.as_of(self._state.now() - lag // MILLISECOND) if lag else "records"
        where, order = " and ".join(condition.sql), _order(kind, known, asked.get("sorts") or [])
        count = f"select count(*) from {source} where type=? and {where}"  # noqa: S608  # our own words
        (total,) = self._state.db.execute(count, (kind.path, *condition.values)).fetchone()
        names = chosen(kind, known, asked.get("properties") or [])
        found = list(self._state.select(kind, where, condition.values, order, limit, offset, source))
        if lag:  # found where it was, shown as it is
            found = [self._state.get(kind.path, one.id) for one in found]
        answer: Answer = {"total": total, "results": [shown(record, names) for record in found]}
        if offset + limit < total:
            answer["paging"] = paging(str(offset + limit))
        return answer

    def _condition(self, kind: ObjectType, known: Mapping[str, Definition], groups: list[Answer]) -> Condition:
        sizes = [len(group["filters"]) for group in groups]
        if len(sizes) > MOST_GROUPS or sum(sizes) > MOST_FILTERS or max(sizes, default=0) > MOST_PER_GROUP:
            message = f"A search takes {MOST_GROUPS} filter groups of {MOST_PER_GROUP} filters, {MOST_FILTERS} in all."
            raise HubSpotRefusal(400, message)
        whole = Condition(["archived=0"])
        parts = [self._group(kind, known, group["filters"]) for group in groups]
        if parts:
            either = " or ".join(f"({' and '.join(part.sql) or 'true'})" for part in parts)
            whole.add(f"({either})", *(value for part in parts for value in part.values))
        return whole

    def _group(self, kind: ObjectType, known: Mapping[str, Definition], filters: list[Answer]) -> Condition:
        condition = Condition()
        for one in filters:
            if one["propertyName"] not in known:
                raise _unknown(one["propertyName"])
            self._filter(kind, known[one["propertyName"]], one, condition)
        return condition

    def _filter(self, kind: ObjectType, definition: Definition, given: Answer, condition: Condition) -> None:
        operator, column = given["operator"], _column(kind, definition)
        match operator:
            case "HAS_PROPERTY" | "NOT_HAS_PROPERTY":
                condition.add(f"{column} is {'not ' if operator == 'HAS_PROPERTY' else ''}null")
            case "IN" | "NOT_IN":
                values = [self._bound(definition, one, "EQ") for one in _needed(given, "values")]
                if len(values) > MOST_VALUES:
                    raise HubSpotRefusal(400, f"{operator} takes {MOST_VALUES} values, not {len(values)}.")
                inside = f"{column} in ({','.join('?' * len(values))})"
                condition.add(inside if operator == "IN" else f"({column} is null or not {inside})", *values)
            case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
                contains = f"has_token({column}, ?)"
                condition.add(contains if operator == "CONTAINS_TOKEN" else f"not {contains}", _needed(given, "value"))
            case "BETWEEN":
                low, high = _needed(given, "value"), _needed(given, "highValue")
                condition.add(f"{column} >= ?", self._bound(definition, low, "GTE"))
                condition.add(f"{column} <= ?", self._bound(definition, high, "LTE"))
            case _:
                value = _needed(given, "value")
                # strings are compared without case, except for those of IN, which is why those must come in lower case
                bound = self._bound(definition, value.lower() if definition.type == "string" else value, operator)
                either = (
                    f"({column} is null or {column} <> ?)"
                    if operator == "NEQ"
                    else f"{column} {COMPARISONS[operator]} ?"
                )
                condition.add(either, bound)

    def _bound(self, definition: Definition, text: str, operator: str) -> Any:
        """The value to compare with. Errors: 400 if it does not fit the property, 500 for the instant 0."""
        try:
            if definition.type in {"datetime", "date"}:
                instant = milliseconds(text)
                if instant == 0:
                    raise HubSpotRefusal(500, "internal error", "INTERNAL_ERROR")
                return instant + WIDENING.get(operator, 0) * (self._state.search_slack // MILLISECOND)
            return float(text) if definition.type == "number" else text
        except ValueError:
            raise HubSpotRefusal(
                400, f"{text} is no value for property {definition.name} of type {definition.type}"
            ) from None


def _judged(body: bytes) -> Answer:
    given = parse(body)
    sorts = given.get("sorts")
    if sorts is not None and (not isinstance(sorts, list) or not all(isinstance(one, str | dict) for one in sorts)):
        raise HubSpotRefusal(400, "Invalid input JSON: sorts must be a list")
    # the SDK's model knows sorts as strings only, the guide as objects
    plain = orjson.dumps({key: value for key, value in given.items() if key != "sorts"})
    judge(models, "PublicObjectSearchRequest", plain)
    if given.get("query"):
        raise HubSpotRefusal(400, "the sandbox searches by filters only, not by query")
    return given


def _window(asked: Answer) -> tuple[int, int]:
    limit, after = asked.get("limit", DEFAULT_LIMIT), cursor(asked.get("after"))
    if not 1 <= limit <= MOST:
        raise HubSpotRefusal(400, f"Invalid limit {limit}: a page has between 1 and {MOST} results.")
    if after + limit > WINDOW:
        raise HubSpotRefusal(400, f"Search cannot page beyond {WINDOW} results; narrow the filters.")
    return limit, after


def _column(kind: ObjectType, definition: Definition) -> str:
    own = {kind.created: "created", kind.modified: "modified", "hs_object_id": "id"}
    if definition.name in own:
        return own[definition.name]
    value = f"json_extract(json, '$.\"{definition.name}\"')"
    forms = {
        "number": "cast({} as real)",
        "datetime": "milliseconds({})",
        "date": "milliseconds({})",
        "string": "lower({})",
    }
    return forms.get(definition.type, "{}").format(value)


def _order(kind: ObjectType, known: Mapping[str, Definition], sorts: list[Any]) -> str:
    if len(sorts) > 1:
        raise HubSpotRefusal(400, "A search sorts by one property only.")
    if not sorts:
        return "created, id"  # as the guide says: oldest first
    given = (
        sorts[0]
        if isinstance(sorts[0], dict)
        else {
            "propertyName": sorts[0].removeprefix("-"),
            "direction": "DESCENDING" if sorts[0].startswith("-") else "ASCENDING",
        }
    )
    name, direction = given.get("propertyName", ""), given.get("direction", "ASCENDING")
    if name not in known:
        raise _unknown(name)
    if direction not in {"ASCENDING", "DESCENDING"}:
        raise HubSpotRefusal(400, f"Invalid sort direction {direction}.")
    way = "desc" if direction == "DESCENDING" else "asc"
    return f"{_column(kind, known[name])} {way}, id {way}"


def _needed(given: Answer, key: str) -> Any:
    if given.get(key) in (None, "", []):
        raise HubSpotRefusal(400, f"Filter operator {given['operator']} of {given['propertyName']} needs {key}.")
    return given[key]


def _unknown(name: str) -> HubSpotRefusal:
    return HubSpotRefusal(400, f"There was a problem with the request: property {name} does not exist.")


def _has_token(text: str | None, wanted: str) -> bool:
    """Whether one word of the text is this one; `*` at an end stands for anything."""
    pattern, whole = re.escape(wanted.lower()).replace(r"\*", ".*"), (text or "").lower()
    return any(re.fullmatch(pattern, token) for token in [whole, *re.split(r"[\s@.,;:/_-]+", whole)])
