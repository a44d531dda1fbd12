"""Kinds of values that others bring: one way of writing what may be written in many.

A package brings an :class:`OtherKind` by an entry point of the group ``kgalign.values``; it is tried where
``select.value_kinds`` names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kgalign.base.doors import bring
from kgalign.errors import KgalignError
from kgalign.values.kinds import ValueKind


@dataclass(frozen=True, slots=True)
class OtherKind:
    """A kind of value, such as ISBNs, or dates in words."""

    about: str
    """What it is, for people."""
    read: Callable[[str], str | None]
    """A text as all texts that mean the same are to be written; None where it is none of this kind."""
    compared_as: ValueKind = ValueKind.CODE
    """As what it is compared: codes by their characters, numbers and dates by nearness."""


def read_all(name: str, texts: Sequence[str]) -> list[str | None]:
    """Read texts as a kind that a package brings.

    :raises KgalignError: nobody brings it, or it can't read a text.
    """
    kind: OtherKind = bring("kgalign.values", name, OtherKind)
    found = []
    for text in texts:
        try:
            found.append(kind.read(text))
        except Exception as error:
            raise KgalignError(
                f"The kind of value {name} can't read {text[:80]!r}: {type(error).__name__}: {error}",
                "Mend the package that brings it, or leave it out of select.value_kinds",
            ) from error
    return found


def compared_as(name: str) -> ValueKind:
    """The kind as which its values are compared."""
    kind: OtherKind = bring("kgalign.values", name, OtherKind)
    return kind.compared_as
