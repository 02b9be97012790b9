"""What each HubSpot record says, in facts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.hubspot import CONNECTOR
from models.facts import Consent, Engagement, Fact, Identifier, Interaction, Outcome, Profile, Relation, Scope, Touch
from models.keys import RecordKey
from models.records import Record

PORTAL = "145000001"
AT = datetime(2026, 5, 9, 10, tzinfo=UTC)
WRITTEN = "2026-05-09T10:00:00Z"
PAYLOADS = Path(__file__).parent / "payloads"


def facts(stream: str, record_id: str, **fields: object) -> list[Fact]:
    described = CONNECTOR.streams_by_name[stream]
    stamps = dict.fromkeys(("createdate", "hs_createdate"), WRITTEN)
    record = Record(RecordKey("hubspot", PORTAL, described.object, record_id), AT, {**stamps, **fields})
    return list(described.translate(record))


def payload(name: str, **changes: object) -> dict[str, object]:
    return {**json.loads((PAYLOADS / f"{name}.json").read_text("utf-8")), **changes}


def only(kind: type[Fact], found: list[Fact]) -> list[Fact]:
    return [fact for fact in found if isinstance(fact, kind)]


def key(object_name: str, record_id: str) -> str:
    return f"hubspot/{PORTAL}/{object_name}/{record_id}"


def tied(**ends: list[tuple[int, list[str | None]]]) -> dict[str, object]:
    """Associations as v4 gives them."""
    return {
        kind: [
            {
                "toObjectId": one,
                "associationTypes": [
                    {"category": "HUBSPOT_DEFINED", "typeId": number, "label": label}
                    for number, label in enumerate(labels)
                ],
            }
            for one, labels in found
        ]
        for kind, found in ends.items()
    }


DANA = tied(contacts=[(101, [None])])


def test_a_contact_is_a_person_with_names_in_other_systems():
    """Own ids, also merged ones, addresses, numbers as dialled from abroad, and the ids that integrations leave."""
    found = facts("contacts", "101", **payload("contact"))
    assert only(Profile, found) == [
        Profile(
            scope=Scope.person,
            name="Dana Kolbe",
            title="CFO",
            company="Kolbe Stanztechnik",
            email="dana@kolbe.example",
            phone="0171 2345678",
            country="Deutschland",
            created_at=AT,
        )
    ]
    assert {(one.scope, one.kind, one.value) for one in only(Identifier, found)} == {
        (Scope.person, kind, value)
        for kind, value in [
            ("hubspot_id", "101"), ("hubspot_id", "99"), ("hubspot_id", "98"), ("email", "dana@kolbe.example"),
            ("email", "d.kolbe@old.example"), ("phone", "+491712345678"), ("salesforce_id", "0035g00000AbCdEAAV"),
            ("salesforce_id", "00Q5g00000AbCdEAAV"), ("stripe_customer", "cus_Qf3kTNx8mYwZ1a"),
        ]
    }  # fmt: skip


def test_names_that_other_systems_have_for_a_contact_are_read_from_properties_of_the_users_own():
    """The product's user and the browser; click ids are touches, never identity."""
    own = {"product_user_id": "u-17", "fbp": "fb.1.1596403881668.1116446470", "hs_facebook_click_id": "IwAR0x"}
    found = {(one.kind, one.value) for one in only(Identifier, facts("contacts", "101", **own))}
    assert {("external_id", "u-17"), ("fbp", "fb.1.1596403881668.1116446470")} <= found
    assert not [value for _, value in found if "IwAR0x" in value]


def test_a_contact_belongs_to_each_of_its_companies_the_primary_one_first():
    """Whatever their ids."""
    ends = tied(companies=[(501, [None]), (502, ["Primary", None])])
    assert [one.other for one in only(Relation, facts("contacts", "101", associations=ends))] == [
        key("company", "502"),
        key("company", "501"),
    ]


@pytest.mark.parametrize(("box", "consents"), [("true", 1), ("false", 0), (None, 0)])
def test_only_a_ticked_box_is_an_opt_out(box, consents):
    """An empty box is neither consent nor its refusal."""
    found = only(Consent, facts("contacts", "101", hs_email_optout=box))
    assert found == [Consent(subject=key("contact", "101"), channel="email", granted=False)] * consents


