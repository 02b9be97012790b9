"""From facts in a real lake to a queue in a real store."""

import json
import random
from datetime import timedelta

import pytest

from models.base import new_id
from models.facts import Payment, Relation, Scope
from models.identity import Judgement, Suggestion
from models.store import transaction
from pipelines.stitch.derived import REVENUE
from pipelines.stitch.judging import judge, named, standing_between, take_back
from pipelines.stitch.rulebook import Decision, changed, rulebook
from pipelines.stitch.rulebook import decide as decide_rule
from pipelines.stitch.rules import PHONES
from pipelines.stitch.suggest import queue
from pipelines.stitch.suggest.best import Likely
from pipelines.stitch.suggest.score import FEW_CERTAIN
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.stitch.suggest.suggest import suggest
from tests.pipelines.stitch.conftest import T0, Bench, open_bench
from tests.pipelines.stitch.market import run as run_journeys
from tests.pipelines.stitch.suggest.conftest import firm, look, member, pairs, queued, who

KOLBE = {"company": "Kolbe Stanztechnik GmbH", "city": "Stuttgart", "country": "DE"}
NORDWIND = {"company": "Nordwind AG", "city": "Kiel", "country": "DE"}
ARNOLD = who("Ben Arnold", **NORDWIND, email="ben@nordwind.example")


def decide(bench: Bench, *, same: bool) -> None:
    bench.clock.advance(timedelta(minutes=1))
    with transaction(bench.store) as session:
        (row,) = queue.waiting(session, Scope.person)
        queue.decide(session, row.id, same=same, by="ann", reason="knows them", now=bench.clock.now())


@pytest.fixture
def doubled(bench: Bench) -> Bench:
    """Jane is in the CRM and, under her private address, in the shop; Ben is somebody else."""
    jane, shop = (
        who("Jane Kolbe", **KOLBE, email="jane@kolbe.example"),
        who("Jane Kolbe", **KOLBE, email="jk77@gmail.com"),
    )
    bench.hand.write({"crm": jane, "shop": shop, "ben": ARNOLD})
    return bench


def test_a_double_that_no_identifier_shows_is_suggested_and_not_joined(doubled):
    """Same name, company and town, another address: a human should look; nobody is joined."""
    report = look(doubled)
    assert queued(doubled) == pairs("crm shop")
    assert doubled.clusters() == {frozenset(["crm"]), frozenset(["shop"]), frozenset(["ben"])}
    assert (report.standing, report.joined, sum(report.histogram)) == ({"open": 1}, 0, 1)


def test_evidence_is_in_words_and_shows_no_value(doubled):
    """What agreed how far, strongest first, with first letters only; records stand for the entities, never their ids."""
    look(doubled)
    (row,) = doubled.rows(Suggestion)
    said = {one["signal"]: one["words"] for one in row.evidence}
    assert said == {"name": "the same", "company": "the same", "city": "the same", "country": "the same"}
    assert [one["bits"] for one in row.evidence] == sorted((one["bits"] for one in row.evidence), reverse=True)
    assert next(one["shown"] for one in row.evidence if one["signal"] == "name") == "j*** k***"
    kept = json.dumps(row.model_dump(), default=str).casefold()
    assert not [word for word in ("jane", "kolbe", "stuttgart", "jk77") if word in kept]
    assert not [entity for entity in doubled.membership().values() if entity in kept]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Kolbe Jane", "Jane Kolbe"), ("Bob Müller-Lüdenscheidt", "Robert Mueller-Luedenscheidt"), ("J. Kolbe", "Jane Kolbe"),
        ("Dr. Jane Kolbe", "Kolbe, Jane"), ("Jane Kolbe", "Jane Kolb"), ("山田太郎", "山田太郎"), ("Zoë Čapek", "zoe capek"),
    ],
)  # fmt: skip
def test_names_are_known_however_they_are_written(bench, left, right):
    """Swapped, shortened, with titles, slips, accents and in any script."""
    site = {"postcode": "70173", **KOLBE}
    bench.hand.write(
        {"a": who(left, **site, email="one@kolbe.example"), "b": who(right, **site, email="x9@web.de"), "c": ARNOLD}
    )
    look(bench, review_from=0.5)
    assert queued(bench) == pairs("a b")


