"""What leaves the machine names nobody, and what comes back stands verbatim in the text that is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.beliefs import DATA, load
from benchmarks.beliefs import document as labelled
from pipelines.understand.claims import Document, check
from pipelines.understand.redaction import Known, masked
from pipelines.understand.slots import shipped
from pipelines.understand.turns import split

SLOTS = tuple(shipped())
KNOWN = Known(frozenset({"tom weber", "ines de la cruz"}), frozenset({"kolbe stanztechnik", "acme"}))


def document(text, source="email", author="customer", names=("Dana Kolbe",)):
    return Document(text, split(text, source, author, names), source, author, names, SLOTS)


def shown(text, **more):
    return masked(document(text, **more), KNOWN).shown.text


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("Write to dana.kolbe+crm@kolbe-stanz.example, please.", "Write to <EMAIL_1>, please."),
        ("Call +49 (0)170 1234567 or 030 / 901820.", "Call <PHONE_1> or <PHONE_2>."),
        ("Call (415) 555-2671 or 555-0199.", "Call <PHONE_1> or <PHONE_2>."),
        ("Pay DE89 3704 0044 0532 0130 00 or 4111 1111 1111 1111.", "Pay <IBAN_1> or <CARD_1>."),
        ("I live at 221 Old Baker Street now.", "I live at <ADDRESS_1> now."),
        ("Kommen Sie in die Hauptstra\u00dfe 12 b.", "Kommen Sie in die <ADDRESS_1>."),
        ("Au 12, rue de la Paix, en mai.", "Au <ADDRESS_1>, en mai."),
        ("Ticket cus_N3kd82JdkLp, 0035g00000ABCdeAAF, 10.1.2.3", "Ticket <ID_1>, <ID_2>, <ID_3>"),
        ("See https://x.example/u/dana?t=1 now", "See https://<LINK_1> now"),
        ("Tom Weber said so. I believe Weber.", "<PERSON_2> said so. I believe <PERSON_2>."),
        ("tom weber and Ines de la Cruz pay less", "<PERSON_2> and <PERSON_3> pay less"),
        ("Frau Dr. M\u00fcller-Lange will es nicht. M\u00fcller-Lange zahlt.", "Frau Dr. <PERSON_2> will es nicht. <PERSON_2> zahlt."),
        ("Hi Rosa,\nit is dear. dana", "Hi <PERSON_2>,\nit is dear. <PERSON_1>"),
        ("Kolbe, Dana: DANA'S view, kolbe's too", "<PERSON_1>, <PERSON_1>: <PERSON_1>'S view, <PERSON_1>'s too"),
        ("Kolbe Stanztechnik left Acme; acme of skill", "<COMPANY_1> left <COMPANY_2>; acme of skill"),
        ("<PERSON_7> is me, <PERSON_1>", "<MARK_1> is me, <MARK_2>"),
    ],
)  # fmt: skip
def test_what_identifies_is_hidden(text, out):
    """Each by its own mark, the same words by the same."""
    assert shown(text) == out


@pytest.mark.parametrize(
    "text",
    [
        "We paid 84,000 in 2026 and 12.500,00 in 2025; 40 seats, 99.95 % uptime, 3-5 weeks.",
        "On 2026-01-14 at 10:30, or 01/02/2026, or 14.01.2026, in Q3.",
        "Hi team,\nthe price is too high for 1200 users. Will it drop? May we wait?",
        "Der Preis ist f\u00fcr 50000 Kunden im Winter zu hoch.",
    ],
)
def test_quantities_dates_and_words_stay(text):
    """What is believed must still be readable."""
    assert shown(text, names=("Will May",)).replace("<PERSON_1>", "Will", 1).replace("<PERSON_1>", "May") == text


def test_a_transcript_hides_its_speakers_and_keeps_their_roles():
    """Labels are not sent; speakers go by pseudonyms, and so do their names in what others say."""
    text = "Rep: Declan, is it dear?\nDeclan (Transport Director): It is. Ask Mia.\nMia: Declan is right."
    found = masked(document(text, source="transcript", author="rep", names=())).shown
    said = [(turn.speaker, found.text[turn.start : turn.end]) for turn in found.turns]
    declan, mia = said[0][1].split(",")[0], said[2][0]
    assert said == [
        ("Rep", f"{declan}, is it dear?"),
        ("Transport Director", f"It is. Ask {mia}."),
        (mia, f"{declan} is right."),
    ]
    assert {declan, mia} == {"<PERSON_1>", "<PERSON_2>"}


def test_a_claim_comes_back_with_names_and_verbatim():
    """Holder and statement have their names again; the quote is the stretch of the original, pseudonyms or halves of them included."""
    text = "Hello.\nTom Weber finds 0170 1234567 too dear for us."
    hidden = masked(document(text), KNOWN)
    said = {"reasoning": "<PERSON_2> says so", "slot": "price", "holder": "<PERSON_2>", "statement": "<PERSON_2> finds it dear", "polarity": "negative"}  # fmt: skip
    for quote, verbatim in [
        ("<PERSON_2> finds <PHONE_1> too", "Tom Weber finds 0170 1234567 too"),
        ("_2> finds <PHO", "Tom Weber finds 0170 1234567"),
        ("too dear for us", "too dear for us"),
    ]:
        answer = check(hidden.shown, [{**said, "strength": "explicit", "quote": quote}])
        claim = hidden.claim(answer.claims[0])
        place = claim.place
        assert (claim.holder, claim.statement, claim.quote) == ("Tom Weber", "Tom Weber finds it dear", verbatim)
        assert text[place.start : place.end] == verbatim
        assert text[slice(*place.sentence)] == "Tom Weber finds 0170 1234567 too dear for us."
        assert place.turn == hidden.original.turns[0]


@given(
    st.lists(
        st.sampled_from(
            ["Dana", "Kolbe ", "tom weber", " it", ".", "\n", "+4917012345678", "\u00e9", "a@b.example", "<PERSON_1>"]
        )
    )
)
def test_every_offset_leads_back(words):
    """Whatever was hidden: what was not stands where it is said to, and no part of a name is left."""
    text = " ".join("".join(f"{word} " for word in words).split())
    hidden = masked(document(text), KNOWN)
    assert not any(name in hidden.shown.text.lower() for name in ("kolbe", "weber", "4917", "@"))
    last = 0
    for (start, end), (at, to) in zip(hidden.spans, hidden.places, strict=True):
        assert (hidden.start(at), hidden.end(to)) == (start, end)
        assert hidden.shown.text[last:at] == text[hidden.start(last) : start] or last != 0
        last = to
    assert hidden.end(len(hidden.shown.text)) == len(text)


def test_the_labelled_texts_are_read_the_same_way_hidden():
    """Every gold quote is still found in what is shown of its text, and leads back to itself."""
    lost = []
    for row in load(DATA):
        hidden = masked(labelled(row))
        for gold in row["gold"]:
            start = hidden.original.text.find(gold["quote"])
            if start < 0:
                continue
            end = start + len(gold["quote"])
            covered = [span for span in hidden.spans if span[0] < end and start < span[1]]
            if sum(min(end, stop) - max(start, begin) for begin, stop in covered) > 0.6 * len(gold["quote"]):
                lost.append((row["doc_id"], gold["quote"]))
    assert lost == []


def test_names_of_the_labelled_texts_do_not_go_out():
    """The person of each text is nowhere in what is shown of it, wherever the CRM knows them."""
    leaked = []
    for row in load(DATA):
        found = masked(labelled(row)).shown
        name = row["person"].split("-")[0].capitalize()
        said = json.dumps([found.text[turn.start : turn.end] for turn in found.turns], ensure_ascii=False)
        leaked += [row["doc_id"]] * (f" {name} " in said)
    assert leaked == []
