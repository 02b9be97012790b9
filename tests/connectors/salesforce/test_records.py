"""What each Salesforce record says, in facts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.countries import region
from connectors.salesforce import CONNECTOR
from connectors.talk import is_transcript
from models.facts import Consent, Engagement, Fact, Identifier, Interaction, Outcome, Profile, Relation, Scope, Touch
from models.keys import RecordKey
from models.records import Record

ORG = "00D5g000004SbXEEA0"
AT = datetime(2026, 5, 9, 10, tzinfo=UTC)
CREATED = {"CreatedDate": "2026-05-09T10:00:00.000+0000", "IsDeleted": False}


def facts(stream: str, record_id: str, **fields: object) -> list[Fact]:
    described = CONNECTOR.streams_by_name[stream]
    key = RecordKey("salesforce", ORG, described.object, record_id)
    return list(described.translate(Record(key, AT, {"Id": record_id, **CREATED, **fields})))


def only(kind: type[Fact], found: list[Fact]) -> list[Fact]:
    return [fact for fact in found if isinstance(fact, kind)]


def key(object_name: str, record_id: str) -> str:
    return f"salesforce/{ORG}/{object_name}/{record_id}"


def test_an_account_is_a_profile_with_its_id_site_and_number():
    """A company is recognised by its id, the host of its web site and its number as dialled from abroad."""
    found = facts(
        "accounts",
        "001A",
        Name="Kolbe",
        Website="https://www.Kolbe.example/de",
        Phone="089 123456",
        BillingCountry="Germany",
    )
    assert [(one.scope, one.name) for one in only(Profile, found)] == [(Scope.account, "Kolbe")]
    assert {(one.kind, one.value) for one in only(Identifier, found)} == {
        ("salesforce_id", "001A"), ("domain", "kolbe.example"), ("phone", "+4989123456"),
    }  # fmt: skip


@pytest.mark.parametrize("website", ["[none]", "http://[n/a]", "n/a", "exa mple.com"])
def test_a_site_that_is_none_costs_the_account_nothing_else(website):
    """People type all kinds of things there; the account is still known by its name and id, and a mark counts what could not be read."""
    found = facts("accounts", "001A", Name="Kolbe GmbH", Website=website)
    assert [(one.kind, one.scope) for one in only(Identifier, found)] == [
        ("salesforce_id", Scope.account), ("unreadable", Scope.internal),
    ]  # fmt: skip
    assert only(Profile, found)


def test_a_subsidiary_points_to_its_parent():
    """The parent is the one who has the relation."""
    assert only(Relation, facts("accounts", "001A", ParentId="001P")) == [
        Relation(kind="parent_of", subject=key("Account", "001P"), other=key("Account", "001A"))
    ]


def test_a_contact_belongs_to_an_account_and_is_known_by_address_and_numbers():
    """One number written in two fields is one identifier; the country gives it its code."""
    found = facts(
        "contacts", "003A", Name="Dana Kolbe", Email=" Dana@Kolbe.example", Phone="0171 2345678", MobilePhone="+49 171 2345678",
        MailingCountry="Deutschland", AccountId="001A",
    )  # fmt: skip
    assert {(one.kind, one.value) for one in only(Identifier, found)} == {
        ("salesforce_id", "003A"), ("email", "dana@kolbe.example"), ("phone", "+491712345678"),
    }  # fmt: skip
    assert only(Relation, found) == [
        Relation(kind="member_of", subject=key("Contact", "003A"), other=key("Account", "001A"))
    ]


def test_names_that_other_systems_have_for_a_contact_are_read_from_fields_of_the_users_own():
    """A pasted dashboard address is its customer; a field of the same name that holds no text is none, and a click is no identity."""
    found = facts(
        "contacts", "003A", Name="Dana Kolbe", Stripe_Customer_ID__c="https://dashboard.stripe.com/customers/cus_9s6XKzkNRiz8i3",
        Product_User_ID__c=17.0, FBP__c="fb.1.1596403881668.1116446470", GCLID__c="Cj0K", fbclid__c="IwAR0x",
    )  # fmt: skip
    assert {(one.kind, one.value) for one in only(Identifier, found)} == {
        ("salesforce_id", "003A"), ("stripe_customer", "cus_9s6XKzkNRiz8i3"), ("fbp", "fb.1.1596403881668.1116446470"),
    }  # fmt: skip
    payer = facts("accounts", "001A", Name="Kolbe", Stripe_Customer_ID__c="cus_9s6XKzkNRiz8i3")
    assert (Scope.account, "stripe_customer") in {(one.scope, one.kind) for one in only(Identifier, payer)}


def test_only_a_ticked_box_is_an_opt_out():
    """An empty box is neither consent nor its refusal."""
    assert only(Consent, facts("contacts", "003A", HasOptedOutOfEmail=True, DoNotCall=False)) == [
        Consent(subject=key("Contact", "003A"), channel="email", granted=False)
    ]


PRIVACY = ("HasOptedOutProcessing", "HasOptedOutProfiling", "ShouldForget")


@pytest.mark.parametrize("stream", ["contacts", "leads"])
@pytest.mark.parametrize("boxes", [PRIVACY[:1], PRIVACY[1:2], PRIVACY[2:], PRIVACY])
def test_a_data_privacy_record_that_refuses_is_one_refusal_of_all(stream, boxes):
    """Whichever of its boxes say so, and however many; the record of somebody who ticked none says nothing."""
    ticked = {name: name in boxes for name in PRIVACY}
    (told,) = only(Consent, facts(stream, "003A", Individual=ticked))
    assert (told.channel, told.granted) == ("all", False)
    for nothing in (None, dict.fromkeys(PRIVACY, False)):
        assert only(Consent, facts(stream, "003A", Individual=nothing)) == []


def test_a_converted_lead_names_its_contact_and_takes_no_more_writes():
    """The contact's id is an identifier of the lead too, so the two are one person."""
    found = facts(
        "leads", "00QA", LastName="Kolbe", IsConverted=True, ConvertedContactId="003A", ConvertedDate="2026-05-10"
    )
    assert [one.live for one in only(Profile, found)] == [False]
    assert only(Relation, found)[0].other == key("Contact", "003A")
    assert only(Relation, found)[0].valid_from == datetime(2026, 5, 10, tzinfo=UTC)
    assert ("salesforce_id", "003A") in {(one.kind, one.value) for one in only(Identifier, found)}


