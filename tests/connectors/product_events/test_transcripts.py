"""Recorded talks in WebVTT, with their particulars in a comment or in a file beside them."""

import json
from datetime import UTC, datetime

import pytest

from connectors.product_events import CONNECTOR
from connectors.product_events.transcripts import LARGEST, participant_id
from tests.connectors.product_events.conftest import Folder, Landing

AT = datetime(2026, 5, 9, 10, tzinfo=UTC)
NOTE = """NOTE started_at: 2026-05-09T12:00:00+02:00
customer: Dana Kolbe <dana@kolbe.example>
rep: Jo Smith <jo@acme.example>
customer: Viktor <viktor@kolbe.example>
"""
CUES = """
1
00:01.000 --> 00:04.500 align:start
<v Rep>Dana, how did <i>April</i> go?

00:04.500 --> 00:09.000
<v.loud Dana (CFO)>We closed in six days.
From nine.</v>

00:09.000 --> 01:00:12.400
<v Dana (CFO)>A &amp; B &lt; C, häh? 🙂 <v Viktor>We'll see.

NOTE nobody speaks here

01:00:12.400 --> 01:00:13.000
(laughter)
"""
WORDS = "\n".join([
    "Rep: Dana, how did April go?", "Dana (CFO): We closed in six days. From nine. A & B < C, häh? 🙂", "Viktor: We'll see.", "(laughter)",
])  # fmt: skip
SIDECAR = {
    "started_at": 1778320800000, "recorded_by": "agent", "title": "Renewal",
    "participants": [
        {"role": "customer", "name": "Dana Kolbe", "email": "Dana@Kolbe.example"}, {"role": "bystander", "email": "x@y.example"},
        {"role": "rep", "name": "Jo", "email": "not an address"}, "Viktor",
    ],
}  # fmt: skip


def test_a_talk_is_one_record_with_its_words_turn_by_turn(folder: Folder):
    """Cues of one voice in a row are one turn; styles go, entities become characters, two voices of one cue are two turns."""
    folder.write("2026/call.vtt", f"\ufeffWEBVTT - Renewal\n\n{NOTE}{CUES}")
    (talk,) = folder.pull("transcripts")
    assert talk.key.id == "2026/call.vtt"
    assert talk.payload == {
        "started_at": "2026-05-09T12:00:00+02:00", "recorded_by": "rep", "duration_s": 3613, "text": WORDS,
        "participants": [
            {"role": "customer", "name": "Dana Kolbe", "email": "dana@kolbe.example"},
            {"role": "rep", "name": "Jo Smith", "email": "jo@acme.example"},
            {"role": "customer", "name": "Viktor", "email": "viktor@kolbe.example"},
        ],
    }  # fmt: skip


def test_a_file_beside_it_tells_the_particulars(folder: Folder):
    """It wins over the comment; whoever has no role or no address there cannot be told apart and is left out."""
    folder.write("call.vtt", f"WEBVTT\n\n{NOTE}{CUES}")
    folder.write("call.json", json.dumps(SIDECAR))
    (talk,) = folder.pull("transcripts")
    assert talk.payload["participants"] == [{"role": "customer", "name": "Dana Kolbe", "email": "Dana@Kolbe.example"}]
    assert (talk.payload["recorded_by"], talk.payload["title"]) == ("agent", "Renewal")
    assert {fact.occurred_at for fact in CONNECTOR.streams_by_name["transcripts"].translate(talk)} == {AT}
    assert folder.ids("events") == []


def test_a_change_of_either_file_is_a_new_version(folder: Folder):
    """Of the same record; a pull without a change brings none."""
    folder.write("call.vtt", f"WEBVTT\n{CUES}")
    folder.write("call.json", json.dumps(SIDECAR))
    assert folder.ids("transcripts") == ["call.vtt"]
    assert folder.ids("transcripts") == []
    folder.write("call.json", json.dumps(SIDECAR | {"recorded_by": "rep"}))
    (talk,) = folder.pull("transcripts")
    assert (talk.key.id, talk.payload["recorded_by"]) == ("call.vtt", "rep")


def test_a_participant_is_one_record_in_every_talk(folder: Folder):
    """Named by a hash that does not show the address and does not depend on how it was typed."""
    folder.write("a.vtt", f"WEBVTT\n\n{NOTE}{CUES}")
    folder.write("b.vtt", f"WEBVTT\n{CUES}")
    folder.write("b.json", json.dumps(SIDECAR))
    ids = folder.ids("participants")
    assert len(ids) == 3
    assert participant_id(" DANA@kolbe.example") in ids
    assert not any("@" in one for one in ids)


@pytest.mark.parametrize(
    ("content", "sidecar", "reason"),
    [
        (f"{NOTE}{CUES}", None, "a.vtt is not WebVTT, or has no words"),
        (f"WEBVTT\n\n{NOTE}", None, "a.vtt is not WebVTT, or has no words"),
        (f"WEBVTT\n{CUES}", None, "a.vtt names no customer with an e-mail address: write one into its NOTE or the file beside it"),
        (f"WEBVTT\n\nNOTE customer: D <d@k.example>\n{CUES}", None, "a.vtt does not say when the talk began: write `started_at` into its NOTE or the file beside it"),
        (f"WEBVTT\n\n{NOTE}{CUES}", "[]", "a.vtt has a file of particulars beside it that is not a JSON object"),
        (f"WEBVTT\n\n{NOTE}{CUES}", '{"participants": 1}', "a.vtt has a file of particulars beside it that is not a JSON object"),
        (b"WEBVTT\n\n\xff", None, "a.vtt is not UTF-8"),
        (f"WEBVTT\n\n{NOTE}{CUES}".ljust(LARGEST + 1), None, "a.vtt is too large for a transcript"),
    ],
)  # fmt: skip
def test_a_talk_that_cannot_be_read_says_what_is_missing(
    landing: Landing, content: str | bytes, sidecar: str | None, reason: str
):
    """It is kept and counted, the other talk is read; once it is mended the complaint is gone."""
    landing.folder.write("a.vtt", content)
    landing.folder.write("b.vtt", f"WEBVTT\n\n{NOTE}{CUES}")
    if sidecar:
        landing.folder.write("a.json", sidecar)
    report = landing.pull("transcripts")
    assert (report.rows, report.facts["interaction"], landing.reasons()) == (2, 1, [reason])
    landing.folder.write("a.vtt", f"WEBVTT\n\n{NOTE}{CUES}")
    landing.folder.write("a.json", json.dumps(SIDECAR))
    assert landing.pull("transcripts").recovered == 1
    assert landing.reasons() == []


def test_cues_that_overlap_stand_in_the_order_of_the_file(folder: Folder):
    """Nothing is lost of two who speak at once, nor of a cue that nobody says, that ends before it begins, or stands in a Windows file."""
    cues = (
        "00:00.000 --> 00:05.000\n<v Dana>One &amp; <i>two</i></v>\n<v Jo>Three</v>\n\n"
        "00:03.000 --> 00:04.000\n<v Dana>Four\n\nid-9\n00:00:06.000 --> 00:00:05.000 align:start\nnobody\n"
    )
    folder.write("call.vtt", f"\ufeffWEBVTT\n\n{NOTE}\n{cues}".replace("\n", "\r\n"))
    (talk,) = folder.pull("transcripts")
    assert talk.payload["text"] == "Dana: One & two\nJo: Three\nDana: Four\nnobody"
    assert talk.payload["duration_s"] == 5
