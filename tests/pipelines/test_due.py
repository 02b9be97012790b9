"""Which jobs are due after what: of those that derive from what has landed, only such as would find something new."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, delete, select

from models import (
    Baseline,
    BucketState,
    Cursor,
    Evidence,
    Extraction,
    IntendedWrite,
    Judgement,
    Observation,
    Purpose,
    Slot,
    WritePlan,
)
from models.store import transaction
from pipelines.due import READ, Reads, taken
from pipelines.stitch import automation as stitching
from pipelines.stitch.derived import REVENUE
from pipelines.understand import automation as understanding
from pipelines.understand.buckets import settled
from pipelines.workspace import Workspace, WorkspaceSettings
from pipelines.write_back import automation as writing
from tests.conftest import NOW
from tests.pipelines.ingest.scripted import Place, version

STITCH, UNDERSTAND, HUBSPOT, SALESFORCE = "stitch", "understand", "write_back_hubspot", "write_back_salesforce"
WRITE_BACKS = {HUBSPOT, SALESFORCE}
EVERY = {STITCH, UNDERSTAND, *WRITE_BACKS}
DANA = version("1", 1, name="Dana", email="dana@kolbe.example")
UNREAD = {
    "audit": "who looked changes nothing",
    "cursor": "where pulls are; what they land is in the lake",
    "dirty": "what pulls shall read",
    "stream_column": "of pulls and their checks",
    "stream_count": "of pulls and their checks",
    "rejection": "what could not be read, beside the raw rows that are",
    "entity": "changes with the stitch's state only",
    "identity_event": "changes with the stitch's state only",
    "membership": "changes with the stitch's state only",
    "stitch": "changes with the stitch's state only",
    "look": "where the next stitch starts from; what it may change is in the lake",
    "refused_tie": "changes with the stitch's state only",
    "belief": "changes with the state of its bucket only",
    "alignment": "changes with the state of its bucket only",
    "drift": "changes with the state of its bucket only",
    "alignment_weights": "learned by the run itself, from what it reads",
    "batch": "where answers are fetched; they are extractions once they are here",
    "batch_request": "where answers are fetched; they are extractions once they are here",
    "alert": "who was told changes nothing",
    "erasure": "what it takes away changes the lake, and whoever erases empties the CRMs",
    "forgotten": "what it takes away changes the lake; what it holds back was never there",
}
"""Tables whose change makes nothing due, and why."""


def all_reads() -> dict[str, Reads]:
    return {**stitching.reads(), **understanding.reads(), **writing.reads()}


@dataclass
class Desk:
    """A place of work with something in it, and what each job would read there."""

    place: Place
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        made = Workspace(WorkspaceSettings(home=self.place.root, **self.settings))
        made.__dict__.update(lake=self.place.lake, store=self.place.store, clock=self.place.clock)
        return made

    def hashes(self) -> dict[str, str]:
        return {job: taken(self.workspace, read)[READ] for job, read in all_reads().items()}

    def due(self, before: Mapping[str, str]) -> set[str]:
        return {job for job, now in self.hashes().items() if now != before[job]}

    def add(self, *rows: SQLModel) -> None:
        with transaction(self.place.store) as session:
            session.add_all(rows)
            session.flush()

    def edit(self, model: type[SQLModel], **values: object) -> None:
        """Change the one row of a table."""
        with transaction(self.place.store) as session:
            row = session.exec(select(model)).one()
            for name, value in values.items():
                setattr(row, name, value)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One person has landed; of each kind of decision there is one row."""
    desk = Desk(Place(tmp_path))
    desk.place.pull([DANA])
    with transaction(desk.place.store) as session:
        for rows in decisions():
            session.add_all(rows)
            session.flush()
    return desk


