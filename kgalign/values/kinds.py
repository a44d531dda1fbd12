"""Kinds of values: one enum for whatever selects, compares or fuses values."""

from enum import StrEnum


class ValueKind(StrEnum):
    """What a value is, or what the values of an attribute are; each kind is compared in its own way."""

    NAME = "name"
    TEXT = "text"
    CODE = "code"
    NUMBER = "number"
    DATE = "date"
    LINK = "link"
    """An address: an IRI that is written as a value."""
    BOOLEAN = "boolean"
    NODE = "node"
    """An IRI, a blank node or a triple term."""

    @property
    def code(self) -> int:
        """Its place in :data:`READ`, for columns."""
        return READ.index(self)


READ = (ValueKind.NODE, ValueKind.NUMBER, ValueKind.DATE, ValueKind.BOOLEAN, ValueKind.TEXT)
"""What one value by itself is read as; the others are told from many values of one attribute."""