LEGAL_BASES = [
    ("Freely given consent from contact", 1), ("Performance of a contract;Freely given consent from contact", 1),
    ("Legitimate interest \u2013 existing customer", 0), ("Not applicable", 0), (None, 0),
]  # fmt: skip
"""Values of the property as sandbox/hubspot/definitions.py has them, and how many grants each is."""


@pytest.mark.parametrize(("basis", "grants"), LEGAL_BASES)
def test_only_the_contacts_own_consent_is_a_grant(basis, grants):
    """The other legal bases are the seller's reasons: neither a grant nor a refusal."""
    found = only(Consent, facts("contacts", "101", hs_legal_basis=basis))
    assert found == [Consent(subject=key("contact", "101"), channel="all", granted=True)] * grants


def test_a_contact_that_was_merged_is_a_second_name_and_takes_no_more_writes():
    """The other one lists this id among its own."""
    found = facts("contacts", "99", hs_object_id="99", mergedInto="101")
    assert [one.live for one in only(Profile, found)] == [False]
    assert {one.value for one in only(Identifier, found)} == {"99"}


AD = "https://acme.example/?utm_source=facebook&utm_campaign=Half+a+day&utm_content=6030000000000017&hsa_cam=601"


@pytest.mark.parametrize(
    ("fields", "touch"),
    [
        (
            {"hs_analytics_source": "PAID_SOCIAL", "hs_analytics_first_url": AD, "hs_analytics_source_data_1": "Facebook"},
            {"channel": "paid_social", "source": "Half a day", "source_id": "601", "ad_id": "6030000000000017", "platform": "meta_ads"},
        ),
        (
            {"hs_analytics_source": "PAID_SOCIAL", "hs_analytics_first_url": "https://acme.example/?utm_content=blue+button"},
            {"channel": "paid_social"},
        ),
        (
            {"hs_analytics_source": "ORGANIC_SEARCH", "hs_analytics_source_data_1": "google"},
            {"channel": "organic_search", "source": "google"},
        ),
        (
            {"hs_analytics_source": "OFFLINE", "hs_analytics_source_data_1": "INTEGRATION", "hs_facebook_click_id": "IwAR0"},
            {"channel": "paid_social", "source": "INTEGRATION", "platform": "meta_ads"},
        ),
        ({"hs_analytics_first_url": "https://acme.example/?gclid=Cj0"}, {"channel": "paid_search", "platform": "google_ads"}),
        (
            {"hs_analytics_source": "PAID_SEARCH", "hs_analytics_first_url": "https://acme.example/?hsa_net=adwords&hsa_cam=77&hsa_grp=78&hsa_ad=612345678901"},
            {"channel": "paid_search", "source_id": "77", "ad_id": "612345678901", "platform": "google_ads"},
        ),
        (
            {"hs_analytics_source": "ORGANIC_SEARCH", "hs_analytics_first_url": "https://acme.example/?utm_source=google", "hsa_ad": "6030000000000017"},
            {"channel": "organic_search"},
        ),
        (
            {"hs_analytics_source": "OFFLINE", "utm_source": "fb", "utm_campaign": "Half a day", "utm_content": "6030000000000017"},
            {"channel": "paid_social", "source": "Half a day", "ad_id": "6030000000000017", "platform": "meta_ads"},
        ),
    ],
)  # fmt: skip
def test_how_a_person_came_is_a_touch(fields, touch):
    """By source and address; an ad is named only by a number, a bare click id says that it was one."""
    found = facts("contacts", "101", hs_analytics_first_timestamp="2026-05-08T10:00:00Z", **fields)
    at = datetime(2026, 5, 8, 10, tzinfo=UTC)
    assert only(Touch, found) == [Touch(subject=key("contact", "101"), responded=True, occurred_at=at, **touch)]


def test_the_latest_source_is_a_touch_of_its_own():
    """Where HubSpot knows of a later visit than the first; an import is none."""
    seen = {"hs_analytics_source": "REFERRALS", "hs_analytics_first_timestamp": "2026-05-08T10:00:00Z"}
    late = {
        "hs_latest_source": "PAID_SOCIAL",
        "hs_analytics_last_url": AD,
        "hs_latest_source_timestamp": "2026-06-01T09:00:00Z",
    }
    first, last = only(Touch, facts("contacts", "101", **seen, **late))
    assert (first.channel, last.channel, last.ad_id) == ("referrals", "paid_social", "6030000000000017")
    assert last.occurred_at == datetime(2026, 6, 1, 9, tzinfo=UTC)
    for same in ({"hs_latest_source": "OFFLINE"}, {"hs_latest_source_timestamp": "2026-05-08T10:00:00Z"}):
        assert only(Touch, facts("contacts", "101", **seen, **(late | same))) == [first]


