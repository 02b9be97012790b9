"""What reps answer in the CRM: kept as reviews of the very belief they were shown, and emptied."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from sqlmodel import select, update

from models import Belief, IntendedWrite, Membership, Observation, RecordKey, Review, Scope
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import RAW
from pipelines.understand.words import summary
from pipelines.write_back.compare import Wanted
from pipelines.write_back.deliver import apply
from pipelines.write_back.feedback import Feedback, listen
from pipelines.write_back.plan import draw_up
from pipelines.write_back.values import numbered
from tests.pipelines.write_back.desk import Desk
from tests.pipelines.write_back.people import SLOTS, person, said

PRICE, TIME = "The price is too high", "Saves half a year"
ONE, OTHER = "003D", "003E"
"""Two records of Dana."""
API = {"feedback": "BLF_Feedback__c", "number": "BLF_Feedback_Belief__c", "correction": "BLF_Correction__c"}


@dataclass
class Office:
    """A desk whose contacts are pulled, and what Dana has said so far."""

    desk: Desk
    lake: Lake
    heard: list = field(default_factory=list)
    batch: int = 0

    def hear(self, statement: str, slot: str, polarity: str = "negative", day: int = 0) -> None:
        """Dana says something."""
        key = RecordKey("salesforce", self.desk.crm.account, "Contact", ONE)
        row = said(statement, slot, polarity, day, subject=str(key), subject_hash=key.hash)
        self.heard.append(row)
        with transaction(self.desk.store) as session:
            session.add(
                Observation(
                    id=row.observation_id, record=f"{key}/{row.id}", subject=str(key), subject_hash=key.hash, source="email",
                    author="customer", text=row.quote, text_hash="t", occurred_at=row.occurred_at, recorded_at=row.recorded_at,
                    lawful_basis="contract", purposes=["write_back"], region="eu", retain_until=row.occurred_at + timedelta(days=999),
                )
            )  # fmt: skip
            session.flush()
            session.add(type(row)(**row.model_dump()))

    def wanted(self) -> Iterator[Wanted]:
        """What both records of Dana are to show."""
        dana = person("Dana", *self.heard)
        with transaction(self.desk.store) as session:
            for old in session.exec(select(Belief)):
                session.delete(old)
            session.flush()
            session.add_all([Belief(**belief.model_dump()) for belief in dana.beliefs])
        text = summary(dana.beliefs, dana.evidence, SLOTS)
        for record in (ONE, OTHER):
            one = self.desk.wanted("Contact", record, key="Dana", summary=text, top_belief=PRICE)
            yield replace(one, entity_id="Dana", belief_ids=numbered(dana))

    def answer(self, record: str = ONE, **values) -> datetime:
        """A rep fills in our fields, a quarter of an hour after whatever was before."""
        self.desk.clock.advance(timedelta(minutes=15))
        self.desk.crm.records["Contact"][record] |= {API[name]: value for name, value in values.items()}
        return self.desk.clock.now()

    def pull(self) -> None:
        """The lake sees what the CRM holds in the fields that are pulled."""
        rows = []
        for record, values in self.desk.crm.records["Contact"].items():
            key = RecordKey("salesforce", self.desk.crm.account, "Contact", record)
            payload = {name: values[name] for name in API.values() if values.get(name) is not None}
            payload |= {"Id": record, "LastModifiedById": "005Rep"}
            known = {
                "updated_at": self.desk.clock.now(),
                "pulled_at": self.desk.clock.now(),
                "batch": 0,
                "deleted": False,
            }
            text = json.dumps(payload, separators=(",", ":"))
            rows.append(
                {
                    **key._asdict(),
                    "record": str(key),
                    "record_hash": key.hash,
                    "payload_hash": hash(text),
                    "payload": text,
                    **known,
                }
            )
        table = pa.Table.from_pylist(rows, schema=RAW).drop_columns(["batch"])
        self.lake.append_raw("salesforce", "contacts", table.to_reader(), len(rows))

    def listen(self) -> Feedback:
        """Take what was answered."""
        self.desk.clock.advance(timedelta(minutes=1))
        return listen(self.desk.crm, "salesforce", lake=self.lake, store=self.desk.store, clock=self.desk.clock)

    def run(self) -> Feedback:
        """Pull, listen, plan, deliver."""
        self.pull()
        feedback = self.listen()
        how = {"store": self.desk.store, "clock": self.desk.clock, "limits": self.desk.limits}
        planned = draw_up(self.desk.crm, "salesforce", feedback.said(self.wanted()), feedback=feedback, **how)
        apply(self.desk.crm, "salesforce", planned.id, **how)
        return feedback

    def reviews(self) -> list[Review]:
        with transaction(self.desk.store) as session:
            return list(session.exec(select(Review).order_by(Review.recorded_at)))

    def shown(self, record: str = ONE) -> str:
        return str(self.desk.crm.value("Contact", record, "summary"))

    def given(self, record: str = ONE) -> list:
        return [
            value for name in API.values() if (value := self.desk.crm.records["Contact"][record].get(name)) is not None
        ]


@pytest.fixture
def office(desk, tmp_path) -> Office:
    """The price is shown as number 1, the time saved as number 2."""
    made = Office(desk, Lake.open(str(tmp_path / "lake")))
    made.hear(PRICE, "price", day=10)
    made.hear(PRICE, "price", day=20)
    made.hear(TIME, "value", "positive", 5)
    list(made.wanted())
    made.run()
    assert made.shown().startswith(f"1  -  {PRICE}")
    return made


def test_an_answer_becomes_a_review_and_is_emptied(office):
    """Who said it, when, of what; later runs find nothing, and no second review. The record beside it is left alone."""
    at = office.answer(feedback="Disagree", number=2.0, correction="It is a quarter at most")
    office.answer(OTHER, correction="half written")
    assert len(office.run().taken) == 1
    (review,) = office.reviews()
    assert (review.statement, review.verdict, review.correction) == (TIME, "disagree", "It is a quarter at most")
    assert (review.reviewer, review.role, review.source) == ("005Rep", "colleague", "crm")
    assert review.reviewed_at >= at
    assert (office.given(), office.given(OTHER)) == ([], ["half written"])
    assert not office.run().taken
    assert len(office.reviews()) == 1


def test_a_number_means_what_was_shown_when_it_was_given(office):
    """New words have taken the first place since; the answer is about the old first."""
    office.answer(feedback="Agree", number=1)
    office.pull()
    for day in (40, 50, 60):
        office.hear(TIME, "value", "positive", day)
    office.desk.run(office.wanted())
    assert office.shown().startswith(f"1  +  {TIME}")
    office.run()
    assert [(review.statement, review.verdict) for review in office.reviews()] == [(PRICE, "agree")]


def test_a_person_who_has_another_id_since_is_still_meant(office):
    """Merged with somebody meanwhile: the belief on the same side of the same topic."""
    office.answer(feedback="Agree", number=1)
    key = RecordKey("salesforce", office.desk.crm.account, "Contact", ONE)
    office.pull()
    merged = person("Dana and D.", *office.heard)
    with transaction(office.desk.store) as session:
        for old in session.exec(select(Belief)):
            session.delete(old)
        session.flush()
        session.add_all([Belief(**belief.model_dump()) for belief in merged.beliefs])
        session.add(
            Membership(
                record=str(key),
                record_hash=key.hash,
                scope=Scope.person.value,
                entity_id="Dana and D.",
                stitch_version=1,
            )
        )
    assert len(office.listen().taken) == 1
    assert [review.statement for review in office.reviews()] == [PRICE]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"feedback": "Agree", "number": 7}, "there is no belief 7 here; answer 1 to 2"),
        ({"feedback": "Unsure"}, "say in Feedback on number which belief you mean"),
        ({"number": 1, "correction": "x"}, "choose Agree, Disagree or Unsure in Feedback"),
        ({"number": 1, "feedback": "Partly"}, "choose Agree, Disagree or Unsure in Feedback"),
    ],
)
def test_an_answer_that_names_no_belief_stays_and_says_why(office, values, why):
    """It is not lost, not guessed at, and taken once it is mended."""
    office.answer(**values)
    assert len(office.run().unclear) == 1
    assert office.shown().startswith(f"Your feedback was not taken: {why}.\n1  -  ")
    assert "Your feedback" not in office.shown(OTHER)
    assert office.given()
    assert office.reviews() == []
    office.answer(feedback="Agree", number=1)
    assert len(office.run().taken) == 1
    assert office.given() == []
    assert office.shown().startswith("1  -  ")


def test_killed_after_the_review_is_kept_it_is_one_review(office):
    """It is read as often as it takes until it is emptied; the same answer given again after that is another review."""
    office.answer(feedback="Agree", number=1)
    office.pull()
    for _ in range(3):
        assert len(office.listen().taken) == 1
    assert len(office.reviews()) == 1
    office.run()
    assert (office.given(), len(office.reviews())) == ([], 1)
    office.answer(feedback="Agree", number=1)
    office.run()
    assert (office.given(), len(office.reviews())) == ([], 2)


def test_a_lock_stops_our_texts_and_not_the_answer(office):
    """Who locks a record may answer all the same."""
    office.desk.crm.edit("Contact", ONE, lock=True)
    office.answer(feedback="Unsure", number=1)
    office.run()
    assert office.given() == []
    assert [review.verdict for review in office.reviews()] == ["unsure"]


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        ({"top_belief": "They want a discount"}, [(PRICE, "disagree", "They want a discount")]),
        ({"summary": "a line of it"}, [(TIME, "disagree", "Saves a month")]),
        ({"summary": "ask Otto"}, [(PRICE, "unsure", "ask Otto")]),
    ],
)
def test_a_text_that_a_rep_wrote_over_ours_is_their_word(office, edit, kept):
    """Their text stays, and is kept once: as a correction of the belief whose line it changed, else as words that count for neither."""
    if edit == {"summary": "a line of it"}:
        edit = {"summary": office.shown().replace(TIME, "Saves a month")}
    office.desk.crm.edit("Contact", ONE, **edit)
    office.hear(PRICE, "price", day=45)
    changed = [replace(one, values={**one.values, "top_belief": f"{PRICE}, still"}) for one in office.wanted()]
    office.desk.run(changed)
    for _ in range(2):
        office.listen()
    (name,) = edit
    assert office.desk.crm.value("Contact", ONE, name) == edit[name]
    assert [(review.statement, review.verdict, review.correction) for review in office.reviews()] == kept


@pytest.mark.parametrize("redacted", [False, True])
def test_a_text_of_ours_that_stands_there_again_is_nobodys_word(office, redacted):
    """A rep took an edit back, or a backup of the CRM did: nobody disagreed, not even where the ledger keeps only the text's hash."""
    wanted = [replace(one, values={**one.values, "top_belief": f"{PRICE}, still"}) for one in office.wanted()]
    office.desk.run(wanted)
    office.desk.crm.edit("Contact", ONE, top_belief=PRICE)
    office.hear(PRICE, "price", day=45)
    wanted = [replace(one, values={**one.values, "top_belief": f"{PRICE}, again"}) for one in office.wanted()]
    office.desk.run(wanted)
    assert office.desk.states("top_belief").count("conflict") == 1
    if redacted:
        with transaction(office.desk.store) as session:
            session.execute(update(IntendedWrite).where(IntendedWrite.state == "ok").values(new_value=None))
    office.listen()
    assert office.reviews() == []


def test_a_text_that_the_ledger_keeps_no_more_says_nothing(office):
    """What a rep wrote of somebody who was forgotten since is redacted: it is no second word of theirs."""
    office.desk.crm.edit("Contact", ONE, summary=office.shown().replace(TIME, "Saves a month"))
    office.hear(PRICE, "price", day=45)
    office.desk.run(office.wanted())
    office.listen()
    with transaction(office.desk.store) as session:
        session.execute(update(IntendedWrite).values(old_value=None))
    office.listen()
    assert [review.statement for review in office.reviews()] == [TIME]
