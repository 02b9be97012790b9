"""How well beliefs are followed over time, apart from how well texts are read: the labelled texts, told to the product in their order.

Gold claims go in as perfect readings; then the same with the embedded extractor, beside the share of pairs it could get right at all.
A pair is one holder and one slot of one person; its planted polarity is that of its last label, or any of them where the last text
holds both. After every text all other pairs are compared with what they were: a pair that the text does not speak of is disturbed if
anything about it has changed. A retirement is wrong if the belief that ended was on a pair of which the text that ended it said nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from benchmarks.beliefs import DATA, document, load, subject
from models import Belief, Evidence
from models.keys import content_id
from pipelines.understand.beliefs import conclude
from pipelines.understand.claims import Claim, Document, check
from pipelines.understand.embedded import Embedded
from pipelines.understand.extractor import Reading
from pipelines.understand.slots import shipped
from pipelines.understand.turns import same_person

HALF_LIVES = {slot.name: slot.half_life_days for slot in shipped()}
SHOWN = 15
"""Pairs that went wrong are listed where they are few."""
REFUSED: set[tuple[str, str]] = set()
"""Labels that the product's validator does not let in; what they plant cannot be held."""
Pair = tuple[str, str | None, str]
"""Person, holder (None is the person) and slot."""
Read = Callable[[Mapping[str, Any], Document], list[Evidence]]


@dataclass
class Tracked:
    """What came of following everybody to the end."""

    pairs: int = 0
    right: int = 0
    repeated: int = 0
    repeated_right: int = 0
    flips: int = 0
    flips_seen: int = 0
    untouched: int = 0
    disturbed: int = 0
    retired: int = 0
    retired_wrongly: int = 0
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    """Print the figures for perfect readings and for the embedded extractor."""
    rows = sorted(load(DATA), key=lambda row: (row["occurred_at"], row["doc_id"]))
    embedded = Embedded()

    def read(row: Mapping[str, Any], text: Document) -> list[Evidence]:
        (outcome,) = embedded.read([text])
        claims = outcome.answer.claims if isinstance(outcome, Reading) else ()
        return [evidence(row, claim, number) for number, claim in enumerate(claims)]

    for name, reader in (("gold claims", gold), (embedded.model, read)):
        told(name, track(rows, reader))
    print(
        f"  {len(REFUSED)} gold labels are refused by the validator (who speaks, or a screened word) and went in as labelled"
    )
    print(
        f"  {embedded.model} could get right at most {ceiling(rows, read):.1%} of the pairs: of so many it reads the last label"
    )


def told(name: str, found: Tracked) -> None:
    """One block of figures."""
    print(f"{name}: {found.pairs} planted pairs, {found.repeated} of them spoken of more than once")
    print(f"  final polarity right           {found.right / found.pairs:.1%}")
    print(f"  ... of those spoken of again   {found.repeated_right / found.repeated:.1%}")
    print(f"  turned as soon as the text was in  {found.flips_seen} of {found.flips} turns")
    print(f"  untouched pairs disturbed      {found.disturbed} of {found.untouched:,}")
    print(f"  retired, wrongly               {found.retired}, {found.retired_wrongly}")
    for line in found.wrong if len(found.wrong) <= SHOWN else ():
        print(f"    {line}")


def gold(row: Mapping[str, Any], text: Document) -> list[Evidence]:
    """The labels as evidence, each through the validator that every reading passes; those it refuses go in all the same."""
    found = []
    for number, label in enumerate(row["gold"]):
        claim = {name: label[name] for name in ("slot", "polarity", "strength", "quote", "holder", "statement")}
        try:
            (kept,) = check(text, [{"reasoning": "gold", **claim}]).claims
            found.append(evidence(row, kept, number))
        except ValidationError:
            REFUSED.add((row["doc_id"], label["quote"]))
            found.append(forced(row, label, number))
    return found


def track(rows: Iterable[Mapping[str, Any]], read: Read) -> Tracked:
    """Tell everybody's texts in order, and compare what is held with what was planted."""
    found = Tracked()
    heard: dict[str, list[Evidence]] = defaultdict(list)
    held: dict[str, list[Belief]] = defaultdict(list)
    planted: dict[Pair, list[set[str]]] = defaultdict(list)
    for row in rows:
        person, text = row["person"], document(row)
        labels: dict[Pair, set[str]] = defaultdict(set)
        for label in row["gold"]:
            labels[pair(person, label["holder"], label["slot"], row)].add(label["polarity"])
        new = read(row, text)
        touched = {(person, one.holder, one.slot) for one in new}
        heard[person] += new
        after = conclude(person, heard[person], HALF_LIVES)
        compare(found, held[person], after, touched)
        for one, sides in labels.items():
            if one in planted and len(sides) == 1 and len(planted[one][-1]) == 1 and opposed(sides, planted[one][-1]):
                found.flips += 1
                found.flips_seen += holds(after, one, sides)
            planted[one].append(sides)
        held[person] = after
    for one, said in planted.items():
        right = holds(held[one[0]], one, said[-1])
        found.pairs, found.right = found.pairs + 1, found.right + right
        if len(said) > 1:
            found.repeated, found.repeated_right = found.repeated + 1, found.repeated_right + right
        if not right:
            found.wrong.append(
                f"{one[0]}, {one[1] or 'own'}, {one[2]}: {' then '.join('/'.join(sorted(s)) for s in said)}"
            )
    return found