def test_the_cookie_of_a_click_knows_when_it_was():
    """Its appendix is no part of the click; one that is broken proves nothing."""
    cookie = "fb.1.1778234400000.IwAR0xYz_AbC.AQ01"
    (found,) = only(Touch, facts("contacts", "101", createdate="2026-05-09T10:00:00Z", fbc=cookie))
    assert (found.channel, found.platform, found.ad_id) == ("paid_social", "meta_ads", None)
    assert found.occurred_at == datetime(2026, 5, 8, 10, tzinfo=UTC)
    assert not only(Touch, facts("contacts", "101", createdate="2026-05-09T10:00:00Z", fbc="fb.1.never.IwAR0"))


@pytest.mark.parametrize("fields", [{}, {"hs_analytics_source": "OFFLINE"}, {"hs_analytics_first_url": "http://[x"}])
def test_a_record_that_was_merely_made_touched_nobody(fields):
    """An import is no marketing, and a broken address says nothing."""
    assert not only(Touch, facts("contacts", "101", **fields))


def test_a_company_is_known_by_its_ids_its_sites_and_its_number():
    """A subsidiary points to its parent."""
    found = facts(
        "companies", "501", name="Kolbe", domain="kolbe.example", website="https://www.kolbe.example/de",
        hs_additional_domains="kolbe.test;", phone="089 123456", country="Germany", salesforceaccountid="001A", hs_parent_company_id="500",
    )  # fmt: skip
    assert {(one.kind, one.value) for one in only(Identifier, found)} == {
        ("hubspot_id", "501"), ("domain", "kolbe.example"), ("domain", "kolbe.test"), ("phone", "+4989123456"),
        ("salesforce_id", "001A"),
    }  # fmt: skip
    assert {one.scope for one in only(Identifier, found)} == {Scope.account}
    assert only(Relation, found) == [
        Relation(kind="parent_of", subject=key("company", "500"), other=key("company", "501"))
    ]


@pytest.mark.parametrize(
    ("meaning", "flags", "status"),
    [
        ("won", {}, "won"),
        ("lost", {"hs_is_closed_won": "true"}, "lost"),
        ("open", {"hs_is_closed": "true"}, "open"),
        (None, {"hs_is_closed": "true", "hs_is_closed_won": "true"}, "won"),
        (None, {"hs_is_closed": "true", "hs_is_closed_won": "false"}, "lost"),
        (None, {}, "open"),
    ],
)
def test_a_deal_is_open_won_or_lost_by_what_its_stage_means(meaning, flags, status):
    """By the deal's own flags where the pipeline is gone."""
    found = facts("deals", "900", dealstage="77", stageMeaning=meaning, **flags)
    assert [one.status for one in only(Outcome, found)] == [status]


@pytest.mark.parametrize(
    ("fields", "minor", "currency"),
    [
        ({"amount": "1234.56", "deal_currency_code": "USD", "companyCurrency": "eur"}, 123456, "usd"),
        ({"amount": "5000", "companyCurrency": "jpy"}, 5000, "jpy"),
        ({"amount": "0.29"}, 29, None),
        ({"companyCurrency": "eur"}, None, "eur"),
    ],
)
def test_amounts_are_exact_minor_units_of_the_deals_or_the_portals_currency(fields, minor, currency):
    """Text all the way, so no cent is lost."""
    (outcome,) = only(Outcome, facts("deals", "900", dealstage="x", **fields))
    assert (outcome.amount_minor, outcome.currency) == (minor, currency)


def test_a_deal_names_its_company_and_who_plays_which_part():
    """A label of the tie is the role; without one nothing is said."""
    ends = tied(contacts=[(101, ["Decision maker", None]), (102, [None])], companies=[(501, ["Primary"])])
    found = facts("deals", "900", dealstage="x", closedate="2026-06-30T00:00:00Z", associations=ends)
    assert only(Outcome, found)[0].subject == key("company", "501")
    assert only(Outcome, found)[0].closes_at == datetime(2026, 6, 30, tzinfo=UTC)
    assert [(one.kind, one.subject, one.other, one.role) for one in only(Relation, found)] == [
        ("contact_role", key("contact", "101"), key("deal", "900"), "Decision maker"),
        ("contact_role", key("contact", "102"), key("deal", "900"), None),
    ]


