"""A kind of value: ISBNs, of ten digits or thirteen, however they are written (ISO 2108)."""

import re

from kgalign.values.others import OtherKind

_NOISE = re.compile(r"^(urn:)?isbn(-1[03])?:?|[\s-]", re.IGNORECASE)


def read(text: str) -> str | None:
    """The thirteen digits; None where it is no ISBN, or its check digit is wrong."""
    plain = _NOISE.sub("", text.strip()).upper()
    if re.fullmatch(r"\d{9}[\dX]", plain):
        digits = [10 if each == "X" else int(each) for each in plain]
        if sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True)) % 11:
            return None
        plain = "978" + plain[:9]
        return plain + _check(plain)
    return plain if re.fullmatch(r"97[89]\d{10}", plain) and _check(plain[:12]) == plain[12] else None


def _check(twelve: str) -> str:
    return str(-sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(twelve)) % 10)


ISBN = OtherKind("ISBNs of ten or thirteen digits", read)