@pytest.mark.parametrize(
    "other",
    [
        who("Jane Kolbe", company="Nordwind AG", city="Kiel", country="DE", email="x@nordwind.example"),
        who("Peter Schmidt", **KOLBE, email="x@kolbe.example"),
        who(None, **KOLBE, email="x@web.de"),
        who(None),
    ],
    ids=["namesake elsewhere", "colleague", "company alone", "nothing"],
)
def test_what_speaks_for_too_little_is_not_suggested(bench, other):
    """A namesake elsewhere, a colleague, or a record that says almost nothing."""
    bench.hand.write({"a": who("Jane Kolbe", **KOLBE, email="jane@kolbe.example"), "b": other, "c": ARNOLD})
    look(bench)
    assert queued(bench) == set()


def test_an_empty_lake_is_no_failure(bench):
    """Nobody, and one alone."""
    assert look(bench).standing == look(bench, Scope.account).standing == {}
    bench.hand.write({"a": who("Jane Kolbe", **KOLBE)})
    assert look(bench).standing == {}


def test_of_each_source_only_the_best_is_suggested(bench):
    """Three records of one vendor that might all be one: the likeliest pair first, not all three pairs."""
    bench.hand.write(
        {
            "a": who("Jane Kolbe", **KOLBE, postcode="70173", email="jane@kolbe.example"),
            "b": who("Jane Kolbe", **KOLBE, postcode="70173", email="jk77@gmail.com"),
            "c": who("Jane Kolbe", **KOLBE, email="x9@web.de"),
        }
    )
    look(bench)
    assert queued(bench) == pairs("a b")


def test_what_a_human_refused_never_comes_again(doubled):
    """Also when one of them gets another record, or the judgement behind it is taken back later."""
    look(doubled)
    decide(doubled, same=False)
    (judgement,) = doubled.rows(Judgement)
    assert (judgement.same, judgement.decided_by, judgement.reason) == (False, "ann", "knows them")
    doubled.hand.write({"0": who("Jane Kolbe", **KOLBE, email="jk77@gmail.com")})
    with transaction(doubled.store) as session:
        session.get_one(Judgement, judgement.id).superseded_at = doubled.clock.now()
    look(doubled)
    assert (queued(doubled), queued(doubled, "refused")) == (set(), pairs("crm shop"))


@pytest.mark.parametrize("same", [True, False])
def test_what_a_human_decides_while_it_is_computed_anew_stands(doubled, same):
    """The computation began when the pair was still open, and brings it again."""
    look(doubled)
    (row,) = doubled.rows(Suggestion)
    again = Likely(row.left, row.right, row.weight, row.probability, tuple(row.evidence))
    decide(doubled, same=same)
    with transaction(doubled.store) as session:
        assert queue.enqueue(session, Scope.person, [again], doubled.clock.now()) == {"decided": 1}
    (row,) = doubled.rows(Suggestion)
    assert (row.status, row.decided_by) == ("accepted" if same else "refused", "ann")


def test_values_that_somebody_blocked_speak_for_nobody(bench):
    """What the store's rules block says as little here as there, and a new rule is reason to look again."""
    bench.hand.write(
        {
            "crm": who("Jane Kolbe", phone="+4971112340", email="jane@kolbe.example"),
            "shop": who("Jane Kolbe", phone="+4971112340", email="jk77@gmail.com"),
        }
    )
    with transaction(bench.store) as session:
        rule = changed(rulebook(session), Scope.person, "phone", {"enabled": False})
        decide_rule(session, rule, Decision("ann", "a switchboard", bench.clock.now()))
    look(bench)
    (row,) = bench.rows(Suggestion)
    assert "phone" in {one["signal"] for one in row.evidence}
    with transaction(bench.store) as session:
        rule = changed(rulebook(session), Scope.person, "phone", {"blocked": (*PHONES, r"^\+4971112340$")})
        decide_rule(session, rule, Decision("ann", "a switchboard", bench.clock.now()))
    assert look(bench).computed
    assert "phone" not in {
        one["signal"] for row in bench.rows(Suggestion) if row.status == "open" for one in row.evidence
    }


