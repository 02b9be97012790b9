"""How often a portal may be asked: searches apart from everything else, which its answers tell the use of.

Source: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (five searches a second for the whole portal;
100 requests in ten seconds per private app, more for dearer editions, which the headers tell).
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from connectors.pace import Rate, Told

SEARCHES = Rate(5, 1)
OTHERS = Rate(100, 10)
HEADER = "X-HubSpot-RateLimit-"


def lanes(request: requests.PreparedRequest) -> Mapping[str, Rate]:
    """The lane of a request."""
    search = urlsplit(str(request.url)).path.endswith("/search")
    return {"search": SEARCHES} if search else {"others": OTHERS}


def told(response: requests.Response) -> Told | None:
    """What an answer tells of the burst limit; a search's tells nothing."""
    names = ("Max", "Remaining", "Interval-Milliseconds")
    most, left, span = (response.headers.get(HEADER + name, "") for name in names)
    if not (most.isdigit() and left.isdigit() and span.isdigit() and int(span)):
        return None
    return Told("others", Rate(int(most), int(span) / 1000), int(left))
