"""How lines and talks read as facts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.product_events import CONNECTOR
from connectors.product_events.campaigns import marks
from connectors.product_events.transcripts import participant_id
from models.facts import Engagement, Fact, Identifier, Interaction, Profile, Scope, Touch
from models.keys import RecordKey
from models.records import Record

PAYLOADS = Path(__file__).parent / "payloads"
AT = datetime(2026, 5, 9, 10, tzinfo=UTC)
DANA = "product_events/app/user/u-4711"


def facts(stream: str, name: str, *, without: str = "", **changes: Any) -> list[Fact]:
    payload = json.loads((PAYLOADS / f"{name}.json").read_text()) | changes
    payload.pop(without, None)
    found = CONNECTOR.streams_by_name[stream]
    return list(found.translate(Record(RecordKey("product_events", "app", found.object, "id-1"), AT, payload)))


def someone(address: str) -> str:
    return f"product_events/app/participant/{participant_id(address)}"


def test_a_user_is_a_person_under_the_id_that_the_product_gave():
    """Traits give name, address, number in the form of its country, and the id that other systems may carry."""
    profile, *others = facts("users", "identify")
    assert profile == Profile(
        scope=Scope.person, name="Dana Kolbe", title="CFO", company="Kolbe Stanztechnik GmbH",
        email="Dana.Kolbe@Kolbe.example", phone="0711 2345678", country="DE", created_at=datetime(2026, 1, 1, 10, tzinfo=UTC),
    )  # fmt: skip
    wanted = (("external_id", "u-4711"), ("email", "dana.kolbe@kolbe.example"), ("phone", "+497112345678"))
    assert others == [fact for kind, value in wanted for fact in Identifier.of(Scope.person, kind, value)]


def test_a_browser_that_a_user_is_known_by_is_a_weak_name_and_one_of_another_form_is_marked():
    """Only traits name a person: what an event carries would make a hub of every browser."""
    traits = {"name": "Dana Kolbe", "fbp": "fb.1.1596403881668.1116446470"}
    kinds = [one.kind for one in facts("users", "identify", traits=traits) if isinstance(one, Identifier)]
    assert kinds == ["external_id", "fbp"]
    odd = [one for one in facts("users", "identify", traits={"fbp": "GA1.2"}) if isinstance(one, Identifier)]
    assert [(one.kind, one.value) for one in odd] == [("external_id", "u-4711"), ("unreadable", "fbp")]
    track = facts("events", "track", context={"fbp": "fb.1.1596403881668.1116446470"})
    assert not [one for one in track if isinstance(one, Identifier)]


def test_a_track_is_use_of_the_product():
    """Its event is the action; the address of the page it happened on is no arrival."""
    deed = Engagement(subject=DANA, kind="product", action="Report exported", occurred_at=AT + timedelta(minutes=1))
    assert facts("events", "track") == [deed]


def test_a_page_view_with_marks_is_a_touch_that_names_its_ad():
    """Campaign, channel and ad come from the address; the view itself is use as any other."""
    at = AT - timedelta(minutes=1)
    assert facts("events", "page") == [
        Engagement(subject=DANA, kind="product", action="page", occurred_at=at),
        Touch(
            subject=DANA, channel="paid_social", source="Price calculator", ad_id="60300000001000004", platform="meta_ads",
            responded=True, occurred_at=at,
        ),
    ]  # fmt: skip


def test_a_visitor_whom_no_line_names_is_nobody():
    """A cookie is no person: without a user id a deed is kept and says nothing."""
    assert facts("events", "track", without="userId", anonymousId="v-1") == []


def test_snake_case_and_whole_numbers_name_a_user_too():
    """`user_id` counts like `userId`, and 17 like "17"."""
    (deed,) = facts("events", "track", without="userId", user_id=17)
    assert deed.subject == "product_events/app/user/17"


URL = "https://www.acme.example/start?"


@pytest.mark.parametrize(
    ("query", "channel", "source", "ad_id"),
    [
        ("fbclid=IwAR0x", "paid_social", None, None),
        ("gclid=Cj0K", "paid_search", None, None),
        ("utm_source=google&utm_medium=cpc&utm_campaign=Brand&utm_content=headline-b", "paid_search", "Brand", None),
        ("utm_source=Facebook&utm_medium=CPC&utm_content=60210", "paid_social", "Facebook", "60210"),
        ("utm_source=letter&utm_medium=e-mail&utm_campaign=May", "email", "May", None),
        ("utm_source=linkedin.com&utm_medium=social", "social", "linkedin.com", None),
        ("utm_source=fair&utm_medium=flyer&utm_content=²", "other_campaigns", "fair", None),
        ("utm_medium=paid&utm_source=partner", "paid", "partner", None),
        ("utm_source=a&utm_source=b&utm_medium=referral", "referral", "a", None),
        ("utm_campaign=M%C3%BCnchen+%26+mehr", "other_campaigns", "München & mehr", None),
    ],
)
def test_the_address_tells_how_somebody_came(query: str, channel: str, source: str | None, ad_id: str | None):
    """Source and medium name the channel, a click id does where they do not; only a number is the id of an ad."""
    found = marks(URL + query)
    assert found
    assert (found.channel, found.source, found.ad_id) == (channel, source, ad_id)


@pytest.mark.parametrize(
    "url", ["", "/plans", "https://x.example/?q=1&utm_content=5", "https://[x/?utm_source=a", "utm_source=a"]
)
def test_an_address_without_marks_tells_nothing(url: str):
    """Neither does what is no address."""
    assert marks(url) is None


def test_a_talk_is_a_meeting_of_its_customers_and_hangs_on_the_first():
    """Both customers met; the words are the first one's, the other is known to have been there, the rep is not asked."""
    dana, viktor = someone("dana.kolbe@kolbe.example"), someone("viktor@kolbe.example")
    assert facts("transcripts", "transcript") == [
        Engagement(subject=dana, kind="meeting", duration_s=1260, occurred_at=AT),
        Engagement(subject=viktor, kind="meeting", duration_s=1260, occurred_at=AT),
        Interaction(
            subject=dana, source="transcript", author="rep", field="text", participants=[viktor], thread="id-1", occurred_at=AT
        ),
    ]  # fmt: skip


def test_a_support_line_records_as_an_agent():
    """What an automatic agent took down is marked as such."""
    assert facts("transcripts", "transcript", recorded_by="agent")[-1].author == "agent"


def test_a_participant_is_a_person_if_a_customer_and_a_colleague_if_not():
    """A colleague's address is internal, so that it ties no records of customers."""
    assert facts("participants", "participant") == [
        Profile(scope=Scope.person, name="Dana Kolbe", email="Dana.Kolbe@Kolbe.example"),
        *Identifier.of(Scope.person, "email", "dana.kolbe@kolbe.example"),
    ]
    assert {fact.scope for fact in facts("participants", "participant", role="rep")} == {Scope.internal}
