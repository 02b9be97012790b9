"""Reads and judges a request's body by the SDK's own models, so that what HubSpot refuses is refused here.

Source: the models of the pinned SDK (`openapi_types`, `attribute_map` and the checks of their setters), the newest public statement
of HubSpot's shapes.
"""

import re
from types import ModuleType, SimpleNamespace
from typing import Any

import orjson

from sandbox.hubspot.errors import Answer, HubSpotRefusal

PLAIN = {"str": str, "int": int, "bool": bool}
STRICT = SimpleNamespace(client_side_validation=True)
"""Stands for the SDK's Configuration, which ships with the checks of its own models switched off."""


def parse(body: bytes) -> Answer:
    """The JSON object of a body. Errors: 400 for anything else."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refusal(str(error)) from None
    if not isinstance(given, dict):
        raise _refusal("an object was expected")
    return given


def judge(package: ModuleType, model: str, body: bytes) -> Answer:
    """The body, whose keys and types are those of the package's model. Errors: 400 for any other."""
    given = parse(body)
    _check(package, model, given, model)
    return given


def _check(package: ModuleType, name: str, given: Any, path: str) -> None:
    model = getattr(package, name)
    if not isinstance(given, dict):
        raise _refusal(f"{path} must be an object")
    attributes = {wire: name for name, wire in model.attribute_map.items()}
    for key, value in given.items():
        if key not in attributes:
            raise _refusal(f"{path}.{key} is not known")
        if value is not None:
            _check_type(package, model.openapi_types[attributes[key]], value, f"{path}.{key}")
    # HubSpot takes a body without most of the lists that the models require
    lists: Answer = {
        name: [] for name, declared in model.openapi_types.items() if declared.startswith("list") and name != "inputs"
    }
    named = {attributes[key]: value for key, value in given.items()}
    try:
        model(**{**lists, **named}, local_vars_configuration=STRICT)
    except ValueError as error:
        raise _refusal(f"{path}: {error}") from None


def _check_type(package: ModuleType, declared: str, value: Any, path: str) -> None:
    found = re.fullmatch(r"(list|dict)[\[(](?:str, )?(.+)[\])]", declared)
    if found:
        container, inner = found.groups()
        if not isinstance(value, list if container == "list" else dict):
            raise _refusal(f"{path} must be a {container}")
        for place, one in value.items() if isinstance(value, dict) else enumerate(value):
            _check_type(package, inner, one, f"{path}[{place}]")
    elif declared in PLAIN:
        if type(value) is not PLAIN[declared]:  # a bool would pass for an int
            raise _refusal(f"{path} must be of type {declared}")
    else:
        _check(package, declared, value, path)


def _refusal(why: str) -> HubSpotRefusal:
    return HubSpotRefusal(400, f"Invalid input JSON: {why}")