def test_a_call_is_an_engagement_and_its_note_hearsay():
    """The rep wrote it, about the contact, regarding the deal; others who took part are named."""
    ends = tied(contacts=[(101, [None]), (102, [None])], deals=[(900, [None])], companies=[(501, [None])])
    found = facts(
        "calls", "7", hs_timestamp=WRITTEN, hs_call_direction="INBOUND", hs_call_duration="90000", hs_call_body="Wants a discount",
        associations=ends,
    )  # fmt: skip
    assert only(Engagement, found) == [
        Engagement(
            subject=key("contact", "101"), kind="call", direction="inbound", regarding=key("deal", "900"), duration_s=90,
            occurred_at=AT,
        )
    ]  # fmt: skip
    assert only(Interaction, found) == [
        Interaction(
            subject=key("contact", "101"), source="call_note", author="rep", field="hs_call_body", participants=[key("contact", "102")],
            regarding=key("deal", "900"), thread="7", occurred_at=AT,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["NO_ANSWER", "BUSY", "FAILED"])
def test_a_call_that_nobody_took_is_no_engagement(status):
    """What the rep noted is still there."""
    found = facts("calls", "7", hs_call_status=status, hs_call_body="Left a message", associations=DANA)
    assert (len(only(Engagement, found)), len(only(Interaction, found))) == (0, 1)


@pytest.mark.parametrize(
    ("title", "body", "source", "author"),
    [
        ("Demo", "They liked it.", "call_note", "rep"),
        ("Call transcript", "They liked it.", "transcript", "rep"),
        ("Support call transcript", "They liked it.", "transcript", "agent"),
        ("Demo", "<p>Ada: Hi</p><p>Dana: Hello</p><p>Ada: So?</p>", "transcript", "rep"),
    ],
)
def test_a_meeting_holds_a_transcript_or_notes(title, body, source, author):
    """The title may say so, or the turns, also where they are markup."""
    (words,) = only(
        Interaction, facts("meetings", "7", hs_meeting_title=title, hs_meeting_body=body, associations=DANA)
    )
    assert (words.source, words.author, words.html) == (source, author, body.startswith("<"))


@pytest.mark.parametrize(("outcome", "held"), [("COMPLETED", 1), ("NO_SHOW", 0), ("CANCELED", 0), (None, 1)])
def test_a_meeting_that_did_not_take_place_is_no_engagement(outcome, held):
    """Its length is from start to end."""
    found = facts(
        "meetings", "7", hs_meeting_start_time=WRITTEN, hs_meeting_end_time="2026-05-09T10:45:00Z", hs_meeting_outcome=outcome,
        associations=DANA,
    )  # fmt: skip
    assert [one.duration_s for one in only(Engagement, found)] == [45 * 60] * held


@pytest.mark.parametrize(
    ("sender", "direction", "author"),
    [("dana@kolbe.example", "INCOMING_EMAIL", "customer"), ("rosa@us.example", "EMAIL", "rep"),
     ("NoReply@us.example", "EMAIL", "agent"), ("rosa@us.example", "FORWARDED_EMAIL", "rep")],
)  # fmt: skip
def test_an_email_is_the_customers_ours_or_a_machines(sender, direction, author):
    """Plain text is preferred, markup used where there is none."""
    given = {
        "hs_email_from_email": sender,
        "hs_email_direction": direction,
        "hs_email_thread_id": "t",
        "associations": DANA,
    }
    (words,) = only(Interaction, facts("emails", "7", hs_email_text="Hello", hs_email_html="<p>Hello</p>", **given))
    assert (words.author, words.field, words.html, words.thread) == (author, "hs_email_text", False, "t")
    (marked,) = only(Interaction, facts("emails", "7", hs_email_html="Hello<br>you", **given))
    assert (marked.field, marked.html) == ("hs_email_html", True)


@pytest.mark.parametrize("status", ["FAILED", "BOUNCED", "SCHEDULED"])
def test_an_email_that_did_not_arrive_says_nothing(status):
    """Nobody has read it."""
    assert facts("emails", "7", hs_email_status=status, hs_email_text="Hello", associations=DANA) == []


@pytest.mark.parametrize(("came", "source"), [("FORM", "ticket"), ("CHAT", "chat"), (None, "ticket")])
def test_a_ticket_is_a_request_or_a_chat_in_the_customers_words(came, source):
    """It hangs on its contact, and is about the deal or the company."""
    ends = tied(contacts=[(101, [None])], companies=[(501, [None])])
    found = facts("tickets", "7", content="It broke", source_type=came, associations=ends)
    (words,) = only(Interaction, found)
    assert (words.source, words.author, words.field, words.regarding) == (source, "customer", "content", key("company", "501"))  # fmt: skip
    assert [(one.kind, one.direction) for one in only(Engagement, found)] == [("ticket", "inbound")]


def test_a_ticket_that_was_closed_says_when():
    """An open one has no date."""
    (closed,) = only(Engagement, facts("tickets", "7", closed_date="2026-03-04T05:06:07Z", associations=DANA))
    (left,) = only(Engagement, facts("tickets", "8", closed_date="", associations=DANA))
    assert (closed.closed_at, left.closed_at) == (datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), None)


