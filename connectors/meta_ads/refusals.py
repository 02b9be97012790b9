"""What Meta's refusals ask of us, by code and subcode; and how a permission is granted.

Source: https://developers.facebook.com/docs/graph-api/guides/error-handling and /docs/marketing-api/error-reference.
"""

from collections.abc import Iterable
from typing import Any

from connectors.errors import ConnectorError, Fatal, Retryable

VENDOR = "meta_ads"
SOON = 5.0  # seconds, before asking again after a server's trouble
LIMITED = 300.0  # seconds, where a limit does not say how long it lasts

LIMITS = frozenset({4, 32, 341})
"""Limits of app, page and user, which all accounts share."""
ACCOUNT_LIMITS = frozenset({17, 613, *range(80000, 80015)})
"""Limits of an ad account, and the business use cases 80000 (insights) to 80014."""
CREDENTIALS = {
    463: "the token has expired", 460: "its user changed the password", 467: "the token is invalid or was revoked",
}  # fmt: skip
"""Subcodes of 190, in words (unverified)."""
PERMISSIONS = frozenset({3, 10, *range(200, 400)})
"""What the token or its user may not do."""
TRANSIENT = frozenset({(1, 99), (2601, 1815107)})
"""With `is_transient` and code 2: trouble that passes, and a report whose rows are not loaded yet."""

RENEW = (
    "make a new one under Business settings > Users > System users > Generate token (ads_read, leads_retrieval, pages_show_list, "
    "pages_manage_ads) and set META_ADS_ACCESS_TOKEN"
)
"""How a token is replaced."""
GRANTS = {
    "ads_read": "under Business settings > Users > System users give the user the ad account (View performance), generate its token "
    "with ads_read, and set META_ADS_ACCESS_TOKEN",
    "leads_retrieval": "generate the system user's token with leads_retrieval, give the user the Page of the form (Leads), and let it in "
    "under Business settings > Integrations > Leads access",
    "pages_show_list": "generate the system user's token with pages_show_list, and give the user the Pages whose forms are filled in",
    "pages_manage_ads": "generate the system user's token with pages_manage_ads, and let the user advertise on the Page of the form",
}
"""How each permission is granted. The words of the pages move; the permission's name is Meta's."""


class Limited(Retryable):
    """A limit is used up; waiting as long as it says is all that helps."""


class AccountLimited(Limited):
    """A limit of one ad account is used up; the others can be read."""


class Spent(Retryable):
    """Asking again at once will not help: it was done already."""


class TooMuch(Spent):
    """The same work may succeed in smaller parts: fewer rows a page, fewer days, fewer ads, fewer fields."""


class Unknown(Fatal):
    """Something that was asked for by name is not known to this version."""


class NotThere(Fatal):
    """The object is gone, hidden, or a report that is not born yet: Meta answers all three alike."""


class Denied(Fatal):
    """The token, or its user, may not read this."""


def first(refused: Iterable[Fatal | AccountLimited]) -> Fatal | AccountLimited:
    """Which of the refusals of several accounts is raised: a limit before others, for the next try reads more than this one."""
    return min(refused, key=lambda error: isinstance(error, Fatal))


def refusal(status: int, error: dict[str, Any], *, about: str, stream: str | None, regain: float) -> ConnectorError:
    """Our error for theirs. Their message is left out: it may quote what was asked. `regain` are seconds that a limit still lasts."""
    code, subcode = error.get("code"), error.get("error_subcode")
    told = f"{about}: HTTP {status}, code {code}{f'/{subcode}' if subcode else ''}"
    transient = error.get("is_transient") is True
    if code in LIMITS | ACCOUNT_LIMITS:
        message = f"Meta's limit is used up ({told}); the next run goes on"
        limited = AccountLimited if code in ACCOUNT_LIMITS else Limited
        return limited(message, after=regain or LIMITED, vendor=VENDOR, stream=stream)
    if code in {190, 102}:
        why = CREDENTIALS.get(subcode or 0, "the token was refused")
        return Fatal(f"{why} ({told}); {RENEW}", vendor=VENDOR, stream=stream, credentials=True)
    if (code, subcode) == (100, 1487534) or (code == 1 and subcode != 99 and not transient):
        return TooMuch(f"too much data was asked for ({told})", after=SOON, vendor=VENDOR, stream=stream)
    if (code, subcode) == (100, 33):
        message = f"not there, or hidden from the token ({told}); {GRANTS['ads_read']}"
        return NotThere(message, vendor=VENDOR, stream=stream)
    if code == 2 or (code, subcode) in TRANSIENT or transient:
        return _trouble(told, stream)
    if code in PERMISSIONS:
        permission = "leads_retrieval" if stream == "leads" else "ads_read"
        message = f"the token may not read this ({told}); {GRANTS[permission]}"
        return Denied(message, vendor=VENDOR, stream=stream)
    if code == 100 and error.get("type") == "GraphMethodException":
        message = f"the call was not proven ({told}); check that META_ADS_APP_SECRET is the secret of the token's app"
        return Fatal(message, vendor=VENDOR, stream=stream, credentials=True)
    if status >= 500:
        return _trouble(told, stream)
    message = f"the request was refused: our mistake, or a field that this version has no more ({told})"
    return (Unknown if code == 100 else Fatal)(message, vendor=VENDOR, stream=stream)


def _trouble(told: str, stream: str | None) -> Retryable:
    return Retryable(f"Meta is in trouble ({told}); the next run tries again", after=SOON, vendor=VENDOR, stream=stream)
