"""The custom fields the sidecar owns, as data: one row per field, the same in every CRM.

Nothing is written that is not listed here. Kinds, lengths and scales fit Salesforce and HubSpot alike; all fields are optional.
Source: https://help.salesforce.com/s/articleView?id=platform.fields_rich_text_area_limitations.htm for the long texts.
"""

from connectors.base import FieldKind, FieldSpec

PERSON, ACCOUNT, DEAL = "person", "account", "deal"
EVERYWHERE = frozenset({PERSON, ACCOUNT, DEAL})
ONLY_PERSON, ONLY_ACCOUNT, ONLY_DEAL = frozenset({PERSON}), frozenset({ACCOUNT}), frozenset({DEAL})

INSUFFICIENT = "Insufficient evidence"
BANDS = ("High", "Medium", "Low", INSUFFICIENT)
TRENDS = ("Converging", "Steady", "Diverging", INSUFFICIENT)
RISKS = ("Low", "Medium", "High", "Unknown")
VERDICTS = ("Agree", "Disagree", "Unsure")

LINE = 255  # the longest Text field, and the longest that list views and compact layouts show
SUMMARY = 8_000  # five beliefs with a quote each stay far below; long texts of one object share 1,638,400 characters
EVIDENCE = 32_768  # Salesforce's own default for a long text


def _machine(name: str, label: str, explanation: str, kind: FieldKind = "text", length: int = 0) -> FieldSpec:
    return FieldSpec(name, label, explanation, kind, EVERYWHERE, length=length, hidden=kind == "text")


SHOWN = (
    FieldSpec(
        "top_belief", "Belief: Top belief", "The belief that matters most now, and how sure we are of it.",
        "text", EVERYWHERE, length=LINE,
    ),
    FieldSpec(
        "summary", "Belief: Summary",
        "What this customer believes about us, in their words, numbered. Use the numbers when you answer in Belief: Feedback.",
        "long_text", EVERYWHERE, length=SUMMARY,
    ),
    FieldSpec(
        "evidence", "Belief: Evidence", "The customer's own words behind each belief, with source and date.",
        "long_text", EVERYWHERE, length=EVIDENCE,
    ),
    FieldSpec(
        "alignment_score", "Belief: Alignment",
        "How well the customer and our offer agree, from 0 to 100. 50 is the neutral start.",
        "number", EVERYWHERE, length=3,
    ),
    FieldSpec(
        "alignment_band", "Belief: Alignment band",
        "The alignment in one word: High from 65, Low below 40; a word is left 3 points beyond its edge. Insufficient evidence: fewer than 3 observations so far.",
        "picklist", EVERYWHERE, values=BANDS,
    ),
    FieldSpec(
        "confidence", "Belief: Confidence", "How sure we are of the top belief, as of its latest evidence.",
        "percent", EVERYWHERE, length=5, scale=2,
    ),
    FieldSpec(
        "trend", "Belief: Trend",
        "Whether customer and offer have come closer lately. Insufficient evidence: heard fewer than 4 times, or for less than 21 days.",
        "picklist", EVERYWHERE, values=TRENDS,
    ),
    FieldSpec(
        "belief_count", "Belief: Number of beliefs", "How many beliefs we hold evidence for.",
        "number", EVERYWHERE, length=3,
    ),
    FieldSpec(
        "acquisition_source", "Belief: Came through", "The campaign, ad or source that brought this person.",
        "text", ONLY_PERSON, length=LINE,
    ),
    FieldSpec(
        "engagement_score", "Belief: Engagement",
        "How much this person did with us in the 90 days up to their last activity, from 0 to 100.",
        "number", ONLY_PERSON, length=3,
    ),
    FieldSpec(
        "revenue_to_date", "Belief: Revenue to date", "Paid so far, less refunds, disputes and tax.",
        "money", ONLY_PERSON, length=16, scale=2,
    ),
    FieldSpec(
        "people_scored", "Belief: People scored", "How many people of this account have an alignment score.",
        "number", ONLY_ACCOUNT, length=5,
    ),
    FieldSpec(
        "revenue_12m", "Belief: Revenue 12 months",
        "Paid in the 12 months up to the last payment, less refunds, disputes and tax.",
        "money", ONLY_ACCOUNT, length=16, scale=2,
    ),
    FieldSpec(
        "risk", "Belief: Risk", "How much stands against this deal, judged by the people in it.",
        "picklist", ONLY_DEAL, values=RISKS,
    ),
    FieldSpec(
        "next_action", "Belief: Next action", "The most useful thing to do or ask next.",
        "text", ONLY_DEAL, length=LINE,
    ),
)  # fmt: skip
"""What a rep reads."""

KEY = _machine(
    "key",
    "Belief: Key",
    "Names the person, account or deal in the sidecar. Not unique: duplicates share it.",
    length=64,
)
UPDATED_AT = _machine(
    "updated_at", "Belief: Updated", "When the content last changed; not when it was last checked.", "datetime"
)
RUN_ID = _machine("run_id", "Belief: Run", "The plan that wrote these fields; find it with sidecar plan.", length=36)
CONTENT_HASH = _machine("content_hash", "Belief: Content hash", "Fingerprint of what the sidecar wrote.", length=64)
STAMPS = (UPDATED_AT, RUN_ID, CONTENT_HASH)
"""Written only along with content, never by themselves, and left out of the content hash."""

LOCK = FieldSpec(
    "lock", "Belief: Lock", "Tick to stop all updates of the Belief fields on this record.",
    "checkbox", EVERYWHERE, reps_edit=True,
)  # fmt: skip
ANSWERS = (
    LOCK,
    FieldSpec(
        "feedback", "Belief: Feedback", "Is the belief whose number you give right?",
        "picklist", EVERYWHERE, values=VERDICTS, reps_edit=True,
    ),
    FieldSpec(
        "feedback_belief", "Belief: Feedback on number", "The number of the belief in Belief: Summary that you answer.",
        "number", EVERYWHERE, length=2, reps_edit=True,
    ),
    FieldSpec(
        "correction", "Belief: Correction", "What is true instead, in your words.",
        "text", EVERYWHERE, length=LINE, reps_edit=True,
    ),
)  # fmt: skip
"""What a rep fills in; the sidecar creates these fields and never writes them."""

CONTENT = (KEY, *SHOWN)
"""What makes a change a change."""
WRITTEN = (*CONTENT, *STAMPS)
FIELDS = (*WRITTEN, *ANSWERS)


def carried_by(subject: str, specs: tuple[FieldSpec, ...] = FIELDS) -> list[FieldSpec]:
    """The fields that a person's, an account's or a deal's record has, in the order they are listed."""
    return [spec for spec in specs if subject in spec.subjects]
