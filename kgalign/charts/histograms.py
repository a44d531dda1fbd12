"""How often each probability occurs, above and below one line."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgalign.base.notebook import Html
from kgalign.charts.svg import WIDTH, box, label, legend, picture, rule

_SIDE, _TOP, _HALF, _BELOW = 34, 34, 84, 22


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of thing, counted in bins of equal width from 0 to 1."""

    name: str
    colour: str
    counts: Sequence[int]


def histogram(above: Layer, below: Sequence[Layer], marks: Mapping[str, float], name: str) -> Html:
    """Counts by probability, one kind upwards and others downwards; heights are logarithmic.

    Where several layers lie below, each takes its share of the bar.

    :param above: drawn upwards.
    :param below: drawn downwards, one after another.
    :param marks: thresholds from 0 to 1, by their names.
    """
    counted = [sum(counts) for counts in zip(*(layer.counts for layer in below), strict=True)]
    most = max(1, *above.counts, *counted)
    scale = _HALF / math.log1p(most)
    zero = _TOP + _HALF
    layers = [above, *below]
    sums = ", ".join(f"{layer.name}: {sum(layer.counts):,}" for layer in layers)
    parts = [
        legend(_SIDE, 12, ((layer.name, layer.colour) for layer in layers)),
        *_grid(most, scale, zero),
        *_bars(above, below, scale, zero),
        *_marks(marks, zero),
    ]
    return picture(
        WIDTH, zero + _HALF + _BELOW, name, f"Counts by probability, {len(counted)} bins; {sums}", parts
    )


def _x(probability: float) -> float:
    return _SIDE + probability * (WIDTH - _SIDE - 8)


def _bars(above: Layer, below: Sequence[Layer], scale: float, zero: float) -> Iterator[Html]:
    bins = len(above.counts)
    for number in range(bins):
        x, width = _x(number / bins) + 1, _x(1 / bins) - _x(0) - 2
        span = f"{number / bins:.2f} to {(number + 1) / bins:.2f}"
        if count := above.counts[number]:
            height = math.log1p(count) * scale
            yield box(x, zero - height, width, height, above.colour, f"{above.name}, {span}: {count:,}")
        total = sum(layer.counts[number] for layer in below)
        y = zero + 1
        for layer in below:
            if count := layer.counts[number]:
                height = math.log1p(total) * scale * count / total
                yield box(x, y, width, height, layer.colour, f"{layer.name}, {span}: {count:,}")
                y += height


def _grid(most: int, scale: float, zero: float) -> Iterator[Html]:
    yield rule(_x(0), zero, _x(1), zero, strong=True)
    step = 1
    while step <= most:
        for y in (zero - math.log1p(step) * scale, zero + math.log1p(step) * scale):
            yield rule(_x(0), y, _x(1), y)
            yield label(_SIDE - 5, y + 4, _short(step), "end", soft=True)
        step *= 10
    for tick in (0, 0.25, 0.5, 0.75, 1):
        yield label(_x(tick), zero + _HALF + 17, f"{tick:g}", "middle" if tick < 1 else "end", soft=True)


def _marks(marks: Mapping[str, float], zero: float) -> Iterator[Html]:
    for number, (name, at) in enumerate(marks.items()):
        y = _TOP - 8 + 13 * (number % 2)
        yield rule(_x(at), y, _x(at), zero + _HALF, dashed=True, strong=True)
        yield label(_x(at) - 4 if at > 0.5 else _x(at) + 4, y + 4, name, "end" if at > 0.5 else "start")


def _short(number: int) -> str:
    return (
        f"{number // 1_000_000}M"
        if number >= 1_000_000
        else f"{number // 1000}k"
        if number >= 1000
        else f"{number}"
    )