def compare(found: Tracked, before: Sequence[Belief], after: Sequence[Belief], touched: set[Pair]) -> None:
    """Count what a text changed that it did not speak of, and what it retired."""
    old, new = by_pair(before), by_pair(after)
    for one, beliefs in old.items():
        if one not in touched:
            found.untouched += 1
            found.disturbed += beliefs != new.get(one)
    standing = {belief.id for belief in before if belief.valid_to is None}
    for belief in after:
        if belief.valid_to is not None and belief.id in standing:
            found.retired += 1
            found.retired_wrongly += (belief.person_id, belief.holder, belief.slot) not in touched


def by_pair(beliefs: Iterable[Belief]) -> dict[Pair, list[dict[str, Any]]]:
    """Beliefs as values, by pair."""
    found: dict[Pair, list[dict[str, Any]]] = defaultdict(list)
    for belief in beliefs:
        found[belief.person_id, belief.holder, belief.slot].append(belief.model_dump())
    return found


def holds(beliefs: Iterable[Belief], one: Pair, sides: set[str]) -> bool:
    """Whether a side that was planted last is held now."""
    own = (b for b in beliefs if (b.person_id, b.holder, b.slot) == one and b.valid_to is None)
    return any(belief.polarity in sides for belief in own)


def opposed(one: set[str], other: set[str]) -> bool:
    """Whether two sides are the two sides of a question."""
    return one | other == {"positive", "negative"}


def ceiling(rows: Iterable[Mapping[str, Any]], read: Read) -> float:
    """Share of pairs of whose last text a claim with the planted polarity was read."""
    last: dict[Pair, bool] = {}
    for row in rows:
        claims = {((row["person"], one.holder, one.slot), one.polarity) for one in read(row, document(row))}
        by_side: dict[Pair, set[str]] = defaultdict(set)
        for label in row["gold"]:
            by_side[pair(row["person"], label["holder"], label["slot"], row)].add(label["polarity"])
        for one, sides in by_side.items():
            last[one] = any((one, side) in claims for side in sides)
    return sum(last.values()) / len(last)


def pair(person: str, holder: str, slot: str, row: Mapping[str, Any]) -> Pair:
    """Whose belief on what; the person whose record it is has no name there."""
    return person, None if same_person(holder, [subject(row)]) else holder, slot


def evidence(row: Mapping[str, Any], claim: Claim, number: int) -> Evidence:
    """A claim as the product keeps it."""
    place = claim.place
    label = {name: getattr(claim, name) for name in ("slot", "aspect", "quote", "statement")}
    label |= {
        "polarity": claim.polarity.value,
        "strength": claim.strength.value,
        "holder": claim.holder or subject(row),
    }
    spoken = (place.turn.speaker, place.turn.role, place.source_class(row["source"]))
    return kept(row, label, number, spoken, place.start, place.end)


def forced(row: Mapping[str, Any], label: Mapping[str, Any], number: int) -> Evidence:
    """A label as evidence, told by whoever wrote the text."""
    heard = row["author"] == "rep" and row["source"] in ("call_note", "form")
    spoken = ("", "rep_note", "rep_note") if heard else ("", "customer", f"{row['source']}/customer")
    return kept(row, label, number, spoken, 0, len(label["quote"]))


def kept(
    row: Mapping[str, Any], label: Mapping[str, Any], number: int, spoken: tuple[str, str, str], start: int, end: int
) -> Evidence:
    """A row of evidence; `spoken` is by whom, in which role, and the class of the source."""
    at, holder = datetime.fromisoformat(row["occurred_at"]), pair(row["person"], label["holder"], label["slot"], row)[1]
    told = {name: label[name] for name in ("slot", "polarity", "strength", "statement", "quote")}
    return Evidence(
        **told, id=content_id(row["doc_id"], str(number)), observation_id=row["doc_id"], text_hash="t", model="gold:0:0",
        subject=row["person"], subject_hash=0, holder=holder, aspect=label.get("aspect", ""), start=start, end=end, speaker=spoken[0],
        speaker_role=spoken[1], source_class=spoken[2], thread=row["doc_id"], occurred_at=at, recorded_at=at,
    )  # fmt: skip


if __name__ == "__main__":
    main()
