"""How values read: numbers and dates, the same for every stage."""

from kgalign.values.dates import day_number, read_date
from kgalign.values.numbers import find_number, read_number

__all__ = ["day_number", "find_number", "read_date", "read_number"]
