"""The business's own days, when clocks change too."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from models.facts import Payment
from pipelines.stitch.lens.calendar import Span, days, midnight, months, span
from pipelines.stitch.lens.settings import LensSettings
from tests.pipelines.stitch.conftest import Bench
from tests.pipelines.stitch.lens.trade import BERLIN, measures
from tests.pipelines.stitch.market import run


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 3, 30), 24),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # half an hour
        ("Africa/Cairo", date(2026, 4, 24), 23),  # clocks skip midnight itself
        ("America/Havana", date(2026, 11, 1), 25),  # clocks repeat it
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_clocks_make_it(zone, day, hours):
    """And the next one begins where it ends."""
    home = ZoneInfo(zone)
    one, following = days(day + timedelta(days=1), 2, home)
    assert one.ends_at - one.starts_at == timedelta(hours=hours)
    assert one.ends_at == following.starts_at


def test_money_is_of_the_day_it_moved_on_at_home(bench: Bench):
    """On the day of 23 hours in Berlin: half past midnight, the last minute, and neither of what lies just outside."""
    moments = [datetime(2026, 3, day, hour, minute, tzinfo=UTC) for day, hour, minute in ((28, 22, 59), (28, 23, 30), (29, 21, 59), (29, 22, 0))]  # fmt: skip
    bench.hand.write(
        {
            f"{number}": [Payment(payer=None, kind="charge", amount_minor=10**number, currency="eur", occurred_at=moment)]
            for number, moment in enumerate(moments)
        }
    )  # fmt: skip
    run(bench)
    found = measures(bench, *(date(2026, 3, day) for day in (28, 29, 30)), zone=BERLIN)
    assert [one.revenue for one in found] == [1, 110, 1000]


def test_days_and_spans_are_read_as_people_write_them():
    """And what is none says how."""
    assert span("2026-11-24", BERLIN) == Span(date(2026, 11, 24), date(2026, 11, 24), BERLIN)
    week = span("2026-11-16..2026-11-22", BERLIN)
    assert (week.days, week.code, week.before().code) == (7, "2026-11-16..2026-11-22", "2026-11-09..2026-11-15")
    assert (week.words, week._replace(last=week.first).words) == ("16 Nov to 22 Nov", "Monday 16 Nov")
    for wrong in ("yesterday", "2026-02-30", "2026-11-24..", "..2026-11-24", "2026-11-24..2026-11-23"):
        with pytest.raises(ValueError, match=r"write 2026-11-24|ends before it begins"):
            span(wrong, BERLIN)


def test_months_follow_each_other():
    """From the month of one day to that of another, over a year's end."""
    found = months(date(2025, 12, 31), date(2026, 2, 1), BERLIN)
    assert [one.code for one in found] == ["2025-12-01..2025-12-31", "2026-01-01..2026-01-31", "2026-02-01..2026-02-28"]
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    assert midnight(date(2026, 7, 1), BERLIN) == datetime(2026, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong", [{"zone": "Mars/Olympus"}, {"zone": "../etc"}, {"gross_margin": 0}, {"gross_margin": 1.2}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    """Before anything is reckoned with them."""
    with pytest.raises(ValidationError):
        LensSettings(**wrong)
