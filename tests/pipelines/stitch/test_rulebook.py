"""Rules as rows: the product's own where nobody decided, versions by content, and what cannot be refused in words."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from models.base import new_id
from models.facts import Identifier, Scope
from models.identity import IdentityRule, Stitch
from models.store import transaction
from pipelines.stitch.edges import Told
from pipelines.stitch.figures import strong_values
from pipelines.stitch.rulebook import BadRule, Decision, changed, decide, deciding, history, reset, rulebook
from pipelines.stitch.rules import CLICKS, RULES, Rule
from pipelines.stitch.stitch import stitch
from tests.pipelines.stitch.conftest import Bench, person


def by(bench: Bench, reason: str = "because") -> Decision:
    bench.clock.advance(timedelta(minutes=1))
    return Decision("ann", reason, bench.clock.now())


def change(bench: Bench, kind: str, **wanted: object) -> bool:
    with transaction(bench.store) as session:
        return decide(session, changed(rulebook(session), Scope.person, kind, wanted), by(bench))


def test_the_products_own_rules_stand_where_nobody_decided(bench):
    """And a decision on one kind leaves the others to the product."""
    with transaction(bench.store) as session:
        assert set(rulebook(session).rules) == set(RULES)
    assert change(bench, "email", max_records=7)
    with transaction(bench.store) as session:
        rules = rulebook(session)
    assert {rule for rule in rules.rules if (rule.scope, rule.kind) not in rules.decided} < set(RULES)
    assert rules.decided == {(Scope.person, "email")}
    assert rules.find(Scope.person, "email").max_records == 7
    assert rules.find(Scope.account, "phone") in RULES


def test_versions_follow_the_content_and_nothing_is_ever_lost(bench):
    """Deciding what stands writes nothing; going back gives the old version; every row keeps who, when and why, at both ends."""
    with transaction(bench.store) as session:
        product = rulebook(session).version(Scope.person)
        accounts = rulebook(session).version(Scope.account)
    change(bench, "email", max_records=7)
    change(bench, "email", max_records=8)
    assert not change(bench, "email", max_records=8)
    with transaction(bench.store) as session:
        assert rulebook(session).version(Scope.person) != product
        assert rulebook(session).version(Scope.account) == accounts
        assert reset(session, Scope.person, "email", by(bench, "as before")) == ["email"]
        assert reset(session, Scope.person, None, by(bench)) == []
        assert rulebook(session).version(Scope.person) == product
        rows = history(session, Scope.person, "email")
    assert [(row.max_records, row.decided_by, row.reason, row.superseded_because) for row in rows] == [
        (7, "ann", "because", "because"), (8, "ann", "because", "as before"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"blocked": ("(",)}, r"pattern '\(' cannot be read: missing \)"),
        ({"blocked": ("",)}, "found in every value"),
        ({"blocked": (".",)}, "found in every value"),
        ({"normaliser": "soundex"}, "no normaliser 'soundex'; choose from email, phone"),
        ({"priority": 0}, "priority is 0; give a whole number from 1"),
        ({"max_records": -1}, "max_records is -1"),
        ({"max_values": 0}, "max_values is 0"),
        ({"max_records": 2**31}, "max_records is 2147483648"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_in_words(bench, wanted, said):
    """What is wrong, where, and how to mend it; nothing is written."""
    with pytest.raises(BadRule, match=f"Rule person 'email'.*{said}"):
        change(bench, "email", **wanted)
    assert bench.rows(IdentityRule) == []


@pytest.mark.parametrize("kind", CLICKS)
def test_a_click_is_a_touch_and_never_an_identity(bench, kind):
    """Whatever limits it is given."""
    with pytest.raises(BadRule, match="touch, never an identity"):
        change(bench, kind, priority=9, max_records=2)


def test_a_new_kind_needs_its_limits_and_a_name(bench):
    """A typing error makes no rule."""
    with pytest.raises(BadRule, match="no rule for person 'loyalty' yet: give --priority and --max-records"):
        change(bench, "loyalty")
    with pytest.raises(BadRule, match="small letters"):
        change(bench, "Loyalty Number", priority=2, max_records=5)
    with pytest.raises(BadRule, match="Say why"):
        deciding("ann", "  ", bench.clock.now())


def test_a_rule_of_ones_own_joins_by_its_own_normaliser(bench):
    """Card numbers that people type in any case are one; before, the kind joined nobody."""
    cards = {name: Identifier.of(Scope.person, "loyalty", raw) for name, raw in (("a", "ab-12"), ("b", " AB-12 "))}
    bench.hand.write(cards)
    assert stitch(bench.lake, bench.store, bench.clock, Scope.person).values == {"unruled": 2}
    change(bench, "loyalty", priority=2, max_records=5, normaliser="caseless")
    stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert len(bench.clusters()) == 1


def test_another_rule_stitches_anew_and_every_stitch_names_the_rules_it_went_by(bench):
    """A stricter limit takes apart what was joined, with the rule's version beside it; the same rules write nothing."""
    bench.hand.write({name: person(email="a@corp.example") for name in "abc"})
    first = stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert len(bench.clusters()) == 1
    change(bench, "email", max_records=2)
    second = stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert len(bench.clusters()) == 3
    assert not stitch(bench.lake, bench.store, bench.clock, Scope.person).changed
    change(bench, "phone", enabled=False)
    third = stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert third.changes["rules"] == 1
    assert not third.changes["moved"]
    reports = [first, second, third]
    assert [(row.version, row.rules_version) for row in bench.rows(Stitch)] == [
        (report.version, report.rules_version) for report in reports
    ]
    assert len({report.rules_version for report in reports}) == 3


