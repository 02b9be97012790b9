"""`sidecar rules`, `why`, `split`, `merge`, `unjudge` and `quarantine`, as somebody at a terminal meets them."""

import pytest

from models.facts import Scope
from pipelines.stitch.stitch import stitch
from pipelines.workspace import Workspace
from tests.pipelines.stitch.conftest import Hand, person
from tests.service.conftest import Door

A, B, C = (f"toy/acme/thing/{name}" for name in "abc")
BECAUSE = ("--why", "same desk", "--by", "ann")


@pytest.fixture
def known(door: Door) -> Door:
    """Jane, twice, and somebody else who has Jane's address but another customer number."""
    door.connect()
    with Workspace.from_environment() as here:
        hand = Hand(here.lake)
        hand.write(
            {
                "a": person(external_id="u1", email="jane@corp.example"), "b": person(external_id="u1"),
                "c": person(external_id="u2", email="jane@corp.example"),
            }
        )  # fmt: skip
    stitched()
    return door


def stitched() -> None:
    with Workspace.from_environment() as here:
        stitch(here.lake, here.store, here.clock, Scope.person)


def journeys() -> list[str]:
    with Workspace.from_environment() as here:
        table = here.lake.table("journeys")
        assert table is not None
        return table.to_pyarrow().column("person_id").to_pylist()


def test_why_names_the_edges_or_what_keeps_two_apart(known):
    """In words for people, whole for machines, and never with the value itself."""
    assert "toy thing a and toy thing b carry the same external id …u1" in known.ask("why", A, B).said
    apart = known.ask("why", A, C)
    assert "They are two" in apart.said
    assert "share the email j***@corp.example, but two values of a kind of which one has one" in apart.said
    found = known.ask("why", A, C, "--json").json
    assert (found["together"], found["edges"], [tie["cause"] for tie in found["refused"]]) == (False, [], ["one_ever"])
    by_id = known.ask("why", found["left"]["entity"], B, "--json").json
    assert by_id["together"]
    assert "jane@" not in known.ask("why", A, C, "--json").out
    unknown = known.ask("why", A, "nobody")
    assert unknown.code == 2
    assert "no record, person or account" in unknown.said


def test_the_quarantine_lists_what_was_refused_and_a_merge_settles_it(known):
    """Seen first, asked before it is done, at once if wished, journeys too; then it is one person, for a reason that can be read."""
    assert "1 ties, because two values of a kind" in known.ask("quarantine").said
    assert [tie["value"] for tie in known.ask("quarantine", "--json").json] == ["j***@corp.example"]
    assert "new person 1" in known.ask("split", A, B, *BECAUSE, "--dry-run").said
    (minted,) = known.ask("split", A, B, *BECAUSE, "--dry-run", "--json").json["minted"]
    assert known.ask("show", minted).code == 2
    seen = known.ask("merge", A, C, *BECAUSE, "--dry-run", "--json").json
    assert (len(seen["moves"]), len(seen["entities"]), seen["merged"], seen["decided"]) == (1, 2, 1, False)
    unsure = known.ask("merge", A, C, *BECAUSE)
    assert unsure.code == 2
    assert "1 records would move, between 2 persons (1 merges, 0 splits)" in unsure.said
    assert "Say so with --yes" in unsure.said
    assert known.ask("judgements", "--json").json == []
    assert "Done." in known.ask("merge", A, C, *BECAUSE, "--yes", "--now").said
    assert "judged to be the same (ann: same desk)" in known.ask("why", A, C).said
    assert len(journeys()) == 1
    assert "Nothing was refused." in known.ask("quarantine").said
    stitched()
    assert known.ask("why", A, C, "--json").json["together"]


def test_a_split_waits_for_the_next_stitch_and_can_be_taken_back(known):
    """Whether by `unjudge` or by the same command with --undo; who took it back stays on record."""
    assert "holds from the next stitch on" in known.ask("split", A, B, *BECAUSE, "--yes").said
    assert known.ask("why", A, B, "--json").json["together"]
    stitched()
    assert not known.ask("why", A, B, "--json").json["together"]
    assert "a human told them apart" in known.ask("why", A, B).said
    known.ask("split", A, B, "--undo", "--why", "mistaken", "--by", "bob", "--yes")
    stitched()
    assert known.ask("why", A, B, "--json").json["together"]
    assert known.ask("judgements").said == "Nothing was decided by hand; the rules alone say who is who."
    assert "taken back" in known.ask("judgements", "--all").said
    again = known.ask("unjudge", A, B, *BECAUSE, "--yes")
    assert again.code == 2
    assert "Nothing was decided between these two" in again.said