def test_a_lead_form_is_the_customers_own_words_and_its_source_a_touch():
    """The form is read as text of the customer; where they came from is a touch at the lead's birth."""
    found = facts("leads", "00QA", LastName="Kolbe", Description="Please call", LeadSource="Web")
    assert only(Interaction, found) == [
        Interaction(subject=key("Lead", "00QA"), source="form", author="customer", field="Description", occurred_at=AT)
    ]
    assert only(Touch, found) == [
        Touch(subject=key("Lead", "00QA"), channel="lead_source", source="Web", responded=True, occurred_at=AT)
    ]


HIDDEN = {
    "UTM_Source__c": "facebook",
    "utm_campaign__c": "Half a day",
    "UTM_Content__c": "6030000000000017",
    "HSA_Cam__c": "601",
}
"""Fields that a web form fills in unseen, as one org has named them."""


def test_hidden_fields_of_a_web_form_name_the_ad():
    """By its number; words where the number belongs name no ad, and without a click or an ad there is no paid touch."""
    touch = Touch(
        subject=key("Lead", "00QA"), channel="paid_social", source="Half a day", source_id="601", ad_id="6030000000000017",
        platform="meta_ads", responded=True, occurred_at=AT,
    )  # fmt: skip
    assert only(Touch, facts("leads", "00QA", LastName="Kolbe", **HIDDEN)) == [touch]
    assert not only(Touch, facts("leads", "00QA", LastName="Kolbe", **(HIDDEN | {"UTM_Content__c": "blue button"})))