def test_what_was_accepted_and_taken_back_can_be_accepted_again(doubled):
    """And what stood against it is superseded: of two decisions on the same records one is in force."""
    look(doubled)
    decide(doubled, same=True)
    (row,) = doubled.rows(Suggestion)
    for same in (False, True):
        with transaction(doubled.store) as session:
            taking = Decision("bob", "was wrong", doubled.clock.now())
            take_back(session, standing_between(session, [row.left], [row.right]), taking)
            if not same:
                left, right = named(session, row.left), named(session, row.right)
                judge(session, left, right, taking, same=False)
        with transaction(doubled.store) as session:
            queue.decide(session, row.id, same=True, by="ann", reason="sure", now=doubled.clock.now())
        assert [one.same for one in doubled.rows(Judgement) if one.superseded_at is None] == [True]


def test_what_was_decided_says_how_to_think_again(doubled):
    """By a judgement on the same two records."""
    look(doubled)
    decide(doubled, same=False)
    (row,) = doubled.rows(Suggestion)
    with (
        transaction(doubled.store) as session,
        pytest.raises(queue.AlreadyDecided, match=f"sidecar merge {row.left} {row.right}"),
    ):
        queue.decide(session, row.id, same=True, by="ann", reason="sure", now=doubled.clock.now())


def test_what_a_human_accepted_is_joined_by_the_next_stitch(doubled):
    """The judgement does it; the row stays as it was decided."""
    look(doubled)
    decide(doubled, same=True)
    look(doubled)
    assert doubled.clusters() == {frozenset(["crm", "shop"]), frozenset(["ben"])}
    assert queued(doubled, "accepted") == pairs("crm shop")


def test_a_pair_that_was_judged_before_is_not_suggested(doubled):
    """Whoever told them apart need not do so twice."""
    now = doubled.clock.now()
    left, right = doubled.hand.key("shop"), doubled.hand.key("crm")
    with transaction(doubled.store) as session:
        session.add(
            Judgement(
                id=new_id(now), left=left, right=right, same=False, decided_by="ann", reason="twins", decided_at=now
            )
        )
    look(doubled)
    assert queued(doubled) == set()


def test_a_suggestion_that_answers_itself_is_closed_and_may_come_again(doubled):
    """Both are one by an identifier; a record is gone; they are no longer alike. Once alike again, the same row opens."""
    look(doubled)
    doubled.hand.write({"shop": who("Jane Kolbe", **KOLBE, email="jane@kolbe.example")})
    look(doubled)
    assert [(row.status, row.reason) for row in doubled.rows(Suggestion)] == [("closed", queue.TOGETHER)]
    doubled.hand.write({"shop": who("Jane Kolbe", **KOLBE, email="jk77@gmail.com")})
    look(doubled)
    assert [(row.status, row.decided_by) for row in doubled.rows(Suggestion)] == [("open", None)]
    doubled.hand.write({"shop": who("Pia Fuchs", **NORDWIND, email="jk77@gmail.com")})
    look(doubled)
    assert [(row.status, row.reason) for row in doubled.rows(Suggestion)] == [("closed", queue.UNLIKELY)]


def test_a_suggestion_on_a_record_that_is_gone_is_closed(doubled):
    """Nobody is asked about what no longer exists."""
    look(doubled)
    doubled.hand.write({}, gone=["shop"])
    look(doubled)
    assert [(row.status, row.reason) for row in doubled.rows(Suggestion)] == [("closed", queue.GONE)]


