"""Pictures drawn by hand in SVG, small enough to lie inside the Markdown of an asset page; shares and ratios only, never amounts."""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from math import log10
from typing import NamedTuple

UP, DOWN, STILL, INK = "#2a9d6f", "#c8553d", "#5b7aa6", "#333"
WIDTH, LABEL, NUMBER, ROW = 900, 430, 70, 24
"""Units of the picture: all of it, the words on the left, the numbers on the right, one row."""
LETTERS = 66
"""As many as fit into the words' place."""
MARKS = re.compile(r"[\\`*_{}\[\]<>()#!|]")
"""What Markdown would read as more than a character."""


class Span(NamedTuple):
    """From where to where something reaches, both on the axis's own scale, with what is written beside it."""

    label: str
    start: float
    end: float
    colour: str
    said: str
    mark: float | None = None


def waterfall(steps: Sequence[tuple[str, float]], before: str, after: str) -> str:
    """From 100 % to what is left or has been added: each step begins where the one above it ended. Steps are shares of the beginning."""
    level, rows = 1.0, [Span(before, 0.0, 1.0, STILL, "100 %")]
    for label, step in steps:
        rows.append(Span(label, level, level + step, UP if step > 0 else DOWN, f"{step:+.1%}"))
        level += step
    rows.append(Span(after, 0.0, level, STILL, f"{level:.0%}"))
    return _picture(rows, base=0.0)


def bars(values: Sequence[tuple[str, float]], form: str = ".0%") -> str:
    """One bar per value."""
    return _picture([Span(label, 0.0, value, STILL, format(value, form)) for label, value in values], base=0.0)


def intervals(found: Sequence[tuple[str, float, float, float]]) -> str:
    """Ratios with the ends of their intervals on a logarithmic axis, beside a line at 1; all must be positive."""
    rows = [
        Span(label, log10(low), log10(high), UP if low > 1 else DOWN if high < 1 else STILL, f"{ratio:.1f}x", log10(ratio))
        for label, ratio, low, high in found
    ]  # fmt: skip
    return _picture(rows, base=0.0)


def markdown(svg: str, words: str) -> str:
    """The picture inside a Markdown image, under a line that says what it shows. Words are shown as they are, whatever is in them."""
    plain = MARKS.sub(r"\\\g<0>", words)
    return f"{plain[:1].upper()}{plain[1:]}\n\n![{plain}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def framed(width: float, height: float, body: str) -> str:
    """A whole picture of this size, on white, from what is drawn in it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>{body}</svg>'
    )


def _picture(rows: Sequence[Span], base: float) -> str:
    ends = [base, *(end for row in rows for end in (row.start, row.end))]
    low, high = min(ends), max(ends)
    room = WIDTH - LABEL - NUMBER

    def x(value: float) -> float:
        return LABEL + room * (value - low) / ((high - low) or 1.0)

    height = ROW * len(rows) + 8
    body = "".join(part for number, row in enumerate(rows) for part in _row(number, row, x(row.start), x(row.end), x(row.mark) if row.mark is not None else None))  # fmt: skip
    axis = f'<line x1="{x(base):.1f}" x2="{x(base):.1f}" y1="0" y2="{height}" stroke="#999"/>'
    return framed(WIDTH, height, f"{axis}{body}")


def _row(number: int, row: Span, start: float, end: float, mark: float | None) -> Iterator[str]:
    top = ROW * number + 8
    words = row.label if len(row.label) <= LETTERS else f"{row.label[: LETTERS - 1]}…"
    left, width = min(start, end), max(abs(end - start), 1.0)
    yield f'<text x="{LABEL - 8}" y="{top + 12}" text-anchor="end" fill="{INK}">{escape(words)}</text>'
    yield f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 8}" fill="{row.colour}"/>'
    if mark is not None:
        yield f'<rect x="{mark - 1.5:.1f}" y="{top - 2}" width="3" height="{ROW - 4}" fill="{INK}"/>'
    yield f'<text x="{WIDTH - 4}" y="{top + 12}" text-anchor="end" fill="{INK}">{escape(row.said)}</text>'
