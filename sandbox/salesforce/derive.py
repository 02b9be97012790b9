"""What Salesforce works out by itself when a row is saved: whole names, what a stage or status means, ends of meetings.

Source: Object Reference 63.0, the fields named here.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.salesforce.objects import STAGES
from sandbox.salesforce.values import Column, wire

Row = dict[str, Column]


def derived(name: str, row: Row) -> Row:
    """Columns that follow from the others of a whole row."""
    rule = RULES.get(name)
    return rule(row) if rule else {}


def _whole_name(row: Row) -> Row:
    names = (row.get("FirstName"), row.get("LastName"))
    return {"Name": " ".join(str(part) for part in names if part)}


def _contact(row: Row) -> Row:
    return {**_whole_name(row), "IsEmailBounced": int(row.get("EmailBouncedDate") is not None)}


def _opportunity(row: Row) -> Row:
    stage = STAGES.get(str(row["StageName"]))
    odds = row.get("Probability")
    found: Row = {}
    if stage:
        odds = stage[0] if odds is None else odds
        closed = stage[1] != "Pipeline"
        found = {"IsClosed": int(closed), "IsWon": int(stage[1] == "Closed"), "ForecastCategory": stage[1]}
    amount = row.get("Amount")
    expected = None if amount is None or odds is None else round(float(amount) * float(odds) / 100, 2)
    return {**found, "Probability": odds, "ExpectedRevenue": expected}


def _task(row: Row) -> Row:
    closed = row.get("Status") == "Completed"
    done = (row.get("CompletedDateTime") or row.get("LastModifiedDate")) if closed else None
    return {"IsClosed": int(closed), "IsHighPriority": int(row.get("Priority") == "High"), "CompletedDateTime": done}


def _event(row: Row) -> Row:
    start = row.get("StartDateTime") or row.get("ActivityDateTime")
    if start is None:
        return {}
    found: Row = {"StartDateTime": start, "ActivityDateTime": start, "ActivityDate": str(start)[:10]}
    minutes = row.get("DurationInMinutes")
    if minutes is not None:
        found["EndDateTime"] = wire(datetime.fromisoformat(str(start)) + timedelta(minutes=float(minutes)))
    return found


def _case(row: Row) -> Row:
    closed = row.get("Status") == "Closed"
    return {
        "IsClosed": int(closed),
        "ClosedDate": (row.get("ClosedDate") or row.get("LastModifiedDate")) if closed else None,
    }


def _campaign_member(row: Row) -> Row:
    contact, lead = row.get("ContactId"), row.get("LeadId")
    responded = bool(row.get("HasResponded")) or row.get("Status") == "Responded"
    day = (row.get("FirstRespondedDate") or str(row.get("LastModifiedDate"))[:10]) if responded else None
    return {
        "LeadOrContactId": contact or lead,
        "Type": "Contact" if contact else "Lead",
        "HasResponded": int(responded),
        "FirstRespondedDate": day,
    }


RULES: dict[str, Callable[[Row], Row]] = {
    "Contact": _contact,
    "Individual": _whole_name,
    "Lead": _whole_name,
    "User": _whole_name,
    "Opportunity": _opportunity,
    "Task": _task,
    "Event": _event,
    "Case": _case,
    "CampaignMember": _campaign_member,
}