def test_what_is_taken_back_where_nothing_moves_is_not_called_decided(known):
    """A person and one of its own records are one already, which is no decision; two records are, until it is taken back."""
    whole = known.ask("why", A, B, "--json").json["left"]["entity"]
    refused = known.ask("merge", whole, B, *BECAUSE, "--yes")
    assert refused.code == 2
    assert "Both are one person already" in refused.said
    held = known.ask("merge", A, B, *BECAUSE, "--yes").said
    assert "No record would move now; the decision holds against whatever comes." in held
    back = known.ask("unjudge", A, B, *BECAUSE, "--yes").said
    assert "No record would move now; from then on the rules alone decide again." in back
    assert "Taken back. The rules decide from the next stitch on" in back
    assert "Decided" not in back


def test_of_several_decisions_within_one_person_only_the_one_that_is_named_is_taken_back(known):
    """A person's id stands for all its records, and taking back everything is not what was meant."""
    for other in (A, B):
        known.ask("merge", other, C, *BECAUSE, "--yes")
    stitched()
    whole = known.ask("why", A, C, "--json").json["left"]["entity"]
    unclear = known.ask("unjudge", whole, whole, *BECAUSE, "--yes")
    assert unclear.code == 2
    assert "2 decisions stand between these two" in unclear.said
    known.ask("unjudge", A, C, *BECAUSE, "--yes")
    assert [(row["left"], row["right"]) for row in known.ask("judgements", "--json").json] == [(B, C)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("split", A, A, *BECAUSE, "--yes"), "name two of its records"),
        (("merge", A, B, "--why", " ", "--yes"), "Say why"),
        (("rules", "set", "person", "email", "--why", "x", "--block", "("), "cannot be read: missing )"),
        (("rules", "set", "person", "email", "--why", "x", "--max-values", "many"), "give a whole number, or none"),
        (("rules", "set", "person", "email", "--why", "x", "--max-records", "0"), "max_records is 0"),
        (("rules", "set", "person", "email", "--why", "x", "--unblock", "zzz"), "does not block 'zzz'"),
        (("rules", "set", "person", "gclid", "--why", "x", "--priority", "1", "--max-records", "2"), "never an identity"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_in_words(known, arguments, said):
    """With the exit code for a question that cannot be understood, and nothing written."""
    answer = known.ask(*arguments)
    assert answer.code == 2
    assert said in answer.said
    assert known.ask("rules", "history", "--json").json == known.ask("judgements", "--json").json == []


def test_rules_are_listed_changed_and_sent_back_with_their_history(known):
    """The version changes with the content and comes back with it."""
    before = known.ask("rules", "list", "--json").json["person"]
    assert {rule["kind"] for rule in before["rules"]} == {
        "external_id", "salesforce_id", "hubspot_id", "stripe_customer", "email", "phone", "fbp",
    }  # fmt: skip
    assert (
        "next stitch"
        in known.ask("rules", "set", "person", "email", "--max-values", "none", "--block", "^pool@", *BECAUSE).said
    )
    assert "nothing was written" in known.ask("rules", "set", "person", "email", "--max-values", "none", *BECAUSE).said
    changed = known.ask("rules", "list", "--json").json["person"]
    (email,) = [rule for rule in changed["rules"] if rule["kind"] == "email"]
    assert (email["max_values"], email["blocked"][-1], email["decided"]) == (None, "^pool@", True)
    assert changed["version"] != before["version"]
    assert "you" in known.ask("rules", "list").said
    assert known.ask("rules", "reset", "person", "email", *BECAUSE, "--json").json == {"reset": ["email"]}
    assert known.ask("rules", "list", "--json").json["person"] == before
    assert "person email by ann: same desk, until" in known.ask("rules", "history").said