def decisions() -> Iterator[list[SQLModel]]:
    said = {
        "subject": "paper/acct/Person/1",
        "subject_hash": 1,
        "text_hash": "t",
        "occurred_at": NOW,
        "recorded_at": NOW,
    }
    may = {"lawful_basis": "consent", "purposes": list(Purpose), "region": "eu", "retain_until": NOW}
    yield [
        Slot(name="price", description="price", example="Too dear", half_life_days=90, valence=0.5),
        Judgement(id="j", left="a", right="b", same=True, decided_by="me", reason="seen", decided_at=NOW),
        Observation(id="o", record="paper/acct/Mail/1", source="email", author="customer", text="t", **said, **may),
        Extraction(observation_id="o", text_hash="t", prompt="1", schema_hash="s", model="m", status="ok", extracted_at=NOW),
        BucketState(stage="stitch", bucket=0, version="1", computed_at=NOW),
        BucketState(stage="beliefs", bucket=5, version="1", computed_at=NOW),
        WritePlan(id="w", crm="hubspot", account="1", created_at=NOW, counts={}),
    ]  # fmt: skip
    quote = {"slot": "price", "polarity": "negative", "strength": "explicit", "statement": "Too dear", "quote": "t"}
    where = {"start": 0, "end": 1, "speaker": "", "speaker_role": "customer", "source_class": "email", "thread": "o"}
    value = {"record": "hubspot/1/contacts/1", "field": "blf_summary", "value_hash": "h"}
    yield [
        Evidence(id="e", observation_id="o", model="m", **said, **quote, **where),
        IntendedWrite(id="i", plan_id="w", entity_id="p", reason="new", state="ok", **value),
        Baseline(write_id="i", acknowledged_at=NOW, **value),
    ]


def write(**more: Any) -> IntendedWrite:
    known = {"plan_id": "w", "record": "hubspot/1/contacts/2", "entity_id": "p", "field": "blf_summary"}
    return IntendedWrite(id="k", value_hash="h", reason="new", **known, **more)


def a_vendor_tells_something_new(desk: Desk) -> set[str]:
    desk.place.pull([DANA, version("2", 2, name="Ali", email=None)])
    return EVERY


def a_human_edits_a_record_in_the_crm(desk: Desk) -> set[str]:
    desk.place.pull([DANA, version("1", 3, name="Dana K.", email="dana@kolbe.example")])
    return EVERY


def a_human_judges(desk: Desk) -> set[str]:
    desk.add(Judgement(id="k", left="a", right="c", same=False, decided_by="me", reason="seen", decided_at=NOW))
    return {STITCH}


def a_judgement_is_taken_back(desk: Desk) -> set[str]:
    desk.edit(Judgement, superseded_at=NOW)
    return {STITCH}


def somebody_is_stitched_otherwise(desk: Desk) -> set[str]:
    with transaction(desk.place.store) as session:
        settled(session, "stitch", 0, "2", NOW)
    return EVERY


def somebody_believes_something_else(desk: Desk) -> set[str]:
    with transaction(desk.place.store) as session:
        settled(session, "beliefs", 5, "2", NOW)
    return {UNDERSTAND, *WRITE_BACKS}


def a_slot_is_weighed_anew(desk: Desk) -> set[str]:
    desk.edit(Slot, valence=-0.5)
    return {UNDERSTAND, *WRITE_BACKS}


def an_observation_is_withdrawn(desk: Desk) -> set[str]:
    desk.edit(Observation, withdrawn_at=NOW - timedelta(days=9))
    return {UNDERSTAND, *WRITE_BACKS}


def a_quote_is_withdrawn(desk: Desk) -> set[str]:
    desk.edit(Evidence, withdrawn_at=NOW)
    return {UNDERSTAND, *WRITE_BACKS}


def readings_are_thrown_away(desk: Desk) -> set[str]:
    with transaction(desk.place.store) as session:
        session.delete(session.exec(select(Extraction)).one())
    return {UNDERSTAND}


def a_plan_waits_to_be_applied(desk: Desk) -> set[str]:
    desk.add(write(state="planned"))
    return {HUBSPOT}


def a_write_failed(desk: Desk) -> set[str]:
    desk.edit(IntendedWrite, state="failed")
    return {HUBSPOT}


def a_plan_was_applied_by_hand(desk: Desk) -> set[str]:
    desk.edit(Baseline, acknowledged_at=NOW + timedelta(seconds=1))
    return {HUBSPOT}