def test_a_second_look_at_the_same_changes_nothing(doubled):
    """Nothing is computed, nothing is written, and the queue stands."""
    look(doubled)
    before = [row.model_dump() for row in doubled.rows(Suggestion)]
    again = look(doubled)
    assert (again.computed, again.standing) == (False, {"open": 1})
    assert [row.model_dump() for row in doubled.rows(Suggestion)] == before


def test_the_row_that_waits_is_kept_when_other_records_stand_for_its_persons(doubled):
    """A new record with a lesser key joins one of them: still one suggestion, under the same id."""
    look(doubled)
    (before,) = doubled.rows(Suggestion)
    doubled.hand.write({"0": who("Jane Kolbe", **KOLBE, email="jk77@gmail.com")})
    look(doubled)
    (after,) = doubled.rows(Suggestion)
    assert (after.id, after.status) == (before.id, "open")


def test_nobody_is_joined_by_likeness_unless_somebody_said_so(doubled):
    """With a threshold the pair is accepted by the sidecar itself, which the row says; two customer numbers still need a human."""
    look(doubled, join_from=0.9)
    (row,) = doubled.rows(Suggestion)
    assert (row.status, row.decided_by) == ("accepted", queue.ITSELF)
    look(doubled, join_from=0.9)
    assert frozenset(["crm", "shop"]) in doubled.clusters()


def test_two_numbers_of_the_sellers_own_are_never_joined_by_likeness(bench):
    """They are two customers until a human knows better."""
    bench.hand.write(
        {
            "a": who("Jane Kolbe", **KOLBE, external_id="17"),
            "b": who("Jane Kolbe", **KOLBE, external_id="18"),
            "c": ARNOLD,
        }
    )
    look(bench, join_from=0.9)
    assert queued(bench) == pairs("a b")


