"""Differences of unit and scale between columns of numbers, and how far dates agree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles
from kgalign.records.vocabularies import SAME, Conversion

_FEWEST = 5
"""Pairs of numbers from which a unit is told."""
_SURE = 10
"""Pairs of numbers from which a factor is believed that is no known unit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A customary change of unit: ``to = factor × from + offset``."""

    factor: float
    source: str
    target: str
    offset: float = 0.0
    hints: tuple[str, ...] = ()
    """Parts of the names of properties that make this one likely where several have the same factor."""


_TIME = ("time", "duration", "runtime", "length", "hour", "minute", "second")
_AREA = ("area", "surface", "superfic", "km2", "hectare", "acre", "fläche")
_SHARE = ("perc", "share", "rate", "ratio", "quote", "anteil", "taux")
UNITS: tuple[Unit, ...] = (
    Unit(1e3, "thousands", "ones", hints=("thousand", "population", "count", "number")),
    Unit(1e3, "kilometres or kilograms", "metres or grams", hints=("km", "kg", "weight", "length", "metre")),
    Unit(1e6, "millions", "ones", hints=("million", "revenue", "budget", "population")),
    Unit(1e6, "square kilometres", "square metres", hints=_AREA),
    Unit(1e9, "thousand millions", "ones"),
    Unit(100.0, "shares of one", "percent", hints=_SHARE),
    Unit(100.0, "metres", "centimetres", hints=("height", "length", "size", "width", "depth", "cm", "metre")),
    Unit(100.0, "square kilometres", "hectares", hints=_AREA),
    Unit(100.0, "units of a currency", "hundredths of it", hints=("price", "cost", "amount")),
    Unit(10.0, "percent", "per mille", hints=_SHARE),
    Unit(10.0, "centimetres", "millimetres", hints=("mm", "cm", "height", "length", "width")),
    Unit(12.0, "years", "months", hints=("year", "month", "age")),
    Unit(12.0, "feet", "inches", hints=("feet", "foot", "inch", "height")),
    Unit(60.0, "hours", "minutes", hints=("hour", "minute", "runtime")),
    Unit(60.0, "minutes", "seconds", hints=("second", "minute", "duration", "runtime")),
    Unit(3600.0, "hours", "seconds", hints=_TIME),
    Unit(24.0, "days", "hours", hints=_TIME),
    Unit(7.0, "weeks", "days"),
    Unit(365.25, "years", "days"),
    Unit(86_400.0, "days", "seconds"),
    Unit(0.621371192, "kilometres", "miles"),
    Unit(0.386102159, "square kilometres", "square miles"),
    Unit(247.105381, "square kilometres", "acres"),
    Unit(2.58998811, "people per square kilometre", "people per square mile", hints=("densit",)),
    Unit(2.47105381, "hectares", "acres"),
    Unit(10.7639104, "square metres", "square feet"),
    Unit(3.2808399, "metres", "feet"),
    Unit(0.3048e-3, "feet", "kilometres"),
    Unit(1.0936133, "metres", "yards"),
    Unit(2.54, "inches", "centimetres"),
    Unit(25.4, "inches", "millimetres"),
    Unit(1.852, "nautical miles or knots", "kilometres or kilometres per hour"),
    Unit(3.6, "metres per second", "kilometres per hour", hints=("speed", "veloc", "wind")),
    Unit(3.6, "kilowatt hours", "megajoules", hints=("energy", "power")),
    Unit(2.20462262, "kilograms", "pounds"),
    Unit(28.3495231, "ounces", "grams"),
    Unit(6.35029318, "stones", "kilograms"),
    Unit(0.907184740, "short tons", "tonnes"),
    Unit(0.264172052, "litres", "US gallons"),
    Unit(0.219969157, "litres", "imperial gallons"),
    Unit(35.3146667, "cubic metres", "cubic feet"),
    Unit(0.239005736, "kilojoules", "kilocalories"),
    Unit(1.34102209, "kilowatts", "horsepower"),
    Unit(1.35962162, "kilowatts", "metric horsepower"),
    Unit(0.750061683, "hectopascals", "millimetres of mercury"),
    Unit(14.5037738, "bars", "pounds per square inch"),
    Unit(math.pi / 180, "degrees", "radians"),
    Unit(3.26156378, "parsecs", "light years"),
    Unit(149_597_870.7, "astronomical units", "kilometres"),
    Unit(1024.0, "units of 1024", "ones", hints=("byte", "size", "memory")),
    Unit(1.8, "degrees Celsius", "degrees Fahrenheit", 32.0),
    Unit(1.0, "degrees Celsius", "kelvins", 273.15),
    Unit(1.8, "kelvins", "degrees Fahrenheit", -459.67),
    Unit(-1.0, "numbers with one sign", "numbers with the other sign"),
)
"""Changes of unit with names. Their inverses are known too."""


def relative_gap(x: Doubles, y: Doubles, rule: Conversion = SAME) -> Doubles:
    """Distance of converted left numbers from right ones, over the larger; inf where there is none.

    It is measured in the unit of either side, and the smaller counts: swapping the sides changes nothing.
    """
    forward, back = rule.factor * x + rule.offset, (y - rule.offset) / rule.factor
    gaps = []
    for a, b in ((forward, y), (x, back)):
        largest = np.maximum(np.abs(a), np.abs(b))
        with np.errstate(invalid="ignore", divide="ignore"):
            gaps.append(np.where(largest == 0, 0.0, np.abs(a - b) / largest))
    smaller: Doubles = np.nan_to_num(np.minimum(*gaps), nan=np.inf)
    return smaller


def find_conversion(x: Doubles, y: Doubles, names: Sequence[str] = ()) -> Conversion:
    """The change of unit that pairs of numbers show, if they show one.

    The median of the ratios decides, so that up to half of the pairs may be wrong. It is snapped to a
    known factor where the pairs can't tell the two apart; an unknown factor is believed only where the
    pairs follow it closely. Scales of ten and more may be told by pairs that differ by a third, as two
    censuses do. Rules with an offset are tried where no factor fits.

    :param x: (n,) left numbers.
    :param y: (n,) right numbers of the same things.
    :param names: names of the two properties; they choose among units that have the same factor.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(y / x)
    ratios = ratios[np.isfinite(ratios)]
    found = _factor(ratios, names) if len(ratios) >= _FEWEST else None
    return found or _with_offset(x, y) or Conversion(spread=_spread(ratios), pairs=len(x))


