"""`sidecar suggestions`: looking, deciding, and taking the queue along as a table."""

import csv
import io

import pytest
from sqlmodel import select

from models.facts import Scope
from models.identity import Judgement
from models.store import transaction
from pipelines.stitch.stitch import stitch
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.stitch.suggest.suggest import suggest
from pipelines.workspace import Workspace
from service.suggestions import _harmless
from tests.pipelines.stitch.conftest import Hand
from tests.pipelines.stitch.suggest.conftest import who
from tests.service.conftest import Door

KOLBE = {"company": "Kolbe Stanztechnik GmbH", "city": "Stuttgart", "country": "DE"}


@pytest.fixture
def queued(door: Door) -> Door:
    """One pair waits: Jane at work and at home; her company's name would run in a spreadsheet."""
    door.connect()
    with Workspace.from_environment() as here:
        hand = Hand(here.lake)
        hand.write(
            {
                "crm": who("Jane Kolbe", **KOLBE, email="jane@kolbe.example"),
                "shop": who("Jane Kolbe", **(KOLBE | {"company": "=Kolbe Stanztechnik"}), email="jk77@gmail.com"),
            }
        )
        stitch(here.lake, here.store, here.clock, Scope.person)
        suggest(here.lake, here.store, here.clock, Scope.person, SuggestSettings())
    return door


def only(door: Door, status: str = "open"):
    (found,) = door.ask("suggestions", "list", "--status", status, "--json").json
    return found


def judgements() -> list[tuple[bool, str, str]]:
    with Workspace.from_environment() as here, transaction(here.store) as session:
        return [(row.same, row.decided_by, row.reason) for row in session.exec(select(Judgement))]


def test_a_suggestion_shows_both_sides_and_why(queued):
    """Names and towns are read from the lake; the evidence is in words, with its weight."""
    found = only(queued)
    assert (found["left"]["name"], found["right"]["city"], found["left"]["records"]) == ("Jane Kolbe", "Stuttgart", 1)
    said = queued.ask("suggestions", "list").said
    assert "Jane Kolbe, Kolbe Stanztechnik GmbH, Stuttgart, DE" in said
    assert "name: the same (+" in said


@pytest.mark.parametrize(("word", "status", "same"), [("accept", "accepted", True), ("refuse", "refused", False)])
def test_a_decision_is_kept_with_who_and_why(queued, word, status, same):
    """It is a judgement; deciding the same again changes nothing, deciding otherwise is refused."""
    name = only(queued)["id"]
    assert queued.ask("suggestions", word, name[:8], "--why", "met her", "--by", "ann").code == 0
    assert queued.ask("suggestions", word, name, "--why", "again", "--by", "bob").code == 0
    assert judgements() == [(same, "ann", "met her")]
    assert (only(queued, status)["decided_by"], only(queued, status)["reason"]) == ("ann", "met her")
    other = queued.ask("suggestions", "refuse" if same else "accept", name, "--why", "no", "--by", "bob")
    assert other.code == 2
    assert f"is {status}" in other.said
    assert len(judgements()) == 1


def test_nothing_is_decided_without_a_reason_or_on_what_is_not_there(queued):
    """Each is one sentence, and several ids are decided together or not at all."""
    name = only(queued)["id"]
    assert "--why" in queued.ask("suggestions", "accept", name, "--why", " ").said
    answer = queued.ask("suggestions", "accept", name, "nope", "--why", "met her")
    assert (answer.code, judgements()) == (2, [])
    assert "no suggestion 'nope'" in answer.said
    assert "choose from open" in queued.ask("suggestions", "list", "--status", "lost").said


def test_the_queue_is_a_table_for_a_spreadsheet(queued):
    """One row per pair with its evidence; a text that the spreadsheet would run is only a text."""
    assert queued.ask("suggestions", "export", "queue.csv").code == 0
    assert (queued.folder / "queue.csv").stat().st_mode & 0o777 == 0o600
    text = (queued.folder / "queue.csv").read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["left_name"], row["right_company"]) == ("Jane Kolbe", "'=Kolbe Stanztechnik")
    assert row["evidence"].startswith("name: the same (+")
    assert queued.ask("suggestions", "export", "-").out.splitlines()[0].startswith("id,status,scope,probability")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_no_text_starts_as_a_formula_does(start):
    """Neither in ordinary width nor in full, nor after a break of line."""
    assert not _harmless(f"{start}cmd|' /C calc'!A0").startswith(start)
    assert _harmless("Kolbe = Sons") == "Kolbe = Sons"


def test_an_empty_queue_says_so(door):
    """Before anything was suggested."""
    door.connect()
    assert "No suggestion is open" in door.ask("suggestions", "list").said
    assert door.ask("suggestions", "list", "--json").json == []
