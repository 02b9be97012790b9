"""Reads and judges a request's parameters by the SDK's own parameter types, so that what Stripe refuses is refused here.

The parameter modules are loaded a second time under our own name, because strictness is a mark on each class and the SDK's
own classes are not ours to mark. Where the SDK names the values of a parameter it takes any other text, too; Stripe does not. Source: stripe.params of the pinned SDK, the newest public statement of Stripe's shapes.
"""

import importlib.util
import inspect
import re
import sys
import typing
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import stripe
from pydantic import ConfigDict, TypeAdapter, ValidationError
from stripe import RequestOptions

from sandbox.stripe.errors import StripeRefusal

Params = dict[str, Any]
"""Parameters as nested dicts and lists."""

UNTYPED: Any = dict[str, typing.TypeVar("T")]  # type: ignore[misc]  # the SDK subscripts it: UntypedStripeObject[str]

NAMES: dict[str, Any] = {
    **vars(typing),
    "Decimal": Decimal,
    "RequestOptions": typing.Any,
    "StripeContext": typing.Any,
    "UntypedStripeObject": UNTYPED,
}
"""What the quoted types of the parameter modules mean."""

OPEN = re.compile(r"(?:Union\[)?(Literal\[(?!''\]|\"\"\])[^\]]+\])(?:\|str|, str\])(?!\w)")
"""The values of a parameter, and any text beside them. An empty text that clears a parameter is no such value."""

OPTIONS = frozenset(RequestOptions.__annotations__)
"""Options of the SDK call (api_key, stripe_account), which the types list beside the parameters but which are headers."""

CODES = {"int_parsing": "parameter_invalid_integer", "missing": "parameter_missing"}


def read_form(text: str) -> Params:
    """Nested parameters of `created[gte]=1&expand[0]=data.charge`; a hash whose keys are indices is a list."""
    root: Params = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", key) or [key]
        here = root
        path = [first, *rest]
        for part, following in pairwise(path):
            name = part or str(len(here))
            if not isinstance(here.setdefault(name, {}), dict):
                raise StripeRefusal(400, f"Invalid {following}", param=key)
            here = here[name]
        here[path[-1] or str(len(here))] = value
    return {key: _listed(value) for key, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    read = {key: _listed(inner) for key, inner in value.items()}
    return list(read.values()) if read and list(read) == [str(place) for place in range(len(read))] else read


def judge(class_name: str, params: Params, module: str = "") -> Params:
    """The parameters with their types (numbers, booleans), or Stripe's refusal of the first that is wrong."""
    for name in OPTIONS & params.keys():
        raise unknown(name)
    try:
        read: Params = adapter(class_name, module).validate_python(params)
    except ValidationError as error:
        raise _refusal(error) from None
    if not 1 <= read.get("limit", 1) <= 100:
        bound = "greater than or equal to 1" if read["limit"] < 1 else "less than or equal to 100"
        message = f"This value must be {bound} (it currently is '{read['limit']}')."
        raise StripeRefusal(400, message, code="parameter_invalid_integer", param="limit")
    if {"starting_after", "ending_before"} <= read.keys():
        message = "You may only specify one of these parameters: starting_after, ending_before."
        raise StripeRefusal(400, message, param="ending_before")
    return read


def unknown(param: str) -> StripeRefusal:
    """400 for a parameter that the endpoint does not have."""
    return StripeRefusal(400, f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def _refusal(error: ValidationError) -> StripeRefusal:
    found = error.errors(include_url=False)
    # of a union (`created` is a range or a number) the branch that got deepest says what is wrong
    first = max(found, key=lambda one: (one["type"] == "extra_forbidden", len(one["loc"])))
    path = [str(part) for part in first["loc"] if isinstance(part, int) or re.fullmatch(r"[a-z_0-9]+", part)]
    path = [part for part in path if part not in {"int", "str"}] or ["?"]
    param = path[0] + "".join(f"[{part}]" for part in path[1:])
    match first["type"]:
        case "extra_forbidden":
            return unknown(param)
        case "missing":
            message = f"Missing required param: {param}."
        case "int_parsing" | "int_from_float":
            message = f"Invalid integer: {first['input']}"
        case "bool_parsing":
            message = f"Invalid boolean: {first['input']}"
        case _:
            message = f"Invalid {param}"
    return StripeRefusal(400, message, code=CODES.get(first["type"]), param=param)


@cache
def adapter(class_name: str, part: str = "") -> TypeAdapter[Params]:
    """The strict reader of one parameter class, `CustomerListParams` for `stripe.params._customer_list_params`."""
    file = "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()
    module = _private_copy(f"{part}.{file}" if part else file)
    for found in list(vars(module).values()):
        if inspect.isclass(found) and found.__module__ == module.__name__:
            vars(module)[found.__name__].__pydantic_config__ = ConfigDict(extra="forbid")
    reader: TypeAdapter[Params] = TypeAdapter(getattr(module, class_name), config=None)
    reader.rebuild(force=True, raise_errors=True, _types_namespace={**vars(stripe), **vars(module), **NAMES})
    return reader


def _private_copy(name: str) -> ModuleType:
    spec = importlib.util.find_spec(f"stripe.params.{name}")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the Stripe SDK has no parameters {name}")
    module = ModuleType(f"sandbox.stripe.sdk.{name}")
    sys.modules[module.__name__] = module  # pydantic looks up quoted types by the module's name
    closed = OPEN.sub(r"\1", Path(spec.origin).read_text(encoding="utf-8"))
    exec(compile(closed, spec.origin, "exec"), vars(module))  # noqa: S102  # the SDK's own text
    if hasattr(module, "UntypedStripeObject"):
        vars(module)["UntypedStripeObject"] = UNTYPED
    return module
