"""Alignment in the store: of persons by bucket, of accounts over their people."""

from datetime import timedelta

from models import Alignment, Engagement, Interaction, Payment, Relation, Scope
from pipelines.ingest.anew import read_anew
from pipelines.understand.accounts import score_accounts
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.observations import collect_observations
from pipelines.understand.scoring import score_alignment
from tests.pipelines.ingest.scripted import read_otherwise
from tests.pipelines.understand.conftest import key
from tests.pipelines.understand.test_extraction import Scripted, claim


def score(world, extractor=None):
    collect_observations(world.lake, world.store, world.clock)
    extract(world.lake, world.store, extractor or Embedded(), world.clock)
    return score_alignment(world.lake, world.store, world.clock), score_accounts(world.lake, world.store, world.clock)


def pay(world, who, days, amount=1_000):
    payments = [
        Payment(payer=who, kind="charge", amount_minor=amount, currency="eur", occurred_at=world.day(day))
        for day in days
    ]
    world.land(*((f"Invoice/{who[-3:]}{number}", {}, [paid]) for number, paid in enumerate(payments)))


def latest(world, scope):
    rows = [row for row in world.rows(Alignment) if row.scope == scope]
    return max(rows, key=lambda row: row.as_of)


def test_words_move_a_persons_score(world):
    """One complaint: below neutral, a fifth covered, with its evidence."""
    world.say("1", "The price is too high for us.")
    score(world)
    row = latest(world, "person")
    assert row.entity_id == "person-dana"
    assert row.overall < 0.5
    assert (row.coverage, row.trend, len(row.evidence_ids)) == (0.2, "insufficient", 1)
    assert set(row.components) == {"stance"}


def test_payments_are_a_component_of_their_own(world):
    """Text cannot mask money: who has stopped paying shows it beside kind words."""
    pay(world, key("Contact", "dana"), range(-300, 0, 30))
    world.say("1", "The new dashboards are easy to use.", 120)
    score(world)
    row = latest(world, "person")
    assert row.components["stance"]["value"] > 0.5
    assert row.components["engagement_value"]["value"] == 0


def test_scores_follow_facts_that_were_read_anew(world):
    """What a later release reads as no payments is money no more."""
    pay(world, key("Contact", "dana"), range(-300, 0, 30))
    world.say("1", "The new dashboards are easy to use.", 120)
    score(world)
    _, _, (said,) = world.said("1", "", 120)

    def translate(record):
        return [said] if record.key.object == "Task" else []

    now = read_otherwise("salesforce", "records", translate, Interaction)
    read_anew(world.lake, world.store, now, world.clock)
    world.clock.advance(timedelta(hours=1))
    score(world)
    assert set(latest(world, "person").components) == {"stance"}


def test_a_quiet_run_scores_nothing(world):
    """Looking never moves a score."""
    pay(world, key("Contact", "dana"), range(-300, 0, 30))
    world.say("1", "The new dashboards are easy to use.")
    score(world)
    world.clock.advance(timedelta(days=60))
    persons, accounts = score(world)
    assert (persons.buckets, persons.scores.total) == (0, 0)
    assert (accounts.buckets, accounts.scores.total) == (0, 0)


def test_a_new_payment_makes_its_bucket_due(world):
    """Deeds count like words."""
    pay(world, key("Contact", "dana"), range(-300, 0, 30))
    score(world)
    world.land(
        (
            "Invoice/new",
            {},
            [
                Payment(
                    payer=key("Contact", "dana"),
                    kind="charge",
                    amount_minor=5,
                    currency="eur",
                    occurred_at=world.day(1),
                )
            ],
        )
    )
    persons, _ = score(world)
    assert persons.buckets == 1
    assert persons.scores.added == 1


def asked_for_an_export(world, **more):
    """One goal of Dana's, in words of hers, and the reader who finds it."""
    world.say("1", "We need an export.", **more)
    need = claim("We need an export", slot="need", polarity="positive", statement="Needs an export")
    return Scripted(lambda document: [need] if "export" in document.text else [])


def ticket(world, name="Case/500A", closed=None):
    opened = Engagement(subject=key("Contact", "dana"), kind="ticket", occurred_at=world.day(0), closed_at=closed)
    world.land((name, {}, [opened]))


def fits(world):
    """How well goals are served, by the instants at which anything is known of it."""
    return {row.as_of: row.components["goal_fit"] for row in world.rows(Alignment) if "goal_fit" in row.components}


def test_a_ticket_that_is_closed_serves_the_goal_that_it_asked_for(world):
    """An open one says nothing; the day on which it is closed is sampled, and one more closing makes the bucket due."""
    first, second = world.day(5), world.day(9)
    ticket(world)
    reader = asked_for_an_export(world, source="email", regarding=key("Case", "500A"))
    score(world, reader)
    assert fits(world) == {}
    ticket(world, closed=first)
    persons, _ = score(world, reader)
    assert (persons.buckets, persons.scores.total) == (1, 1)
    assert fits(world) == {first: {"value": 1.0, "n": 1.0}}
    ticket(world, closed=second)
    persons, _ = score(world, reader)
    assert (persons.buckets, persons.scores.added, persons.scores.changed) == (1, 1, 0)


def test_a_ticket_that_is_opened_again_takes_no_earlier_score_back(world):
    """What was known of a day stays; no closing in the future is known yet."""
    reader, first = asked_for_an_export(world, source="email", regarding=key("Case", "500A")), world.day(5)
    for closed in (first, None, world.clock.now() + timedelta(days=9)):
        ticket(world, closed=closed)
        score(world, reader)
        assert fits(world).keys() == {first}


def test_tickets_are_told_apart_by_the_whole_key(world):
    """One with the same id elsewhere, or the words of another record, are not concerned."""
    reader = asked_for_an_export(world, regarding=key("Case", "500A"))
    ticket(world, "Case/500B", closed=world.day(5))
    ticket(world, "Ticket/500A", closed=world.day(5))
    score(world, reader)
    assert fits(world) == {}


def test_an_account_is_its_people_and_its_money(world):
    """Two members and the account's own payments, each weighed by what was observed."""
    account = key("Account", "acme")
    world.person("account-acme", account, scope=Scope.account)
    world.person("person-tom", key("Contact", "tom"))
    world.land(
        ("Contact/dana", {}, [Relation(kind="member_of", subject=key("Contact", "dana"), other=account)]),
        ("Contact/tom", {}, [Relation(kind="member_of", subject=key("Contact", "tom"), other=account)]),
    )
    pay(world, account, range(-300, 10, 30))
    world.say("1", "The price is too high for us.", 5)
    world.say("2", "The new dashboards are easy to use.", 10, who="tom")
    score(world)
    row = latest(world, "account")
    assert row.entity_id == "account-acme"
    assert row.components["stance"] == {"value": 0.5, "n": 2.0} or abs(row.components["stance"]["value"] - 0.5) < 0.01
    assert row.components["engagement_value"]["n"] > 5
    assert len(row.evidence_ids) == 2


def test_a_withdrawn_text_takes_its_scores_along(world):
    """Scores are conclusions too."""
    world.say("1", "The price is too high for us.")
    score(world)
    world.land(("Task/1", {}, []), deleted=True)
    persons, _ = score(world)
    assert persons.scores.removed == 1
    assert world.rows(Alignment) == []
