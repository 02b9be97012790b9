"""How often an account may be asked: as a whole, and each endpoint by itself.

Source: https://docs.stripe.com/rate-limits (100 requests a second live, 25 in a sandbox or test mode, 25 per endpoint). No header tells
the use.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from connectors.pace import Lanes, Rate

LIVE, TEST, ENDPOINT = Rate(100, 1), Rate(25, 1), Rate(25, 1)


def lanes(*, live: bool) -> Lanes:
    """The lanes of the requests of an account, in live or in test mode."""

    def of(request: requests.PreparedRequest) -> Mapping[str, Rate]:
        endpoint = urlsplit(str(request.url)).path.removeprefix("/v1/").partition("/")[0]
        return {"all": LIVE if live else TEST, f"/{endpoint}": ENDPOINT}

    return of
