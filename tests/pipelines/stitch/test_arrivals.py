"""How people came: every arrival once, whoever tells of it."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.marks import CLICK_IDS
from connectors.product_events.campaigns import MEDIUMS, marks
from models.facts import Touch
from pipelines.stitch.arrivals import arrivals, channel_in_words, visits
from tests.pipelines.stitch.conftest import Bench, Hand, open_bench, person
from tests.pipelines.stitch.market import DAY, at, came, costs, members, read, rows, run


def found(bench: Bench, *records: str) -> list[dict[str, Any]]:
    """The arrivals of one person who has these records."""
    return read(arrivals(bench.lake, members({bench.hand.key(record): "p" for record in records})), "place")


def counted(touches: Iterable[Touch]) -> set[tuple[Any, ...]]:
    """The rule in plain words, for the touches of one person."""
    ads = {touch.occurred_at for touch in touches if touch.ad_id}
    kept = set()
    for touch in touches:
        paid = touch.channel == "lead_ad" or touch.channel.startswith("paid_")
        if touch.ad_id:
            kept.add((touch.occurred_at, touch.ad_id))
        elif paid and touch.occurred_at not in ads:
            kept.add((touch.occurred_at, touch.channel))
        elif not paid:
            kept.add((touch.occurred_at, touch.channel, touch.source or touch.source_id))
    return kept


def test_one_arrival_told_by_three_vendors_is_one(bench):
    """The platform's own form says most, whatever order the vendors are pulled in; the ad's name comes from its costs."""
    bench.hand.write({"cost": costs("7", 5, ad="Video A", campaign="Spring")})
    Hand(bench.lake, "alpha").write({"t": [came(bench.hand.key("contact"), at(1), ad_id="7")]})
    Hand(bench.lake, "meta").write(
        {"t": [came(bench.hand.key("lead"), at(1), "lead_ad", ad_id="7", source_id="form9")]}
    )
    Hand(bench.lake, "zeta").write({"t": [came(bench.hand.key("lead"), at(1), "paid_social", source="Facebook")]})
    (arrival,) = found(bench, "lead", "contact")
    expected = {
        "channel": "lead_ad",
        "ad_id": "7",
        "ad": "Video A",
        "source": "Video A",
        "source_id": "form9",
        "platform": "toy",
    }
    assert {name: arrival[name] for name in expected} == expected


def test_a_bare_click_counts_where_no_ad_is_named_at_its_instant(bench):
    """It proves a paid click and its time; a second vendor's word for it adds nothing."""
    key = bench.hand.key("a")
    bench.hand.write(
        {
            "t": [
                came(key, at(1), source="Facebook"),
                came(key, at(1), source="fb"),
                came(key, at(2)),
                came(key, at(2), ad_id="7"),
            ]
        }
    )
    assert [(one["occurred_at"], one["ad_id"]) for one in found(bench, "a")] == [(at(1), None), (at(2), "7")]


def test_two_campaigns_answered_on_one_day_are_two(bench):
    """A CRM knows the day only, so both stand at its midnight; the same campaign on a lead and on its contact is one."""
    lead, contact = bench.hand.key("lead"), bench.hand.key("contact")
    bench.hand.write(
        {
            "t": [
                came(lead, at(0), "campaign", source="Fair"), came(contact, at(0), "campaign", source="Fair"),
                came(contact, at(0), "campaign", source="Webinar"), came(lead, at(0), "lead_source", source="Web"),
            ]
        }
    )  # fmt: skip
    assert [one["source"] for one in found(bench, "lead", "contact")] == ["Fair", "Webinar", "Web"]


