"""What `sidecar doctor` says of a portal: which streams can be read, which scope is missing, how many calls are left."""

from collections.abc import Iterator, Sequence

from connectors.base import Finding, Stream
from connectors.errors import ConnectorError
from connectors.hubspot.client import Portal
from connectors.hubspot.feeds import FEEDS
from connectors.hubspot.fields import KINDS, writable
from connectors.hubspot.refusals import GRANT

NEEDED = {
    "contacts": ("email", "phone", "hs_email_optout"),
    "companies": ("name", "domain"),
    "deals": ("dealstage", "amount"),
    "tickets": ("content",),
    "calls": ("hs_call_body",),
    "emails": ("hs_email_text", "hs_email_html"),
    "meetings": ("hs_meeting_body",),
    "notes": ("hs_note_body",),
    "communications": ("hs_communication_body",),
}
"""Properties without which a stream says less than it should."""

SCOPES = {
    "contacts": "crm.objects.contacts.read and crm.schemas.contacts.read",
    "companies": "crm.objects.companies.read and crm.schemas.companies.read",
    "deals": "crm.objects.deals.read and crm.schemas.deals.read",
    "tickets": "tickets",
    "emails": "sales-email-read",
    "owners": "crm.objects.owners.read",
    "form_submissions": "forms",
    "pipelines": "crm.objects.deals.read and tickets",
}
"""What each stream needs; activities go with contacts (https://developers.hubspot.com/docs/apps/legacy-apps/authentication/scopes)."""


WRITES = {
    "crm.schemas.{}.write": "`sidecar provision` cannot make the properties on {}",
    "crm.objects.{}.write": "nothing will be written to {}",
}
"""Scopes that only the write-back needs, and what will be missing without each; nothing is written to find out."""


LISTS = frozenset({"crm.lists.read", "crm.lists.write"})
"""Scopes of the lists of who drifts this week."""


def diagnose(portal: Portal, streams: Sequence[Stream]) -> list[Finding]:
    """One finding for the portal, one per stream, two per object with fields of ours, one for the quota."""
    findings = [Finding("portal", ok=True, message=f"{portal.id}, company currency {portal.currency or 'unknown'}")]
    findings += [_readable(portal, stream) for stream in streams]
    findings += list(_our_fields(portal))
    findings += _writing(portal)
    return [*findings, _quota(portal)]


def _readable(portal: Portal, stream: Stream) -> Finding:
    try:
        lacking = _ask(portal, stream)
    except ConnectorError as error:
        remedy = f"{GRANT} {SCOPES.get(stream.name, SCOPES['contacts'])}"
        return Finding(stream.name, ok=False, message=f"{error}; the stream will be missing", remedy=remedy)
    if lacking:
        remedy = "give the app's creator view access to sensitive properties, or restore the archived ones"
        return Finding(stream.name, ok=False, message=f"hidden properties: {', '.join(lacking)}", remedy=remedy)
    return Finding(stream.name, ok=True, message="readable")


def _ask(portal: Portal, stream: Stream) -> list[str]:
    """Ask for the first rows; gives what the stream needs and does not see."""
    if feed := FEEDS.get(stream.name):
        portal.search("definition", feed.kind, {"limit": 1}, stream.name)
        there = {one["name"] for one in portal.properties(feed.kind, stream.name)}
        return [name for name in NEEDED[feed.kind] if name not in there]
    if stream.name == "owners":
        portal.owners("definition", None, archived=False, stream=stream.name)
    elif stream.name == "pipelines":
        for kind in ("deals", "tickets"):
            portal.pipelines(kind, stream.name)
    else:
        portal.forms(None, archived=False, stream=stream.name)
    return []


def _our_fields(portal: Portal) -> Iterator[Finding]:
    """Whether the properties are there and writable, per object that carries them."""
    for name, kind in KINDS.items():
        try:
            ours = [one for one in portal.properties(kind) if portal.settings.owns(str(one["name"]))]
        except ConnectorError:
            continue  # the stream's own finding says so
        stuck = [one for one in ours if not writable(one)]
        ok = bool(ours) and not stuck
        message = f"{len(ours)} properties {portal.settings.field_prefix}…, {len(stuck)} of them read-only"
        remedy = None if ok else "run `sidecar provision apply`; it creates the properties"
        yield Finding(f"fields on {name}", ok=ok, message=message, remedy=remedy)


def _writing(portal: Portal) -> list[Finding]:
    """What the token may write, per object that carries our fields."""
    try:
        granted = portal.granted()
    except ConnectorError as error:
        return [
            Finding("writing", ok=False, message=f"its scopes are not known: {error}", remedy="ask the doctor again")
        ]
    if granted is None:
        message = (
            "HubSpot tells the scopes of private apps alone; a scope that is missing will be named by the first write"
        )
        return [Finding("writing", ok=True, message=message)]
    return [*(_writable(name, kind, granted) for name, kind in KINDS.items()), _listing(granted)]


def _writable(name: str, kind: str, granted: frozenset[str]) -> Finding:
    lacking = {
        scope: what.format(kind) for pattern, what in WRITES.items() if (scope := pattern.format(kind)) not in granted
    }
    if not lacking:
        return Finding(f"writing to {name}", ok=True, message="allowed")
    message = "; ".join(f"the app lacks {scope}: {what}" for scope, what in lacking.items())
    return Finding(f"writing to {name}", ok=False, message=message, remedy=f"{GRANT} {' and '.join(lacking)}")


def _listing(granted: frozenset[str]) -> Finding:
    lacking = sorted(LISTS - granted)
    if not lacking:
        return Finding("lists", ok=True, message="allowed")
    message = f"the app lacks {' and '.join(lacking)}: `sidecar provision` cannot make the lists of who drifts"
    return Finding("lists", ok=False, message=message, remedy=f"{GRANT} {' and '.join(lacking)}")


def _quota(portal: Portal) -> Finding:
    if portal.used is None:
        return Finding("quota", ok=True, message="the portal reports no daily limit")
    used, total = portal.used
    left = portal.settings.left(used, total)
    message = f"{used} of {total} API calls of the day used; a run of ours may make {left} more"
    remedy = (
        f"wait, or buy the API add-on; the sidecar leaves {portal.settings.quota_floor:.0%} to people, and a run spends "
        f"{portal.settings.run_share:.0%} at most (HUBSPOT_QUOTA_FLOOR, HUBSPOT_RUN_SHARE)"
    )
    return Finding("quota", ok=left > 0, message=message, remedy=None if left else remedy)
