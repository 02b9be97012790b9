"""The properties that every portal has, so far as they are of use here.

Source: https://developers.hubspot.com/docs/api-reference/properties/guide and the pages of each object ("Properties"). The real
portal has hundreds more; what is not listed here does not exist in the sandbox, neither to read nor to write.
"""

from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot.objects import BY_NAME, OBJECTS
from sandbox.hubspot.pipelines import PIPELINES

STAMP = "datetime date"
NUMBER = "number number"
LINE = "string text"
TEXT = "string textarea"
DAY = "date date"
CHOICE = "enumeration select"
YES_NO = "bool booleancheckbox"

SOURCES = (
    "ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS", "OTHER_CAMPAIGNS", "DIRECT_TRAFFIC", "OFFLINE",
    "PAID_SOCIAL", "AI_REFERRALS",
)  # fmt: skip
"""Source: https://knowledge.hubspot.com/properties/hubspots-default-contact-properties, "Original Traffic Source"."""
STAGES = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other",
)  # fmt: skip
INDUSTRIES = (
    "MACHINERY", "RETAIL", "LOGISTICS_AND_SUPPLY_CHAIN", "ONLINE_MEDIA", "OIL_ENERGY", "FINANCIAL_SERVICES", "HOSPITAL_HEALTH_CARE",
    "COMPUTER_SOFTWARE",
)  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """One property of one kind of object; `values` are the options of an enumeration."""

    name: str
    kind: str
    """Type and field type, as the two words of the API."""
    values: tuple[str, ...] = ()
    read_only: bool = False
    unique: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    """The rest of what a customer's own property was created with."""

    @property
    def type(self) -> str:
        """What the values mean: string, number, date, datetime, enumeration or bool."""
        return self.kind.split()[0]

    @property
    def field_type(self) -> str:
        """How a form shows it."""
        return self.kind.split()[1]


def _many(kind: str, names: str, *, read_only: bool = False) -> list[Definition]:
    return [Definition(name, kind, read_only=read_only) for name in names.split()]


ANALYTICS = [
    Definition("hs_analytics_source", CHOICE, SOURCES, read_only=True),
    *_many(LINE, "hs_analytics_source_data_1 hs_analytics_source_data_2 hs_analytics_first_url", read_only=True),
    *_many(STAMP, "hs_analytics_first_timestamp", read_only=True),
]
OWNED = [Definition("hubspot_owner_id", CHOICE), *_many(STAMP, "hubspot_owner_assigneddate", read_only=True)]
MERGED = [Definition("hs_merged_object_ids", "enumeration checkbox", read_only=True)]
ENGAGEMENT = [*_many(STAMP, "hs_timestamp"), *_many(LINE, "hs_attachment_ids"), *OWNED]

