"""The switching filter over the evidence of everybody at once, in columns: the same numbers as `confidence.py`, a hundred times as fast.

What the scalar filter does quote by quote happens here round by round: the first unit of every belief, then the second of every
belief that has one. Sorting makes it independent of the order in which rows come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.understand.confidence import DOCUMENT_CAP, HIGH, LOW, PRIOR, TRUSTED, WINDOW_DAYS, Quote, logit

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Log:
    """Evidence in columns, one row per quote.

    Shape: `belief` numbers the questions from 0; `speaker`, `thread`, `document` are codes (any integers, alike only where the texts
    are); `order` is the rank of the quote's id, which decides among quotes of one instant. Units: as in `Quote`.
    """

    belief: Ints
    day: Floats
    order: Ints
    speaker: Ints
    thread: Ints
    document: Ints
    sign: Ints
    r: Floats
    s: Floats
    turning: Flags
    moves: Floats

    def __len__(self) -> int:
        return len(self.belief)

    def where(self, rows: Flags | Ints) -> "Log":
        """Some of the rows."""
        return Log(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Units:
    """Independent observations, by belief and then in order of time; `place` is the position within the belief."""

    belief: Ints
    place: Ints
    day: Floats
    sign: Ints
    weight: Floats
    amount: Floats
    turning: Flags
    moves: Floats


@dataclass(frozen=True)
class States:
    """Where every belief stands, in order of its number: as of its last unit if no instant was asked for, else at that instant."""

    p: Floats
    supporting: Floats
    opposing: Floats
    units: Ints
    last: Floats
    """Day of the last unit; not a number where nothing was said."""

    @property
    def weight(self) -> Floats:
        """Decayed amount of evidence on both sides."""
        return self.supporting + self.opposing


def log_of(questions: Sequence[Sequence[Quote]]) -> Log:
    """Quotes of many questions in columns."""
    rows = [(number, quote) for number, quotes in enumerate(questions) for quote in quotes]
    quotes = [quote for _, quote in rows]
    return Log(
        belief=np.array([number for number, _ in rows], np.int64),
        day=np.array([quote.day for quote in quotes], np.float64),
        order=codes([quote.id for quote in quotes]),
        speaker=codes([quote.speaker for quote in quotes]),
        thread=codes([quote.thread for quote in quotes]),
        document=codes([quote.document or quote.id for quote in quotes]),
        sign=np.array([quote.sign for quote in quotes], np.int64),
        r=np.array([quote.r for quote in quotes], np.float64),
        s=np.array([quote.s for quote in quotes], np.float64),
        turning=np.array([quote.turning for quote in quotes], np.bool_),
        moves=np.array([quote.moves for quote in quotes], np.float64),
    )


def codes(texts: Sequence[str]) -> Ints:
    """Texts as integers that sort as the texts do."""
    ranks = {text: rank for rank, text in enumerate(sorted(set(texts)))}
    return np.array([ranks[text] for text in texts], np.int64)


def replay_all(log: Log, half_lives: Floats, as_of: Floats | float | None = None, prior: float = PRIOR) -> States:
    """Confidence of every belief, from the evidence up to its instant and nothing else.

    Shape: `half_lives` and `as_of` have one value per belief (one `as_of` may do for all; None is the last evidence). Units: days.
    """
    beliefs = len(half_lives)
    until = None if as_of is None else np.broadcast_to(np.asarray(as_of, np.float64), (beliefs,))
    if until is not None and not (said := log.day <= until[log.belief]).all():
        log = log.where(said)
    found = units_of(log)
    p, sides, last = np.full(beliefs, prior), np.zeros((2, beliefs)), np.full(beliefs, np.nan)
    for rows in _rounds(found.place):
        _step(found, rows, half_lives, prior, p, sides, last)
    if until is not None:
        _fade(np.flatnonzero(~np.isnan(last)), until, half_lives, prior, p, sides, last.copy())
    return States(p, sides[0], sides[1], np.bincount(found.belief, minlength=beliefs).astype(np.int64), last)


def units_of(log: Log) -> Units:
    """Quotes collapsed to independent observations, as `confidence.units` does."""
    order = _in_order(log)
    belief, day, turning, moves = log.belief[order], log.day[order], log.turning[order], log.moves[order]
    weight = np.minimum(_logit(np.clip(log.r, PRIOR, TRUSTED)) * log.s, logit(TRUSTED))[order]
    amount = ((2 * np.maximum(log.r, PRIOR) - 1) * log.s)[order]
    change = (log.turning | (log.moves > 0)).astype(np.int64)
    first, unit = _collapsed(_keyed(log.belief, log.speaker, log.thread, log.sign, change)[order], day)
    if len(first) < len(order):
        weight, amount = _greatest(unit, weight, len(first)), _greatest(unit, amount, len(first))
        turning, moves = np.bincount(unit, turning, len(first)) > 0, _greatest(unit, moves, len(first))
        belief, day, order = belief[first], day[first], order[first]
    document = _keyed(log.belief, log.document, log.sign)[order]
    weight, moves = _capped(document, weight, turning, moves)
    return Units(belief, _places(belief), day, log.sign[order], weight, amount, turning, moves)


def _step(
    found: Units, rows: Ints, half_lives: Floats, prior: float, p: Floats, sides: npt.NDArray[np.float64], last: Floats
) -> None:
    """One unit more of every belief that has as many."""
    who, day, sign = found.belief[rows], found.day[rows], found.sign[rows]
    if found.place[rows[0]]:
        _fade(who, day, half_lives, prior, p, sides, last)
    last[who] = day
    turning = found.turning[rows]
    before = _logit(np.where(turning, prior, p[who]))
    if (forgets := np.maximum(found.moves[rows] - found.weight[rows], 0.0)).any():
        before += sign * np.minimum(np.maximum(sign * (logit(prior) - before), 0.0), forgets)
    p[who] = np.clip(1 / (1 + np.exp(-(before + sign * found.weight[rows]))), LOW, HIGH)
    own = (sign < 0).astype(np.int64)
    if turning.any():
        sides[1 - own[turning], who[turning]] = 0.0
    sides[own, who] += found.amount[rows]


def _fade(
    who: Ints, day: Floats, half_lives: Floats, prior: float, p: Floats, sides: npt.NDArray[np.float64], last: Floats
) -> None:
    """Silence up to a day: `day` has one value per `who`, or one per belief."""
    until = day if len(day) == len(who) else day[who]
    left = np.exp2(-(until - last[who]) / half_lives[who])
    p[who] = prior + (p[who] - prior) * left
    sides[:, who] *= left


def _collapsed(key: Ints, day: Floats) -> tuple[Ints, Ints]:
    """First row of every unit, in order of rows, and the unit of every row. Quotes of one key within the window are one."""
    every = np.arange(len(key))
    rows = _repeated(key)
    if not len(rows):
        return every, every
    anchor = every.copy()
    while len(rows):
        first = np.flatnonzero(np.r_[True, key[rows[1:]] != key[rows[:-1]]])
        head = np.repeat(rows[first], np.diff(np.r_[first, len(rows)]))
        inside = day[rows] - day[head] <= WINDOW_DAYS
        anchor[rows[inside]] = head[inside]
        rows = rows[~inside]
    first = np.flatnonzero(anchor == every)
    return first, (np.cumsum(anchor == every) - 1)[anchor]


def _capped(key: Ints, weight: Floats, turning: Flags, moves: Floats) -> tuple[Floats, Floats]:
    """What each unit weighs, and moves in all, as `confidence.units` has them: what one document may move is shared by its voices."""
    capped = np.where(turning, weight, np.minimum(weight, DOCUMENT_CAP))
    told = (moves > 0) & ~turning
    forgets = np.where(told, np.clip(moves - capped, 0.0, DOCUMENT_CAP - capped), 0.0)
    together = _repeated(key)
    together = together[~turning[together]]
    groups = np.cumsum(np.r_[0, key[together][1:] != key[together][:-1]]) if len(together) else together
    left = np.full(int(groups[-1]) + 1 if len(groups) else 0, DOCUMENT_CAP)
    rounds = _rounds(_places(groups))
    for rows in rounds:
        one, group = together[rows], groups[rows]
        capped[one] = np.minimum(weight[one], left[group])
        left[group] -= capped[one]
    for rows in rounds:
        one, group = together[rows], groups[rows]
        forgets[one] = np.where(told[one], np.maximum(np.minimum(moves[one] - capped[one], left[group]), 0.0), 0.0)
        left[group] -= forgets[one]
    return capped, np.where(told, capped + forgets, 0.0)


def _keyed(*columns: Ints) -> Ints:
    """One integer for each combination of values; combinations that differ have integers that differ."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        low = column.min(initial=0)
        span = int(column.max(initial=0) - low) + 1
        if int(key.max(initial=0)) >= (2**62) // span:  # no room: number the combinations that occur
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * span + (column - low)
    return key


