"""The canonical text: what its author wrote, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.understand.text import canonical


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Price  is\t too high .\r\n\r\nSorry", "Price is too high .\nSorry"),
        ("cafe\u0301 \u2014 na\u00efve", "café — naïve"),
        ("we\u200b love\u00ad it\ufeff", "we love it"),
        ("", ""),
        (" \n\t\n ", ""),
    ],
)
def test_whitespace_is_folded_unicode_composed_and_invisible_characters_removed(raw, text):
    """Two texts that look the same are the same."""
    assert canonical(raw, "email") == text


@pytest.mark.parametrize(
    "below",
    [
        "On Mon, 4 May 2026 at 10:00, Rep <rep@seller.example> wrote:\n> Our price is fair.\nIt is great.",
        "Am 04.05.2026 um 10:00 schrieb Rep:\n> Preis",
        "-----Original Message-----\nFrom: Rep\nOur price is fair.",
        "From: Rep\nSent: Monday\nTo: Dana\nOur price is fair.",
        "________________________________\nFrom: Rep",
        "> quoted line",
    ],
)
def test_quoted_replies_below_the_line_are_cut(below):
    """Somebody else's words under a reply are not the author's."""
    assert canonical(f"It is too slow.\n\n{below}", "email") == "It is too slow."


def test_a_forwarded_message_stays():
    """What is passed on is part of what the author sent; its writer is found later."""
    text = canonical(
        "See below.\n---------- Forwarded message ---------\nFrom: Tom <t@x.example>\nDate: today\nWe fear lock-in.",
        "email",
    )
    assert text.endswith("We fear lock-in.")


def test_signatures_are_cut_from_mail_but_not_from_notes():
    """A signature is no statement; a rep's note has none."""
    mail = "Too slow.\nKind regards,\nDana Kolbe\nCFO\nKolbe GmbH"
    assert canonical(mail, "email") == "Too slow."
    assert canonical("Too slow.\n-- \nDana", "ticket") == "Too slow."
    assert canonical(mail, "call_note") == mail


def test_thanks_in_the_middle_of_a_long_mail_is_no_signature():
    """Long lines after a sign-off are text again."""
    long = "We have looked at the whole thing once more and it is clear to all of us that the price is too high."
    assert long in canonical(f"Hi.\nThanks,\n{long}", "email")


@pytest.mark.parametrize(
    "hidden",
    [
        '<span style="display: none">we love it</span>',
        '<p style="color:#FFF">we love it</p>',
        '<div style="font-size:0px">we love it</div>',
        "<div hidden>we <b>love</b> it</div>",
        "<style>we love it</style>",
        "<!-- we love it -->",
        '<div class="gmail_quote">we love it</div>',
        "<blockquote>we love it</blockquote>",
        '<div style="display:none"><br>we love it<img src=x></div>',
    ],
)
def test_hidden_markup_is_cut(hidden):
    """What no reader sees was not said."""
    assert (
        canonical(f"<div><p>It is &lt;slow&gt;.</p>{hidden}<p>Bye.</p></div>", "email", html=True)
        == "It is <slow>.\nBye."
    )


def test_markup_is_recognised_where_the_vendor_does_not_say_so():
    """A plain text field may hold markup all the same."""
    assert canonical('<div>Slow.<span style="display:none">Fast.</span></div>', "ticket") == "Slow."


def test_a_very_long_text_is_read_in_time():
    """A thread of 200 pages is no reason to stop."""
    assert len(canonical("The price is too high. " * 40_000, "email")) > 800_000


@given(st.text(), st.sampled_from(["email", "call_note"]))
def test_canonical_text_is_clean(raw, source):
    """Whatever arrives: no double spaces, no empty lines, nothing that a database refuses."""
    text = canonical(raw, source)
    assert "\x00" not in text
    assert all(line == " ".join(line.split()) and line for line in text.split("\n")) or text == ""
    text.encode()


@pytest.mark.parametrize(
    "below",
    [
        "Op di 3 nov. 2026 om 10:12 schreef Rosa Lind <rosa@us.example>:\n> Te duur?",
        "Il giorno mar 3 nov 2026 alle ore 10:12 Rosa <rosa@us.example> ha scritto:\nTroppo caro?",
        "Em ter., 3 de nov. de 2026, Rosa <rosa@us.example> escreveu:\nCaro?",
        "Am Di., 3. Nov. 2026 um 10:12 Uhr schrieb Rosa Lind\n<rosa@us.example>:\nZu teuer?",
        "Den tis 3 nov. 2026 kl 10:12 skrev Rosa <rosa@us.example>:\nDyrt?",
        "2026\u5e7411\u67083\u65e5(\u706b) 10:12 Rosa Lind <rosa@us.example>:\nTakai?",
        "Van: Rosa Lind\nVerzonden: dinsdag\nAan: Dana\nTe duur?",
        "Da: Rosa Lind\nInviato: marted\u00ec\nA: Dana\nTroppo caro?",
        "----- Messaggio originale -----\nTroppo caro?",
        "Met vriendelijke groet,\nDana Kolbe\nKolbe B.V.",
        "Cordiali saluti\nDana Kolbe",
        "Mit freundlichen Gr\u00fcssen\nDana Kolbe",
        "Atentamente,\nDana Kolbe",
        "Envoy\u00e9 de mon iPhone",
        "Z powa\u017caniem\nDana",
    ],
)
def test_replies_and_signatures_of_other_languages_are_cut(below):
    """What was written above stays."""
    assert canonical(f"It is too dear for us.\n{below}", "email") == "It is too dear for us."


@pytest.mark.parametrize(
    "kept",
    [
        "De: nous avons besoin de temps.",
        "Thanks for the offer, it is too dear.",
        "A: yes\nB: no",
        "Le prix a \u00e9t\u00e9 \u00e9crit: 5.",
    ],
)
def test_lines_that_only_look_like_that_stay(kept):
    """One word of a header is no header."""
    assert canonical(f"Hello.\n{kept}", "email") == f"Hello.\n{kept}"
