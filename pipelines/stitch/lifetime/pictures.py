"""The triangle as a heat map and foretold chances beside what happened, in SVG; shares and counts only, never amounts."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from pipelines.stitch.lens.pictures import INK, STILL, framed
from pipelines.stitch.lifetime.calibration import Calibration

CELL, LINE, LEFT, HEAD = 46, 22, 120, 40
"""Units of the heat map: one cell across and down, the words on the left, the head."""
SIDE, EDGE = 320, 46
"""Units of the square of chances, and of the room around it."""
SHOWN = 24
"""Cohorts, and months, of a picture: two years."""


def heat_map(rows: Sequence[Mapping[str, Any]], share: str, cliffs: Sequence[int]) -> str:
    """One line per cohort, one cell per month that is over, darker where more are left; the head of a cliff's column is marked."""
    told = [row for row in rows if row[share] is not None and row["month"] < SHOWN]
    cohorts = sorted({row["cohort"] for row in told})[-SHOWN:]
    last = max((row["month"] for row in told if row["cohort"] in cohorts), default=0)
    width, height = LEFT + CELL * (last + 1) + 8, HEAD + LINE * len(cohorts) + 8
    parts = [_head(month, cliff=month in cliffs) for month in range(last + 1)]
    parts += [
        part
        for row in told
        if row["cohort"] in cohorts
        for part in _cell(row, row[share], cohorts.index(row["cohort"]))
    ]
    return framed(width, height, "".join(parts))


def reliability(found: Calibration) -> str:
    """What was foretold across, what happened upwards, with 95 % intervals and the number of forecasts; the diagonal is perfect."""
    most = max([0.05, *(max(one.foretold, one.interval.high) for one in found.bins)])

    def x(value: float) -> float:
        return EDGE + SIDE * value / most

    def y(value: float) -> float:
        return 16 + SIDE * (1 - value / most)

    parts = [
        f'<rect x="{EDGE}" y="16" width="{SIDE}" height="{SIDE}" fill="none" stroke="#bbb"/>',
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(most)}" y2="{y(most)}" stroke="#999" stroke-dasharray="4 4"/>',
        *(_tick(x(value), y(value), value) for value in (0.0, most / 2, most)),
        f'<text x="{EDGE + SIDE / 2}" y="{SIDE + EDGE + 6}" text-anchor="middle" fill="{INK}">foretold</text>',
        f'<text x="14" y="{16 + SIDE / 2}" text-anchor="middle" fill="{INK}" transform="rotate(-90 14 {16 + SIDE / 2})">happened</text>',
    ]
    for one in found.bins:
        across, low, high = x(one.foretold), y(one.interval.low), y(one.interval.high)
        parts += [
            f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{STILL}" stroke-width="2"/>',
            f'<circle cx="{across:.1f}" cy="{y(one.happened):.1f}" r="4" fill="{STILL}"/>',
        ]
    parts += list(_table(found))
    return framed(2 * EDGE + SIDE + 250, SIDE + 2 * EDGE, "".join(parts))


def _head(month: int, *, cliff: bool) -> str:
    x, weight = LEFT + CELL * month + CELL / 2, "bold" if cliff else "normal"
    mark = "▼ " if cliff else ""
    return (
        f'<text x="{x}" y="{HEAD - 12}" text-anchor="middle" font-weight="{weight}" fill="{INK}">{mark}{month}</text>'
    )


def _cell(row: Mapping[str, Any], share: float, line: int) -> Iterator[str]:
    x, y = LEFT + CELL * row["month"], HEAD + LINE * line
    depth = min(1.0, max(0.0, share))
    red, green, blue = (round(255 - (255 - full) * depth) for full in (42, 111, 157))
    ink = "#fff" if depth > 0.55 else INK
    if row["month"] == 0:
        words = escape(f"{row['cohort']} ({row['customers']:,})")
        yield f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end" fill="{INK}">{words}</text>'
    yield f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{LINE - 2}" fill="rgb({red},{green},{blue})"/>'
    yield f'<text x="{x + CELL / 2 - 1}" y="{y + 14}" text-anchor="middle" font-size="11" fill="{ink}">{share:.0%}</text>'


def _tick(x: float, y: float, value: float) -> str:
    return (
        f'<text x="{x:.1f}" y="{SIDE + 32}" text-anchor="middle" font-size="11" fill="{INK}">{value:.0%}</text>'
        f'<text x="{EDGE - 4}" y="{y + 4:.1f}" text-anchor="end" font-size="11" fill="{INK}">{value:.0%}</text>'
    )


def _table(found: Calibration) -> Iterator[str]:
    """The bins in numbers, to the right of the square."""
    left = EDGE + SIDE + 30
    for line, words in enumerate(
        ["forecasts   foretold   happened", *(_line(one.number, one.foretold, one.happened) for one in found.bins)]
    ):
        yield f'<text x="{left}" y="{30 + 20 * line}" font-family="monospace" font-size="11" xml:space="preserve" fill="{INK}">{words}</text>'


def _line(number: int, foretold: float, happened: float) -> str:
    return f"{number:>9,} {foretold:>10.1%} {happened:>10.1%}"
