"""One person drawn for a terminal: how they came, what they did."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from service.portrait import came, did, filled, told_by

CAME = datetime(2026, 2, 17, 8, tzinfo=UTC)
TOUCH = {"first_touch_at": CAME, "first_touch_channel": "lead_ad", "first_touch_source": "ROI calculator", "first_touch_ad_id": "6021",
         "first_touch_ad": "ROI calculator", "first_touch_platform": "stripe"}  # fmt: skip


def test_an_ad_is_told_with_platform_name_number_and_cost():
    """Each question has its line; several currencies stand side by side, each with its own digits."""
    cost = [{"currency": "eur", "amount": 1420}, {"currency": "jpy", "amount": 30}]
    told = came(TOUCH, cost)
    assert told.endswith('Stripe · "ROI calculator" ad 6021 · lead form   cost 14.20 EUR, 30 JPY')
    assert told.startswith("17 Feb")


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"first_touch_platform": None, "first_touch_ad": None}, '"ROI calculator" ad 6021 · lead form'),
        ({"first_touch_platform": "no_such", "first_touch_ad": None, "first_touch_source": None}, "ad 6021 · lead form"),
        ({"first_touch_ad_id": None, "first_touch_channel": "campaign"}, "campaign · ROI calculator"),
        ({"first_touch_ad_id": None, "first_touch_channel": "direct_traffic", "first_touch_source": None}, "direct traffic"),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_touch_is_left_out(differs, told):
    """No empty quotes, no "None"."""
    assert came({**TOUCH, **differs}, []).split("  ", 1)[1] == told


def test_who_never_came_says_so():
    """A person the CRM alone knows has no touch."""
    assert came({}, []) == "no touch is known"


def test_sessions_stand_first_and_the_latest_of_all_is_when_they_were_seen():
    """Use of the product is told in sessions, and may be later than any engagement."""
    journey = {
        "sessions": 23, "meetings": 4, "tickets": 1, "products": 400, "last_engaged_at": datetime(2026, 5, 2, tzinfo=UTC),
        "last_session_at": datetime(2026, 5, 9, tzinfo=UTC),
    }  # fmt: skip
    assert did(journey).startswith("23 sessions · 4 meetings · 1 ticket · last seen 9 May")
    assert did({**journey, "last_session_at": None}).startswith("23 sessions · 4 meetings · 1 ticket · last seen 2 May")
    assert did({}) == "nothing yet"


def test_what_each_system_tells_stands_apart():
    """Where several systems tell of a person, one sees which tells what; where one tells all, the first line says it."""
    rows = [
        {"vendor": "hubspot", "kind": "call", "times": 2}, {"vendor": "hubspot", "kind": "email", "times": 1},
        {"vendor": "product_events", "kind": "product", "times": 14},
    ]  # fmt: skip
    assert told_by(rows) == ["HubSpot: 2 calls · 1 email", "Product events: 14 actions"]
    assert told_by(rows[:2]) == []


def test_fields_that_an_undo_has_emptied_are_not_said_to_be_shown():
    """Only what says something counts."""
    shown = {"crm/1/Contact/1": {"summary": "x", "confidence": 0, "trend": None}, "crm/1/Contact/2": {"summary": None}}
    assert filled(SimpleNamespace(shown=shown)) == {"crm/1/Contact/1": 2, "crm/1/Contact/2": 0}
