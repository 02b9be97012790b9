"""What is pulled from Salesforce, in the order a reader would tell it, and which facts each object is read as."""

from collections.abc import Callable, Iterable, Iterator

from connectors.base import Stream, raw_only
from connectors.salesforce import conversations, people
from models.facts import Consent, Engagement, Fact, Identifier, Interaction, Outcome, Profile, Relation, Touch
from models.records import Record

UNSTAMPED = frozenset(
    {
        "SystemModstamp", "LastModifiedDate", "LastModifiedById", "LastViewedDate", "LastReferencedDate", "LastActivityDate",
        "LastActivityInDays", "LastLoginDate",
    }
)  # fmt: skip
"""Stamps that move when we write, or when somebody merely looks; activities are records of their own."""


def lead(record: Record) -> Iterator[Fact]:
    """A lead as a person, with what they wrote in the form."""
    yield from people.lead(record)
    yield from conversations.lead_form(record)


def _stream(
    name: str, object_name: str, description: str, translate: Callable[[Record], Iterable[Fact]], *facts: type[Fact]
) -> Stream:
    return Stream(name, object_name, description, translate, facts, UNSTAMPED)


STREAMS = (
    _stream("accounts", "Account", "Companies and households we sell to.", people.account, Profile, Identifier, Relation),
    _stream("contacts", "Contact", "People at those companies.", people.contact, Profile, Identifier, Relation, Consent, Touch),
    _stream(
        "leads", "Lead", "People who showed interest and, once converted, the contact each became.",
        lead, Profile, Identifier, Relation, Consent, Touch, Interaction,
    ),
    _stream("opportunities", "Opportunity", "Deals, open, won and lost.", people.opportunity, Outcome),
    _stream(
        "opportunity_contact_roles", "OpportunityContactRole", "Who plays which part in a deal.", people.contact_role, Relation
    ),
    _stream("tasks", "Task", "Calls, e-mails and to-dos with the rep's notes.", conversations.task, Engagement, Interaction),
    _stream("events", "Event", "Meetings with notes or transcripts.", conversations.event, Engagement, Interaction),
    _stream("cases", "Case", "Tickets and chats in the customer's words.", conversations.case, Engagement, Interaction),
    _stream("case_comments", "CaseComment", "What was said on a ticket afterwards.", conversations.case_comment, Interaction),
    _stream(
        "email_messages", "EmailMessage", "E-mails with customers, both ways.", conversations.email_message,
        Engagement, Interaction,
    ),
    _stream("campaigns", "Campaign", "Marketing campaigns.", raw_only),
    _stream("campaign_members", "CampaignMember", "Whom a campaign reached and who answered.", people.campaign_member, Touch),
    _stream("users", "User", "The seller's own people, who are never customers.", people.user, Profile, Identifier),
)  # fmt: skip
