"""Deeds as evidence: what the rules find, what they must not find, and rows that come and go with the facts."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Belief, Consent, Engagement, Evidence, Membership, Observation, Payment, Scope, Subscription
from models.facts import Discount
from models.keys import RecordKey
from models.store import transaction
from pipelines.understand.behaviour.collect import notice
from pipelines.understand.behaviour.deeds import ANSWERED, BOUGHT, ENDED, SIGNED, USED, Deed, zones_of
from pipelines.understand.behaviour.findings import findings
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from tests.pipelines.understand.conftest import key

START = datetime(2026, 1, 5, 19, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def deeds(kind, days, hour=0, **more):
    return [Deed(START + timedelta(days=day, hours=hour), kind, "v/a/o/1", **more) for day in days]


def found(*some, zone=BERLIN):
    told = findings([deed for group in some for deed in group], zone)
    return [(one.rule.name, one.which, one.against) for one in told]


def test_evenings_are_those_of_the_persons_own_zone():
    """19 h UTC is an evening in Berlin and the small hours in Tokyo; seven occasions are too few."""
    assert ("hours", "evenings", False) in found(deeds(ANSWERED, range(8), which="email"))
    assert ("hours", "nights", False) in found(deeds(ANSWERED, range(8), which="email"), zone=ZoneInfo("Asia/Tokyo"))
    assert not [name for name, *_ in found(deeds(ANSWERED, range(7), which="email")) if name == "hours"]


def test_the_statement_carries_its_numbers():
    """A rep can check it by counting."""
    (fell,) = [one for one in findings(deeds(USED, [*range(80), 120, 130]), BERLIN) if one.rule.name == "usage_fell"]
    assert fell.statement == (
        f"Usage fell by {fell.numbers['percent']} % since March 2026: {fell.numbers['recent']} active days in 60, "
        f"{fell.numbers['before']} in the 60 before"
    )
    assert fell.numbers["recent"] < fell.numbers["before"] / 2
    assert dict(fell.records) == {"v/a/o/1": fell.numbers["recent"] + fell.numbers["before"]}


def test_a_fall_that_chance_explains_is_told_with_its_own_number():
    """What holds no more says by how much it fell, not by nothing."""
    told = findings(deeds(USED, [*range(60), *range(70, 120, 6), *range(121, 180, 2), *range(181, 260, 3)]), BERLIN)
    over = [one for one in told if one.rule.name == "usage_fell" and one.against]
    assert over
    for one in over:
        before, recent = one.numbers["before"], one.numbers["recent"]
        assert one.numbers["percent"] == round(100 * (before - recent) / before)


def test_usage_that_fell_is_seen_at_the_next_deed_of_any_kind():
    """Who no longer uses but still pays has stopped using; who does nothing is left alone."""
    used = deeds(USED, range(0, 120, 2))
    assert not [name for name, *_ in found(used) if name == "usage_fell"]
    assert ("usage_fell", "", False) in found(used, deeds(BOUGHT, [175]))


def test_a_newcomer_has_not_grown():
    """Without a habit to compare with nothing is said."""
    assert not [name for name, *_ in found(deeds(USED, range(50))) if name.startswith("usage")]


def test_what_holds_no_more_is_said_once():
    """From evenings to mornings: the new habit speaks for itself, the old one is given up."""
    told = found(deeds(ANSWERED, range(40), which="email"), deeds(ANSWERED, range(40, 140), hour=12, which="email"))
    assert told.count(("hours", "evenings", True)) == 1
    assert ("hours", "mornings", False) in told


def test_what_is_used_regularly_has_a_name():
    """Week after week an action is a habit; that some page was opened is not."""
    weekly = range(0, 70, 7)
    assert ("habit", "Report built", False) in found(deeds(USED, weekly, which="Report built"))
    assert not [name for name, *_ in found(deeds(USED, weekly, which="page")) if name == "habit"]


def test_channels_rhythm_and_contracts():
    """Answers by e-mail, buys monthly, signs and ends."""
    told = found(
        deeds(ANSWERED, range(0, 60, 10), which="email"),
        deeds(BOUGHT, range(0, 150, 30), amount=100, currency="eur"),
        deeds(SIGNED, [0, 10]),
        deeds(ENDED, [70, 90]),
    )
    assert ("channel", "email", False) in told
    assert ("rhythm", "monthly", False) in told
    assert [one for one in told if one[0] == "ended"] == [("ended", "", False)]  # the first end left a contract running


def test_only_on_discount_needs_to_know():
    """All under a discount is a habit; where no discount is known either way, nothing is said."""
    assert ("discount", "on discount", False) in found(deeds(BOUGHT, [0, 30, 60], lowered=True))
    told = found(deeds(BOUGHT, [0, 30, 60], lowered=True), deeds(BOUGHT, [90, 120, 150, 180, 210], lowered=False))
    assert ("discount", "on discount", True) in told
    assert ("full_price", "at full price", False) in told
    assert not {"discount", "full_price"} & {name for name, *_ in found(deeds(BOUGHT, [0, 30, 60]))}


EVENTS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 23), st.sampled_from([USED, ANSWERED, BOUGHT, SIGNED, ENDED])),
    max_size=60,
)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(0, 300))
def test_order_does_not_matter_and_the_future_changes_nothing(events, random: Random, cut):
    """Findings are a function of the set of deeds; those up to a day are found without what came after."""
    every = [Deed(START + timedelta(days=day, hours=hour), kind, "v/a/o/1", kind) for day, hour, kind in events]
    shuffled = random.sample(every, len(every))
    assert findings(every, BERLIN) == findings(shuffled, BERLIN)
    border = (START + timedelta(days=cut)).replace(hour=0)
    past = [deed for deed in every if deed.at < border]
    assert findings(past, BERLIN) == [one for one in findings(every, BERLIN) if one.at < border]


def test_a_number_names_its_zone():
    """A German mobile is in Berlin; nonsense is nowhere."""
    assert zones_of("+4915112345678") == ("Europe/Berlin",)
    assert zones_of("nonsense") == ()


def engage(world, *days, kind="product", who="dana", **more):
    facts = [
        Engagement(subject=key("Contact", who), kind=kind, action="Report opened" if kind == "product" else None, occurred_at=world.day(day), **more)
        for day in days
    ]  # fmt: skip
    world.land(*((f"Event/{who}{kind}{day}", {}, [fact]) for day, fact in zip(days, facts, strict=True)))


def run(world):
    done = notice(world.lake, world.store, world.clock)
    replay_beliefs(world.store, world.clock)
    return done


def test_a_person_without_a_word_has_a_self_model(world):
    """Use alone gives beliefs, each with its numbers, and no words of anybody."""
    engage(world, *range(0, 60, 2))
    done = run(world)
    assert (done.persons, done.added > 0) == (1, True)
    beliefs = {belief.slot: belief for belief in world.rows(Belief)}
    assert beliefs["fit"].statement.startswith("Uses “Report opened” regularly")
    assert {"preference", "fit"} <= beliefs.keys()
    for row in world.rows(Evidence):
        assert (row.level, row.source_class, row.quote) == ("behavioural", "behaviour", "")
        assert row.basis["numbers"]
        assert row.basis["records"]
    assert {row.source for row in world.rows(Observation)} == {"behaviour"}


def test_a_second_run_writes_nothing_and_neither_does_time(world):
    """Nothing is even looked at where no fact has changed, however late it is."""
    engage(world, *range(0, 60, 2))
    run(world)
    before = world.rows(Evidence)
    world.clock.advance(timedelta(days=100))
    assert run(world).persons == 0
    engage(world, 61, who="tom")  # of nobody
    again = run(world)
    assert (again.persons, again.added, again.withdrawn) == (1, 0, 0)
    assert world.rows(Evidence) == before


def test_late_data_withdraws_what_no_longer_holds(world):
    """A fall in use was a gap in the data: the row stays, and counts no more."""
    engage(world, *range(0, 70, 2), 125, 130)
    run(world)
    fell = [row for row in world.rows(Evidence) if row.basis["rule"] == "usage_fell"]
    assert [row.withdrawn_at for row in fell] == [None]
    engage(world, *range(71, 130, 2))
    run(world)
    rows = {row.id: row for row in world.rows(Evidence)}
    assert rows[fell[0].id].withdrawn_at is not None
    assert not [belief for belief in world.rows(Belief) if belief.aspect == "use of the product"]


def test_a_split_brings_back_what_a_merge_took(world):
    """Two users of one person are judged together, and apart again as before."""
    world.person("person-tom", key("Contact", "tom"))
    engage(world, *range(0, 60, 2))
    engage(world, *range(1, 61, 2), who="tom")
    run(world)
    apart = {row.id for row in world.rows(Evidence) if row.withdrawn_at is None}

    def belongs(person, version):
        with transaction(world.store) as session:
            record = key("Contact", "tom")
            session.merge(
                Membership(
                    record=record, record_hash=RecordKey.parse(record).hash, scope=Scope.person, entity_id=person, stitch_version=version
                )
            )  # fmt: skip

    belongs("person-dana", 2)
    run(world)
    assert {row.id for row in world.rows(Evidence) if row.withdrawn_at is None} != apart
    belongs("person-tom", 3)
    assert run(world).restored > 0
    assert {row.id for row in world.rows(Evidence) if row.withdrawn_at is None} == apart


def test_who_refuses_is_not_watched(world):
    """A refusal takes behavioural evidence out of use, as it does words."""
    engage(world, *range(0, 60, 2))
    world.land(("Contact/dana", {}, [Consent(subject=key("Contact", "dana"), channel="all", granted=False)]))
    run(world)
    assert [row for row in world.rows(Evidence) if row.withdrawn_at is None] == []
    collect_observations(world.lake, world.store, world.clock)
    assert world.rows(Belief) == []


def test_discounts_and_contracts_are_read_from_the_facts(world):
    """Stripe's discounts lie on subscriptions, so a charge within one is known to be lowered."""
    dana = key("Contact", "dana")
    charges = [
        Payment(payer=dana, kind="charge", amount_minor=900, currency="eur", occurred_at=world.day(day)) for day in (0, 30, 60)
    ]  # fmt: skip
    running = Subscription(payer=dana, status="active", mrr_minor=1_000, currency="eur", started_at=world.day(0))
    lowered = Discount(payer=dana, amount_minor=100, currency="eur", starts_at=world.day(0))
    world.land(
        ("Subscription/1", {}, [running, lowered]), *((f"Invoice/{n}", {}, [one]) for n, one in enumerate(charges))
    )
    run(world)
    statements = {belief.statement for belief in world.rows(Belief)}
    assert "Only buys on discount: 3 of 3 purchases in 365 days" in statements
    assert any(statement.startswith("Signed a contract") for statement in statements)


@pytest.mark.parametrize("retention_days", [30])
def test_what_may_no_longer_be_kept_is_not_found(world, monkeypatch, retention_days):
    """Findings older than the retention are not written, so that nothing flaps between two runs."""
    monkeypatch.setenv("SIDECAR_TEXT_RETENTION_DAYS", str(retention_days))
    engage(world, *range(0, 60, 2))
    assert run(world).added == 0
