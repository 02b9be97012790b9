"""The planted files of product events: what people do in the product and say in recorded calls.

Nearly half of the people who can be recognised use the product. Most users are tied to their person by the address they signed up
with, some only by the user id that a Stripe customer's metadata names. A month is one file: the oldest is a CSV, the next a Parquet
file, the next is zipped, the others are JSON lines. Instants are written as differently as tools write them; some lines are delivered
twice, some cannot be read, and visitors who never say who they are are nobody. Draws from a chance of its own.
"""

import csv
import gzip
import html
import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.world.documents import Document
from sandbox.world.market import Arrival
from sandbox.world.moments import BEGIN, MARGIN, between
from sandbox.world.names import HOME_DOMAIN, REPS, address_as_typed, rep_email
from sandbox.world.person import Face, Someone
from sandbox.world.truth import PlantedDocument, PlantedTouch, participant_key, product_key

Row = dict[str, Any]

USE_IT = 0.45
"""Share of the people who can be recognised that use the product."""
BY_STRIPE = 0.25
"""Share of the paying users who signed up without an address."""
ROUTED = 0.5
"""Share of users' talks that lie beside the events instead of in the CRM."""
DEEDS = (
    "Report opened", "Report exported", "Dashboard shared", "Teammate invited", "Import finished", "Rule created", "Search used",
    "Integration connected",
)  # fmt: skip
PAGES = ("/", "/reports", "/settings", "/plans", "/help")
SESSION = timedelta(minutes=30)
BAD_LINES = (
    '{"type": "track", "event": "Report op',
    "null",
    '{"type": "track", "event": "Report opened", "userId": "u-0"}',
)
"""Cut off, no object, no timestamp."""
FLAT = ("type", "event", "userId", "anonymousId", "timestamp", "messageId", "context.page.url", "properties", "traits")
TURN = re.compile(r"([^\W\d_][^:\n<>&]{0,40}): (\S.*)")
CUE_WORDS = 12
"""Words of one cue, as captions are cut."""


