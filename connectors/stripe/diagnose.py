"""What `sidecar doctor` says of Stripe: the account, what each stream may read, and what else the streams lean on."""

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Finding, Stream
from connectors.errors import ConnectorError
from connectors.stripe.accounts import Account
from connectors.stripe.feeds import FEEDS
from connectors.stripe.refusals import remedy

UNDISCOUNTED = "monthly recurring revenue counts before discounts; once it may, pull subscriptions anew"
UNCREDITED = "tax that credit notes take back counts in proportion to their amount"
UNSEEN = "changes and deletions stay unseen"


def diagnose(accounts: Sequence[Account], streams: Sequence[Stream]) -> list[Finding]:
    """One finding for the account, one per stream, one for coupons, one for credit notes, one for its events, one for test clocks in test mode, one per connected account."""
    own, *connected = accounts
    findings = [Finding("account", ok=True, message=f"{own.id} ({own.mode} mode)")]
    for stream in streams:
        feed = FEEDS[stream.name]
        asked = {**feed.params, **feed.passes[0], **feed.expansion}
        findings.append(_readable(own, stream.name, feed.path, asked, f"{stream.name} will be missing"))
    findings.append(_readable(own, "coupons", "coupons", {}, UNDISCOUNTED))
    findings.append(_readable(own, "credit_notes", "credit_notes", {}, UNCREDITED))
    findings.append(_readable(own, "events", "events", {}, UNSEEN))
    return [*findings, *_clocks(own), *(_connected(account) for account in connected)]


def _clocks(account: Account) -> Iterator[Finding]:
    if account.mode == "test":
        missing = f"{' and '.join(name for name, feed in FEEDS.items() if feed.clocked)} cannot be read wholly"
        yield _readable(account, "test_clocks", "test_helpers/test_clocks", {}, missing)


def _connected(account: Account) -> Finding:
    """Whether the key may act for it at all; each permission is granted for connected accounts apart."""
    found = _readable(account, "events", "events", {}, f"{UNSEEN} in {account.id}")
    return Finding(account.id, ok=found.ok, message=found.message, remedy=found.remedy)


def _readable(account: Account, name: str, path: str, params: dict[str, Any], missing: str) -> Finding:
    try:
        account.api.list("definition", path, {**params, "limit": 1}, stream=name)
    except ConnectorError as error:
        return Finding(name, ok=False, message=f"{error}; {missing}", remedy=remedy(name))
    return Finding(name, ok=True, message="readable")
