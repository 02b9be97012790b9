"""An independent opinion: `emulate`, another's stand-in for Stripe (npm, Apache-2.0), under the unmodified connector.

It knows customers, products and prices, their lists, cursors and filters. It has no account, no events and no test clocks: the first two are
answered in front of it, and the third are not asked for by a key of the live form.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.stripe import CONNECTOR, open_source
from connectors.stripe.pull import StripeSource
from connectors.stripe.settings import StripeSettings
from models.clock import FrozenClock
from sandbox.core import listen
from tests.conftest import Serve

EMULATE = "emulate@0.12.2"  # pinned: `latest` (1.0.2) is an unrelated package
NODE = "node@24"  # emulate needs 22; the package brings a binary of its own
PATIENCE = 30  # seconds until it must answer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Path:
    """The folder of both packages, installed once and kept beside pytest's other caches."""
    folder = pytestconfig.cache.mkdir("emulate")
    if (folder / "node_modules" / "emulate").is_dir() and (folder / "node_modules" / ".bin" / "node").exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs Node: npm is not on the path")
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", NODE, EMULATE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.skip(f"needs the npm registry: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.fixture
def emulate(installed: Path) -> Iterator[str]:
    """A fresh emulated Stripe; its address."""
    with listen() as free:
        port = free.getsockname()[1]
    modules = installed / "node_modules"
    program = [str(modules / ".bin" / "node"), str(modules / "emulate" / "dist" / "index.js"), "start"]
    server = subprocess.Popen(
        [*program, "--service", "stripe", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _answers(url, server)
        yield url
    finally:
        server.terminate()
        server.wait()


def _answers(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            requests.get(f"{url}/v1/customers", headers={"Authorization": "Bearer sk_live_x"}, timeout=5)
        except requests.ConnectionError:
            continue
        return
    pytest.fail(f"emulate does not answer (exit code {server.poll()})")


@pytest.fixture
def source(emulate: str, serve: Serve, clock: FrozenClock) -> StripeSource:
    """The connector, with nothing changed but the address: a door that answers the account, tells of no events, and passes on the rest."""

    def account(_: Request) -> Response:
        return JSONResponse({"id": "acct_emulated", "object": "account"})

    def events(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [], "has_more": False, "url": "/v1/events"})

    def passed_on(request: Request) -> Response:
        headers = {"Authorization": request.headers["authorization"]}
        answer = requests.get(f"{emulate}{request.url.path}?{request.url.query}", headers=headers, timeout=10)
        return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])

    door = Starlette(
        routes=[Route("/v1/account", account), Route("/v1/events", events), Route("/{rest:path}", passed_on)]
    )
    clock.advance(datetime.now(UTC) - clock.now())  # emulate stamps by the machine's clock
    return open_source(StripeSettings(api_key=SecretStr("sk_live_emulated"), base_url=serve(door)), clock)


def make(url: str, path: str, fields: dict[str, str]) -> str:
    """Creates one object over HTTP; its id."""
    key = {"Authorization": "Bearer sk_live_emulated"}
    answer = requests.post(f"{url}/v1/{path}", data=fields, headers=key, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])


def listed(url: str, path: str) -> set[str]:
    """What is there from the start."""
    key = {"Authorization": "Bearer sk_live_emulated"}
    page = requests.get(f"{url}/v1/{path}?limit=100", headers=key, timeout=10).json()
    assert not page["has_more"]
    return {row["id"] for row in page["data"]}


def test_customers_products_and_prices_of_another_server_are_pulled_exactly(emulate: str, source: StripeSource) -> None:
    """230 customers on three pages, products and prices, each once and with what it was made of."""
    seeded = {path: listed(emulate, path) for path in ("customers", "products", "prices")}
    people = {make(emulate, "customers", {"email": f"p{n}@example.com"}): f"p{n}@example.com" for n in range(230)}
    things = {make(emulate, "products", {"name": f"Thing {n}"}): f"Thing {n}" for n in range(3)}
    product = next(iter(things))
    costs = {
        make(emulate, "prices", {"product": product, "currency": "jpy", "unit_amount": str(n)}): n for n in range(105)
    }
    made = {"customers": (people, "email"), "products": (things, "name"), "prices": (costs, "unit_amount")}
    for name, (expected, key) in made.items():
        pages = list(source.pages(CONNECTOR.streams_by_name[name], None, None))
        records = [record for page in pages for record in page.records]
        assert len(records) == len({record.key for record in records}) == len(expected) + len(seeded[name])
        found = {record.key.id: record.payload[key] for record in records if record.key.id not in seeded[name]}
        assert found == expected
        assert [page.cursor is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [
        record.payload["id"] for record in source.read(CONNECTOR.streams_by_name["customers"], list(people)[:2])
    ] == list(people)[:2]


def test_its_pages_are_gone_on_with_and_its_dates_are_obeyed(
    emulate: str, source: StripeSource, clock: FrozenClock
) -> None:
    """A load goes on after any page, and a range of dates holds what was made in it."""
    made = listed(emulate, "customers") | {make(emulate, "customers", {"name": str(n)}) for n in range(150)}
    stream = CONNECTOR.streams_by_name["customers"]
    first = next(iter(source.pages(stream, None, None)))
    rest = source.pages(stream, None, first.position)
    found = [record.key.id for page in (first, *rest) for record in page.records]
    assert sorted(found) == sorted(made)
    day = timedelta(days=1)
    within = source.between(stream, clock.now() - day, clock.now() + day, None)
    assert {record.key.id for page in within for record in page.records} == made
    after = source.between(
        stream, clock.now() + day, clock.now() + 2 * day, None
    )  # of a range's ends it obeys the first
    assert [record for page in after for record in page.records] == []
