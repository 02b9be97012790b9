"""The HTTP face of the sandboxed HubSpot: tokens and scopes, rate limits, and a route for everything that is spoken here."""

from collections.abc import Callable, Sequence
from functools import partial

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.core import Context, guarded
from sandbox.hubspot import ACCESS_TOKEN
from sandbox.hubspot.catalogue import Catalogue
from sandbox.hubspot.errors import Answer, HubSpotRefusal, missing_scopes, not_found, not_json
from sandbox.hubspot.objects import ObjectType, object_type
from sandbox.hubspot.reading import Reader
from sandbox.hubspot.schema import Schema
from sandbox.hubspot.search import Searcher
from sandbox.hubspot.state import HubSpotState
from sandbox.hubspot.tokens import FORMS, LISTS, OWNERS, PRIVATE, Malformed, granted, info, told
from sandbox.hubspot.writing import Writer

LONGEST_TARGET = 8_192
"""Characters of path and query; HubSpot names no figure, peers stay below 2,000 to 15,000 (dlt-hub/verified-sources#305)."""
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Scopes = Callable[[dict[str, str]], Sequence[str]]
"""Path parameters in, scopes out of which one is needed; none where any token will do."""
Endpoint = Callable[[dict[str, str], str, bytes], Answer | tuple[int, Answer]]
"""Path parameters, query and body in; the answer out, with its status if that is not 200."""


def create_app(context: Context) -> Starlette:
    """The server of one portal whose state lives in the context's folder."""
    state = HubSpotState(context.root, context.clock)
    state.add_token(ACCESS_TOKEN)
    door = partial(_door, state)
    routes = [door(*route) for route in [*_records(state), *_others(state), *Schema(state).routes()]]
    routes.append(door("*", "/{rest:path}", _anyone, _unknown))
    app = Starlette(routes=routes, middleware=guarded(context))
    app.router.redirect_slashes = False
    app.state.store = state
    return app


def _records(state: HubSpotState) -> list[tuple[str, str, Scopes, Endpoint]]:
    reader, writer, searcher = Reader(state), Writer(state), Searcher(state)
    base = "/crm/v3/objects/{type}"
    stage = "/crm/v3/pipelines/{type}/{pipeline}/stages/{stage}"
    return [
        ("GET", base, _read, lambda path, query, _: reader.page(_kind(path), query)),
        ("POST", base, _write, lambda path, _, body: writer.create(_kind(path), body)),
        ("POST", f"{base}/search", _read, lambda path, _, body: searcher.search(_kind(path), body)),
        ("POST", f"{base}/merge", _write, lambda path, _, body: writer.merge(_kind(path), body)),
        ("POST", f"{base}/gdpr-delete", _write, lambda path, _, body: writer.purge(_kind(path), body)),
        ("POST", f"{base}/batch/read", _read, lambda path, query, body: reader.batch(_kind(path), query, body)),
        ("POST", f"{base}/batch/create", _write, lambda path, _, body: writer.create_many(_kind(path), body)),
        ("POST", f"{base}/batch/update", _write, lambda path, _, body: writer.update_many(_kind(path), body)),
        ("POST", f"{base}/batch/upsert", _write, lambda path, _, body: writer.upsert_many(_kind(path), body)),
        ("POST", f"{base}/batch/archive", _write, lambda path, _, body: writer.archive_many(_kind(path), body)),
        ("GET", f"{base}/{{id}}", _read, lambda path, query, _: reader.retrieve(_kind(path), path["id"], query)),
        ("PATCH", f"{base}/{{id}}", _write, lambda path, _, body: writer.update(_kind(path), path["id"], body)),
        ("DELETE", f"{base}/{{id}}", _write, lambda path, _, __: writer.archive(_kind(path), path["id"])),
        ("PATCH", stage, _write,
            lambda path, _, body: writer.change_stage(_kind(path), path["pipeline"], path["stage"], body)),
        ("POST", "/crm/v4/associations/{type}/{target}/batch/read", _read,
            lambda path, _, body: reader.associated(path["type"], path["target"], body)),
        ("POST", "/crm/v4/associations/{type}/{target}/batch/associate/default", _write,
            lambda path, _, body: writer.associate(path["type"], path["target"], body)),
    ]  # fmt: skip


