"""Search: https://docs.stripe.com/search. Rows are found by a query of clauses, a minute after they were made, page by page.

What the sandbox does not know of the query language it refuses, as Stripe refuses what is not in it.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

import orjson

from sandbox.stripe.errors import StripeRefusal
from sandbox.stripe.params import Params, judge
from sandbox.stripe.render import shown
from sandbox.stripe.resources import Resource
from sandbox.stripe.shapes import StripeObject
from sandbox.stripe.state import StripeState

LAG = 60  # seconds until a change can be found: https://docs.stripe.com/search#data-freshness
DEFAULT_LIMIT = 10
CLAUSE = re.compile(
    r"""(?P<no>-?)(?P<name>[a-z_]+)(\[(?P<key>"[^"]*")\])?(?P<op>[:~]|[<>]=?)(?P<value>"[^"]*"|null|\d+|true|false)"""
)
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
FIELDS = {
    "charge": "amount created currency customer metadata refunded disputed status",
    "customer": "created email metadata name phone",
    "invoice": "created currency customer metadata number status subscription total",
    "payment_intent": "amount created currency customer metadata status",
    "price": "active lookup_key currency metadata product type",
    "product": "active description metadata name url",
    "subscription": "canceled_at created metadata status",
}
"""https://docs.stripe.com/search#supported-query-fields-for-each-resource; cards and shipping are not kept here."""


def search(resource: Resource, state: StripeState, _: dict[str, str], params: Params) -> bytes:
    """One page of what the query finds, newest first. StripeRefusal for a query that Stripe would not read."""
    asked = judge(f"{resource.camel}SearchParams", params)
    holds = _query(resource.object, asked["query"])
    ready = state.now() - LAG
    found = [state.get(one) for one in state.ids(resource.object, "created <= ?", ready)]
    found = [shown(one) for one in found if holds(one)]
    start = _start(asked.get("page"))
    end = start + asked.get("limit", DEFAULT_LIMIT)
    more = end < len(found)
    page = {"object": "search_result", "url": f"/v1/{resource.path}/search", "has_more": more, "data": found[start:end]}
    return orjson.dumps({**page, "next_page": f"page_{end}" if more else None})


def _start(page: str | None) -> int:
    if page is None:
        return 0
    if not re.fullmatch(r"page_\d+", page):
        raise StripeRefusal(400, "Invalid page token.", param="page")
    return int(page.removeprefix("page_"))


def _query(kind: str, query: str) -> Callable[[StripeObject], bool]:
    parts = re.split(r"\s+(AND|OR|and|or)\s+|\s+", query.strip())
    joints = {part.upper() for part in parts[1::2] if part} or {"AND"}
    clauses = [_clause(kind, part) for part in parts[::2]]
    if len(joints) > 1:
        raise StripeRefusal(400, "You can't combine AND and OR in the same query.", param="query")
    if not 0 < len(clauses) <= 10:
        raise StripeRefusal(400, "A query has one to ten clauses.", param="query")
    join = all if joints == {"AND"} else any
    return lambda whole: join(clause(whole) for clause in clauses)


def _clause(kind: str, text: str) -> Callable[[StripeObject], bool]:
    read = CLAUSE.fullmatch(text)
    if not read or read["name"] not in FIELDS[kind].split() or (read["name"] == "metadata") != bool(read["key"]):
        raise StripeRefusal(400, f"We were unable to parse your search query: {text}", param="query")
    name, sign, told = read["name"], read["op"], orjson.loads(read["value"])
    key = orjson.loads(read["key"]) if read["key"] else None

    def holds(whole: StripeObject) -> bool:
        value = whole["metadata"].get(key) if key is not None else whole.get(name)
        if sign == "~":
            met = isinstance(value, str) and told.casefold() in value.casefold()
        elif value is None or told is None:
            met = value is told
        elif isinstance(value, str):
            met = COMPARED[sign](value.casefold(), str(told).casefold())
        else:
            met = COMPARED[sign](value, type(value)(told))
        return met != bool(read["no"])

    return holds