@pytest.mark.parametrize(
    ("fields", "channel", "platform", "at"),
    [
        ({"fbc__c": "fb.1.1778234400000.IwAR0xYz.AQ01"}, "paid_social", "meta_ads", datetime(2026, 5, 8, 10, tzinfo=UTC)),
        ({"GCLID__c": "Cj0KCQ"}, "paid_search", "google_ads", AT),
        ({"Facebook_Click_Id__c": "IwAR0"}, "paid_social", "meta_ads", AT),
    ],
)  # fmt: skip
def test_a_click_id_proves_platform_and_time_and_neither_ad_nor_person(fields, channel, platform, at):
    """Only Meta's cookie knows when it was; a link is passed on, so a click identifies nobody."""
    found = facts("leads", "00QA", LastName="Kolbe", **fields)
    assert [(one.channel, one.platform, one.ad_id, one.occurred_at) for one in only(Touch, found)] == [
        (channel, platform, None, at)
    ]
    assert {one.kind for one in only(Identifier, found)} == {"salesforce_id"}


def test_a_contact_repeats_what_its_lead_said_unless_it_knows_when():
    """A conversion copies the fields: as of the contact's birth they would be a second arrival that never was."""
    assert not only(Touch, facts("contacts", "003A", LastName="Kolbe", **HIDDEN))
    (told,) = only(Touch, facts("contacts", "003A", LastName="Kolbe", **HIDDEN, fbc__c="fb.1.1778234400000.IwAR0"))
    assert (told.ad_id, told.occurred_at) == ("6030000000000017", datetime(2026, 5, 8, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (1234.56, "EUR", 123456),
        (19.99, None, 1999),
        (5000, "JPY", 5000),
        (1.234, "KWD", 1234),
        (None, "EUR", None),
        (0.29, "USD", 29),
    ],
)
def test_amounts_are_exact_minor_units_of_their_currency(amount, currency, minor):
    """Currencies without decimals have none, those with three have three."""
    outcome = only(
        Outcome, facts("opportunities", "006A", StageName="Proposal", Amount=amount, CurrencyIsoCode=currency)
    )[0]
    assert (outcome.amount_minor, outcome.currency) == (minor, currency.lower() if currency else None)


@pytest.mark.parametrize(
    ("won", "closed", "status"), [(True, True, "won"), (False, True, "lost"), (False, False, "open")]
)
def test_a_deal_is_open_won_or_lost(won, closed, status):
    """What the CRM says became of it."""
    found = facts(
        "opportunities", "006A", StageName="X", IsWon=won, IsClosed=closed, CloseDate="2026-06-30", AccountId="001A"
    )
    assert found == [
        Outcome(subject=key("Account", "001A"), status=status, stage="X", closes_at=datetime(2026, 6, 30, tzinfo=UTC))
    ]


def test_a_contact_role_ties_a_person_to_a_deal():
    """With the part they play."""
    found = facts("opportunity_contact_roles", "00KA", ContactId="003A", OpportunityId="006A", Role="Evaluator")
    assert [(one.subject, one.other, one.role) for one in found] == [
        (key("Contact", "003A"), key("Opportunity", "006A"), "Evaluator")
    ]


def test_a_call_is_an_engagement_and_its_note_hearsay():
    """The rep wrote it, about the person the task names, regarding the deal."""
    found = facts(
        "tasks", "00TA", WhoId="003A", WhatId="006A", TaskSubtype="Call", CallType="Inbound", CallDurationInSeconds=90,
        Description="Wants a discount", CompletedDateTime="2026-05-09T10:00:00.000+0000",
    )  # fmt: skip
    assert only(Engagement, found) == [
        Engagement(
            subject=key("Contact", "003A"), kind="call", direction="inbound", regarding=key("Opportunity", "006A"),
            duration_s=90, occurred_at=AT,
        )
    ]  # fmt: skip
    note = only(Interaction, found)[0]
    assert (note.source, note.author, note.field) == ("call_note", "rep", "Description")


