"""When people were with us: bursts of visits and product use."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.facts import Engagement
from pipelines.stitch.arrivals import arrivals
from pipelines.stitch.sessions import sessions
from tests.pipelines.stitch.conftest import T0, Bench, open_bench, person
from tests.pipelines.stitch.market import at, came, members, read, rows, run, used

PAUSE = timedelta(minutes=30)


def bursts(bench: Bench, persons: dict[str, str]) -> list[dict]:
    who = members(persons)
    return read(sessions(bench.lake, who, arrivals(bench.lake, who)), "person_id", "started_at")


def test_half_an_hour_of_silence_ends_a_session_and_not_a_moment_less(bench):
    """Exactly thirty minutes is still the same session, a microsecond more is the next."""
    key = bench.hand.key("a")
    instants = [T0, T0 + PAUSE, T0 + 2 * PAUSE + timedelta(microseconds=1)]
    bench.hand.write({"e": [used(key, instant) for instant in instants]})
    found = bursts(bench, {key: "p"})
    assert [(one["started_at"], one["ended_at"], one["events"]) for one in found] == [
        (T0, T0 + PAUSE, 2),
        (instants[2], instants[2], 1),
    ]


def test_a_session_knows_how_it_was_landed_in(bench):
    """The first visit within it; one without a visit began with a bookmark, one without action stayed a visit."""
    web, app = bench.hand.key("web"), bench.hand.key("app")
    bench.hand.write(
        {
            "t": [came(web, at(0), ad_id="7"), came(web, at(10), "direct_traffic"), came(web, at(200), "organic_search")],
            "e": [used(app, at(5)), used(app, at(5)), used(app, at(100))],
        }
    )  # fmt: skip
    found = bursts(bench, {web: "p", app: "p"})
    told = ("events", "actions", "landing_channel", "landing_ad_id")
    assert [tuple(one[name] for name in told) for one in found] == [
        (4, 2, "paid_social", "7"),
        (1, 1, None, None),
        (1, 0, "organic_search", None),
    ]


def test_only_product_use_and_visits_make_sessions(bench):
    """A call, a form on the ad platform or a campaign is no time spent with the product."""
    key = bench.hand.key("a")
    bench.hand.write(
        {
            "a": person(), "e": [used(key, at(1)), Engagement(subject=key, kind="call", occurred_at=at(999))],
            "t": [came(key, at(300), "lead_ad", ad_id="7"), came(key, at(600), "campaign", source="Fair")],
        }
    )  # fmt: skip
    report = run(bench)
    (journey,) = rows(bench, "journeys")
    assert (journey["sessions"], journey["last_session_at"], journey["products"], report.sessions) == (1, at(1), 1, 1)


EVENTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans(), st.integers(0, 300), st.integers(0, 1)), max_size=60
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS)
def test_every_event_is_in_exactly_one_session(tmp_path_factory, events):
    """Sessions of a person lie more than thirty minutes apart, have no longer pause inside, and hold all events between them."""
    bench = open_bench(tmp_path_factory.mktemp("bench"))
    owner = {"a": "p", "b": "p", "c": "q"}
    persons = {bench.hand.key(name): who for name, who in owner.items()}
    when = {event: at(event[2]) + timedelta(microseconds=event[3]) for event in events}
    done = [used(bench.hand.key(event[0]), when[event]) for event in events if event[1]]
    seen = {(owner[event[0]], when[event]) for event in events if not event[1]}
    bench.hand.write(
        {
            "e": done,
            "t": [came(bench.hand.key("a" if who == "p" else "c"), instant, "direct_traffic") for who, instant in seen],
        }
    )  # fmt: skip
    found = bursts(bench, persons)
    assert sum(one["actions"] for one in found) == len(done)
    assert sum(one["events"] for one in found) == len(done) + len(seen)
    moments = {(persons[event.subject], event.occurred_at) for event in done} | seen
    for who, instant in moments:
        assert sum(one["person_id"] == who and one["started_at"] <= instant <= one["ended_at"] for one in found) == 1
    for one, following in pairwise(found):
        if one["person_id"] == following["person_id"]:
            assert following["started_at"] - one["ended_at"] > PAUSE
    for one in found:
        inside = sorted(
            instant
            for who, instant in moments
            if who == one["person_id"] and one["started_at"] <= instant <= one["ended_at"]
        )
        assert (inside[0], inside[-1]) == (one["started_at"], one["ended_at"])
        assert all(later - earlier <= PAUSE for earlier, later in pairwise(inside))
