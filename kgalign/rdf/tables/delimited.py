"""Rows of text: CSV and TSV, in UTF-8, as the ``csv`` module reads them."""

import csv
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pyoxigraph import RdfFormat

from kgalign.base.progress import Task
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.columns import ids_of
from kgalign.rdf.formats import sniff
from kgalign.rdf.graph import Ids
from kgalign.rdf.source import BLOCK, Source
from kgalign.rdf.tables.cells import Column, check_names
from kgalign.rdf.tables.metadata import ColumnSpec, Dialect, TableSpec, table_name
from kgalign.rdf.tables.templates import is_iri
from kgalign.rdf.text import shorten
from kgalign.rdf.xml_check import too_large

_PLAIN = RdfFormat.JSON_LD
"""The format as which any text can be read without a check of it on the way."""
_OTHERS = ";\t|"
"""Delimiters that are tried where the line of names has none of those that the ending says."""
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*")
_REMEDIES = {
    "a ZIP archive": "Save the sheet as CSV, or unpack it",
    "UTF-16 text": "Save it as UTF-8: iconv -f UTF-16 -t UTF-8",
    "an HTML page": "Download the table itself, not the page about it",
    "gzip": "Unpack it once: it is compressed twice",
    "Parquet": "Give it the ending .parquet",
}


def read_delimited(
    path: Path, spec: TableSpec, limits: LimitsConfig, task: Task | None = None
) -> tuple[list[Column], Ids]:
    """The columns of a file of rows, and the number of each row in it.

    :param spec: what metadata say of it.
    :raises InputError: it is no UTF-8, a row has another number of cells than the line of names, a quote is
        not closed, a name is missing where it must be there or comes twice, or it is over a limit.
    """
    with Source(path, _PLAIN, task) as source, _cells_up_to(limits.value_bytes):
        lines = _Lines(source, limits)
        first = lines.peek()
        dialect = spec.dialect
        delimiter = dialect.delimiter or _delimiter(path, first, dialect)
        records = _Records(path, lines, replace(dialect, delimiter=delimiter), limits)
        for _ in range(dialect.skipped):
            next(records, None)
        names = next(filter(None, records), None) if dialect.header else None
        if dialect.header and not names:
            raise InputError(f"{path} is empty: it has no line with names of columns", "Give another file")
        columns = _columns(path, spec, names, limits)
        return columns, _fill(path, columns, records, limits)


@contextmanager
def _cells_up_to(size: int) -> Iterator[None]:
    before = csv.field_size_limit(size)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _Lines:
    """The lines of a text with their ends, decoded."""

    def __init__(self, source: Source, limits: LimitsConfig) -> None:
        self._path, self._limits = source.path, limits
        self._lines = self._split(source)
        self._next: bytes | None = None
        self.number = 0
        """How many were given."""

    def peek(self) -> str:
        """The first line, which is given again."""
        self._next = next(self._lines, b"")
        looks = "Parquet" if self._next.startswith(b"PAR1") else sniff(self._next[:4096])
        if looks in _REMEDIES:
            raise InputError(f"{self._path} is no table of text: it looks like {looks}", _REMEDIES[looks])
        return self._next.decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._next = self._next, None
        if line is None:
            line = next(self._lines)
        self.number += 1
        where = f"{self._path}, line {self.number}"
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            column = len(line[: error.start].decode("utf-8")) + 1
            raise InputError(
                f"{where}, column {column}: Invalid UTF-8",
                "Save it as UTF-8: iconv -f ISO-8859-1 -t UTF-8, if it is Latin-1",
            ) from error
        if "\0" in text:
            raise InputError(f"{where}: a NUL byte, which no text has", "Save it as text in UTF-8 once more")
        return text

    def _split(self, source: Source) -> Iterator[bytes]:
        rest = b""
        while block := source.read(BLOCK):
            *whole, rest = (rest + block).splitlines(keepends=True)
            yield from whole
            if len(rest) > self._limits.value_bytes:
                raise too_large(self._path, self.number + 1, self._limits)
        if rest:
            yield rest