def test_a_rule_that_is_off_or_blocks_joins_nobody(bench):
    """Both are seen in the counts."""
    bench.hand.write({name: person(email="pool@corp.example", stripe_customer="cus_1") for name in "ab"})
    change(bench, "stripe_customer", enabled=False)
    change(bench, "email", blocked=("^pool@",))
    report = stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert len(bench.clusters()) == 2
    assert report.values == {"blocked": 1, "unruled": 1}


def test_no_rule_of_the_product_is_one_that_could_not_be_decided():
    """What is asked of users holds for us."""
    from pipelines.stitch.rulebook import check

    for rule in RULES:
        check(rule)
    with pytest.raises(BadRule, match="persons or accounts"):
        check(replace(RULES[0], scope=Scope.internal))
    assert isinstance(RULES[0], Rule)


@pytest.mark.parametrize("wanted", [{"enabled": False}, {"needs_same_name": True}])
def test_rules_that_are_all_off_or_all_weak_join_nobody_and_stop_nothing(bench, wanted):
    """A stitch and its figures go on; every record without a name to agree on is somebody of its own."""
    bench.hand.write({name: person(None, email="same@corp.example") for name in "ab"})
    for kind in (rule.kind for rule in RULES if rule.scope == Scope.person):
        change(bench, kind, **wanted)
    assert stitch(bench.lake, bench.store, bench.clock, Scope.person).entities == 2
    assert strong_values(Told(bench.lake), bench.store, Scope.person).divided == 0


def test_a_decision_has_a_name(bench):
    """White space is none; without a name whoever is logged in decides."""
    now = bench.clock.now()
    assert deciding(" ann ", " because ", now) == Decision("ann", "because", now)
    assert deciding("  ", "because", now) == deciding(None, "because", now)


def test_what_humans_judge_is_no_kind_of_identifier(bench):
    """Its edges would pass for a human's."""
    with pytest.raises(BadRule, match="what humans decide"):
        change(bench, "judgement", priority=1, max_records=5)


def test_of_two_decisions_at_the_same_moment_the_later_one_stands(bench):
    """Both rows are in force where two people decided at once; what counts does not depend on how the database sorts."""
    for most, minutes in ((5, 1), (4, 3), (3, 2)):
        with transaction(bench.store) as session:
            rule = changed(rulebook(session), Scope.person, "email", {"max_records": most})
            said = {**asdict(rule), "blocked": list(rule.blocked), "decided_by": "ann", "reason": "because"}
            at = bench.clock.now() + timedelta(minutes=minutes)
            session.add(IdentityRule(id=new_id(at), decided_at=at, **said))
    with transaction(bench.store) as session:
        found = rulebook(session).find(Scope.person, "email")
        assert found is not None
        assert found.max_records == 4


def test_an_address_with_a_tag_is_no_second_address_of_a_kind_of_which_there_is_one(bench):
    """Where one address makes one person, `jane+shop@` still is `jane@`, whichever record came first."""
    mails = {"a": "jane+shop@corp.example", "b": "jane@corp.example", "c": "jane+shop@corp.example"}
    bench.hand.write(
        {name: person(email=mail) for name, mail in mails.items()} | {"d": person(email="ben@corp.example")}
    )
    change(bench, "email", one_ever=True)
    stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert bench.clusters() == {frozenset("abc"), frozenset("d")}
