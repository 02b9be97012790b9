"""The HTTP face of the sandboxed Stripe: authentication, lists, retrieves, and the writes that a test needs."""

import re
from collections.abc import Callable
from functools import partial
from itertools import count

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.core import Context, guarded
from sandbox.stripe import ACCOUNT_ID, API_KEY, API_VERSION
from sandbox.stripe.errors import StripeRefusal, forbidden, invalid_key
from sandbox.stripe.params import Params, read_form
from sandbox.stripe.reading import Reader
from sandbox.stripe.resources import ACCOUNT_PERMISSION, EXPANDED, RESOURCES, SEARCHABLE, WRITE_PERMISSIONS
from sandbox.stripe.search import search
from sandbox.stripe.state import StripeState
from sandbox.stripe.writing import Writer

FORM = "application/x-www-form-urlencoded"
Answer = Callable[[StripeState, dict[str, str], Params], bytes]
"""The account that is asked, path parameters and parameters in, JSON out."""


def create_app(context: Context) -> Starlette:
    """The server of one Stripe account whose state lives in the context's folder."""
    state = StripeState(context.root, context.clock)
    state.add_key(API_KEY)
    door = partial(_door, state, count(1))
    read, write, erase = partial(door, method="GET"), partial(door, method="POST"), partial(door, method="DELETE")
    may = WRITE_PERMISSIONS
    routes = [
        read("/v1/account", _reads(Reader.account), ACCOUNT_PERMISSION),
        read("/v1/invoices/{id}/lines", _reads(Reader.lines), RESOURCES["invoices"].permission),
        read("/v1/subscription_items", _reads(Reader.items), RESOURCES["subscriptions"].permission),
        read("/v1/invoice_payments", _reads(Reader.payments), RESOURCES["invoices"].permission),
        read("/v1/charges/{id}/refunds", _reads(Reader.refunds), RESOURCES["charges"].permission),
        write("/v1/customers", _writes(Writer.create_customer), may["customers"]),
        write("/v1/customers/{id}", _writes(Writer.update_customer), may["customers"]),
        erase("/v1/customers/{id}", _writes(Writer.delete_customer), may["customers"]),
        write("/v1/products", _writes(Writer.create_product), may["products"]),
        erase("/v1/products/{id}", _writes(Writer.delete_product), may["products"]),
        write("/v1/prices", _writes(Writer.create_price), may["prices"]),
        write("/v1/subscriptions", _writes(Writer.create_subscription), may["subscriptions"]),
        erase("/v1/subscriptions/{id}", _writes(Writer.cancel_subscription), may["subscriptions"]),
        write("/v1/refunds", _writes(Writer.create_refund), may["refunds"]),
        write("/v1/disputes/{id}/close", _writes(Writer.close_dispute), may["disputes"]),
        write("/v1/test_helpers/test_clocks", _writes(Writer.create_clock), may["test_clocks"]),
        erase("/v1/test_helpers/test_clocks/{id}", _writes(Writer.delete_clock), may["test_clocks"]),
    ]
    searched = [(path, RESOURCES[path]) for path in SEARCHABLE]
    routes += [read(f"/v1/{path}/search", partial(search, found), found.permission) for path, found in searched]
    for path, resource in RESOURCES.items():
        routes.append(read(f"/v1/{path}", _reads(partial(Reader.page, resource=resource)), resource.permission))
        one = _reads(partial(Reader.retrieve, resource=resource))
        routes.append(read(f"/v1/{path}/{{id}}", one, resource.permission))
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes.append(Route("/{rest:path}", partial(_unrecognized, state), methods=methods))
    app = Starlette(routes=routes, middleware=guarded(context))
    app.state.store = state
    return app


def _reads(answer: Callable[[Reader, dict[str, str], Params], bytes]) -> Answer:
    return lambda state, path, params: answer(Reader(state), path, params)


def _writes(answer: Callable[[Writer, dict[str, str], Params], bytes]) -> Answer:
    return lambda state, path, params: answer(Writer(state), path, params)


def _door(
    state: StripeState, numbers: "count[int]", path: str, answer: Answer, permission: str, *, method: str
) -> Route:
    """A route that checks key, permission and version, then answers; every refusal has Stripe's body."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        replayed = False
        try:
            account = _admit(state, request, permission)
            form = request.url.query if method == "GET" else _form(request, body)
            key = request.headers.get("idempotency-key") if method == "POST" else None
            asked = f"{method} {request.url.path} {form}"
            kept = _replay(account, key, asked)
            replayed = kept is not None
            status, said = kept or (200, answer(account, request.path_params, read_form(form)))
            if key and not replayed:
                account.keep_reply(key, asked, status, said)
        except StripeRefusal as refusal:
            status, said = refusal.status, orjson.dumps({"error": refusal.error})
        headers = {"Request-Id": f"req_{next(numbers):014d}", "Stripe-Version": API_VERSION}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(said, status, headers, "application/json")

    return Route(path, endpoint, methods=[method])


def _form(request: Request, body: bytes) -> str:
    """The body's parameters. Source: https://docs.stripe.com/api ("form-encoded request bodies"), the words as developers met them."""
    kind = request.headers.get("content-type", FORM).partition(";")[0]
    if body and kind != FORM:
        raise StripeRefusal(400, f"Invalid request (check that your POST content type is {FORM}).")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise StripeRefusal(400, "Invalid request: the body is not UTF-8.") from None


async def _unrecognized(state: StripeState, request: Request) -> Response:
    try:
        _admit(state, request, None)
        refused = StripeRefusal(404, f"Unrecognized request URL ({request.method}: {request.url.path}).")
    except StripeRefusal as refusal:
        refused = refusal
    return Response(orjson.dumps({"error": refused.error}), refused.status, media_type="application/json")


def _admit(state: StripeState, request: Request, permission: str | None) -> StripeState:
    """Check key, permissions, version and account; answers the account that is asked.

    Source: https://docs.stripe.com/api/authentication, /errors and /connected-accounts.
    """
    found = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
    if not found:
        raise StripeRefusal(401, "You did not provide an API key. You need to provide it as a Bearer token.")
    issued = state.key(found[1])
    if issued is None:
        raise invalid_key(found[1])
    permissions, expired = issued
    if expired:
        raise StripeRefusal(401, "Expired API Key provided.", code="api_key_expired")
    wanted = [permission, *_expanded(request)] if permission else []
    for name in wanted:
        if permissions is not None and name not in permissions:
            raise forbidden(str(name), ACCOUNT_ID)
    if request.headers.get("stripe-version", API_VERSION) != API_VERSION:
        raise StripeRefusal(400, f"Invalid Stripe API version: {request.headers['stripe-version']}")
    try:
        return state.of(request.headers.get("stripe-account", ACCOUNT_ID))
    except KeyError:
        message = "The provided key does not have access to that account (or that account does not exist)."
        raise StripeRefusal(403, message, code="account_invalid") from None


def _expanded(request: Request) -> list[str]:
    """The permissions that the expansions of a read ask for."""
    paths = [value for name, value in request.query_params.multi_items() if name.startswith("expand")]
    parts = {part for path in paths for part in path.split(".")}
    return [RESOURCES[EXPANDED[part]].permission for part in sorted(parts & EXPANDED.keys())]


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