def money_is_counted_anew(desk: Desk) -> set[str]:
    desk.place.lake.replace(REVENUE.name, REVENUE.schema.empty_table())
    return {STITCH, *WRITE_BACKS}


def a_table_of_the_lake_is_lost_and_made_again(desk: Desk) -> set[str]:
    for part in ("raw", "facts"):
        (desk.place.root / "lake" / part).rename(desk.place.root / part)
    with transaction(desk.place.store) as session:
        session.exec(delete(Cursor))
    desk.place = Place(desk.place.root, desk.place.clock)
    desk.place.pull([DANA])
    return EVERY


def the_day_ends(desk: Desk) -> set[str]:
    desk.place.clock.advance(timedelta(hours=15))
    return EVERY


def hours_pass(desk: Desk) -> set[str]:
    desk.place.clock.advance(timedelta(hours=14, minutes=59))
    return set()


def somebody_looks(desk: Desk) -> set[str]:
    desk.add(WritePlan(id="v", crm="hubspot", account="1", created_at=NOW, counts={}))
    return set()


def nothing_happens(desk: Desk) -> set[str]:
    return set()


@pytest.mark.parametrize(
    "happens",
    [
        a_vendor_tells_something_new, a_human_edits_a_record_in_the_crm, a_human_judges, a_judgement_is_taken_back,
        somebody_is_stitched_otherwise, somebody_believes_something_else, a_slot_is_weighed_anew, an_observation_is_withdrawn,
        a_quote_is_withdrawn, readings_are_thrown_away, a_plan_waits_to_be_applied, a_write_failed, a_plan_was_applied_by_hand,
        money_is_counted_anew, a_table_of_the_lake_is_lost_and_made_again, the_day_ends, hours_pass, somebody_looks, nothing_happens,
    ],
)  # fmt: skip
def test_a_change_makes_exactly_those_due_that_read_it(desk, happens):
    """One thing changes, everything else stays."""
    before = desk.hashes()
    expected = happens(desk)
    assert desk.due(before) == expected


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SIDECAR_LLM", "openai/m", {UNDERSTAND}),
        ("SIDECAR_LLM_MAX_TOKENS_PER_RUN", "5", {UNDERSTAND}),
        ("SIDECAR_TEXT_RETENTION_DAYS", "30", {UNDERSTAND}),
        ("SIDECAR_WRITE_BACK_MAX_CHANGED_SHARE", "0.9", WRITE_BACKS),
        ("SALESFORCE_FIELD_PREFIX", "XYZ_", {SALESFORCE}),
        ("SIDECAR_NOTHING_OF_OURS", "1", set()),
    ],
)
def test_a_setting_makes_those_due_that_it_rules(desk, monkeypatch, variable, value, expected):
    """The others need not run again."""
    before = desk.hashes()
    monkeypatch.setenv(variable, value)
    assert desk.due(before) == expected


def test_another_rate_in_the_file_makes_the_stitch_due(desk, tmp_path):
    """The file's content counts, not its name or its age."""
    rates = tmp_path / "rates.csv"
    rates.write_text("day,currency,rate\n2026-01-01,usd,0.9\n")
    desk.settings = {"currency": "eur", "rates": rates}
    before = desk.hashes()
    rates.write_text("day,currency,rate\n2026-01-01,usd,0.90\n2026-06-01,usd,0.91\n")
    assert desk.due(before) == {STITCH}


def test_what_cannot_be_read_is_no_reason_to_rest(desk, tmp_path, monkeypatch):
    """The job runs and says in its own words what is wrong."""
    desk.settings = {"currency": "eur", "rates": tmp_path / "gone.csv"}
    assert taken(desk.workspace, stitching.READS) == {}
    monkeypatch.setenv("SIDECAR_TEXT_RETENTION_DAYS", "never")
    assert taken(desk.workspace, understanding.READS) == {}


def test_every_table_of_the_store_is_read_or_says_why_not():
    """A new table makes nobody due until somebody has thought of it here."""
    read = {
        table.name for one in all_reads().values() for statement in one.rows for table in statement.get_final_froms()
    }
    assert read.isdisjoint(UNREAD)
    assert read | UNREAD.keys() == SQLModel.metadata.tables.keys()
