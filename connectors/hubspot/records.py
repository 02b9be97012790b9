"""What is pulled from HubSpot, in the order a reader would tell it, and which facts each object is read as."""

from collections.abc import Callable, Iterable

from connectors.base import Stream, raw_only
from connectors.hubspot import conversations, forms, people
from models.facts import Consent, Engagement, Fact, Identifier, Interaction, Outcome, Profile, Relation, Touch
from models.records import Record

UNSTAMPED = frozenset(
    {
        "lastmodifieddate", "hs_lastmodifieddate", "hs_updated_by_user_id", "hs_all_accessible_team_ids", "hs_object_source_label",
        "notes_last_updated", "notes_last_contacted", "notes_next_activity_date", "num_notes", "num_contacted_notes",
        "hs_last_sales_activity_timestamp", "hs_last_sales_activity_date", "hs_lastactivitydate", "hs_sa_first_engagement_date",
        "hs_analytics_last_timestamp", "hs_analytics_last_visit_timestamp", "hs_analytics_num_page_views", "hs_analytics_num_visits",
        "hs_pipeline_last_updated", "hs_is_stalled", "hs_is_stalled_after_timestamp", "days_to_close", "updatedAt",
        "stageLabel", "hs_deal_stage_probability", "hs_deal_stage_probability_shadow", "hs_forecast_probability",
        "hs_projected_amount", "hs_projected_amount_in_home_currency",
    }
)  # fmt: skip
"""Stamps and counters that move when we write, when an activity is logged, when time passes or when somebody edits a pipeline, which
touches every deal in it (PipedreamHQ/pipedream#4209). A deal keeps the name that its stage had when the deal itself last changed."""


def _stream(
    name: str,
    object_name: str,
    description: str,
    translate: Callable[[Record], Iterable[Fact]],
    *facts: type[Fact],
    lasting: bool = False,
) -> Stream:
    return Stream(name, object_name, description, translate, facts, UNSTAMPED, lasting)


STREAMS = (
    _stream(
        "companies", "company", "Companies we sell to.", people.company, Profile, Identifier, Relation,
        lasting=True,
    ),
    _stream(
        "contacts", "contact", "People, at companies or by themselves, and how they came to us.", people.contact,
        Profile, Identifier, Relation, Consent, Touch, lasting=True,
    ),
    _stream(
        "deals", "deal", "Deals, open, won and lost, and who plays which part in them.", people.deal, Outcome, Relation
    ),
    _stream("tickets", "ticket", "Requests in the customer's words.", conversations.ticket, Engagement, Interaction),
    _stream("calls", "call", "Calls with notes or transcripts.", conversations.call, Engagement, Interaction),
    _stream("emails", "email", "E-mails with customers, both ways.", conversations.email, Engagement, Interaction),
    _stream("meetings", "meeting", "Meetings with notes or transcripts.", conversations.meeting, Engagement, Interaction),
    _stream("notes", "note", "What reps wrote down.", conversations.note, Interaction),
    _stream(
        "communications", "communication", "Logged SMS, WhatsApp and LinkedIn messages.", conversations.communication,
        Engagement, Interaction,
    ),
    _stream(
        "form_submissions", "form_submission", "What people wrote into forms, and the page they came by.", forms.form_submission,
        Profile, Identifier, Touch, Engagement, Interaction,
    ),
    _stream("owners", "owner", "The seller's own people, who are never customers.", people.owner, Profile, Identifier),
    _stream("pipelines", "pipeline", "The stages of deals and tickets, and what they mean.", raw_only),
)  # fmt: skip