def _spread(ratios: Doubles) -> float:
    return float(np.median(np.abs(ratios - np.median(ratios)))) if len(ratios) else 0.0


def _factor(ratios: Doubles, names: Sequence[str]) -> Conversion | None:
    middle = float(np.median(ratios))
    spread = _spread(ratios)
    if abs(middle) <= max(0.05, 5 * spread):
        return None
    slack = max(0.005, 2 * spread / math.sqrt(len(ratios)))
    # Thousands are told by rough numbers too: no other known unit is near.
    nearby = [
        (abs(middle - sign * math.log(unit.factor)), unit, sign)
        for unit in UNITS
        if unit.factor > 0 and not unit.offset
        for sign in (1, -1)
        if abs(middle - sign * math.log(unit.factor)) <= max(slack, 0.15 if _is_scale(unit) else 0.0)
    ]
    if not nearby:
        if spread > 0.01 or len(ratios) < _SURE:
            return None
        factor = math.exp(middle)
        return Conversion(factor, 0.0, f"right = left × {factor:.4g}: no known unit", spread, len(ratios))
    nearest = min(distance for distance, _, _ in nearby)
    best = [(unit, sign) for distance, unit, sign in nearby if distance <= nearest + 1e-6]
    unit, sign = best[0]
    # A factor near one may be growth or inflation, unless the numbers follow it closely.
    if spread > (0.02 if abs(middle) < 0.5 else 0.1) and not _is_scale(unit):
        return None
    factor = unit.factor if sign > 0 else 1 / unit.factor
    return Conversion(factor, 0.0, f"right = left × {factor:.4g}: {_words(best, names)}", spread, len(ratios))


def _is_scale(unit: Unit) -> bool:
    return unit.factor in (1e3, 1e6, 1e9)


def _words(units: Sequence[tuple[Unit, int]], names: Sequence[str]) -> str:
    """What the units are called; of several those that the names speak of, or that need no such hint."""
    told = "\n".join(names).casefold()
    hinted = [(unit, sign) for unit, sign in units if any(hint in told for hint in unit.hints)]
    plain = [(unit, sign) for unit, sign in units if not unit.hints]
    told_of = hinted or plain or units
    ends = [(u.source, u.target) if sign > 0 else (u.target, u.source) for u, sign in told_of]
    return ", or ".join(f"{source} → {target}" for source, target in ends)


def _with_offset(x: Doubles, y: Doubles) -> Conversion | None:
    """A rule with an offset or a turned sign that nearly all pairs follow, where equality does not hold."""
    if len(x) < _FEWEST or np.ptp(x) == 0:
        return None
    plain = float((relative_gap(x, y) <= 0.02).mean())
    best: tuple[float, Conversion] | None = None
    for unit in UNITS:
        if not unit.offset and unit.factor > 0:
            continue
        inverse = (1 / unit.factor, -unit.offset / unit.factor)
        for rule, ends in (
            ((unit.factor, unit.offset), (unit.source, unit.target)),
            (inverse, (unit.target, unit.source)),
        ):
            gap = relative_gap(x, y, Conversion(*rule))
            share = float((gap <= 0.02).mean())
            if share < max(0.7, plain + 0.3) or (best and share <= best[0]):
                continue
            offset = f" {'-' if rule[1] < 0 else '+'} {abs(rule[1]):.5g}" if rule[1] else ""
            note = f"right = left × {rule[0]:.4g}{offset}: {ends[0]} → {ends[1]}"
            best = share, Conversion(*rule, note, float(np.median(gap)), len(x))
    return best[1] if best else None


def same_dates(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Whether two dates agree as far as both go, and whether they are of one year: 0 or 1 each.

    :param x: (n,) dates as :func:`kgalign.values.read_dates` gives them; ``y`` too.
    """
    year = x // 10_000 == y // 10_000
    month_x, month_y, day_x, day_y = x // 100 % 100, y // 100 % 100, x % 100, y % 100
    month = (month_x == month_y) | (month_x == 0) | (month_y == 0)
    day = (day_x == day_y) | (day_x == 0) | (day_y == 0)
    return (year & month & day).astype(np.float64), year.astype(np.float64)


def date_precision(values: Doubles) -> str:
    """``year``, ``month`` or ``day``: what most of the dates say; the first of January alone says a year."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ""
    rest = known % 10_000
    if np.mean((rest == 0) | (rest == 101)) >= 0.9:
        return "year"
    return "month" if np.mean((known % 100 == 0) | (known % 100 == 1)) >= 0.9 else "day"