class _Records:
    """The rows of a file, blank ones and comments among them as empty lists."""

    def __init__(self, path: Path, lines: _Lines, dialect: Dialect, limits: LimitsConfig) -> None:
        self._path, self._lines, self._dialect, self._limits = path, lines, dialect, limits
        self.number = 0
        """How many were given."""
        self.line = 0
        """The line that the last one begins in."""
        self._rows = csv.reader(
            lines,
            delimiter=dialect.delimiter or ",",
            quotechar=dialect.quote,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            doublequote=dialect.doubled,
            escapechar=None if dialect.doubled else "\\",
            strict=True,
        )

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self.line = self._lines.number + 1
        try:
            row = next(self._rows)
        except csv.Error as error:
            raise self._fault(str(error)) from error
        self.number += 1
        if self._dialect.comment and row and row[0].startswith(self._dialect.comment):
            return []
        return [cell.strip() for cell in row] if self._dialect.trim else row

    def _fault(self, reason: str) -> InputError:
        where = f"{self._path}, line {self.line}"
        if "unexpected end" in reason or "field larger" in reason:
            limit = f", or allow more than {self._limits.value_megabytes} MB with limits.value_megabytes"
            return InputError(
                f"{where}: a quote that is opened in this row is never closed",
                "Close it, and write a quote within quotes twice" + (limit if "larger" in reason else ""),
            )
        if "expected after" in reason:
            return InputError(
                f"{where}: text goes on after a closing quote",
                "Write a quote within quotes twice, and put quotes around the whole cell",
            )
        return InputError(f"{where}: {shorten(reason)}", "Correct it there")


def _delimiter(path: Path, names: str, dialect: Dialect) -> str:
    """What parts the cells: what the ending says, or another one where that is not in the line of names."""
    expected = "\t" if table_name(path).lower().endswith(".tsv") else ","
    if not dialect.header or expected in names:
        return expected
    return next((each for each in _OTHERS if each in names), expected)


def _columns(path: Path, spec: TableSpec, names: Sequence[str] | None, limits: LimitsConfig) -> list[Column]:
    """The columns that a file has by its line of names, or by what metadata say."""
    told = [each for each in spec.columns or () if not each.virtual]
    if names is None:
        check_names(path, [each.name for each in told], limits)
        return [Column(each) for each in told]
    called = [name or f"_col.{place}" for place, name in enumerate(names, 1)]
    check_names(path, called, limits)
    if not told:
        _check_header(path, called)
        # What the metadata say of all columns holds, though they list none.
        return [Column(ColumnSpec(name, (name,), about=spec.about)) for name in called]
    if len(told) != len(called):
        raise InputError(
            f"{path} has {len(called):,} columns, and its metadata describe {len(told):,}",
            "Describe each column in tableSchema.columns, or none",
        )
    for place, (name, each) in enumerate(zip(called, told, strict=True), 1):
        if each.titles and name not in (*each.titles, each.name):
            raise InputError(
                f"{path}: column {place} is called '{shorten(name, 60)}', "
                f"and '{shorten(each.titles[0], 60)}' in its metadata",
                "Bring the two together",
            )
    return [Column(each) for each in told]


def _check_header(path: Path, names: Sequence[str]) -> None:
    """Refuse a first line that is a row of data.

    :raises InputError: it begins with a number or an IRI, as no line of names does.
    """
    if _NUMBER.fullmatch(names[0]) or is_iri(names[0]):
        raise InputError(
            f"{path}, line 1: '{shorten(names[0], 60)}' looks like a value, not like the name of a column",
            'Put a line with the names of the columns on top, or metadata with "dialect": {"header": false} '
            "beside the file",
        )


def _fill(path: Path, columns: list[Column], records: _Records, limits: LimitsConfig) -> Ids:
    """Read all rows into the columns; their numbers come back."""
    numbers = array("i")
    for cells in records:
        if not cells:
            continue
        if not columns:  # neither a line of names nor metadata name them
            columns += [Column(ColumnSpec(f"_col.{place}")) for place in range(1, len(cells) + 1)]
            check_names(path, [each.name for each in columns], limits)
        if len(cells) != len(columns):
            raise InputError(
                f"{path}, line {records.line}: {len(cells):,} cells, and there are {len(columns):,} columns",
                "Put quotes around cells that hold the delimiter, and give each row all its cells",
            )
        row = len(numbers)
        numbers.append(records.number)
        for column, text in zip(columns, cells, strict=True):
            if text or column.spec.default:
                column.add_cell(row, text)
    return ids_of(numbers)
