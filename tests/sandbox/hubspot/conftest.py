"""The vendor's own SDK, pointed at the sandbox, with the checks of its models switched on, which ship switched off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import requests
from hubspot import HubSpot

from sandbox.hubspot import ACCESS_TOKEN
from tests.conftest import Sandbox


def sdk(sandbox: Sandbox, token: str = ACCESS_TOKEN) -> HubSpot:
    """A client whose models refuse answers that lack what the vendor promises."""

    def strict(package: Any, name: str, config: dict[str, Any]) -> Any:
        configuration = package.Configuration(host=config["host"])
        configuration.access_token = config["access_token"]
        configuration.client_side_validation = True
        return getattr(package, name)(api_client=package.ApiClient(configuration=configuration))

    return HubSpot(access_token=token, host=sandbox.url, api_factory=strict)


@pytest.fixture
def client(hubspot_sandbox: Sandbox) -> HubSpot:
    """The SDK with the sandbox's token."""
    return sdk(hubspot_sandbox)


@dataclass
class Refused:
    """What the vendor said no with."""

    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        return [error["code"] for error in self.body.get("errors", [])]


@contextmanager
def refused() -> Iterator[Refused]:
    """Expects the block to be refused. Each package of the SDK has an ApiException of its own, so it is known by its attributes."""
    found = Refused()
    try:
        yield found
    except Exception as error:
        if not hasattr(error, "body"):
            raise
        found.status, found.body = error.status, orjson.loads(error.body)  # type: ignore[attr-defined]
        assert found.body["status"] == "error"
        assert len(found.body["correlationId"]) == 36
        return
    pytest.fail("nothing was refused")


@pytest.fixture
def get(hubspot_sandbox: Sandbox) -> Callable[..., requests.Response]:
    """A bare GET with the sandbox's token."""

    def ask(path: str, **params: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
        return requests.get(f"{hubspot_sandbox.url}{path}", params=params, headers=headers, timeout=5)

    return ask


def plant(sandbox: Sandbox, kind: str, number: int, **properties: str) -> None:
    """Records 1 to `number`, one second apart; `{n}` in a value is the record's number."""
    rows = [
        {
            "id": str(n),
            "createdAt": f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}Z",
            "properties": {name: value.format(n=n) for name, value in properties.items()},
        }
        for n in range(1, number + 1)
    ]
    assert sandbox.state.insert_many(kind, rows) == number
