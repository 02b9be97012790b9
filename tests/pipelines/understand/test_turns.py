"""Who speaks where."""

from pipelines.understand.turns import CUSTOMER, OTHER, REP_NOTE, SELLER, split


def spoken(text, *turns):
    return [(text[turn.start : turn.end], turn.role) for turn in turns]


def test_a_dialogue_is_split_at_its_speakers():
    """Each turn has the role of its speaker; the rep's belong to the seller."""
    text = "Rep: How is it?\nDana: Slow.\nAnd late.\n[00:12] Rep: Sorry."
    turns = split(text, "transcript", "customer", ["Dana Kolbe"])
    assert spoken(text, *turns) == [("How is it?", SELLER), ("Slow.\nAnd late.", CUSTOMER), ("Sorry.", SELLER)]
    assert [turn.own for turn in turns] == [False, True, False]


def test_colleagues_speak_for_themselves():
    """A second voice on the customer's side is a customer, but not the subject."""
    turns = split("AE: Hi\nDana: Fine.\nTom (CTO): No.", "transcript", "rep", ["Dana Kolbe"])
    assert [(turn.speaker, turn.role, turn.own) for turn in turns] == [
        ("AE", SELLER, False),
        ("Dana", CUSTOMER, True),
        ("CTO", CUSTOMER, False),
    ]


def test_our_own_people_are_recognised_by_name():
    """Whoever stands among the seller's people is the seller."""
    turns = split("Ben: Our price is fair.\nDana: No.", "chat", "customer", ["Dana"], ["Ben Osei"])
    assert [turn.role for turn in turns] == [SELLER, CUSTOMER]


def test_two_strangers_are_nobodys_evidence():
    """Where nobody can be placed, nothing is evidence."""
    assert {turn.role for turn in split("Kim: Fine.\nLee: No.", "transcript", "rep", ["Dana"])} == {OTHER}


def test_notes_mails_and_machines():
    """A rep's note is hearsay, a rep's mail the seller's, an automatic mail nobody's."""
    assert split("x", "call_note", "rep")[0].role == REP_NOTE
    assert split("x", "email", "rep")[0].role == SELLER
    assert split("x", "email", "agent")[0].role == OTHER
    assert split("x", "email", "customer")[0].role == CUSTOMER
    assert split("", "email", "customer") == ()


def test_a_forwarded_message_is_its_writers():
    """What is passed on is held by whoever wrote it."""
    text = "See below.\n---------- Forwarded message ---------\nFrom: Tom <t@x.example>\nDate: today\nWe fear lock-in."
    own, passed_on = split(text, "email", "customer", ["Dana"])
    assert (own.own, passed_on.own, passed_on.speaker) == (True, False, "Tom")
    assert text[passed_on.start :] == "We fear lock-in."


def test_a_message_that_is_passed_on_in_another_language_is_its_writers():
    """Its words are not those of whoever passes it on."""
    text = "Siehe unten.\n---------- Weitergeleitete Nachricht ---------\nVon: Jan Nowak <jan@x.example>\nBetreff: Preis\nZu teuer."
    own, passed_on = split(text, "email", "customer")
    assert (text[own.start : own.end], own.own) == ("Siehe unten.", True)
    assert (text[passed_on.start : passed_on.end], passed_on.speaker, passed_on.own) == (
        "Zu teuer.",
        "Jan Nowak",
        False,
    )
