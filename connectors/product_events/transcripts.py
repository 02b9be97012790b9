"""Recorded talks: one WebVTT file each, with who took part and when it began.

The words are the cues, `<v Speaker>` says whose. Particulars stand in a comment above the first cue, or in a JSON file of the same
name beside it (`call.vtt`, `call.json`), which wins:

    WEBVTT

    NOTE started_at: 2026-05-09T10:00:00Z
    recorded_by: rep
    customer: Dana Kolbe <dana@kolbe.example>
    rep: Jo Smith <jo@acme.example>

    00:00.000 --> 00:04.000
    <v Dana (CFO)>That is twice what Acme charges.

    {"started_at": "2026-05-09T10:00:00Z", "recorded_by": "rep",
     "participants": [{"role": "customer", "name": "Dana Kolbe", "email": "dana@kolbe.example"}]}

`started_at` is read like every timestamp; `recorded_by` is rep (if it is not said) or agent, for a support line. A participant's
role is customer, rep or agent. The first customer with an address is whom the talk hangs on.
"""

import html
import re
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

import orjson

from connectors.product_events.client import Captions, captions
from connectors.product_events.lines import Row, Unreadable, Version, dated
from models.identifiers import email
from models.keys import content_id

ROLES = frozenset({"customer", "rep", "agent"})
LARGEST = 2**24
"""Bytes of one transcript, at most; a day of talk has less than one mebibyte."""
HEADER = re.compile(r"^(\w+)\s*:\s*(.+)$", re.MULTILINE)


def transcript(text: str, sidecar: bytes | None) -> Row:
    """The talk: its words as lines of "Speaker: words", its particulars. Unreadable if one is missing."""
    try:
        read = captions(text)
    except ValueError:
        raise Unreadable("vtt") from None
    said = _particulars(read, sidecar)
    words = rendered(read)
    if not words:
        raise Unreadable("vtt")
    if not any(one["role"] == "customer" for one in said["participants"]):
        raise Unreadable("customer")
    dated(said, "started_at")
    return {**said, "text": words, "duration_s": round(max(cue.end for cue in read.cues))}


def participants(talk: Version) -> Iterator[Version]:
    """Everybody with an address who took part, each named by the hash of the address."""
    _, at, said, _ = talk
    for one in said.get("participants", []):  # a talk that cannot be read has none
        yield participant_id(one["email"]), at, one, False


def participant_id(address: str) -> str:
    """Id of the participant with this address; the same however it is typed. A key is shown in logs, so it holds no address."""
    return content_id("participant", email(address) or address)


def rendered(read: Captions) -> str:
    """One line per turn: cues that one voice says in a row are one turn; what nobody says in particular is a line of its own."""
    turns: list[tuple[str, list[str]]] = []
    for cue in read.cues:
        words = " ".join(html.unescape(cue.words).split())
        voice = " ".join(html.unescape(cue.voice or "").split())
        if not words:
            continue
        if turns and voice and turns[-1][0] == voice:
            turns[-1][1].append(words)
        else:
            turns.append((voice, [words]))
    return "\n".join(f"{voice}: {' '.join(words)}" if voice else " ".join(words) for voice, words in turns)


def _particulars(read: Captions, sidecar: bytes | None) -> Row:
    said: Row = {"recorded_by": "rep", "participants": []}
    for name, value in HEADER.findall("\n".join(read.notes)):
        if name in ROLES:
            shown, address = parseaddr(value)
            said["participants"].append({"role": name, "name": shown, "email": address})
        else:
            said[name] = value.strip()
    said |= _beside(sidecar) if sidecar is not None else {}
    if not isinstance(said["participants"], list):
        raise Unreadable("sidecar")
    said["participants"] = [one for each in said["participants"] if (one := _participant(each))]
    return said


def _beside(sidecar: bytes) -> Row:
    try:
        told = orjson.loads(sidecar)
    except orjson.JSONDecodeError:
        raise Unreadable("sidecar") from None
    if not isinstance(told, dict):
        raise Unreadable("sidecar")
    return {
        name: value for name, value in told.items() if name in ("started_at", "recorded_by", "participants", "title")
    }


def _participant(told: Any) -> Row | None:
    """Somebody with a role and an address; nobody else can be told apart."""
    if not isinstance(told, dict) or told.get("role") not in ROLES or not isinstance(told.get("email"), str):
        return None
    name = told.get("name")
    address = told["email"].strip()
    return (
        {"role": told["role"], "name": name if isinstance(name, str) else "", "email": address}
        if email(address)
        else None
    )
