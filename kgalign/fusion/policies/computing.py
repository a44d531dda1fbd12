"""Means and medians of numbers, exactly, and a datatype that holds the result.

Numbers are decimals here, so that no digit of a long integer is lost. A mean that is not whole becomes a
decimal; what lies outside the bounds of the sources' datatype, though they wrote it, becomes an integer.
"""

from collections.abc import Collection, Sequence
from decimal import Context, Decimal, localcontext

from kgalign.rdf.vocabulary import XSD

_EXACT = Context(prec=1300)
"""Digits that hold any sum of numbers between 1e-300 and 1e300, and their mean with room to spare."""
_PLACES = 12
"""Decimal places of a mean that has no end, at least."""
_MORE = 6
"""Decimal places that it gets beyond the finest of its numbers."""
_FLOAT_MOST = 3.4028234663852886e38
_BOUNDS: dict[str, tuple[int | None, int | None]] = {
    XSD + "byte": (-(2**7), 2**7 - 1),
    XSD + "short": (-(2**15), 2**15 - 1),
    XSD + "int": (-(2**31), 2**31 - 1),
    XSD + "long": (-(2**63), 2**63 - 1),
    XSD + "unsignedByte": (0, 2**8 - 1),
    XSD + "unsignedShort": (0, 2**16 - 1),
    XSD + "unsignedInt": (0, 2**32 - 1),
    XSD + "unsignedLong": (0, 2**64 - 1),
    XSD + "nonNegativeInteger": (0, None),
    XSD + "positiveInteger": (1, None),
    XSD + "nonPositiveInteger": (None, 0),
    XSD + "negativeInteger": (None, -1),
}
"""Datatype → its least and its greatest value, both included; None: no bound."""


def mean(numbers: Sequence[Decimal]) -> Decimal:
    """The mean of at least one number, whatever their order."""
    with localcontext(_EXACT):
        return sum(sorted(numbers), Decimal(0)) / len(numbers)


def median(numbers: Sequence[Decimal]) -> Decimal:
    """The number in the middle of at least one, or the mean of the two there."""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else mean(ordered[half - 1 : half + 1])


def written(number: Decimal, datatypes: Collection[str], finest: int) -> tuple[str, str]:
    """Lexical form and datatype of a computed number.

    :param datatypes: those of the numbers that it was computed from; empty for plain strings.
    :param finest: the most decimal places that one of them has.
    """
    floats = set(datatypes) & {XSD + "double", XSD + "float"}
    if floats:
        wide = XSD + "double" in floats or abs(number) > _FLOAT_MOST
        return repr(float(number)), XSD + ("double" if wide else "float")
    with localcontext(_EXACT):
        places = max(_PLACES, finest + _MORE)
        text = format(number.quantize(Decimal(1).scaleb(-places)), "f")
    if number != number.to_integral_value(context=_EXACT):
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text, XSD + "decimal"
    text = text.partition(".")[0]
    text = "0" if text == "-0" else text
    return text, _whole(int(text), datatypes)


def _whole(number: int, datatypes: Collection[str]) -> str:
    """The datatype of a whole number: the sources' own where they have one and it holds the number."""
    if len(set(datatypes)) != 1:
        return XSD + "integer"
    (datatype,) = set(datatypes)
    low, high = _BOUNDS.get(datatype, (None, None))
    inside = (low is None or low <= number) and (high is None or number <= high)
    return datatype if inside else XSD + "integer"
