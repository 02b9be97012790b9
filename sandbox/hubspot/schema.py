"""Answers of the endpoints for property definitions and their groups.

Source: https://developers.hubspot.com/docs/api-reference/properties/guide and the SDK's `hubspot.crm.properties`.
"""

from collections.abc import Callable
from typing import Any

from hubspot.crm import properties as models

from sandbox.hubspot.bodies import judge
from sandbox.hubspot.errors import Answer, HubSpotRefusal
from sandbox.hubspot.objects import ObjectType, object_type
from sandbox.hubspot.query import ARCHIVED, Query
from sandbox.hubspot.reading import Status, batch_answer, limited
from sandbox.hubspot.state import HubSpotState

Action = Callable[[ObjectType, dict[str, str], str, bytes], Answer | Status]


class Schema:
    """Reads and changes definitions."""

    def __init__(self, state: HubSpotState) -> None:
        self._state = state
        self._properties = state.properties

    def routes(self) -> list[tuple[str, str, Any, Any]]:
        """Method, path, scopes and answer of each endpoint; the fixed paths come before those with a name."""
        base = "/crm/v3/properties/{type}"
        named, group = f"{base}/{{name}}", f"{base}/groups/{{name}}"
        actions: list[tuple[str, str, Action]] = [
            ("GET", base, self._list), ("POST", base, self._create), ("POST", f"{base}/batch/create", self._create_many),
            ("POST", f"{base}/batch/read", self._read_many), ("POST", f"{base}/batch/archive", self._archive_many),
            ("GET", f"{base}/groups", self._groups), ("POST", f"{base}/groups", self._create_group),
            ("GET", group, self._group), ("PATCH", group, self._update_group), ("DELETE", group, self._archive_group),
            ("GET", named, self._get), ("PATCH", named, self._update), ("DELETE", named, self._archive),
        ]  # fmt: skip
        return [(method, path, _scopes(method, path), _endpoint(action)) for method, path, action in actions]

    def _list(self, kind: ObjectType, _: dict[str, str], query: str, __: bytes) -> Answer:
        asked = Query.read(query, ARCHIVED | {"properties"})
        return {"results": self._properties.all(kind, archived=asked.yes("archived"))}

    def _get(self, kind: ObjectType, path: dict[str, str], query: str, _: bytes) -> Answer:
        Query.read(query, ARCHIVED | {"properties"})
        return self._properties.answer(kind, path["name"])

    def _create(self, kind: ObjectType, _: dict[str, str], __: str, body: bytes) -> Status:
        return 201, self._properties.create(kind, judge(models, "PropertyCreate", body))

    def _update(self, kind: ObjectType, path: dict[str, str], _: str, body: bytes) -> Answer:
        return self._properties.update(kind, path["name"], judge(models, "PropertyUpdate", body))

    def _archive(self, kind: ObjectType, path: dict[str, str], _: str, __: bytes) -> Status:
        self._unused(kind, path["name"])
        self._properties.archive(kind, path["name"])
        return 204, {}

    def _create_many(self, kind: ObjectType, _: dict[str, str], __: str, body: bytes) -> Status:
        """New definitions; a name that is taken is told with 207, a definition without sense refuses the whole batch."""
        inputs = limited(judge(models, "BatchInputPropertyCreate", body))
        results, errors = [], []
        with self._state.together():
            for one in inputs:
                try:
                    results.append(self._properties.create(kind, one))
                except HubSpotRefusal as refusal:
                    if refusal.status != 409:
                        raise
                    errors.append(refusal.entry({}))
        return batch_answer(self._state, results, errors, 201)

    def _read_many(self, kind: ObjectType, _: dict[str, str], query: str, body: bytes) -> Status:
        Query.read(query, {"locale"})
        results, errors = [], []
        for one in limited(judge(models, "BatchReadInputPropertyName", body)):
            try:
                results.append(self._properties.answer(kind, one["name"]))
            except HubSpotRefusal as refusal:
                errors.append(refusal.entry({"ids": [one["name"]]}))
        return batch_answer(self._state, results, errors)

    def _archive_many(self, kind: ObjectType, _: dict[str, str], __: str, body: bytes) -> Status:
        """Nothing, whether the definitions were there or not."""
        with self._state.together():
            for one in limited(judge(models, "BatchInputPropertyName", body)):
                if one["name"] in self._properties.known(kind):
                    self._unused(kind, one["name"])
                    self._properties.archive(kind, one["name"])
        return 204, {}

    def _unused(self, kind: ObjectType, name: str) -> None:
        """Errors: 400 while a list filters by it: https://knowledge.hubspot.com/properties/organize-and-export-properties."""
        if users := self._state.lists.users_of(kind.path, name):
            message = f"Property {name} is in use by {len(users)} lists and cannot be archived."
            raise HubSpotRefusal(400, message, "PROPERTY_IN_USE")

    def _groups(self, kind: ObjectType, _: dict[str, str], query: str, __: bytes) -> Answer:
        Query.read(query, {"locale"})
        return {"results": self._properties.groups(kind)}

    def _group(self, kind: ObjectType, path: dict[str, str], query: str, _: bytes) -> Answer:
        Query.read(query, {"locale"})
        return self._properties.group(kind, path["name"])

    def _create_group(self, kind: ObjectType, _: dict[str, str], __: str, body: bytes) -> Status:
        return 201, self._properties.create_group(kind, judge(models, "PropertyGroupCreate", body))

    def _update_group(self, kind: ObjectType, path: dict[str, str], _: str, body: bytes) -> Answer:
        return self._properties.update_group(kind, path["name"], judge(models, "PropertyGroupUpdate", body))

    def _archive_group(self, kind: ObjectType, path: dict[str, str], _: str, __: bytes) -> Status:
        self._properties.archive_group(kind, path["name"])
        return 204, {}


def _scopes(method: str, path: str) -> Callable[[dict[str, str]], tuple[str, ...]]:
    way = "read" if method == "GET" or path.endswith("/batch/read") else "write"
    return lambda given: object_type(given["type"]).property_scopes(way)


def _endpoint(action: Action) -> Callable[[dict[str, str], str, bytes], Answer | Status]:
    return lambda path, query, body: action(object_type(path["type"]), path, query, body)