def test_a_note_is_hearsay_and_no_engagement():
    """Writing it down did nothing to the customer."""
    found = facts("notes", "7", hs_timestamp=WRITTEN, hs_note_body="Likes us", associations=DANA)
    assert [(type(one), one.source, one.author) for one in found] == [(Interaction, "call_note", "rep")]


def test_a_logged_message_is_a_chat_whose_lines_tell_who_wrote():
    """By itself it is ours."""
    found = facts("communications", "7", hs_communication_body="Dana: too dear", associations=DANA)
    assert [one.kind for one in only(Engagement, found)] == ["message"]
    assert [(one.source, one.author) for one in only(Interaction, found)] == [("chat", "rep")]


@pytest.mark.parametrize("stream", ["calls", "emails", "meetings", "notes", "communications", "tickets"])
def test_an_activity_of_nobody_hangs_on_the_company_and_says_no_words(stream):
    """Words hang on a person; without one they stay in the record."""
    bodies = dict.fromkeys(
        ("hs_call_body", "hs_email_text", "hs_meeting_body", "hs_note_body", "hs_communication_body", "content"), "hello"
    )  # fmt: skip
    found = facts(stream, "7", **bodies, associations=tied(companies=[(501, [None])]))
    assert not only(Interaction, found)
    assert {one.subject for one in only(Engagement, found)} <= {key("company", "501")}
    assert not only(Interaction, facts(stream, "7", **bodies))


def test_a_form_is_somebody_with_an_address_and_their_own_words():
    """Only what asks for more than a line is read as words; the page tells of the ad."""
    found = facts("form_submissions", "c-1", **payload("form_submission"))
    subject, at = key("form_submission", "c-1"), datetime(2026, 5, 9, 10, tzinfo=UTC)
    assert {(one.kind, one.value) for one in only(Identifier, found)} == {
        ("email", "dana@kolbe.example"),
        ("phone", "+491712345678"),
    }
    assert only(Engagement, found) == [Engagement(subject=subject, kind="form", direction="inbound", occurred_at=at)]
    assert only(Touch, found) == [
        Touch(
            subject=subject, channel="paid_social", source="Half a day", ad_id="6030000000000017", platform="meta_ads",
            responded=True, occurred_at=at,
        )
    ]  # fmt: skip
    assert [(one.field, one.author, one.source) for one in only(Interaction, found)] == [
        ("your_needs", "customer", "form"),
        ("message", "customer", "form"),
    ]


def test_our_own_people_are_internal_also_when_they_have_left():
    """They are never customers."""
    found = facts("owners", "11", firstName="Rosa", lastName="Diaz", email="rosa@us.example", archived=True)
    assert {one.scope for one in found} == {Scope.internal}
    assert [one.live for one in only(Profile, found)] == [False]


@pytest.mark.parametrize(
    ("stream", "fields", "names"),
    [
        ("contacts", {"email": 5}, "email"),
        ("deals", {"dealstage": "x", "amount": "much"}, "amount"),
        ("deals", {}, "dealstage"),
        ("calls", {"hs_timestamp": "soon"}, "hs_timestamp"),
        ("calls", {"hs_call_duration": "-5", "associations": DANA}, "hs_call_duration"),
        ("notes", {"associations": {"contacts": "101"}}, "associations.contacts"),
        ("notes", {"associations": {"contacts": ["101"]}}, "associations.contacts"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused_by_property_and_never_by_value(stream, fields, names):
    """The reason names the property; the value stays out of it."""
    with pytest.raises(ValueError, match=names) as refused:
        facts(stream, "7", **fields)
    assert "much" not in str(refused.value)
    assert "soon" not in str(refused.value)
