"""Sentences of a turn, as offsets: the frame in which a quote is judged, and in which the embedded extractor reads."""

import re
from collections.abc import Iterator

import blingfire

Span = tuple[int, int]

WRAPPED = 55
"""Characters after which a mail program may have broken a line; a shorter line was ended by its writer."""


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """Sentences of one turn as offsets into the whole text; a line that ends without a full stop ends a sentence too, if short."""
    for line_start, line_end in _lines(text, start, end):
        line = text[line_start:line_end]
        if not any(character.isalnum() for character in line):
            continue
        _, offsets = blingfire.text_to_sentences_and_offsets(line.replace("\n", " "))
        yield from ((line_start + first, line_start + last) for first, last in offsets)


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    """Lines of a turn; those broken by a mail program's wrapping (long, no full stop, small letter next) are joined again."""
    at = start
    for mark in re.finditer("\n", text[start:end]):
        here = start + mark.start()
        wrapped = here - at > WRAPPED and text[here - 1] not in ".!?:;" and text[here + 1 : here + 2].islower()
        if not wrapped:
            yield at, here
            at = here + 1
    yield at, end
