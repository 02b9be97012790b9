"""What reps answer in the CRM: kept as reviews of the very belief they were shown, and emptied."""

from datetime import timedelta

import pytest
from sqlmodel import select

from models import Review
from models.store import transaction
from pipelines.write_back.deliver import apply
from pipelines.write_back.feedback import listen
from pipelines.write_back.limits import Limits

PRICE, TIME = "The price is too high", "Saves half a year"
ANSWERS = ("feedback", "feedback_belief", "correction")


def run(company) -> dict:
    """Pull, understand, plan, deliver; the plan's counts."""
    company.workspace.clock.advance(timedelta(hours=2))
    company.pull()
    company.understand()
    planned = company.plan()
    place = company.workspace
    apply(company.practice.crm(), "salesforce", planned.id, store=place.store, clock=place.clock, limits=Limits())
    return planned.counts


def answer(company, object_name="Contact", who="Dana", **values) -> None:
    """A rep fills in our fields, a quarter of an hour after they were written."""
    company.workspace.clock.advance(timedelta(minutes=15))
    api = {
        "feedback": "BLF_Feedback__c",
        "number": "BLF_Feedback_Belief__c",
        "correction": "BLF_Correction__c",
        "top": "BLF_Top_Belief__c",
    }
    company.practice.sandbox.state.update_as_user(
        object_name, company.ids[who], {api[name]: value for name, value in values.items()}
    )


def reviews(company) -> list[Review]:
    with transaction(company.workspace.store) as session:
        return list(session.exec(select(Review).order_by(Review.statement)))


def given(company, object_name="Contact", who="Dana") -> list:
    shown = company.shown(object_name, who)
    return [shown[name] for name in ANSWERS]


@pytest.fixture
def told(company):
    """Dana's price is shown as number 1, her time saved as number 2."""
    company.hear("Dana", PRICE, "price", day=10)
    company.hear("Dana", PRICE, "price", day=20)
    company.hear("Dana", TIME, "value", "positive", 5)
    run(company)
    assert company.shown("Contact", "Dana")["summary"].startswith(f"1  -  {PRICE}")
    return company


def test_an_answer_becomes_a_review_and_is_emptied(told):
    """Who said it, when, of what; a later run finds nothing, and no second review."""
    answer(told, feedback="Disagree", number=2, correction="It is a quarter at most")
    at = told.workspace.clock.now()
    assert run(told)["feedback kept"] == 1
    (review,) = reviews(told)
    assert (review.statement, review.verdict, review.correction) == (TIME, "disagree", "It is a quarter at most")
    assert (review.role, review.source, review.reviewed_at) == ("colleague", "crm", at)
    assert review.reviewer.startswith("005")
    assert given(told) == [None, None, None]
    assert run(told)["feedback kept"] == 0
    assert len(reviews(told)) == 1


def test_a_number_means_what_was_shown_when_it_was_given(told):
    """New words have taken the first place since; the answer is about the old first."""
    answer(told, feedback="Agree", number=1)
    for day in (40, 50, 60):
        told.hear("Dana", TIME, "value", "positive", day)
    run(told)
    assert told.shown("Contact", "Dana")["summary"].startswith(f"1  +  {TIME}")
    assert [(review.statement, review.verdict) for review in reviews(told)] == [(PRICE, "agree")]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"feedback": "Agree", "number": 7}, "there is no belief 7 here; answer 1 to 2"),
        ({"feedback": "Agree", "number": 0}, "there is no belief 0 here; answer 1 to 2"),
        ({"feedback": "Unsure"}, "say in Feedback on number which belief you mean"),
        ({"number": 1, "correction": "x"}, "choose Agree, Disagree or Unsure in Feedback"),
    ],
)
def test_an_answer_that_names_no_belief_stays_and_says_why(told, values, why):
    """It is not lost, not guessed at, and taken once it is mended."""
    answer(told, **values)
    assert run(told)["feedback not understood"] == 1
    assert told.shown("Contact", "Dana")["summary"].startswith(f"Your feedback was not taken: {why}.\n1  -  ")
    assert given(told) != [None, None, None]
    assert reviews(told) == []
    answer(told, feedback="Agree", number=1)
    assert run(told)["feedback kept"] == 1
    assert given(told) == [None, None, None]
    assert "Your feedback" not in told.shown("Contact", "Dana")["summary"]


def test_killed_after_the_review_is_kept_it_is_one_review(told):
    """It is read as often as it takes until it is emptied, and is the same review each time."""
    answer(told, feedback="Agree", number=1, correction=None)
    told.pull()
    place = told.workspace
    for _ in range(3):
        place.clock.advance(timedelta(minutes=1))
        heard = listen(told.practice.crm(), "salesforce", lake=place.lake, store=place.store, clock=place.clock)
        assert len(heard.taken) == 1
    assert len(reviews(told)) == 1
    run(told)
    assert given(told) == [None, None, None]
    assert len(reviews(told)) == 1


def test_the_same_answer_again_is_another_review(told):
    """Given once more after it was emptied, before anything was pulled."""
    answer(told, feedback="Agree", number=1)
    run(told)
    answer(told, feedback="Agree", number=1)
    run(told)
    assert len(reviews(told)) == 2


def test_a_lock_stops_our_texts_and_not_the_answer(told):
    """Who locks a record may answer all the same."""
    told.practice.sandbox.state.update_as_user("Contact", told.ids["Dana"], {"BLF_Lock__c": True})
    answer(told, feedback="Unsure", number=1)
    run(told)
    assert given(told) == [None, None, None]
    assert [review.verdict for review in reviews(told)] == ["unsure"]


def test_a_deal_is_answered_by_its_own_numbers(told):
    """Number 1 of the deal is the strongest belief of its people."""
    answer(told, "Opportunity", "deal", feedback="Agree", number=1)
    run(told)
    assert [review.statement for review in reviews(told)] == [PRICE]


def test_a_text_that_a_rep_wrote_over_ours_is_their_word(told):
    """Their text stays, and is kept as a correction of the belief that stood there."""
    answer(told, top="Price is fine, they want a discount")
    told.hear("Dana", PRICE, "price", day=45)
    run(told)
    run(told)
    assert told.shown("Contact", "Dana")["top_belief"] == "Price is fine, they want a discount"
    (review,) = reviews(told)
    assert (review.statement, review.verdict, review.correction) == (
        PRICE,
        "disagree",
        "Price is fine, they want a discount",
    )