STANDARD: dict[str, list[Definition]] = {
    "contacts": [
        Definition("email", LINE, unique=True),
        *_many(LINE, "firstname lastname jobtitle company industry website city country address zip state hs_facebook_click_id"),
        *_many(LINE, "salesforcecontactid salesforceleadid salesforceaccountid hs_google_click_id"),
        *_many("string phonenumber", "phone mobilephone"),
        *_many(TEXT, "message"),
        Definition("lifecyclestage", "enumeration radio", STAGES),
        Definition("hs_lead_status", "enumeration radio", ("NEW", "OPEN", "IN_PROGRESS", "UNQUALIFIED", "CONNECTED")),
        Definition("hs_additional_emails", "enumeration checkbox", read_only=True),
        Definition("hs_email_optout", "bool booleancheckbox", read_only=True),
        Definition("hs_legal_basis", "enumeration checkbox", (
            "Legitimate interest \u2013 prospect/lead", "Legitimate interest \u2013 existing customer", "Performance of a contract",
            "Freely given consent from contact", "Not applicable",
        )),
        *_many(NUMBER, "associatedcompanyid num_associated_deals", read_only=True),
        *ANALYTICS, *OWNED, *MERGED,
    ],
    "companies": [
        *_many(LINE, "name domain website city country address zip state salesforceaccountid"),
        *_many("string phonenumber", "phone"),
        *_many(TEXT, "description"),
        *_many(NUMBER, "numberofemployees annualrevenue"),
        Definition("industry", CHOICE, INDUSTRIES),
        Definition("lifecyclestage", "enumeration radio", STAGES),
        Definition("hs_additional_domains", "enumeration checkbox", read_only=True),
        *_many(NUMBER, "hs_parent_company_id", read_only=True),
        *ANALYTICS, *OWNED, *MERGED,
    ],
    "deals": [
        *_many(LINE, "dealname salesforceopportunityid"), *_many(TEXT, "description closed_lost_reason closed_won_reason"),
        *_many(NUMBER, "amount"), *_many(STAMP, "closedate"),
        Definition("dealtype", "enumeration radio", ("newbusiness", "existingbusiness")),
        Definition("deal_currency_code", CHOICE, ("EUR", "USD", "GBP", "JPY")),
        *_many("bool calculation_read_only", "hs_is_closed hs_is_closed_won", read_only=True),
        *_many("number calculation_equation", "hs_deal_stage_probability", read_only=True),
        *OWNED, *MERGED,
    ],
    "tickets": [
        *_many(LINE, "subject"), *_many(TEXT, "content"),
        Definition("hs_ticket_priority", CHOICE, ("LOW", "MEDIUM", "HIGH", "URGENT")),
        Definition("hs_ticket_category", "enumeration checkbox", ("PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY")),
        Definition("source_type", CHOICE, ("CHAT", "EMAIL", "FORM", "PHONE"), read_only=False),
        *_many(STAMP, "closed_date"), *_many(LINE, "hs_created_by_user_id", read_only=True),
        *OWNED, *MERGED,
    ],
    "notes": [*_many("string html", "hs_note_body"), *ENGAGEMENT],
    "calls": [
        *_many("string html", "hs_call_body"), *_many(LINE, "hs_call_title hs_call_to_number hs_call_from_number"),
        *_many(NUMBER, "hs_call_duration"), *_many(LINE, "hs_call_recording_url"),
        Definition("hs_call_direction", CHOICE, ("INBOUND", "OUTBOUND")),
        Definition("hs_call_status", CHOICE, (
            "BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED", "IN_PROGRESS", "NO_ANSWER", "QUEUED", "RINGING",
        )),
        *ENGAGEMENT,
    ],
    "emails": [
        *_many(TEXT, "hs_email_text"), *_many("string html", "hs_email_html"), *_many(LINE, "hs_email_subject hs_email_headers"),
        *_many(LINE, "hs_email_from_email hs_email_from_firstname hs_email_from_lastname hs_email_to_email hs_email_cc_email", read_only=True),
        Definition("hs_email_direction", CHOICE, ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")),
        Definition("hs_email_status", CHOICE, ("BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT")),
        *_many(LINE, "hs_email_message_id hs_email_thread_id", read_only=True),
        *ENGAGEMENT,
    ],
    "meetings": [
        *_many(LINE, "hs_meeting_title hs_meeting_location hs_meeting_external_url"),
        *_many("string html", "hs_meeting_body hs_internal_meeting_notes"), *_many(STAMP, "hs_meeting_start_time hs_meeting_end_time"),
        Definition("hs_meeting_outcome", CHOICE, ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")),
        *ENGAGEMENT,
    ],
    "tasks": [
        *_many(LINE, "hs_task_subject"), *_many("string html", "hs_task_body"),
        Definition("hs_task_status", CHOICE, ("COMPLETED", "DEFERRED", "IN_PROGRESS", "NOT_STARTED", "WAITING")),
        Definition("hs_task_type", CHOICE, ("CALL", "EMAIL", "TODO")),
        Definition("hs_task_priority", CHOICE, ("LOW", "MEDIUM", "HIGH", "NONE")),
        *ENGAGEMENT,
    ],
    "communications": [
        *_many("string html", "hs_communication_body"),
        Definition("hs_communication_channel_type", CHOICE, ("LINKEDIN_MESSAGE", "SMS", "WHATS_APP")),
        Definition("hs_communication_logged_from", CHOICE, ("CRM",)),
        *ENGAGEMENT,
    ],
}  # fmt: skip
"""By plural name; the stamps, the id and the pipeline are added below."""

PIPELINE_PROPERTIES = {"deals": ("pipeline", "dealstage"), "tickets": ("hs_pipeline", "hs_pipeline_stage")}


def _complete(path: str) -> dict[str, Definition]:
    kind = BY_NAME[path]
    known = [*STANDARD[path], Definition("hs_object_id", NUMBER, read_only=True)]
    known += _many(STAMP, f"{kind.created} {kind.modified}", read_only=True)
    if path in PIPELINE_PROPERTIES:
        pipelines = PIPELINES[path]
        stages = tuple(stage.id for pipeline in pipelines for stage in pipeline.stages)
        names = zip(PIPELINE_PROPERTIES[path], (tuple(each.id for each in pipelines), stages), strict=True)
        known += [Definition(name, CHOICE, values) for name, values in names]
    return {each.name: each for each in known}


DEFINITIONS = {each.path: _complete(each.path) for each in OBJECTS}
"""By plural name of the object, then by name of the property."""
