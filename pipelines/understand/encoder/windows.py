"""A document as the encoder reads it: windows of tokens, in which the sentences to be judged stand among their neighbours.

Training and product share this module, so that the encoder meets in a store what it met when it was trained. A window depends on
its document and nothing else.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import blingfire
import numpy as np
from numpy.typing import NDArray

from pipelines.understand.claims import Document
from pipelines.understand.sentences import Span
from pipelines.understand.turns import Turn

START, END, UNKNOWN = 101, 102, 100
"""Ids of [CLS], [SEP] and [UNK] in the vocabulary of uncased BERT."""
WHOLE = 160
"""Tokens up to which a text is read in one go; most are shorter."""
BODY, AROUND = 112, 24
"""Tokens of a longer text judged in one go, and how many before and behind are laid beside them."""
LONGEST_SENTENCE = 96
"""Tokens; what has no full stop for longer is judged in parts."""
LONGEST_WORD = 16
"""Tokens; no word that means something has more."""
WORD = re.compile(r"\S+")
CONTEXT, HEARD = 0, 1
"""Token types: the seller's words and labels, and words that can be evidence."""


@dataclass(frozen=True)
class Target:
    """A sentence to be judged: where it stands in the text, and which tokens of the window are its words."""

    turn: Turn
    span: Span
    tokens: Span
    words: tuple[Span, ...]
    """Per token of the sentence, the word in the text that it belongs to."""


@dataclass(frozen=True)
class Window:
    """Tokens with their types, and the sentences to be judged among them."""

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    targets: tuple[Target, ...]

    @property
    def mask(self) -> NDArray[np.float32]:
        """One row per sentence, 1 at its tokens."""
        mask = np.zeros((len(self.targets), len(self.ids)), dtype=np.float32)
        for row, target in zip(mask, self.targets, strict=True):
            row[slice(*target.tokens)] = 1
        return mask


@dataclass(frozen=True)
class _Piece:
    """A stretch of text with its tokens; without a turn it is only there to be understood by."""

    turn: Turn | None
    span: Span
    ids: tuple[int, ...]
    words: tuple[Span, ...]


def windows(document: Document) -> list[Window]:
    """The windows of a document, in order; every sentence that can be evidence is judged in exactly one of them."""
    pieces = list(_pieces(document))
    head = _tokens(f"{document.source.replace('_', ' ')} {document.author}")
    sizes = [len(piece.ids) for piece in pieces]
    blocks = [(0, len(pieces))] if sum(sizes) <= WHOLE else list(_blocks(sizes))
    found = (_window(head, pieces, block) for block in blocks)
    return [window for window in found if window.targets]


def _blocks(sizes: Sequence[int]) -> Iterator[Span]:
    first = size = 0
    for number, tokens in enumerate(sizes):
        if size and size + tokens > BODY:
            yield first, number
            first, size = number, 0
        size += tokens
    yield first, len(sizes)


def _window(head: Sequence[int], pieces: Sequence[_Piece], block: Span) -> Window:
    first, last = block
    before = [token for piece in pieces[max(0, first - AROUND) : first] for token in piece.ids][-AROUND:]
    behind = [token for piece in pieces[last : last + AROUND] for token in piece.ids][:AROUND]
    ids = [START, *head, END, *before]
    types = [CONTEXT] * len(ids)
    targets = []
    for piece in pieces[first:last]:
        if piece.turn:
            targets.append(Target(piece.turn, piece.span, (len(ids), len(ids) + len(piece.ids)), piece.words))
        ids += piece.ids
        types += [HEARD if piece.turn else CONTEXT] * len(piece.ids)
    ids += [*behind, END]
    types += [CONTEXT] * (len(ids) - len(types))
    return Window(np.array(ids, dtype=np.int64), np.array(types, dtype=np.int64), tuple(targets))


def _pieces(document: Document) -> Iterator[_Piece]:
    """The whole text in order: sentences to be judged, and what stands between them in bites that fit a window."""
    heard = sorted((span, turn) for turn, spans in document.sentences.items() for span in spans)
    at = 0
    for span, turn in heard:
        yield from _parts(document.text, (at, span[0]), None)
        yield from _parts(document.text, span, turn)
        at = span[1]
    yield from _parts(document.text, (at, len(document.text)), None)


def _parts(text: str, span: Span, turn: Turn | None) -> Iterator[_Piece]:
    ids: list[int] = []
    words: list[Span] = []
    for word in WORD.finditer(text, *span):
        tokens = _word(word.group())
        if ids and len(ids) + len(tokens) > LONGEST_SENTENCE:
            yield _Piece(turn, (words[0][0], words[-1][1]), tuple(ids), tuple(words))
            ids, words = [], []
        ids += tokens
        words += [word.span()] * len(tokens)
    if ids:
        yield _Piece(turn, (words[0][0], words[-1][1]), tuple(ids), tuple(words))


def _tokens(text: str) -> list[int]:
    return [token for word in text.split() for token in _word(word)]


@lru_cache(maxsize=100_000)
def _word(word: str) -> tuple[int, ...]:
    ids = blingfire.text_to_ids(_tokenizer(), word, LONGEST_WORD, unk=UNKNOWN, no_padding=True)
    return tuple(int(token) for token in ids)


@cache
def _tokenizer() -> int:
    """The word pieces of uncased BERT, as blingfire carries them."""
    return int(blingfire.load_model(str(Path(blingfire.__file__).with_name("bert_base_tok.bin"))))