def test_first_and_last_of_one_instant_are_what_tells_most(bench):
    """A known ad stands before a lead source of the same instant, at either end of the journey."""
    key = bench.hand.key("a")
    bench.hand.write(
        {
            "a": person(),
            "t": [
                came(key, at(0), "lead_source", source="Web"), came(key, at(0), ad_id="7"),
                came(key, at(9), "direct_traffic"), came(key, at(9), "paid_search", ad_id="8", source="Brand words"),
            ],
        }
    )  # fmt: skip
    run(bench)
    (journey,) = rows(bench, "journeys")
    assert (journey["touches"], journey["first_touch_ad_id"], journey["first_touch_source"]) == (4, "7", None)
    assert (journey["last_touch_ad_id"], journey["last_touch_source"], journey["last_touch_at"]) == (
        "8",
        "Brand words",
        at(9),
    )


def test_an_ad_without_a_name_goes_by_its_campaign(bench):
    """Whatever the platform named is better than a number."""
    bench.hand.write({"cost": costs("7", 5, campaign="Spring"), "t": [came(bench.hand.key("a"), at(1), ad_id="7")]})
    assert [(one["source"], one["ad"]) for one in found(bench, "a")] == [("Spring", None)]


def test_forms_campaigns_and_offline_contacts_are_no_visits(bench):
    """Only channels that end on a page of ours are."""
    channels = ("lead_ad", "campaign", "lead_source", "offline", "paid_video", "organic_search", "direct_traffic")
    bench.hand.write({"t": [came(bench.hand.key("a"), at(n), channel) for n, channel in enumerate(channels)]})
    seen = visits(arrivals(bench.lake, members({bench.hand.key("a"): "p"})))
    assert {row["channel"] for row in read(seen, "place")} == {"paid_video", "organic_search", "direct_traffic"}


def test_whatever_a_marked_address_tells_is_a_visit(bench):
    """Newsletters, affiliates and banners end on a page of ours as much as searches do, whoever names the channel."""
    told = {*MEDIUMS.values(), *(channel for channel, _ in CLICK_IDS.values())}
    told |= {
        marks(f"https://a.example/?{query}").channel
        for query in ("utm_campaign=May", "utm_medium=cpm", "utm_medium=ppc")
    }
    bench.hand.write({"t": [came(bench.hand.key("a"), at(n), channel) for n, channel in enumerate(sorted(told))]})
    seen = visits(arrivals(bench.lake, members({bench.hand.key("a"): "p"})))
    assert {row["channel"] for row in read(seen, "place")} == told


@pytest.mark.parametrize(("channel", "words"), [("lead_ad", "lead form"), ("paid_social", "paid social")])
def test_channels_in_words(channel, words):
    """As a rep reads them."""
    assert channel_in_words(channel) == words


TOUCHES = st.lists(
    st.builds(
        Touch,
        subject=st.sampled_from(["toy/acme/thing/a", "toy/acme/thing/b"]),
        channel=st.sampled_from(["lead_ad", "paid_social", "paid_search", "campaign", "direct_traffic"]),
        source=st.sampled_from([None, "x", "y"]),
        source_id=st.sampled_from([None, "1"]),
        ad_id=st.sampled_from([None, None, "7", "8"]),
        occurred_at=st.sampled_from([at(0), at(1), at(24 * 60)]),
    ),
    max_size=30,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(touches=TOUCHES)
def test_arrivals_are_those_of_the_rule_and_stay_so(tmp_path_factory, touches):
    """For any touches the rule's own count, in order of time; told again as they were kept, they are the same arrivals."""
    bench = open_bench(tmp_path_factory.mktemp("bench"))
    bench.hand.write({"cost": costs("7", 5, DAY, campaign="Spring"), "t": touches})
    once = found(bench, "a", "b")
    assert len(once) == len(counted(touches))
    assert [one["place"] for one in once] == list(range(len(once)))
    assert [one["occurred_at"] for one in once] == sorted(one["occurred_at"] for one in once)
    fields = ("channel", "source", "source_id", "ad_id", "occurred_at")
    kept = [Touch(subject=bench.hand.key("a"), **{name: one[name] for name in fields}) for one in once]
    bench.hand.write({"t": kept})
    assert found(bench, "a") == once
