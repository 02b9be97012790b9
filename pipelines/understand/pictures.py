"""What beliefs look like from afar: said against was, and leanings over the weeks, in SVG; shares and counts only."""

from collections.abc import Mapping, Sequence
from html import escape

from pipelines.stitch.lens.pictures import DOWN, INK, STILL, framed

SIDE, EDGE = 320, 46
"""Units of the square, and of the room around it."""
WIDE, LINE = 560, 18
"""Units of the weeks' picture across, and of one line of its key."""
COLOURS = ("#5b7aa6", "#c8553d", "#2a9d6f", "#b58900", "#7b5ea7", "#3a8fb7", "#8a6d3b", "#d06b9c")


def reliability(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]] = ()) -> str:
    """Confidence across, share that proved right upwards, the number of verdicts beside each point; the diagonal is perfect.

    Shape: bins of (verdicts, said, was); `after` is the same confidences calibrated, on customers the map was not fitted on.
    """
    parts = [
        f'<rect x="{EDGE}" y="16" width="{SIDE}" height="{SIDE}" fill="none" stroke="#bbb"/>',
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#999" stroke-dasharray="4 4"/>',
        f'<text x="{EDGE + SIDE / 2}" y="{SIDE + EDGE}" text-anchor="middle" fill="{INK}">confidence shown</text>',
        f'<text x="14" y="{16 + SIDE / 2}" text-anchor="middle" fill="{INK}" transform="rotate(-90 14 {16 + SIDE / 2})">proved right</text>',
        *(f'<text x="{_x(at):.0f}" y="{_y(0) + 14:.0f}" text-anchor="middle" fill="{INK}">{at:.0%}</text>' for at in (0, 0.5, 1)),
    ]  # fmt: skip
    for place, (name, colour, bins) in enumerate((("as the filter says", DOWN, before), ("calibrated", STILL, after))):
        for number, said, was in bins:
            parts.append(f'<circle cx="{_x(said):.1f}" cy="{_y(was):.1f}" r="4" fill="{colour}"/>')
            parts.append(
                f'<text x="{_x(said) + 6:.1f}" y="{_y(was) + 4:.1f}" font-size="9" fill="{colour}">{number:.0f}</text>'
            )
        if bins:
            parts.append(f'<text x="{EDGE + SIDE + 12}" y="{32 + 18 * place}" fill="{colour}">{name}</text>')
    return framed(2 * EDGE + SIDE + 120, SIDE + 2 * EDGE, "".join(parts))


def weeks(lines: Mapping[str, Sequence[tuple[int, float]]], last: int) -> str:
    """One line per slot over the weeks, 0 all against us and 1 all for us. Shape: (place of the week, leaning), up to the `last` place."""
    parts = [
        f'<rect x="{EDGE}" y="16" width="{WIDE}" height="{SIDE}" fill="none" stroke="#bbb"/>',
        f'<line x1="{EDGE}" x2="{EDGE + WIDE}" y1="{_y(0.5)}" y2="{_y(0.5)}" stroke="#999" stroke-dasharray="4 4"/>',
        *(f'<text x="{EDGE - 6}" y="{_y(at) + 4}" text-anchor="end" fill="{INK}">{at:.1f}</text>' for at in (0, 0.5, 1)),
    ]  # fmt: skip
    for place, (name, points) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        path = " ".join(f"{EDGE + WIDE * week / max(last, 1):.1f},{_y(value):.1f}" for week, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{EDGE + WIDE + 12}" y="{30 + LINE * place}" fill="{colour}">{escape(name)}</text>')
    return framed(2 * EDGE + WIDE + 140, SIDE + EDGE, "".join(parts))


def _x(value: float) -> float:
    return EDGE + SIDE * value


def _y(value: float) -> float:
    return 16 + SIDE * (1 - value)
