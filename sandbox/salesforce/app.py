"""The org as a web server: logging in, checking token, size and daily calls, and handing on to the data API."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.core import Context, guarded
from sandbox.salesforce.api import BASE, Call, answer
from sandbox.salesforce.bulk import BulkJobs
from sandbox.salesforce.csv_answer import Csv
from sandbox.salesforce.deployments import Deployments
from sandbox.salesforce.errors import Refusal, not_found
from sandbox.salesforce.ingest import IngestJobs
from sandbox.salesforce.queries import Queries
from sandbox.salesforce.state import SalesforceState
from sandbox.salesforce.tokens import LoginRefused, Tokens

LONGEST = 16_384  # bytes of a URI, and of URI and headers together (app limits page, "API Query and URI Limits")
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def create_app(context: Context) -> Starlette:
    """The org, with its rows and switches in `app.state.store`."""
    store = SalesforceState(context.root, context.clock)
    door = _Door(store, Tokens(store))
    routes = [
        Route("/services/oauth2/token", door.login, methods=METHODS),
        Route("/{path:path}", door.data, methods=METHODS),
    ]
    app = Starlette(routes=routes, middleware=guarded(context))
    app.state.store = store
    return app


class _Door:
    """Lets in who has a token and counts the calls."""

    def __init__(self, store: SalesforceState, tokens: Tokens) -> None:
        self._tokens = tokens
        self._store = store
        self._queries = Queries(store)
        self._bulk = BulkJobs(store)
        self._ingest = IngestJobs(store)
        self._deployments = Deployments(store)

    async def login(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("latin-1")))
        host = request.headers.get("x-original-host")  # the host that the SDK meant before its adapter turned here
        instance = f"https://{host}" if host else str(request.base_url).rstrip("/")
        try:
            if request.method != "POST":
                raise LoginRefused("invalid_request", "must use HTTP POST")  # noqa: TRY301  # answered like any other refusal
            return JSONResponse(self._tokens.grant(form, request.headers.get("authorization", ""), instance))
        except LoginRefused as refused:
            return JSONResponse(refused.body, 400)

    async def data(self, request: Request) -> Response:
        body = await request.body()
        with self._store.tables.lock:
            status, found = self._answer(request, body)
        usage = self._store.usage
        headers = {"Sforce-Limit-Info": f"api-usage={usage.used}/{usage.limit}"}
        if isinstance(found, Csv):
            return Response(found.content, status, {**headers, **found.headers}, media_type="text/csv")
        content = b"" if found is None else orjson.dumps(found)
        return Response(content, status, headers, media_type="application/json;charset=UTF-8" if content else None)

    def _answer(self, request: Request, body: bytes) -> tuple[int, object]:
        try:
            user = self._admit(request)
        except Refusal as refusal:
            return refusal.status, refusal.body()
        path = request.url.path.removeprefix(BASE).rstrip("/")
        params, headers = dict(request.query_params), dict(request.headers)
        call = Call(
            self._store,
            self._queries,
            self._bulk,
            self._ingest,
            self._deployments,
            user,
            request.method,
            path,
            params,
            headers,
            body,
        )
        return answer(call)

    def _admit(self, request: Request) -> str:
        """Who calls. Refusal for what never reaches the API."""
        uri = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        if len(uri) > LONGEST:
            raise Refusal(414, "URI_TOO_LONG", "URI Too Long")
        if len(uri) + _size(request.headers) > LONGEST:
            raise Refusal(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "Request Header Fields Too Large")
        if not request.url.path.startswith(BASE):
            raise not_found()
        user = self._tokens.user(request.headers.get("authorization", ""), request.headers.get("x-original-host"))
        if user is None:
            raise Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        usage = self._store.usage
        if usage.used >= usage.limit:
            raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        usage.used += 1
        return user


def _size(headers: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers.items())  # colon, space and line end