@dataclass
class Product:
    """The product's own records while they are being planted."""

    seed: int
    now: datetime
    events: list[tuple[datetime, Row]] = field(default_factory=list)
    talks: dict[str, bytes] = field(default_factory=dict)
    unreadable: int = 0
    users: int = 0
    """Users so far."""

    def __post_init__(self) -> None:
        self.rng = random.Random(f"product_events/{self.seed}")  # noqa: S311  # repeatable chance, not secrets

    def take_up(self, person: Someone, arrival: Arrival | None, customers: dict[str, Row]) -> list[PlantedTouch]:
        """Perhaps make the person a user; says what brought them. `customers` are Stripe's, by id, and may learn the user id."""
        if person.trap is not None or self.rng.random() >= USE_IT:
            return []
        self.users += 1
        signed_up = between(self.rng, max(BEGIN, person.born), self.now - MARGIN - SESSION)
        face = Face(
            "product_user", f"u-{self.users:05d}", signed_up, address_as_typed(self.rng, person.email, spaces=True)
        )
        payer = next(iter(person.of_kind("customer")), None)
        if payer and self.rng.random() < BY_STRIPE:
            face.email = None
            customers[payer.id]["metadata"]["user_id"] = face.id
        person.faces.append(face)
        self._uses(person, face)
        return self._lands(face, arrival) if arrival else []

    def take_over(self, person: Someone, planted: list[PlantedDocument], events: list[Row]) -> list[PlantedDocument]:
        """The person's documents, some talks of a user moved here. `events` are the CRM's: the meeting stays, its words go."""
        texts = {text.doc_id: text for text in person.documents}
        return [self._routed(person, one, texts[one.doc_id], events) for one in planted]

    def visits(self, face: Face, at: datetime, marks: dict[str, str], deed: str | None = None) -> None:
        """A user comes to the web site, by a link with these marks, and may do one thing there."""
        url = f"https://www.{HOME_DOMAIN}/start" + (f"?{urlencode(marks)}" if marks else "")
        self._add(at, type="page", userId=face.id, context={"page": {"url": url}})
        if deed:
            self._add(at + timedelta(minutes=2), type="track", event=deed, userId=face.id, properties={"rows": 1})

    def signs_up(self, person: Someone, at: datetime) -> Face:
        """The person becomes a user who gives name and address."""
        self.users += 1
        face = Face("product_user", f"u-{self.users:05d}", at, person.email)
        person.faces.append(face)
        self._add(at, type="identify", userId=face.id, traits={"email": person.email, "name": person.name})
        return face

    def visitors(self, count: int) -> None:
        """People who look around and never say who they are."""
        for number in range(count):
            at = between(self.rng, BEGIN, self.now - MARGIN)
            url = f"https://www.{HOME_DOMAIN}/?" + urlencode({"utm_source": "google", "utm_medium": "cpc"})
            self._add(at, type="page", anonymousId=f"visitor-{number}", context={"page": {"url": url}})

    def files(self) -> dict[str, bytes]:
        """Every file by its path."""
        months: defaultdict[str, list[Row]] = defaultdict(list)
        late: Row | None = None
        for at, row in sorted(self.events, key=lambda one: one[0]):
            month = f"{at:%Y-%m}"
            if late and not months[month]:
                months[month].append(late)  # delivered once more, a month late
            months[month].append(row)
            late = row if "messageId" in row else late
        made = dict(self.talks)
        for number, (month, rows) in enumerate(sorted(months.items())):
            name, content = self._file(number, month, rows)
            made[f"events/{name}"] = content
        return made

    def _file(self, number: int, month: str, rows: list[Row]) -> tuple[str, bytes]:
        if number == 0:
            return f"{month}.csv", self._csv(rows)
        if number == 1:
            return f"{month}.parquet", _parquet(rows)
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        bad = self.rng.sample(BAD_LINES, self.rng.choice((0, 0, 0, 1)))
        self.unreadable += len(bad)
        for line in bad:
            lines.insert(self.rng.randint(0, len(lines)), line)
        content = "".join(f"{line}\n" for line in lines).encode()
        return (f"{month}.jsonl.gz", gzip.compress(content, mtime=0)) if number == 2 else (f"{month}.jsonl", content)

    def _csv(self, rows: list[Row]) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(FLAT)
        writer.writerows(_flat(row) for row in rows)
        writer.writerow(("track", "cut off"))
        self.unreadable += 1
        return out.getvalue().encode()

    def _uses(self, person: Someone, face: Face) -> None:
        """Sign-up and sessions: bursts of deeds within half an hour; few people come often, most seldom."""
        traits: Row = {"plan": self.rng.choice(("starter", "growth", "scale"))}
        if face.email:
            traits |= {"email": face.email, "name": person.name}
        self._add(face.created, type="identify", userId=face.id, traits=traits)
        for _ in range(min(20, int(self.rng.paretovariate(0.8)))):
            at = between(self.rng, face.created, self.now - MARGIN - SESSION)
            self._add(at, type="page", userId=face.id, context={"page": {"url": self._page()}})
            for _ in range(self.rng.randint(1, 9)):
                at += timedelta(seconds=self.rng.randint(2, 180))
                deed = self.rng.choice(DEEDS)
                self._add(at, type="track", event=deed, userId=face.id, properties={"rows": self.rng.randint(1, 5000)})
        if self.rng.random() < 0.3:  # traits come in parts: this one says nothing of who it is
            self._add(self.now - MARGIN, type="identify", userId=face.id, traits={"plan": "scale"})

    def _lands(self, face: Face, arrival: Arrival) -> list[PlantedTouch]:
        """The page on which somebody arrived; the product's export fills in who it turned out to be."""
        campaign, ad = arrival.ad.campaign_name, arrival.ad.id
        marks = {
            "utm": {"utm_source": "facebook", "utm_medium": "paid_social", "utm_campaign": campaign, "utm_content": ad},
            "click_id": {"fbclid": f"IwAR{self.rng.getrandbits(64):016x}"},
        }.get(arrival.way)  # fmt: skip
        if marks is None:
            return []
        url = f"https://www.{HOME_DOMAIN}/start?{urlencode(marks)}"
        self._add(arrival.at, type="page", userId=face.id, context={"page": {"url": url}})
        told = arrival.way == "utm"
        return [
            PlantedTouch(
                record=product_key("user", face.id), channel="paid_social", source=campaign if told else None,
                ad_id=ad if told else None, responded=True, occurred_at=arrival.at,
            )
        ]  # fmt: skip

    def _page(self) -> str:
        return f"https://app.{HOME_DOMAIN}{self.rng.choice(PAGES)}"

    def _add(self, at: datetime, **row: Any) -> None:
        written = self.rng.choice((_zulu, _in_berlin, _naive, _milliseconds))(at)
        if self.rng.random() < 0.9:  # the others are known by their content
            row["messageId"] = f"msg-{len(self.events):07d}"
        self.events.append((at, {"timestamp": written, **row}))

    def _routed(self, person: Someone, planted: PlantedDocument, text: Document, events: list[Row]) -> PlantedDocument:
        if text.source != "transcript" or not person.of_kind("product_user") or self.rng.random() >= ROUTED:
            return planted
        cues = _cues(text.text)
        if cues is None:
            return planted
        path = f"talks/{text.occurred_at:%Y-%m-%d}-{text.doc_id}.vtt"
        note, beside = self._particulars(person, text)
        self.talks[path] = f"WEBVTT\n\n{note}{cues}".encode()
        if beside:
            self.talks[path.replace(".vtt", ".json")] = beside
        row = next(row for row in reversed(events) if planted.record.endswith(f"/{row['Id']}"))
        row["Subject"], row["Description"] = "Meeting", None
        return planted.model_copy(update={"record": product_key("transcript", path), "field": "text"})

    def _particulars(self, person: Someone, text: Document) -> tuple[str, bytes]:
        """In a comment, or in a file beside the talk."""
        address, rep = address_as_typed(self.rng, person.email, spaces=False), rep_email(*REPS[0])
        at = text.occurred_at.isoformat()
        if self.rng.random() < 0.5:
            note = f"NOTE started_at: {at}\nrecorded_by: {text.author}\nrep: {REPS[0][0]} <{rep}>\n"
            return f"{note}customer: {person.name} <{address}>\n\n", b""
        people = [
            {"role": "rep", "name": REPS[0][0], "email": rep},
            {"role": "customer", "name": person.name, "email": address},
        ]
        told = {"started_at": at, "recorded_by": text.author, "participants": people}
        return "", json.dumps(told, ensure_ascii=False).encode()


