"""What `sidecar doctor` says of an org: which streams can be read, which words are hidden, how many calls and jobs are left."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Finding, Stream
from connectors.errors import ConnectorError
from connectors.salesforce.client import Org
from connectors.salesforce.fields import SUBJECTS
from connectors.salesforce.projection import PARENTS, objects
from connectors.salesforce.refusals import GRANT
from connectors.salesforce.settings import SalesforceSettings

CONSENT = "who must not be written to"
REACH = "e-mail addresses and phones, by which people are found to be one"
WORDS = "the words that beliefs are read from"
NEEDED: dict[str, dict[str, str]] = {
    "Account": {"Name": "company names", "Website": "company domains"},
    "Contact": {"Email": REACH, "Phone": REACH, "AccountId": "who works where", "HasOptedOutOfEmail": CONSENT},
    "Lead": {
        "Email": REACH, "Phone": REACH, "Description": WORDS, "ConvertedContactId": "whom a lead became", "HasOptedOutOfEmail": CONSENT,
    },
    "Opportunity": {"StageName": "how a deal stands", "Amount": "what a deal is worth", "AccountId": "whose deal it is"},
    "OpportunityContactRole": {"ContactId": "who takes part in a deal", "OpportunityId": "which deal they take part in"},
    "Task": {"WhoId": "whom a call was with", "Description": WORDS},
    "Event": {"WhoId": "whom a meeting was with", "Description": WORDS},
    "Case": {"ContactId": "who asked", "Description": WORDS},
    "CaseComment": {"ParentId": "which ticket a comment is on", "CommentBody": WORDS},
    "EmailMessage": {
        "ParentId": "which ticket an e-mail is on", "ActivityId": "which task stands for the same e-mail", "TextBody": WORDS,
        "HtmlBody": WORDS,
    },
    "CampaignMember": {
        "ContactId": "which contact a campaign reached", "LeadId": "which lead a campaign reached", "CampaignId": "by which campaign",
    },
    "User": {"Email": "who is a colleague and no customer"},
}  # fmt: skip
"""Fields without which a stream says less than it should, with what would be missing."""


def diagnose(org: Org, streams: Sequence[Stream]) -> list[Finding]:
    """One finding for the login, those for the limits, one per stream, and one per object for our fields."""
    findings = [Finding("login", ok=True, message=f"org {org.id} as user {org.user_id}")]
    try:
        findings += _limits(org.request("definition", "GET", "limits/", about="limits"), org.settings)
        described = org.describe(objects(streams))
    except ConnectorError as error:
        return [*findings, Finding("api", ok=False, message=str(error))]
    return [*findings, *(_readable(stream, described) for stream in streams), *_our_fields(org, described)]


def _readable(stream: Stream, described: Mapping[str, Any]) -> Finding:
    name = stream.object
    if name not in described:
        message = f"{name} cannot be read; missing will be: {stream.description}"
        remedy = f"{GRANT} Read on {name} (Object Settings > {name}), and View All to see records of others"
        return Finding(stream.name, ok=False, message=message, remedy=remedy)
    columns = {field["name"] for field in described[name]["fields"]}
    hidden = {field: lost for field, lost in NEEDED.get(name, {}).items() if field not in columns}
    relations = {field.get("relationshipName") for field in described[name]["fields"]}
    parents = sorted(
        {
            parent
            for path, parent in PARENTS.get(name, ())
            if path.split(".")[0] in relations and parent not in described
        }
    )
    if hidden or parents:
        asked = [*(f"{name}.{field}" for field in hidden), *parents]
        lost = [*hidden.values(), *(f"what {name} tells through its {parent}" for parent in parents)]
        message = f"hidden: {', '.join(asked)}; missing will be: {', '.join(dict.fromkeys(lost))}"
        remedy = f"{GRANT} Read on {', '.join(asked)} (Object Settings, Field Permissions)"
        return Finding(stream.name, ok=False, message=message, remedy=remedy)
    return Finding(stream.name, ok=True, message=f"{name} readable, {len(columns)} fields")


def _our_fields(org: Org, described: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the fields are there and writable, per object that carries them."""
    for name in sorted({name for names in SUBJECTS.values() for name in names} & described.keys()):
        ours = [field for field in described[name]["fields"] if org.settings.owns(field["name"])]
        stuck = [field["name"] for field in ours if not field["updateable"]]
        ok = bool(ours) and not stuck
        message = f"{len(ours)} fields {org.settings.field_prefix}…, {len(stuck)} of them read-only"
        remedy = None if ok else "run `sidecar provision apply`; it creates the fields and the permission to write them"
        yield Finding(f"fields on {name}", ok=ok, message=message, remedy=remedy)


def _limits(limits: Mapping[str, Any], settings: SalesforceSettings) -> Iterator[Finding]:
    """API calls and Bulk jobs of the day, where the org tells them (REST API developer guide 63.0, "Limits")."""
    calls, jobs = limits.get("DailyApiRequests"), limits.get("DailyBulkV2QueryJobs")
    if calls:
        used = calls["Max"] - calls["Remaining"]
        left = settings.left(used, calls["Max"])
        ok = left > 0
        message = f"{used} of {calls['Max']} API calls of the day used; a run of ours may make {left} more"
        remedy = (
            f"wait, or ask Salesforce for more; the sidecar leaves {settings.quota_floor:.0%} to people, and a run spends "
            f"{settings.run_share:.0%} at most (SALESFORCE_QUOTA_FLOOR, SALESFORCE_RUN_SHARE)"
        )
        yield Finding("quota", ok=ok, message=message, remedy=None if ok else remedy)
    if jobs:
        ok = jobs["Remaining"] > 0
        message = f"{jobs['Max'] - jobs['Remaining']} of {jobs['Max']} Bulk query jobs of the day used"
        yield Finding(
            "bulk jobs",
            ok=ok,
            message=message,
            remedy=None if ok else "wait; meanwhile rows come by REST, in more calls",
        )
