"""What the rows of a table are called: by metadata, by a key, else by their numbers."""

from collections.abc import Sequence

from kgalign.errors import InputError
from kgalign.rdf.graph import Ids
from kgalign.rdf.tables.cells import Column, Table
from kgalign.rdf.tables.metadata import table_name, variable_of
from kgalign.rdf.tables.templates import Template, encoded, is_iri
from kgalign.rdf.text import shorten

KEYS = frozenset({"id", "_id", "key", "_key", "uri", "iri", "url", "identifier", "uuid", "guid", "pk", "@id"})
"""What columns are called that name their rows, in lower case."""
_LONGEST = 500
"""Characters of a key that nobody asked for."""


def key_columns(table: Table, wanted: Sequence[str]) -> tuple[Column, ...]:
    """The columns whose values name the rows; none where their numbers do.

    :param wanted: columns of this table that may be the key; the first one is it.
    :raises InputError: a key that was asked for names no row, or several rows alike.
    """
    if wanted:
        return (_checked(table, [wanted[0]])[0],)
    if table.spec.primary_key:
        return tuple(_checked(table, table.spec.primary_key))
    for column in table.columns:
        if column.name.casefold() in KEYS and column.identifies(table.count):
            return (column,) if max(map(len, column.texts)) <= _LONGEST else ()
    return ()


def _checked(table: Table, names: Sequence[str]) -> list[Column]:
    """The columns of a key, each row of which is another one.

    :raises InputError: there is no such column, a row has no key, or two have one.
    """
    found = [table.column(name) for name in names]
    columns = [each for each in found if each is not None]
    shown = f"{table.path}: the key {', '.join(shorten(name, 60) for name in names)}"
    if len(columns) < len(found):
        raise InputError(f"{shown} is not among its columns", "Correct primaryKey in its metadata")
    remedy = "Name another column with --key, or complete that one"
    seen: dict[tuple[str, ...], int] = {}
    for row, values in enumerate(zip(*(each.by_row(table.count) for each in columns), strict=True)):
        number = int(table.numbers[row])
        if not all(values):
            raise InputError(f"{shown} is empty in row {number:,}", remedy)
        first = seen.setdefault(values, number)
        if first != number:
            told = shorten(", ".join(values), 60)
            raise InputError(f"{shown} is '{told}' in row {first:,} and in row {number:,}", remedy)
    return columns


def all_iris(column: Column) -> bool:
    """Whether a column holds nothing but absolute IRIs, in text of no other type."""
    return bool(column.texts) and column.spec.is_text and all(map(is_iri, column.texts))


def row_names(table: Table, key: Sequence[Column]) -> list[str]:
    """(rows,) an IRI each, by a key, by the IRIs that it holds, or by numbers as in RFC 7111."""
    if not key:
        return [f"{table.iri}#row={number}" for number in table.numbers.tolist()]
    if len(key) == 1 and all_iris(key[0]):
        return key[0].by_row(table.count)
    values = zip(*(each.by_row(table.count) for each in key), strict=True)
    return [f"{table.iri}/{';'.join(map(encoded, each))}" for each in values]


def filled(table: Table, template: Template, *, name: str = "") -> list[str]:
    """(rows,) what a template gives for each row.

    :param name: of the column that it is used for.
    :raises InputError: it names a column that is not there.
    """
    if not template.variables:
        return list(template.filled([()])) * table.count
    columns = [_cells(table, variable, name, template) for variable in template.variables]
    return list(template.filled(list(zip(*columns, strict=True))))


def _cells(table: Table, variable: str, name: str, template: Template) -> list[str]:
    if variable == "_name":
        return [name] * table.count
    if variable == "_row":
        return [str(row) for row in range(1, table.count + 1)]
    if variable == "_sourceRow":
        return _texts(table.numbers)
    for column in table.columns:
        if variable in (variable_of(column.spec), column.name, encoded(column.name)):
            return column.by_row(table.count)
    raise InputError(
        f"{shorten(template.text)} in the metadata of {table_name(table.path)} names a column {variable}, "
        "which it does not have",
        "Correct the template",
    )


def _texts(numbers: Ids) -> list[str]:
    return [str(number) for number in numbers.tolist()]
