"""How well scores tell outcomes, drawn: a dot and its interval per score, beside a line where chance is; figures only."""

from collections.abc import Sequence
from html import escape

from pipelines.stitch.lens.pictures import DOWN, INK, STILL, UP, framed
from pipelines.understand.outlook.compare import Estimate

LEFT, ROOM, ROW = 260, 480, 26
"""Units of the picture: words on the left, the axis, one row."""


def forest(rows: Sequence[tuple[str, Estimate]], chance: float, most: float) -> str:
    """Estimates on a common axis from 0 to `most`; green clearly above chance, red clearly below."""
    height = ROW * len(rows) + 24

    def x(value: float) -> float:
        return LEFT + ROOM * min(value, most) / most

    parts = [
        f'<line x1="{x(chance):.1f}" x2="{x(chance):.1f}" y1="4" y2="{height - 18}" stroke="#999" stroke-dasharray="4 4"/>',
        *(_label(x(value), height - 4, f"{value:g}", "middle") for value in (0.0, chance, most)),
    ]
    for number, (label, found) in enumerate(rows):
        y = ROW * number + 16
        colour = UP if found.low > chance else DOWN if found.high < chance else STILL
        parts += [
            _label(LEFT - 10, y + 4, label, "end"),
            f'<line x1="{x(found.low):.1f}" x2="{x(found.high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>',
            f'<circle cx="{x(found.value):.1f}" cy="{y}" r="5" fill="{colour}"/>',
            _label(LEFT + ROOM + 16, y + 4, f"{found.value:.2f}  [{found.low:.2f}, {found.high:.2f}]", "start"),
        ]
    return framed(LEFT + ROOM + 190, height, "".join(parts))


def _label(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'
