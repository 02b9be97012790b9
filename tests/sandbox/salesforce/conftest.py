"""The real SDK, logged in to the sandbox through the seam that the connector uses too: a session adapter."""

from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from sandbox.salesforce.tokens import CLIENT_ID, CLIENT_SECRET


class ToSandbox(HTTPAdapter):
    """Sends what the SDK means for https://acme.my.salesforce.com to the sandbox, naming the host it meant."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = urlsplit(url)

    def send(self, request, **kwargs):
        meant = urlsplit(request.url)
        request.headers["X-Original-Host"] = meant.netloc
        request.url = meant._replace(scheme=self.base.scheme, netloc=self.base.netloc).geturl()
        return super().send(request, **{**kwargs, "timeout": 10})


@pytest.fixture
def sandbox(salesforce_sandbox):
    return salesforce_sandbox


@pytest.fixture
def state(sandbox):
    return sandbox.state


@pytest.fixture
def session(sandbox):
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ToSandbox(sandbox.url))
        yield session


@pytest.fixture
def sf(session):
    return Salesforce(
        domain="acme.my", consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, version="63.0", session=session
    )
