"""Records of people who are forgotten: out of the lake for good, and held back when the vendor tells of them again."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from models import Consent, Engagement, Identifier, Interaction, Outcome, Payment, Profile, Relation, Scope
from models.erasure import Forgotten
from models.keys import stable_hash
from models.operations import StreamCount
from models.store import transaction
from pipelines.ingest.forgotten import is_theirs
from pipelines.ingest.staging import StreamBusyError, claim, claim_all
from tests.pipelines.ingest.scripted import NOW, PEOPLE, ScriptedSource, version
from tests.traces import traces

ADA = version("1", 1, name="Ada Lovelace", email="ada@kolbe.example")
BO = version("2", 2, name="Bo", email="bo@kolbe.example")
OWN = "vendor/org/Contact/ada"
FORGOTTEN = {stable_hash(OWN), stable_hash("email", "ada@kolbe.example")}


def forget(place, *hashes: int) -> None:
    with transaction(place.store) as session:
        for one in hashes:
            session.merge(Forgotten(hash=one, vendor="paper", object="Person"))


def remembered(place) -> set[int]:
    with Session(place.store) as session:
        return set(session.exec(select(Forgotten.hash)))


def test_what_is_erased_leaves_no_trace_in_any_file_and_the_rest_stays(place):
    """Neither in Parquet files, old ones included, nor in what Delta's log says of their bounds; and the log goes on."""
    words = ["ada@kolbe.example", "Ada Lovelace"]
    place.pull([ADA, BO])
    place.pull([ADA, BO, version("1", 3, name="Ada Lovelace", email="ada@kolbe.example", city="Ulm")])
    place.lake.compact()  # from here on the bounds of files are in the log
    assert traces(place.root / "lake", place.store, words)
    assert place.lake.told_of([ADA.key.hash]) == {
        "raw/paper/people": 2, "facts/profile/paper": 2, "facts/identifier/paper": 2,
    }  # fmt: skip
    assert sum(place.lake.erase([ADA.key.hash]).values()) == 6
    assert place.lake.erase([ADA.key.hash]) == {}
    assert traces(place.root / "lake", place.store, words) == set()
    assert set(place.latest()) == {"2"}
    assert place.facts(Identifier)["2"][0]["value"] == "bo@kolbe.example"
    place.pull([BO, version("3", 4, name="Cy", email=None)], look_back=3)
    assert set(place.latest()) == {"2", "3"}


def test_a_tombstone_holds_back_the_record_when_everything_is_read_again(place):
    """Counted, and nowhere on disk; what others have comes as ever."""
    forget(place, ADA.key.hash)
    report = place.pull([ADA, BO])
    assert (report.rows, report.seen, report.held_back) == (1, 2, 1)
    assert traces(place.root, place.store, ["ada@kolbe.example"]) == set()


def test_a_new_record_with_their_address_is_held_back_and_remembered(place):
    """So is one that cannot be read as facts but bears the address."""
    forget(place, stable_hash("email", "ada@kolbe.example"))
    again = version("7", 1, name="A. Lovelace", email="Ada@Kolbe.example")
    unreadable = version("8", 2, name="", email=["ada@kolbe.example"])
    assert place.pull([again, unreadable, BO]).held_back == 2
    assert {again.key.hash, unreadable.key.hash} <= remembered(place)


def test_what_is_held_back_is_not_missing_in_the_lake(place):
    """The vendor counts it still, or does no more."""
    forget(place, ADA.key.hash)
    for at_vendor in (2, 1):
        place.clock.advance(timedelta(days=2))
        place.pull(ScriptedSource([ADA, BO], look_back=2, counted=at_vendor))
        with Session(place.store) as session:
            count = session.exec(select(StreamCount)).one()
        assert (count.missing, count.surplus, count.settled) == (0, 0, True)


def test_who_forgets_waits_for_pulls_and_they_for_it(place):
    """Every stream that was ever pulled is claimed; one that is being pulled just now refuses."""
    place.pull([ADA])
    with claim_all(place.staging) as staged:
        assert [pages.folder.name for pages in staged] == [PEOPLE.name]
        with pytest.raises(StreamBusyError):
            place.pull([ADA])
    with (
        claim(place.staging, "paper", "acct", PEOPLE.name),
        pytest.raises(StreamBusyError),
        claim_all(place.staging),
    ):
        pass


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([Identifier.named(Scope.person, "email", "ada@kolbe.example"), Profile(scope=Scope.person)], True),
        ([Identifier.named(Scope.account, "email", "ada@kolbe.example"), Profile(scope=Scope.account)], False),
        ([Engagement(subject=OWN, kind="call", occurred_at=NOW)], True),
        ([Engagement(subject=OWN, kind="call", occurred_at=NOW), Engagement(subject="v/o/C/bo", kind="call", occurred_at=NOW)], False),
        ([Payment(payer=OWN, kind="charge", amount_minor=1, currency="eur", occurred_at=NOW)], True),
        ([Relation(kind="contact_role", subject=OWN, other="v/o/Deal/1")], True),
        ([Relation(kind="contact_role", subject=OWN, other="v/o/Deal/1"), Outcome(subject=None, status="open", stage="x")], False),
        ([Consent(subject=OWN, channel="all", granted=False)], True),
        ([Interaction(subject="v/o/C/bo", participants=[OWN], source="call_note", author="rep", field="Body", occurred_at=NOW)], True),
        ([Interaction(subject="v/o/C/bo", source="call_note", author="rep", field="Body", occurred_at=NOW)], False),
        ([], False),
    ],
    ids=["address", "a company's address", "alone", "with another", "paid", "a role", "a deal", "a refusal", "took part", "another's words", "nothing"],
)  # fmt: skip
def test_a_record_is_theirs_by_its_address_their_words_or_because_it_speaks_of_nobody_else(facts, expected):
    """A deal or a call with somebody else stays, unless it holds words they had a part in."""
    assert is_theirs([(type(fact), vars(fact)) for fact in facts], FORGOTTEN) is expected
