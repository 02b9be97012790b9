"""What `sidecar doctor` says of an org: which streams can be read, which words are hidden, how many calls are left."""

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Finding, Stream
from connectors.errors import ConnectorError
from connectors.salesforce.client import QUOTA_SHARE, Org
from connectors.salesforce.fields import SUBJECTS
from connectors.salesforce.refusals import GRANT

NEEDED = {
    "Account": ("Name", "Website"),
    "Contact": ("Email", "Phone", "AccountId", "HasOptedOutOfEmail"),
    "Lead": ("Email", "Phone", "Description", "ConvertedContactId", "HasOptedOutOfEmail"),
    "Opportunity": ("StageName", "Amount", "AccountId"),
    "OpportunityContactRole": ("ContactId", "OpportunityId"),
    "Task": ("WhoId", "Description"),
    "Event": ("WhoId", "Description"),
    "Case": ("ContactId", "Description"),
    "CaseComment": ("ParentId", "CommentBody"),
    "EmailMessage": ("ParentId", "ActivityId", "TextBody", "HtmlBody"),
    "CampaignMember": ("ContactId", "LeadId", "CampaignId"),
    "User": ("Email",),
}
"""Fields without which a stream says less than it should."""


def diagnose(org: Org, streams: Sequence[Stream]) -> list[Finding]:
    """One finding for the login, one per stream, one for our fields, one for the quota."""
    findings = [Finding("login", ok=True, message=f"org {org.id} as user {org.user_id}")]
    try:
        described = org.describe([stream.object for stream in streams])
    except ConnectorError as error:
        return [*findings, Finding("api", ok=False, message=str(error))]
    findings += [_readable(stream, described) for stream in streams]
    findings += list(_our_fields(org, described))
    return [*findings, _quota(org)]


def _readable(stream: Stream, described: dict[str, Any]) -> Finding:
    name = stream.object
    if name not in described:
        remedy = f"{GRANT} Read on {name} (Object Settings > {name})"
        return Finding(
            stream.name, ok=False, message=f"{name} cannot be read; the stream will be missing", remedy=remedy
        )
    columns = {field["name"] for field in described[name]["fields"]}
    hidden = [field for field in NEEDED.get(name, ()) if field not in columns]
    if hidden:
        remedy = f"{GRANT} Read on {', '.join(f'{name}.{field}' for field in hidden)} (Field Permissions)"
        return Finding(stream.name, ok=False, message=f"hidden fields: {', '.join(hidden)}", remedy=remedy)
    return Finding(stream.name, ok=True, message=f"{name} readable, {len(columns)} fields")


def _our_fields(org: Org, described: dict[str, Any]) -> Iterator[Finding]:
    """Whether the fields are there and writable, per object that carries them."""
    for name in sorted({name for names in SUBJECTS.values() for name in names} & described.keys()):
        ours = [field for field in described[name]["fields"] if org.settings.owns(field["name"])]
        stuck = [field["name"] for field in ours if not field["updateable"]]
        ok = bool(ours) and not stuck
        message = f"{len(ours)} fields {org.settings.field_prefix}…, {len(stuck)} of them read-only"
        remedy = None if ok else "run `sidecar provision`; it creates the fields and the permission to write them"
        yield Finding(f"fields on {name}", ok=ok, message=message, remedy=remedy)


def _quota(org: Org) -> Finding:
    if org.used is None:
        return Finding("quota", ok=True, message="the org reports no daily limit")
    used, total = org.used
    ok = used < QUOTA_SHARE * total
    remedy = None if ok else "wait, or ask Salesforce for more; the sidecar stops at 80 % and leaves the rest to people"
    return Finding("quota", ok=ok, message=f"{used} of {total} API calls of the day used", remedy=remedy)