@pytest.mark.parametrize(("closed", "kind"), [(True, "call"), (False, "task"), (None, "call")])
def test_a_call_that_is_still_to_be_made_is_no_call(closed, kind):
    """An open task is something to do, whatever it is about; where we may not see its state, its type counts."""
    found = facts("tasks", "00TA", WhoId="003A", Type="Call", ActivityDate="2027-03-01", IsClosed=closed)
    assert [one.kind for one in only(Engagement, found)] == [kind]


def test_the_task_beside_an_email_gives_no_second_text():
    """Its words are in the e-mail message, and one text is one observation."""
    assert not only(Interaction, facts("tasks", "00TA", WhoId="003A", TaskSubtype="Email", Description="Body: hello"))


def test_an_activity_of_a_lead_hangs_on_the_lead_and_one_of_nobody_on_the_account():
    """The id's prefix tells the object; without a person there is no text to attribute."""
    assert facts("tasks", "00TA", WhoId="00QA")[0].subject == key("Lead", "00QA")
    nobody = facts("tasks", "00TA", WhatId="001A", Description="note")
    assert [one.subject for one in nobody] == [key("Account", "001A")]
    assert facts("tasks", "00TA", Description="note") == []


@pytest.mark.parametrize(
    ("subject", "source", "author"),
    [
        ("Call transcript", "transcript", "rep"),
        ("Support call transcript", "transcript", "agent"),
        ("Demo", "call_note", "rep"),
    ],
)
def test_a_meeting_holds_a_transcript_or_notes(subject, source, author):
    """The subject may say so."""
    words = only(Interaction, facts("events", "00UA", WhoId="003A", Subject=subject, Description="They liked it."))[0]
    assert (words.source, words.author) == (source, author)


@pytest.mark.parametrize(
    ("text", "markup"),
    [("<html><p>Hi", True), (" <DIV class='x'>Hi", True), ("< 5 seats", False), ("<Rosa> hello", False)],
)
def test_markup_in_a_plain_field_is_told_from_words(text, markup):
    """A pasted mail begins with a tag; an angle bracket alone is none."""
    words = only(Interaction, facts("cases", "500A", ContactId="003A", Description=text))[0]
    assert words.html == markup


