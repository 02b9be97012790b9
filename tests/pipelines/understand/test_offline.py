"""Requests on paper: any model can answer them, and what it says is checked like a live answer."""

import json

import pytest

from benchmarks.beliefs import measure, precision, total
from pipelines.understand.extractor import ExtractorUnusable, Reading, Unread, Waiting
from pipelines.understand.offline import answered, dump
from pipelines.understand.redaction import Known
from tests.pipelines.understand.test_language_model import LOUD, claim, document, thread


def write(path, *answers):
    path.write_text("".join(json.dumps({"id": id_, "answer": answer}) + "\n" for id_, answer in answers))
    return path


def test_requests_are_complete_and_name_nobody(tmp_path):
    """Messages as they would be sent, and the schema; the same text twice is one request."""
    texts = [document("Dana Kolbe finds it dear."), document("Dana Kolbe finds it dear."), document("Tom Weber left.")]
    requests = list(dump(texts, Known(frozenset({"tom weber"}))))
    assert len(requests) == 2
    assert [message["role"] for message in requests[0]["messages"]] == ["system", "user"]
    assert "<PERSON_1> finds it dear." in requests[0]["messages"][1]["content"]
    assert not any(name in json.dumps(requests) for name in ("Kolbe", "Weber"))
    assert "reasoning" in json.dumps(requests[0]["schema"])


def test_answers_are_checked_against_their_texts(tmp_path):
    """Good ones are claims with verbatim quotes, invented ones failures, and what is not answered waits."""
    texts = [document(f"Dana Kolbe says: {LOUD}"), document("See you."), document("It is dear.")]
    requests = list(dump(texts))
    good = {"claims": [claim("<PERSON_1> says: The price is too high")]}
    path = write(
        tmp_path / "a.jsonl", (requests[0]["id"], good), (requests[1]["id"], {"claims": [claim("We cannot pay")]})
    )
    with answered(path, "somebody") as extractor:
        read, invented, open_ = extractor.read(texts)
        assert extractor.model == "offline/somebody"
    assert read.answer.claims[0].quote == "Dana Kolbe says: The price is too high"
    assert isinstance(invented, Unread)
    assert isinstance(open_, Waiting)


def test_a_text_of_many_parts_needs_all_its_answers(tmp_path):
    """Half of the answers are no answer."""
    text = document(thread(1_200))
    ids = [request["id"] for request in dump([text])]
    assert len(ids) > 2
    for some, outcome in ((ids, Reading), (ids[1:], Waiting)):
        with answered(write(tmp_path / "a.jsonl", *((id_, {"claims": []}) for id_ in some)), "m") as extractor:
            assert isinstance(extractor.read([text])[0], outcome)


def test_a_line_that_is_no_answer_is_named(tmp_path):
    """By its number, and not by its words."""
    (tmp_path / "a.jsonl").write_text('{"id": "1", "answer": {}}\n{"claims": "secret"}\n')
    with pytest.raises(ExtractorUnusable, match="Line 2 of") as caught, answered(tmp_path / "a.jsonl", "m"):
        pass
    assert "secret" not in str(caught.value)


def test_the_scorer_measures_what_stands_in_a_file(tmp_path):
    """The benchmark takes these answers like any extractor's."""
    row = {"doc_id": "1", "person": "dana-kolbe", "source": "email", "author": "customer", "text": LOUD}
    row["gold"] = [{"holder": "Dana", "slot": "price", "polarity": "negative", "strength": "explicit", "quote": LOUD}]
    from benchmarks.beliefs import document as labelled

    (request,) = dump([labelled(row)])
    with answered(write(tmp_path / "a.jsonl", (request["id"], {"claims": [claim(LOUD)]})), "m") as extractor:
        scores = measure([row], extractor)
    assert (precision(scores), total(scores, "matched")) == (1.0, 1)