def participant_of(person: Someone, documents: list[PlantedDocument]) -> Iterator[str]:
    """The record that shows the person as one who took part in talks, if any lies here."""
    if any(document.record.startswith(product_key("transcript", "")) for document in documents):
        yield participant_key(person.email)


def _cues(text: str) -> str | None:
    """The talk as captions, None unless its every line is a turn of another speaker than the line before."""
    turns = [TURN.fullmatch(line) for line in text.splitlines()]
    speakers = [turn[1] if turn else "" for turn in turns]
    plain = all(turn and turn[2] == " ".join(turn[2].split()) for turn in turns)
    if not plain or any(one == other for one, other in pairwise(speakers)):
        return None
    cues, start = [], 0.0
    for turn in turns:
        words = turn[2].split(" ") if turn else []
        for at in range(0, len(words), CUE_WORDS):
            some = words[at : at + CUE_WORDS]
            end = start + 0.4 * len(some)
            said = html.escape(" ".join(some), quote=False)
            cues.append(f"{_clock(start)} --> {_clock(end)}\n<v {turn[1] if turn else ''}>{said}\n")
            start = end
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _flat(row: Row) -> list[str]:
    page = row.get("context", {}).get("page", {})
    flat = {**row, "context.page.url": page.get("url")}
    for name in ("properties", "traits"):
        flat[name] = json.dumps(row[name], ensure_ascii=False) if name in row else None
    return ["" if flat.get(name) is None else str(flat[name]) for name in FLAT]


def _parquet(rows: list[Row]) -> bytes:
    columns = zip(*(_flat(row) for row in rows), strict=True)
    table = pa.table({name: [value or None for value in values] for name, values in zip(FLAT, columns, strict=True)})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _zulu(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _in_berlin(at: datetime) -> str:
    return at.astimezone(timezone(timedelta(hours=2))).isoformat()


def _naive(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(" ")


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
