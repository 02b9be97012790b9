"""The HTTP face of the sandboxed Stripe: authentication, lists, retrieves, and the writes that a test needs."""

import re
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.core import Context, guarded
from sandbox.stripe import ACCOUNT_ID, API_KEY, API_VERSION
from sandbox.stripe.errors import StripeRefusal, invalid_key
from sandbox.stripe.params import read_form
from sandbox.stripe.reading import Reader
from sandbox.stripe.resources import ACCOUNT_PERMISSION, RESOURCES, WRITE_PERMISSIONS
from sandbox.stripe.state import StripeState
from sandbox.stripe.writing import Writer

Answer = Callable[[dict[str, str], dict[str, Any]], bytes]
"""Path parameters and parameters in, JSON out."""


def create_app(context: Context) -> Starlette:
    """The server of one Stripe account whose state lives in the context's folder."""
    state = StripeState(context.root, context.clock)
    state.add_key(API_KEY)
    reader, writer = Reader(state), Writer(state)
    door = partial(_door, state, count(1))
    read, write = partial(door, method="GET"), partial(door, method="POST")
    routes = [
        read("/v1/account", reader.account, ACCOUNT_PERMISSION),
        read("/v1/invoices/{id}/lines", reader.lines, RESOURCES["invoices"].permission),
        read("/v1/subscription_items", reader.items, RESOURCES["subscriptions"].permission),
        read("/v1/invoice_payments", reader.payments, RESOURCES["invoices"].permission),
        read("/v1/charges/{id}/refunds", reader.refunds, RESOURCES["charges"].permission),
        write("/v1/customers", writer.create_customer, WRITE_PERMISSIONS["customers"]),
        write("/v1/customers/{id}", writer.update_customer, WRITE_PERMISSIONS["customers"]),
        door("/v1/customers/{id}", writer.delete_customer, WRITE_PERMISSIONS["customers"], method="DELETE"),
        write("/v1/refunds", writer.create_refund, WRITE_PERMISSIONS["refunds"]),
    ]
    for path, resource in RESOURCES.items():
        routes.append(read(f"/v1/{path}", partial(reader.page, resource), resource.permission))
        routes.append(read(f"/v1/{path}/{{id}}", partial(reader.retrieve, resource), resource.permission))
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes.append(Route("/{rest:path}", partial(_unrecognized, state), methods=methods))
    app = Starlette(routes=routes, middleware=guarded(context))
    app.state.store = state
    return app


def _door(
    state: StripeState, numbers: "count[int]", path: str, answer: Answer, permission: str, *, method: str
) -> Route:
    """A route that checks key, permission and version, then answers; every refusal has Stripe's body."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        replayed = False
        try:
            _admit(state, request, permission)
            form = request.url.query if method == "GET" else body.decode()
            key = request.headers.get("idempotency-key") if method == "POST" else None
            asked = f"{method} {request.url.path} {form}"
            kept = _replay(state, key, asked)
            replayed = kept is not None
            status, said = kept or (200, answer(request.path_params, read_form(form)))
            if key and not replayed:
                state.keep_reply(key, asked, status, said)
        except StripeRefusal as refusal:
            status, said = refusal.status, orjson.dumps({"error": refusal.error})
        headers = {"Request-Id": f"req_{next(numbers):014d}", "Stripe-Version": API_VERSION}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(said, status, headers, "application/json")

    return Route(path, endpoint, methods=[method])


async def _unrecognized(state: StripeState, request: Request) -> Response:
    try:
        _admit(state, request, None)
        refused = StripeRefusal(404, f"Unrecognized request URL ({request.method}: {request.url.path}).")
    except StripeRefusal as refusal:
        refused = refusal
    return Response(orjson.dumps({"error": refused.error}), refused.status, media_type="application/json")


def _admit(state: StripeState, request: Request, permission: str | None) -> None:
    """Check key, permission, version and account. Source: https://docs.stripe.com/api/authentication and /errors."""
    found = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
    if not found:
        raise StripeRefusal(401, "You did not provide an API key. You need to provide it as a Bearer token.")
    issued = state.key(found[1])
    if issued is None:
        raise invalid_key(found[1])
    permissions, expired = issued
    if expired:
        raise StripeRefusal(401, "Expired API Key provided.", code="api_key_expired")
    if permissions is not None and permission is not None and permission not in permissions:
        message = f"The provided key does not have the required permissions for this endpoint on account '{ACCOUNT_ID}'. Having the '{permission}' permission would allow this request to continue."
        raise StripeRefusal(403, message, code="more_permissions_required")
    if request.headers.get("stripe-version", API_VERSION) != API_VERSION:
        raise StripeRefusal(400, f"Invalid Stripe API version: {request.headers['stripe-version']}")
    if request.headers.get("stripe-account", ACCOUNT_ID) != ACCOUNT_ID:
        message = "The provided key does not have access to that account (or that account does not exist)."
        raise StripeRefusal(403, message, code="account_invalid")


def _replay(state: StripeState, key: str | None, asked: str) -> tuple[int, bytes] | None:
    """The kept answer of this idempotency key. Source: https://docs.stripe.com/api/idempotent_requests."""
    kept = state.reply(key) if key else None
    if kept is None:
        return None
    before, status, body = kept
    if before != asked:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise StripeRefusal(400, message, kind="idempotency_error")
    return status, body
