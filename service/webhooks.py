"""The door that vendors knock at when something has changed: `/hooks/<vendor>`.

A delivery is answered once its records are marked, and only then, so that the vendor sends again what was not. Nothing of it is kept, logged
or believed but which records to read soon; an answer tells a stranger nothing.
"""

import asyncio
import logging
import re
import socket
from dataclasses import dataclass
from typing import ClassVar

import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.base import Connector, Delivery, Notice
from connectors.errors import Fatal, Forged
from connectors.registry import connectors_by_name
from pipelines.ingest.dirty import mark
from pipelines.workspace import Workspace
from service.errors import UsageError

logger = logging.getLogger("sidecar.webhooks")

LARGEST = 2**20
"""Bytes of one delivery; HubSpot's hundred events and Meta's thousand changes have some 100 kB."""
PATIENCE = 10.0
"""Seconds in which a delivery must have come whole: vendors wait 5 (HubSpot) to 20 for the answer."""
AT_ONCE = 64
"""Connections that are served side by side; one more is told to come again."""
AWAY = {"Connection": "close"}
"""What is said to a sender that may still be sending."""
PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""What an id or an account looks like at every vendor; nothing else is stored."""


class TooLargeError(Exception):
    """More came than a delivery may hold."""


@dataclass(frozen=True)
class Door:
    """Answers deliveries. `address` is what vendors know this door by, where something stands before it (a proxy with TLS)."""

    workspace: Workspace
    address: str | None = None

    async def answer(self, request: Request) -> Response:
        """200 once the records are marked; 404, 413, 408, 401 (not signed), 400 (no message), 503 (not set up, or no store)."""
        connector = connectors_by_name().get(request.path_params["vendor"])
        if connector is None or connector.listen is None:
            return Response(status_code=404)
        try:
            async with asyncio.timeout(PATIENCE):
                body = await _whole(request)
        except TooLargeError:
            return Response(status_code=413, headers=AWAY)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408, headers=AWAY)
        delivery = Delivery(request.method, self._url(request), dict(request.headers), body, self.workspace.clock.now())
        return await run_in_threadpool(self._heed, connector, delivery)

    def _heed(self, connector: Connector, delivery: Delivery) -> Response:
        assert connector.listen is not None  # noqa: S101  # others are not asked
        try:
            heard = connector.listen(connector.settings(), delivery)
            notices = [notice for notice in heard.notices if _is_plain(notice, connector)]
            mark(self.workspace.store, connector.name, notices, delivery.at)
        except Forged as error:
            return _refused(401, str(error))
        except (Fatal, DBAPIError) as error:
            return _refused(503, str(error) if isinstance(error, Fatal) else f"{connector.name}: the store is away")
        except ValidationError as error:
            own = error.title == connector.settings.__name__
            why = "its settings cannot be used; see `sidecar doctor`" if own else "a delivery that is no message"
            return _refused(503 if own else 400, f"{connector.name}: {why}")
        except ValueError:
            return _refused(400, f"{connector.name}: a delivery that is no message")
        for notice in notices:
            logger.info("%s/%s/%s/%s is marked", connector.name, notice.account or "-", notice.stream, notice.id)
        return PlainTextResponse(heard.answer)

    def _url(self, request: Request) -> str:
        """The address that the vendor has sent to, byte for byte."""
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        base = self.address.rstrip("/") if self.address else f"{request.url.scheme}://{request.url.netloc}"
        return f"{base}{path}{f'?{query}' if query else ''}"


class Brief(H11Protocol):
    """A connection that ends in time, whatever its other end does: uvicorn waits for ever for a request to begin.

    This of uvicorn's two protocols, for the other one sets no bound to the headers.
    """

    longest: ClassVar[float] = 2 * PATIENCE
    """Seconds after which it takes no further request; a vendor opens another one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It begins, and so does its time."""
        super().connection_made(transport)
        self._end = self.loop.call_later(self.longest, self.shutdown)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended by itself."""
        self._end.cancel()
        super().connection_lost(exc)


def create_server(app: ASGIApp, protocol: type[Brief] = Brief) -> uvicorn.Server:
    """What stands between the door and the network."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            log_config=None,
            access_log=False,  # a question of Meta's holds our words
            lifespan="off",
            limit_concurrency=AT_ONCE,
            server_header=False,
        )
    )


def create_app(workspace: Workspace, address: str | None = None) -> Starlette:
    """The door as a web application."""
    app = Starlette(routes=[Route("/hooks/{vendor}", Door(workspace, address).answer, methods=["GET", "POST"])])
    app.router.redirect_slashes = False
    return app


def serve(workspace: Workspace, host: str, port: int, address: str | None) -> None:
    """Answer until it is interrupted. UsageError if there is no such address on this machine, or it is taken."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"{host}, port {port} cannot be listened at: {error.strerror}; choose another.") from error
    shown = logging.StreamHandler()
    shown.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(shown)
    logger.setLevel(logging.INFO)
    logger.info("listening at http://%s:%d/hooks/", *listener.getsockname()[:2])
    create_server(create_app(workspace, address)).run(sockets=[listener])


async def _whole(request: Request) -> bytes:
    """The body. TooLargeError as soon as there is more than it may have."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooLargeError
    return body


def _is_plain(notice: Notice, connector: Connector) -> bool:
    names = [notice.id] if notice.account is None else [notice.id, notice.account]
    return notice.stream in connector.streams_by_name and all(PLAIN.fullmatch(name) for name in names)


def _refused(status: int, why: str) -> Response:
    logger.warning("%s; answered %d", why, status)
    return Response(status_code=status)