def test_a_talk_is_told_from_notes_by_its_turns():
    """Every planted transcript is recognised by its text alone, and no call note is."""
    lines = (Path(__file__).parents[3] / "sandbox" / "data" / "beliefs_dev.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line) for line in lines]
    assert all(is_transcript("", one["text"]) for one in texts if one["source"] == "transcript")
    assert not any(is_transcript("", one["text"]) for one in texts if one["source"] == "call_note")


@pytest.mark.parametrize(
    ("origin", "source", "author"),
    [("Web", "ticket", "customer"), ("Chat", "chat", "customer"), ("System", "ticket", "agent")],
)
def test_a_case_is_a_ticket_or_a_chat_in_the_customers_words(origin, source, author):
    """What a machine opened is nobody's words."""
    words = only(Interaction, facts("cases", "500A", ContactId="003A", Origin=origin, Description="It broke"))[0]
    assert (words.source, words.author, words.thread) == (source, author, "500A")


def test_a_case_that_was_closed_says_when():
    """An open one has no date, nor has one that was opened again, of which Salesforce takes the date away."""
    (closed,) = only(Engagement, facts("cases", "500A", ContactId="003A", ClosedDate="2026-03-04T05:06:07.000+0000"))
    (left,) = only(Engagement, facts("cases", "500B", ContactId="003A", ClosedDate=None))
    assert (closed.closed_at, left.closed_at) == (datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("kind", "author"), [("Guest", "customer"), ("CspLitePortal", "customer"), ("Standard", "rep"), (None, "rep")]
)
def test_a_comment_is_the_customers_if_a_portal_user_wrote_it(kind, author):
    """Who wrote it and whose case it is come from the parents."""
    created_by = {"UserType": kind} if kind else None
    found = facts(
        "case_comments",
        "00aA",
        ParentId="500A",
        Parent={"ContactId": "003A"},
        CreatedBy=created_by,
        CommentBody="Thanks",
    )
    assert [(one.subject, one.author, one.thread) for one in found] == [(key("Contact", "003A"), author, "500A")]


@pytest.mark.parametrize(
    ("sender", "incoming", "author"),
    [("dana@kolbe.example", True, "customer"), ("rosa@us.example", False, "rep"), ("NoReply@us.example", False, "agent"),
     ("MAILER-DAEMON@mx.example", True, "agent")],
)  # fmt: skip
def test_an_email_is_the_customers_ours_or_a_machines(sender, incoming, author):
    """It hangs on the person of the task it was logged with."""
    found = facts(
        "email_messages", "02sA", ActivityId="00TA", Activity={"WhoId": "003A"}, Incoming=incoming, FromAddress=sender,
        TextBody="Hello", HtmlBody="<p>Hello</p>", ThreadIdentifier="<t>", MessageDate="2026-05-09T10:00:00.000+0000",
    )  # fmt: skip
    assert found == [
        Interaction(
            subject=key("Contact", "003A"),
            source="email",
            author=author,
            field="TextBody",
            thread="<t>",
            occurred_at=AT,
        )
    ]


def test_an_email_without_a_task_is_a_deed_of_its_own():
    """It is found by sender or case; markup is used where there is no plain text."""
    found = facts(
        "email_messages", "02sA", Parent={"ContactId": "003A"}, ParentId="500A", Incoming=True, HtmlBody="<p>Hi</p>"
    )
    assert [(one.kind, one.direction) for one in only(Engagement, found)] == [("email", "inbound")]
    assert [(one.field, one.html) for one in only(Interaction, found)] == [("HtmlBody", True)]


def test_a_campaign_member_was_touched_by_name_and_day():
    """The answer counts from its day; a converted lead's member hangs on the lead."""
    found = facts(
        "campaign_members", "00vA", LeadId="00QA", ContactId="003A", CampaignId="701A", Campaign={"Name": "Fair"},
        HasResponded=True, FirstRespondedDate="2026-05-12",
    )  # fmt: skip
    assert found == [
        Touch(
            subject=key("Lead", "00QA"), channel="campaign", source="Fair", source_id="701A", responded=True,
            occurred_at=datetime(2026, 5, 12, tzinfo=UTC),
        )
    ]  # fmt: skip


def test_our_own_people_are_internal_and_portal_users_nobody_new():
    """A customer's login is a contact already."""
    found = facts("users", "005A", Name="Rosa", Email="rosa@us.example", IsActive=True)
    assert {one.scope for one in found} == {Scope.internal}
    assert facts("users", "005B", Name="Dana", Email="dana@kolbe.example", ContactId="003A") == []


@pytest.mark.parametrize(
    ("stream", "fields", "names"),
    [("contacts", {"Email": 5}, "Email"), ("opportunities", {"StageName": "X", "Amount": "much"}, "Amount"),
     ("tasks", {"WhoId": "003A", "CompletedDateTime": "soon"}, "CompletedDateTime"), ("opportunities", {}, "StageName"),
     ("case_comments", {"Parent": "500A"}, "Parent")],
)  # fmt: skip
def test_a_record_that_makes_no_sense_is_refused_by_field_and_never_by_value(stream, fields, names):
    """The reason names the field; the value stays out of it."""
    with pytest.raises(ValueError, match=names) as refused:
        facts(stream, "003A", **fields)
    assert "much" not in str(refused.value)
    assert "soon" not in str(refused.value)


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("Germany", "DE"),
        ("Deutschland", "DE"),
        ("us", "US"),
        ("USA", "US"),
        ("UK", "GB"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_countries_are_known_as_people_write_them(country, code):
    """By code, by name in any language, by habit."""
    assert region(country) == code