def _repeated(key: Ints) -> Ints:
    """Rows whose key occurs more than once, those of one key together and in order of rows."""
    order = np.argsort(key)
    same = key[order[1:]] == key[order[:-1]]
    rows = order[np.r_[same, False] | np.r_[False, same]] if len(key) else order
    return rows[np.lexsort((rows, key[rows]))]


def _in_order(log: Log) -> Ints:
    """Rows by belief, then by day, then by id. Ids decide so seldom that only those rows are sorted by them."""
    if len(log) < 2:
        return np.arange(len(log))
    order = np.argsort(log.day)
    for shift in range(0, max(int(log.belief.max()).bit_length(), 1), 16):  # numpy sorts sixteen bits without comparing
        digits = (log.belief[order] >> shift).astype(np.uint16)
        order = order[np.argsort(digits, kind="stable")]
    belief, day = log.belief[order], log.day[order]
    tied = (belief[1:] == belief[:-1]) & (day[1:] == day[:-1])
    rows = np.flatnonzero(np.r_[tied, False] | np.r_[False, tied])
    some = order[rows]
    order[rows] = some[np.lexsort((log.order[some], log.day[some], log.belief[some]))]
    return order


def _places(group: Ints) -> Ints:
    """Position of each row within its group, groups lying together."""
    if not len(group):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    return np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))


def _rounds(place: Ints) -> Sequence[Ints]:
    """The rows of each place, first to last."""
    if not len(place):
        return []
    small = place.astype(np.uint16) if place.max() < 2**16 else place
    return np.split(np.argsort(small, kind="stable"), np.cumsum(np.bincount(place))[:-1])


def _greatest(unit: Ints, values: Floats, units: int) -> Floats:
    found = np.full(units, -np.inf)
    np.maximum.at(found, unit, values)
    return found


def _logit(p: Floats) -> Floats:
    return np.log(p / (1 - p))