def _others(state: HubSpotState) -> list[tuple[str, str, Scopes, Endpoint]]:
    catalogue = Catalogue(state)
    return [
        ("POST", "/oauth/v2/private-apps/get/access-token-info", _anyone, lambda _, __, body: info(state, body)),
        ("GET", "/account-info/v3/details", _anyone, lambda _, query, __: catalogue.account(query)),
        ("GET", "/crm/v3/owners/", _needs(OWNERS), lambda _, query, __: catalogue.owners(query)),
        ("GET", "/crm/v3/owners/{id}", _needs(OWNERS), lambda path, query, _: catalogue.owner(path["id"], query)),
        ("GET", "/crm/v3/pipelines/{type}", _read, lambda path, query, _: catalogue.pipelines(path["type"], query)),
        ("GET", "/crm/v3/pipelines/{type}/{id}", _read,
            lambda path, query, _: catalogue.pipeline(path["type"], path["id"], query)),
        ("POST", "/crm/v3/lists/", _needs(LISTS["write"]), lambda _, __, body: state.lists.create(body)),
        ("GET", "/crm/v3/lists/object-type-id/{type}/name/{name}", _needs(LISTS["read"]),
            lambda path, _, __: state.lists.named(path["type"], path["name"])),
        ("DELETE", "/crm/v3/lists/{id}", _needs(LISTS["write"]), lambda path, _, __: _removed(state, path["id"])),
        ("GET", "/marketing/v3/forms/", _needs(FORMS), lambda _, query, __: catalogue.forms(query)),
        ("GET", "/form-integrations/v1/submissions/forms/{id}", _needs(FORMS),
            lambda path, query, _: catalogue.submissions(path["id"], query)),
    ]  # fmt: skip


def _removed(state: HubSpotState, list_id: str) -> tuple[int, Answer]:
    state.lists.remove(list_id)
    return 204, {}


def _kind(path: dict[str, str]) -> ObjectType:
    return object_type(path["type"])


def _read(path: dict[str, str]) -> Sequence[str]:
    return _kind(path).read


def _write(path: dict[str, str]) -> Sequence[str]:
    return _kind(path).write


def _anyone(_: dict[str, str]) -> Sequence[str]:
    return ()


def _needs(scope: str) -> Scopes:
    return lambda _: (scope,)


def _unknown(path: dict[str, str], _: str, __: bytes) -> Answer:
    raise not_found(f"No endpoint at /{path['rest']}")


def _door(state: HubSpotState, method: str, path: str, scopes: Scopes, answer: Endpoint) -> Route:
    """A route that checks length, token, limits and scopes, then answers; every refusal has HubSpot's body."""
    search = path.endswith("/search")

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        refused: dict[str, str] = {}
        if len(request.url.path) + len(request.url.query) >= LONGEST_TARGET:
            return HTMLResponse("<html><h1>414 Request-URI Too Large</h1></html>", 414)
        try:
            token = told(request.headers.get("authorization", ""))
        except Malformed:
            return HTMLResponse("<html><h1>Error 530</h1></html>", 530)
        try:
            has = granted(state, token)
            state.limits.count(search=search)
            needed = scopes(request.path_params)
            if has is not None and needed and not has & set(needed):
                raise missing_scopes(needed)
            if body and "json" not in request.headers.get("content-type", ""):
                raise not_json()
            said = answer(request.path_params, request.url.query, body)
            status, whole = said if isinstance(said, tuple) else (200, said)
        except HubSpotRefusal as refusal:
            status, whole, refused = refusal.status, refusal.body(), refusal.headers
        headers = refused | state.limits.headers(search=search, private=token.startswith(PRIVATE))
        if status == 204:
            return Response(status_code=204, headers=headers)
        return Response(orjson.dumps(whole), status, headers, "application/json;charset=utf-8")

    return Route(path, endpoint, methods=METHODS if method == "*" else [method])
