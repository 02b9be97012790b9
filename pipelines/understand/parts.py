"""A long text in parts that a model can take: cut between sentences, each part beginning with the end of the one before."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipelines.understand.claims import Claim, Document
from pipelines.understand.sentences import sentences
from pipelines.understand.turns import Turn

OVERLAP = 800
"""Characters that two parts share: what is said across a cut is read whole once, with half a page around it."""


def parts(document: Document, longest: int) -> list[tuple[Turn, ...]]:
    """The turns of a document, or stretches of them, in portions of at most `longest` characters; the whole where that is short.

    Shape: a sentence longer than that is cut where it must be. Quotes are looked for in the whole document, not in a part.
    """
    if sum(turn.end - turn.start for turn in document.turns) <= longest:
        return [document.turns]
    found: list[tuple[Turn, ...]] = []
    part: list[Turn] = []
    overlap = min(OVERLAP, longest // 4)
    for piece in _pieces(document, longest - overlap):
        if part and _length([*part, piece]) > longest:
            found.append(_joined(part))
            part = _tail(part, overlap)
        part.append(piece)
    return [*found, _joined(part)] if part else found


def without_repeats(claims: Iterable[Claim]) -> list[Claim]:
    """The claims, each once: two parts may both have read what stands in both, and a model may repeat itself."""
    kept: list[Claim] = []
    for claim in claims:
        if not any(_same(claim, other) for other in kept):
            kept.append(claim)
    return kept


def _same(one: Claim, other: Claim) -> bool:
    said = (one.slot, one.aspect, one.holder or "", one.polarity) == (
        other.slot,
        other.aspect,
        other.holder or "",
        other.polarity,
    )
    return said and one.place.start < other.place.end and other.place.start < one.place.end


def _pieces(document: Document, longest: int) -> Iterable[Turn]:
    """Sentences with what stands between them and the next, so that pieces in a row are a stretch without gaps."""
    for turn in document.turns:
        starts = [start for start, _ in sentences(document.text, turn.start, turn.end)][1:]
        for start, end in zip([turn.start, *starts], [*starts, turn.end], strict=True):
            for cut in range(start, end, longest):
                yield replace(turn, start=cut, end=min(cut + longest, end))


def _joined(pieces: Sequence[Turn]) -> tuple[Turn, ...]:
    """Pieces that follow each other in one turn, as one stretch of it."""
    found: list[Turn] = []
    for piece in pieces:
        if found and replace(found[-1], start=piece.start, end=piece.end) == piece and found[-1].end == piece.start:
            found[-1] = replace(piece, start=found[-1].start)
        else:
            found.append(piece)
    return tuple(found)


def _tail(pieces: Sequence[Turn], longest: int) -> list[Turn]:
    kept: list[Turn] = []
    for piece in reversed(pieces):
        if _length([piece, *kept]) > longest:
            break
        kept.insert(0, piece)
    return kept


def _length(pieces: Sequence[Turn]) -> int:
    return sum(piece.end - piece.start for piece in pieces)
