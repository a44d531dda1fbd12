"""How values read: their kinds, numbers, dates, codes and texts, the same for every stage."""

from kgalign.values.codes import are_padded, are_serials, are_short, has_digit, is_code, is_padded
from kgalign.values.datatypes import DATES, NUMERIC
from kgalign.values.dates import (
    Date,
    day_number,
    find_date,
    is_date,
    is_digits_date,
    read_date,
    read_dates,
)
from kgalign.values.kinds import READ, ValueKind
from kgalign.values.numbers import (
    are_amounts,
    exact_number,
    find_number,
    is_amount,
    is_number,
    read_number,
    read_numbers,
    unit_of,
)
from kgalign.values.readings import Reading, Values, coarser, contains, read, read_values, text_key

__all__ = [
    "DATES",
    "NUMERIC",
    "READ",
    "Date",
    "Reading",
    "ValueKind",
    "Values",
    "are_amounts",
    "are_padded",
    "are_serials",
    "are_short",
    "coarser",
    "contains",
    "day_number",
    "exact_number",
    "find_date",
    "find_number",
    "has_digit",
    "is_amount",
    "is_code",
    "is_date",
    "is_digits_date",
    "is_number",
    "is_padded",
    "read",
    "read_date",
    "read_dates",
    "read_number",
    "read_numbers",
    "read_values",
    "text_key",
    "unit_of",
]
