"""Answers of the endpoints that read. Lists: https://docs.stripe.com/api/pagination."""

from datetime import timedelta
from typing import Any

import orjson

from sandbox.stripe.errors import StripeRefusal, missing
from sandbox.stripe.params import Params, judge
from sandbox.stripe.render import EMBEDDED_LIMIT, Expander, within_depth
from sandbox.stripe.resources import CLOCKED, Resource
from sandbox.stripe.shapes import StripeObject, listed
from sandbox.stripe.state import StripeState

RETENTION = timedelta(days=30)
"""Events are listed and shown for 30 days: https://docs.stripe.com/api/events."""

DEFAULT_LIMIT = 10
BOUNDS = {"at": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
PAGING = {"limit", "starting_after", "ending_before", "expand", "created"}
ENDED = ("canceled", "incomplete_expired")
"""What `status=ended` of subscriptions means (SDK: SubscriptionListParams.status)."""


class Reader:
    """Lists and retrieves over the state."""

    def __init__(self, state: StripeState) -> None:
        self._state = state
        self._expander = Expander(state.find, self._refunds_of)

    def account(self, _: dict[str, str], params: Params) -> bytes:
        """The account that the key belongs to."""
        judge("AccountRetrieveCurrentParams", params)
        return orjson.dumps(self._state.get(self._state.account))

    def page(self, _: dict[str, str], params: Params, *, resource: Resource) -> bytes:
        """One page of one kind of object, newest first."""
        asked = judge(f"{resource.camel}ListParams", params, resource.module)
        where, values = self._conditions(resource, asked)
        rows, has_more = self._state.page(resource.object, where, values, **_paging(asked))
        paths = _list_paths(asked.get("expand", []))
        entries = [self._entry(row, folded or bool(paths), paths) for row, folded in rows]
        # spliced, not parsed and written again: a page of a hundred charges is what benchmarks wait for
        url, more = f"/v1/{resource.path}".encode(), b"true" if has_more else b"false"
        return b'{"object":"list","data":[%b],"has_more":%b,"url":"%b"}' % (b",".join(entries), more, url)

    def retrieve(self, path: dict[str, str], params: Params, *, resource: Resource) -> bytes:
        """One object; a deleted customer answers its stub, anything else that is gone 404."""
        asked = judge(f"{resource.camel}RetrieveParams", params, resource.module)
        found = self._state.find(path["id"])
        if found is None or found["object"] != resource.object:
            raise missing(resource.object.rpartition(".")[2], path["id"])
        if found.get("deleted"):
            if resource.object != "customer":
                raise missing(resource.object.rpartition(".")[2], path["id"])
            return orjson.dumps(found)
        if resource.object == "event":
            if found["created"] < self._oldest_event():
                raise missing(resource.object.rpartition(".")[2], path["id"])
            return orjson.dumps(found)
        return orjson.dumps(self._expander.answer(found, asked.get("expand", [])))

    def lines(self, path: dict[str, str], params: Params) -> bytes:
        """The lines of one invoice, all of them by pages."""
        asked = judge("InvoiceLineItemListParams", params)
        return self._embedded("invoice", path["id"], "lines", f"/v1/invoices/{path['id']}/lines", asked)

    def items(self, _: dict[str, str], params: Params) -> bytes:
        """The items of one subscription."""
        asked = judge("SubscriptionItemListParams", params)
        return self._embedded("subscription", asked["subscription"], "items", "/v1/subscription_items", asked)

    def payments(self, _: dict[str, str], params: Params) -> bytes:
        """The payments of one invoice."""
        asked = judge("InvoicePaymentListParams", params)
        if "invoice" not in asked:
            raise StripeRefusal(400, "the sandbox lists invoice payments of one invoice only", param="invoice")
        return self._embedded("invoice", asked["invoice"], "payments", "/v1/invoice_payments", asked)

    def refunds(self, path: dict[str, str], params: Params) -> bytes:
        """The refunds of one charge."""
        asked = judge("ChargeListRefundsParams", params)
        self._must_live("charge", path["id"], "charge")
        rows, has_more = self._state.page("refund", [OF_CHARGE], [path["id"]], **_paging(asked))
        data = [orjson.loads(row) for row, _ in rows]
        return orjson.dumps(listed(f"/v1/charges/{path['id']}/refunds", data, has_more=has_more))

    def _must_live(self, kind: str, object_id: str, param: str) -> None:
        found = self._state.find(object_id)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise missing(kind.rpartition(".")[2], object_id, param, status=404 if param == "charge" else 400)

    def _refunds_of(self, charge: str) -> list[StripeObject]:
        rows, _ = self._state.page("refund", [OF_CHARGE], [charge], limit=EMBEDDED_LIMIT, after=None, before=None)
        return [orjson.loads(row) for row, _ in rows]

    def _embedded(self, kind: str, parent_id: str, key: str, url: str, asked: Params) -> bytes:
        parent = self._state.find(parent_id)
        if parent is None or parent["object"] != kind or parent.get("deleted"):
            raise missing(kind, parent_id)
        entries = (parent.get(key) or {"data": []})["data"]
        ids = [entry["id"] for entry in entries]
        limit = asked.get("limit", DEFAULT_LIMIT)
        start, end, more = 0, limit, limit < len(entries)
        for param in ("starting_after", "ending_before"):
            if param in asked and asked[param] not in ids:
                raise missing("line_item", asked[param], param, status=400)
        if "starting_after" in asked:
            start = ids.index(asked["starting_after"]) + 1
            end, more = start + limit, start + limit < len(entries)
        if "ending_before" in asked:
            end = ids.index(asked["ending_before"])
            start, more = max(0, end - limit), end > limit
        paths = _list_paths(asked.get("expand", []))
        shown = [self._expander.answer(entry, paths) for entry in entries[start:end]]
        return orjson.dumps(listed(url, shown, has_more=more))

    def _entry(self, row: bytes, work: bool, paths: list[str]) -> bytes:  # noqa: FBT001  # private
        return orjson.dumps(self._expander.answer(orjson.loads(row), paths)) if work else row

    def _oldest_event(self) -> int:
        return self._state.now() - int(RETENTION.total_seconds())

    def _conditions(self, resource: Resource, asked: Params) -> tuple[list[str], list[Any]]:
        where: list[str] = []
        values: list[Any] = []
        given = dict(asked)
        if resource.object == "event":
            _event_conditions(given, where, values)
            where.append(f"created >= {self._oldest_event()}")
        if resource.object == "subscription":
            _status_conditions(given, where)
        if resource.object in CLOCKED and "test_clock" not in given and not (asked.keys() & CLOCKED[resource.object]):
            where.append("test_clock is null")
        if clock := given.get("test_clock"):
            self._must_live("test_helpers.test_clock", clock, "test_clock")
        if resource.object == "price" and "active" not in given:
            given["active"] = True  # SDK: Price.list answers active ones unless asked for the others
        if resource.object == "account":
            where.append(f"id <> '{self._state.account}'")  # https://docs.stripe.com/api/accounts/list: connected ones
        created = given.get("created", {})
        for bound, value in (created if isinstance(created, dict) else {"at": created}).items():
            where.append(f"created {BOUNDS[bound]} ?")
            values.append(value)
        for name in given.keys() - PAGING:
            if name not in resource.filters:
                raise StripeRefusal(400, f"the sandbox has no filter {name!r} on {resource.path}", param=name)
            where.append(resource.filters[name])
            values.append(given[name])
        return where, values


OF_CHARGE = "json_extract(json, '$.charge')=?"


def _paging(asked: Params) -> dict[str, Any]:
    return {
        "limit": asked.get("limit", DEFAULT_LIMIT),
        "after": asked.get("starting_after"),
        "before": asked.get("ending_before"),
    }


def _list_paths(paths: list[str]) -> list[str]:
    for path in paths:
        if not path.startswith("data."):
            message = f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
            raise StripeRefusal(400, message, param="expand")
        within_depth(path)  # `data` is a level, too
    return [path.removeprefix("data.") for path in paths]


def _event_conditions(given: Params, where: list[str], values: list[Any]) -> None:
    one, many = given.pop("type", None), given.pop("types", None)
    if one is not None and many is not None:
        raise StripeRefusal(400, "You may pass either `type` or `types`, but not both.", param="types")
    if many is not None and len(many) > 20:
        raise StripeRefusal(400, "You may pass up to 20 event types.", param="types")
    if one is not None:
        where.append("label glob ?")
        values.append(one)
    if many is not None:
        where.append(f"label in ({','.join('?' * len(many))})")
        values += many


def _status_conditions(given: Params, where: list[str]) -> None:
    """Unless asked, cancelled subscriptions are left out (SDK: SubscriptionListParams.status)."""
    status = given.get("status")
    if status in {None, "all", "ended"}:
        given.pop("status", None)
    if status is None:
        where.append("label <> 'canceled'")
    if status == "ended":
        where.append(f"label in {ENDED}")
