"""What became of the things of two sides, drawn as streams that meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgalign.base.notebook import Html, html
from kgalign.charts.svg import WIDTH, box, label, picture

_BAR, _MIDDLE, _HEIGHT, _GAP, _TOP, _LOWEST = 10, 130, 170, 8, 26, 20


@dataclass(frozen=True, slots=True)
class Stream:
    """One thing that can become of what two sides have."""

    name: str
    colour: str
    left: int
    right: int


def flow(streams: Sequence[Stream], name: str = "What became of the entities of both sides") -> Html:
    """Both sides as bars, and a stream from each to what became of its parts; empty ones are left out.

    :param streams: in the order in which they are drawn; what they say of a side adds up to all of it.
    """
    shown = [each for each in streams if each.left or each.right]
    totals = sum(each.left for each in shown), sum(each.right for each in shown)
    scale = _HEIGHT / max(*totals, 1)
    described = "; ".join(f"{each.name}: {each.left:,} left, {each.right:,} right" for each in shown)
    parts = [
        label(0, 14, f"left: {totals[0]:,}"),
        label(WIDTH, 14, f"right: {totals[1]:,}", "end"),
        *_streams(shown, scale),
    ]
    return picture(WIDTH, _TOP + sum(_rows(shown, scale)) + 4, name, described, parts)


def _rows(streams: Sequence[Stream], scale: float) -> list[float]:
    """Height that each stream takes in the middle, with the gap below it."""
    return [max(each.left * scale, each.right * scale, _LOWEST) + _GAP for each in streams]


def _streams(streams: Sequence[Stream], scale: float) -> Iterator[Html]:
    middle = (WIDTH - _MIDDLE) / 2, (WIDTH + _MIDDLE) / 2
    top, ends = float(_TOP), [float(_TOP), float(_TOP)]
    for each, row in zip(streams, _rows(streams, scale), strict=True):
        height = row - _GAP
        for side, (count, bar) in enumerate(((each.left, 0.0), (each.right, float(WIDTH - _BAR)))):
            if not count:
                continue
            thick = max(count * scale, 1.5)
            told = f"{each.name}: {count:,}"
            start, end = (_BAR, middle[0]) if side == 0 else (WIDTH - _BAR, middle[1])
            begin = top + (height - thick) / 2
            yield _band(start, ends[side], end, begin, thick, each.colour, told)
            yield box(bar, ends[side], _BAR, thick, each.colour, told)
            at = (middle[0] - 6, "end") if side == 0 else (middle[1] + 6, "start")
            yield label(at[0], top + height / 2 + 4, f"{count:,}", at[1])
            ends[side] += thick
        yield box(middle[0], top, 3, height, each.colour)
        yield box(middle[1] - 3, top, 3, height, each.colour)
        yield label(WIDTH / 2, top + height / 2 + 4, each.name, "middle")
        top += row


def _band(x1: float, y1: float, x2: float, y2: float, thick: float, colour: str, told: str) -> Html:
    """A curved band of one thickness."""
    half = (x1 + x2) / 2
    path = (
        f"M{x1:.1f},{y1:.1f} C{half:.1f},{y1:.1f} {half:.1f},{y2:.1f} {x2:.1f},{y2:.1f} "
        f"L{x2:.1f},{y2 + thick:.1f} C{half:.1f},{y2 + thick:.1f} {half:.1f},{y1 + thick:.1f} "
        f"{x1:.1f},{y1 + thick:.1f} Z"
    )
    return Html(f'<path d="{path}" fill="{colour}" fill-opacity="0.3"><title>{html(told)}</title></path>')