def town(seed: int, persons: int) -> dict[str, list]:
    """Persons of whom every fifth has a double with another address, every other of these with a slip in the name."""
    rng = random.Random(seed)  # a town, no secret
    syllables = ["ka", "ro", "min", "te", "sol", "ver", "an", "bi", "du", "ler", "gos", "fen"]

    def word() -> str:
        return "".join(rng.choices(syllables, k=rng.randint(2, 4))).capitalize()

    given, firms = [word() for _ in range(80)], [f"{word()} {word()} GmbH" for _ in range(persons // 8)]
    made = {}
    for number in range(persons):
        name, company, post = f"{rng.choice(given)} {word()}", rng.choice(firms), str(rng.randint(10000, 99999))
        made[f"p{number:05d}"] = who(
            name, company=company, postcode=post, country="DE", email=f"p{number}@{word()}.example".lower()
        )
        if number % 5 == 0:
            slip = name if number % 2 else name[:-1] + rng.choice("xyz")
            made[f"q{number:05d}"] = who(slip, company=company, postcode=post, country="DE", email=f"q{number}@web.de")
    return made


def test_the_same_records_give_the_same_suggestions_in_any_order(tmp_path):
    """Ids, order of landing and runs make no difference; with enough rows the shares are estimated, and said to be."""
    told = []
    records = town(3, 700)
    for number in range(2):
        bench = open_bench(tmp_path / str(number))
        names = sorted(records)
        random.Random(number).shuffle(names)
        bench.hand.write({name: records[name] for name in names})
        report = look(bench)
        told.append(sorted((row.id, row.weight, json.dumps(row.evidence)) for row in bench.rows(Suggestion)))
        assert report.learned.certain >= FEW_CERTAIN
        assert (report.learned.others, report.learned.signals["company"]) == ("estimated", "estimated")
    assert told[0] == told[1]
    doubles = {frozenset((f"p{n:05d}", f"q{n:05d}")) for n in range(0, 700, 5)}
    found = queued(bench)
    assert len(found & doubles) >= 0.9 * len(doubles)
    assert len(found - doubles) <= 0.02 * len(doubles)


def test_a_block_that_is_too_large_is_bounded_and_counted(bench):
    """Hundreds behind one number are not compared all with all."""
    bench.hand.write({f"p{n}": who(f"Person{n} Name{n}", phone="+493023125817") for n in range(150)})
    report = look(bench)
    assert report.learned.bounded == 1
    assert sum(report.histogram) == 0


def test_companies_are_suggested_by_name_site_and_people(bench):
    """Another legal form and another site, but the same town and the same contact; a stranger is not."""
    bench.hand.write(
        {
            "crm": firm("Kolbe Stanztechnik GmbH", domain="kolbe.example", city="Stuttgart", country="DE"),
            "hub": firm("Kolbe Stanztechnik", domain="kolbe-stanz.example", city="Stuttgart", country="DE"),
            "other": firm("Nordwind AG", domain="nordwind.example", city="Kiel", country="DE"),
            "jane": who("Jane Kolbe", email="jane@kolbe.example"),
            "member_crm": [member(bench, "jane", "crm")],
            "member_hub": [member(bench, "jane", "hub")],
        }
    )
    look(bench, Scope.account)
    assert queued(bench) == pairs("crm hub")
    (row,) = bench.rows(Suggestion)
    assert "contacts" in {one["signal"] for one in row.evidence}


def test_a_contact_who_has_left_is_not_in_common(bench):
    """A membership counts while it holds."""
    facts = {
        "a": firm("Kolbe", domain="kolbe.example"), "b": firm("Kolbe Nord", domain="nord.example"),
        "jane": who("Jane Kolbe", email="jane@kolbe.example"), "now": [member(bench, "jane", "b", valid_from=T0)],
    }  # fmt: skip
    bench.hand.write({**facts, "then": [member(bench, "jane", "a", valid_to=T0 + timedelta(days=1))]})
    look(bench, Scope.account, review_from=0.01)
    (row,) = bench.rows(Suggestion)
    assert "contacts" not in {one["signal"] for one in row.evidence}


def test_a_parent_and_its_child_are_related_and_not_the_same(bench):
    """The CRM says that one belongs to the other: that is a relation, whatever their names say."""
    site = {"city": "Stuttgart", "country": "DE", "postcode": "70173"}
    bench.hand.write(
        {
            "mother": firm("Kolbe Stanztechnik GmbH", domain="kolbe.example", **site),
            "child": firm("Kolbe Stanztechnik", domain="kolbe-stanz.example", **site),
            "tie": [Relation(kind="parent_of", subject=bench.hand.key("mother"), other=bench.hand.key("child"))],
        }
    )
    look(bench, Scope.account)
    assert queued(bench) == set()


def test_a_company_that_pays_is_an_account_of_its_own_money(bench):
    """A paying company joins the CRM's account, and its payments are the account's, under an id that stays."""
    charge = Payment(payer=bench.hand.key("payer"), kind="charge", amount_minor=900, currency="eur", occurred_at=T0)
    bench.hand.write(
        {
            "crm": firm("Kolbe Stanztechnik GmbH", domain="kolbe.example"),
            "payer": firm("Kolbe Stanztechnik", domain="kolbe.example"),
            "charge": [charge],
        }
    )
    run_journeys(bench)
    (account,) = set(bench.membership(Scope.account).values())
    (row,) = bench.lake.table(REVENUE.name).to_pyarrow().to_pylist()
    assert (row["scope"], row["entity_id"], row["net"]) == ("account", account, 900)
    bench.hand.write({"lead": who("Jane Kolbe", company="Kolbe Stanztechnik", email="jane@kolbe.example")})
    run_journeys(bench)
    assert set(bench.membership(Scope.account).values()) == {account}


def test_settings_are_read_from_the_environment(monkeypatch, doubled):
    """A threshold that nothing reaches empties the queue."""
    look(doubled)
    monkeypatch.setenv("SIDECAR_SUGGEST_REVIEW_FROM", "1")
    report = suggest(doubled.lake, doubled.store, doubled.clock, Scope.person, SuggestSettings())
    assert report.standing == {"closed": 1}
