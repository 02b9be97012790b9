"""Whom a token lets in, and to what. Errors: https://developers.hubspot.com/docs/api-reference/error-handling."""

import re

from sandbox.hubspot import PORTAL_ID
from sandbox.hubspot.bodies import parse
from sandbox.hubspot.errors import Answer, HubSpotRefusal, not_found
from sandbox.hubspot.objects import OBJECTS
from sandbox.hubspot.state import HubSpotState

PRIVATE = "pat-"
"""How tokens of private apps begin; all others are tokens of OAuth."""
OWNERS, FORMS = "crm.objects.owners.read", "forms"
LISTS = {"read": "crm.lists.read", "write": "crm.lists.write"}
SCOPES = frozenset(
    scope
    for kind in OBJECTS
    for scope in (*kind.read, *kind.write, *kind.property_scopes("read"), *kind.property_scopes("write"))
) | {OWNERS, FORMS, *LISTS.values()}
"""All scopes that are spoken of here."""


class Malformed(Exception):
    """What stands in the header can be no token: the proxy in front answers, with 530 and a page of its own (airbytehq/airbyte)."""


def told(header: str) -> str:
    """The token of an Authorization header. Errors: Malformed for what can be no token; none at all is an empty one."""
    scheme, _, token = header.partition(" ")
    if scheme == "Bearer" and token and not re.fullmatch(r"[\w.~+/=-]+", token):
        raise Malformed
    return token if scheme == "Bearer" else ""


def granted(state: HubSpotState, token: str) -> set[str] | None:
    """The scopes of the token, None for all. Errors: 401."""
    issued = state.token(token)
    if issued is None:
        message = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
        raise HubSpotRefusal(401, message, "INVALID_AUTHENTICATION")
    scopes, ends = issued
    if ends is not None and ends <= state.now():
        hours = (state.now() - ends) // 3_600_000
        message = f"The OAuth token used to make this call expired {hours} hour(s) ago."
        raise HubSpotRefusal(401, message, "EXPIRED_AUTHENTICATION")
    return scopes


def info(state: HubSpotState, body: bytes) -> Answer:
    """What a private app's token may do. Errors: 400 for another body, 404 for a token that is no private app's.

    Source: https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview ("Verify a token's scopes").
    """
    given = parse(body)
    if given.keys() != {"tokenKey"}:
        raise HubSpotRefusal(400, "Invalid input JSON: tokenKey alone is expected")
    token = str(given["tokenKey"])
    issued = state.token(token)
    if issued is None or not token.startswith(PRIVATE):
        raise not_found("No private app has this token")
    scopes = SCOPES if issued[0] is None else issued[0]
    return {"userId": 1, "hubId": PORTAL_ID, "appId": 1, "scopes": sorted(scopes)}
