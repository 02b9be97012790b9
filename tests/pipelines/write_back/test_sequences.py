"""Any order of new knowledge, human edits, locks, opt-outs, deletions, deaths, runs and undos keeps the promises."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.keys import RecordKey
from pipelines.write_back import history
from pipelines.write_back.compare import OPTED_OUT, Wanted
from pipelines.write_back.undo import undo as take_back
from tests.pipelines.write_back.desk import Desk

RECORDS = ("003A", "003B", "003C")
FIELDS = ("top_belief", "summary")

records, names = st.sampled_from(RECORDS), st.sampled_from(FIELDS)
happenings = st.one_of(
    st.tuples(st.just("know"), records, names, st.sampled_from(["A", "B", "C"])),
    st.tuples(st.just("type"), records, names),
    st.tuples(st.just("empty"), records, names),
    st.tuples(st.sampled_from(["lock", "unlock", "opt_out", "opt_in", "delete"]), records),
    st.tuples(st.just("run")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("die"), st.integers(1, 12)),
    st.tuples(st.just("die_undoing"), st.integers(1, 8)),
)


@dataclass
class Story:
    """What happened, told beside the real thing."""

    desk: Desk
    known: dict[str, dict[str, str]] = field(default_factory=lambda: {one: {"top_belief": "A"} for one in RECORDS})
    opted_out: set[str] = field(default_factory=set)
    typed: dict[tuple[str, str], str | None] = field(default_factory=dict)
    """What humans have put into fields; no run may touch it."""
    undone: set[str] = field(default_factory=set)
    """Records that show what was known before, until something else is known of them."""
    words: int = 0

    @property
    def there(self) -> dict[str, dict]:
        return self.desk.crm.records.setdefault("Contact", {one: {} for one in RECORDS})

    def wanted(self) -> Iterator[Wanted]:
        for record in RECORDS:
            key = RecordKey("salesforce", self.desk.crm.account, "Contact", record)
            if record in self.opted_out:
                yield Wanted(key, "person", record, {}, OPTED_OUT)
            else:
                yield Wanted(key, "person", record, {"key": record, **self.known[record]})

    def know(self, record: str, name: str, value: str) -> None:
        if self.known[record].get(name) != value:
            self.undone.discard(record)
        self.known[record][name] = value

    def type(self, record: str, name: str) -> None:
        self.words += 1
        self.edit(record, name, f"typed {self.words}")

    def empty(self, record: str, name: str) -> None:
        if not self.desk.rows(state="sent"):  # while an answer is lost, it would look as if the write never arrived
            self.edit(record, name, None)

    def edit(self, record: str, name: str, value: str | None) -> None:
        if record in self.there and value != self.desk.crm.value("Contact", record, name):
            self.desk.crm.edit("Contact", record, **{name: value})
            self.typed[record, name] = value

    def lock(self, record: str) -> None:
        if record in self.there:
            self.desk.crm.edit("Contact", record, lock=True)

    def unlock(self, record: str) -> None:
        if record in self.there:
            self.desk.crm.edit("Contact", record, lock=False)

    def opt_out(self, record: str) -> None:
        self.opted_out.add(record)

    def opt_in(self, record: str) -> None:
        self.opted_out.discard(record)

    def delete(self, record: str) -> None:
        self.there.pop(record, None)

    def die(self, at: int) -> None:
        with self.desk.dying(at):
            self.desk.run(self.wanted())

    def undo(self) -> None:
        """The last run that was delivered is taken back; what it does to humans' words is judged by the next check."""
        delivered = [run for run in history.runs(self.desk.store) if run.applied_at and not run.undoes]
        if delivered:
            self.undone = set(RECORDS)
            self.desk.clock.advance(timedelta(minutes=1))
            crm, store, clock = self.desk.crm, self.desk.store, self.desk.clock
            self.desk.apply(
                take_back(crm, "salesforce", delivered[0].id, store=store, clock=clock, limits=self.desk.limits)
            )

    def die_undoing(self, at: int) -> None:
        with self.desk.dying(at):
            self.undo()

    def run(self) -> None:
        before = {record: dict(values) for record, values in self.there.items()}
        self.desk.run(self.wanted())
        for record in self.there:
            for name in FIELDS:
                self.check(record, name, before[record].get(f"BLF_{name.title()}__c"))
        accepted = len(self.desk.crm.history)
        self.desk.run(self.wanted())
        assert len(self.desk.crm.history) == accepted
        assert not {row.state for row in self.desk.rows()} & {"planned", "sent"}

    def check(self, record: str, name: str, before: str | None) -> None:
        wanted = None if record in self.opted_out else self.known[record].get(name)
        holds = self.desk.crm.value("Contact", record, name)
        if self.typed.get((record, name)):
            assert holds == self.typed[record, name]
        elif (
            record,
            name,
        ) in self.typed:  # emptied: stays empty, unless we had shown nothing there when it was emptied
            assert holds in (None, wanted)
            if holds == wanted:
                del self.typed[record, name]
        elif self.desk.crm.value("Contact", record, "lock") and record not in self.opted_out:
            assert holds == before
        elif record in self.undone and record not in self.opted_out:
            assert holds in ("A", "B", "C", None)
        else:
            assert holds == wanted


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happenings, max_size=14))
def test_any_story_ends_well(new_desk, story):
    """After each run: humans keep their words, locks hold, opted-out records are bare, all else shows what is known."""
    tell(new_desk, story)


@pytest.mark.slow
@settings(max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happenings, min_size=8, max_size=30))
def test_a_hundred_long_stories_end_well(new_desk, story):
    """The same hundred each time."""
    tell(new_desk, story)


def tell(new_desk, story) -> None:
    """One story from its first run to its last."""
    told = Story(new_desk())
    told.desk.crm.batch_size = 2
    told.run()
    for what, *details in story:
        getattr(told, what)(*details)
    told.run()
    told.desk.store.dispose()
