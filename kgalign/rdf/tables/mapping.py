"""From tables to statements: a node for each row, a property for each column.

Method: A Direct Mapping of Relational Data to RDF, https://www.w3.org/TR/rdb-direct-mapping/, where nothing
is said of a table; where metadata are, Generating RDF from Tabular Data on the Web in its minimal mode,
https://www.w3.org/TR/csv2rdf/, but that rows have IRIs in place of blank nodes.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pyoxigraph as ox

from kgalign.arrays import unique
from kgalign.base.progress import Progress
from kgalign.config import ReadConfig
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.columns import NO_IDS, Part
from kgalign.rdf.formats import is_parquet, is_table
from kgalign.rdf.graph import Ids
from kgalign.rdf.tables.cells import Column, Table
from kgalign.rdf.tables.delimited import read_delimited
from kgalign.rdf.tables.metadata import ForeignKey, read_metadata, table_name, variable_of
from kgalign.rdf.tables.parquet import read_parquet
from kgalign.rdf.tables.rows import all_iris, filled, key_columns, row_names
from kgalign.rdf.tables.templates import Template, encoded
from kgalign.rdf.terms import RdfTerm, columns_of
from kgalign.rdf.text import shorten
from kgalign.rdf.vocabulary import DCTERMS, PREFIXES, RDF_TYPE

log = logging.getLogger(__name__)

_HOST = "https://{}.kgalign.invalid/"
"""Where the IRIs of tables begin that nobody gave a place: no host of this name can be (RFC 2606)."""
_PREFIXES = PREFIXES | {"dc": DCTERMS, "csvw": "http://www.w3.org/ns/csvw#"}
"""What metadata may use without saying so: the initial context of RDFa."""


def read_tables(
    paths: Sequence[Path], side: str, read: ReadConfig, limits: LimitsConfig, progress: Progress
) -> Part:
    """The statements of the tables of one side.

    :param paths: CSV, TSV and Parquet files; links between them are those that metadata name.
    :param side: whose they are: tables of one name on both sides are not one.
    :param read: which columns are keys, and where IRIs begin.
    :param progress: told the bytes that are read, file by file.
    :raises InputError: a file can't be read, is no table, is over a limit, or a key is none.
    """
    base = {"left": read.left_base, "right": read.right_base}.get(side) or _HOST.format(side or "table")
    names = _names(paths)
    said = _Statements()
    tables: dict[str, Table] = {}
    subjects: dict[str, list[str]] = {}
    used: list[str] = []
    for path in paths:
        table = _read(path, base + encoded(names[path]), limits, progress)
        mine = [each for each in _wanted(read.key, table_name(path)) if table.column(each) is not None]
        used += mine
        tables[names[path]] = table
        subjects[names[path]] = _add_table(said, table, key_columns(table, mine))
    _check_keys(paths, read.key, used)
    for name, table in tables.items():
        for link in table.spec.foreign_keys:
            _add_links(said, table, subjects[name], link, tables.get(link.table), subjects.get(link.table))
    return said.part()


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """What each table is called: its file's name, with a digest of what it holds where several have one."""
    times = Counter(map(table_name, paths))
    names = {}
    for path in paths:
        names[path] = name = table_name(path)
        if times[name] > 1:
            with path.open("rb") as file:
                names[path] = f"{name}~{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
    return names


def _wanted(keys: Iterable[str], table: str) -> list[str]:
    """The columns that were named as keys of a table: ``COLUMN``, or ``FILE#COLUMN`` for one table alone."""
    own, general = [], []
    for key in keys:
        name, mark, column = key.partition("#")
        if mark and is_table(Path(name)):
            own += [column] if name == table else []
        else:
            general.append(key)
    return own + general


def _check_keys(paths: Sequence[Path], keys: Sequence[str], used: Sequence[str]) -> None:
    """See that a key that was asked for is a column of one of the tables.

    :raises InputError: it is in none.
    """
    asked = {each for path in paths for each in _wanted(keys, table_name(path))}
    if asked and not used:
        raise InputError(
            f"{paths[0]} has no column '{shorten(min(asked), 60)}' to be its key",
            "Name a column that it has; 'FILE#COLUMN' is a key of that file alone",
        )


def _read(path: Path, iri: str, limits: LimitsConfig, progress: Progress) -> Table:
    spec = read_metadata(path, limits)
    with progress.task(f"read {path.name}", path.stat().st_size, "B") as task:
        read = read_parquet if is_parquet(path) else read_delimited
        columns, numbers = read(path, spec, limits, task)
    virtual = [Column(each) for each in spec.columns or () if each.virtual]
    return Table(path, spec.iri or iri, (*columns, *virtual), len(numbers), numbers, spec)


class _Statements:
    """Statements that are collected column by column."""

    def __init__(self) -> None:
        self._ids: dict[RdfTerm, int] = {}
        self._columns: tuple[list[Ids], list[Ids], list[Ids]] = ([], [], [])

    def numbers(self, terms: Iterable[RdfTerm]) -> Ids:
        """The number of each term."""
        number = self._ids.setdefault
        return np.array([number(term, len(self._ids)) for term in terms], np.int32)

    def add(self, subjects: Ids, predicate: RdfTerm, objects: Ids) -> None:
        """Say the same property of several subjects."""
        property = np.full(len(subjects), self.numbers([predicate])[0], np.int32)
        for column, ids in zip(self._columns, (subjects, property, objects), strict=True):
            column.append(ids)

    def part(self) -> Part:
        """All of it."""
        subject, predicate, object = (
            np.concatenate(column) if column else NO_IDS for column in self._columns
        )
        graph = np.full(len(subject), -1, np.int32)
        return Part(subject, predicate, object, graph, columns_of(self._ids))


def _add_table(said: _Statements, table: Table, key: Sequence[Column]) -> list[str]:
    """Say all that a table says; the IRIs of its rows come back."""
    about = table.spec.about
    rows = _subjects(table, about) if about else row_names(table, key)
    named = all_iris(key[0]) if len(key) == 1 and about is None else False
    if table.spec.suppressed:
        return rows
    nodes = {about: said.numbers(_nodes(table, rows))}
    if about is None and table.count:
        type_of = said.numbers([_node(table, table.iri)])
        said.add(nodes[None], ox.NamedNode(RDF_TYPE), np.repeat(type_of, table.count))
    for column in table.columns:
        template = column.spec.about
        if template not in nodes:
            nodes[template] = said.numbers(_nodes(table, _subjects(table, template)))
        if not column.spec.suppressed and not (named and column is key[0]):
            _add_column(said, table, column, nodes[template])
    return rows


def _add_column(said: _Statements, table: Table, column: Column, subjects: Ids) -> None:
    spec, property = column.spec, _property(table, column)
    if spec.value is not None or spec.virtual:
        rows = np.arange(table.count, dtype=np.int32) if spec.virtual else unique(column.rows)
        if spec.value is not None:
            values = [_absolute(text, table.iri) for text in filled(table, spec.value, name=spec.name)]
            objects = said.numbers(_nodes(table, values))[rows]
        elif spec.default:
            objects = np.repeat(said.numbers([_literal(table, column, spec.default)]), len(rows))
        else:
            return
        said.add(subjects[rows], property, objects)
        return
    terms: list[RdfTerm]
    if all_iris(column) and table.spec.columns is None:
        terms = [ox.NamedNode(text) for text in column.texts]
    else:
        terms = [_literal(table, column, text) for text in column.texts]
        _say_odd(table, column, terms)
    said.add(subjects[column.rows], property, said.numbers(terms)[column.values])


def _literal(table: Table, column: Column, text: str) -> ox.Literal:
    spec = column.spec
    try:
        if spec.language and spec.is_text:
            return ox.Literal(text, language=spec.language)
        form = spec.datatype.lexical(text)
        if form is None:
            return ox.Literal(text)
        return ox.Literal(form, datatype=ox.NamedNode(spec.datatype.iri))
    except ValueError as error:
        raise InputError(
            f"{table.path}: column '{shorten(spec.name, 60)}' can't be in the language '{spec.language}': "
            f"{shorten(str(error))}",
            "Write language tags as BCP 47 does, such as en-US",
        ) from error


def _say_odd(table: Table, column: Column, terms: Sequence[RdfTerm]) -> None:
    """Say which values are none of the type that their column has; they are kept as text."""
    type_of = column.spec.datatype.iri
    if column.spec.is_text:
        return
    odd = [each.value for each in terms if isinstance(each, ox.Literal) and each.datatype.value != type_of]
    if odd:
        log.warning(
            "%s: %d values of column %s are no %s and kept as text, such as '%s'",
            table.path.name,
            len(odd),
            shorten(column.name, 60),
            type_of,
            shorten(odd[0], 60),
        )


def _property(table: Table, column: Column) -> ox.NamedNode:
    spec = column.spec
    template = spec.predicate
    if template is not None and set(template.variables) <= {"_name"}:
        name = variable_of(spec)
        text = next(template.filled([[name] * len(template.variables)]))
        return _node(table, _absolute(text, table.iri))
    if template is not None:
        log.warning("%s: propertyUrl %s is not one property, and passed over", table.path.name, template.text)
    return _node(table, f"{table.iri}#{variable_of(spec)}")


def _subjects(table: Table, template: Template | None) -> list[str]:
    """(rows,) an IRI each by a template; without one, by the number of the row."""
    if template is None:
        return row_names(table, ())
    return [_absolute(text, table.iri) for text in filled(table, template)]


def _absolute(text: str, base: str) -> str:
    """An IRI of what metadata give: a name with a prefix, or an address, which may be relative to a table."""
    prefix, colon, rest = text.partition(":")
    if colon and prefix in _PREFIXES and not rest.startswith("//"):
        return _PREFIXES[prefix] + rest
    return urljoin(base, text)


def _nodes(table: Table, iris: Iterable[str]) -> list[ox.NamedNode]:
    return [_node(table, iri) for iri in iris]


def _node(table: Table, iri: str) -> ox.NamedNode:
    try:
        return ox.NamedNode(iri)
    except ValueError as error:
        raise InputError(
            f"{table.path}: '{shorten(iri)}' is no IRI: {shorten(str(error))}",
            "Correct the template in its metadata, or the cells that are filled into it",
        ) from error


def _add_links(
    said: _Statements,
    table: Table,
    rows: Sequence[str],
    link: ForeignKey,
    other: Table | None,
    others: Sequence[str] | None,
) -> None:
    """Link rows with those of another table that their foreign key names."""
    columns = [table.column(name) for name in link.columns]
    targets = [other.column(name) for name in link.others] if other is not None else [None]
    if other is None or others is None or None in columns or None in targets:
        log.warning(
            "%s: the foreign key to %s leads to no table of this side, or to no column, and is passed over",
            table.path.name,
            shorten(link.table, 60),
        )
        return
    there: dict[tuple[str, ...], str] = {}
    for values, iri in zip(_keys(other, targets), others, strict=True):
        there.setdefault(values, iri)
    pairs = [
        (iri, there[values])
        for values, iri in zip(_keys(table, columns), rows, strict=True)
        if values in there and all(values)
    ]
    lost = sum(values not in there and all(values) for values in _keys(table, columns))
    if lost:
        log.warning(
            "%s: %d rows name no row of %s by %s", table.path.name, lost, link.table, ", ".join(link.columns)
        )
    ends = [said.numbers(_nodes(table, side)) for side in zip(*pairs, strict=True)] or [NO_IDS, NO_IDS]
    name = ";".join(map(encoded, link.columns))
    said.add(ends[0], _node(table, f"{table.iri}#ref-{name}"), ends[1])


def _keys(table: Table, columns: Sequence[Column | None]) -> list[tuple[str, ...]]:
    """(rows,) what each row has in some columns."""
    return list(zip(*(each.by_row(table.count) for each in columns if each is not None), strict=True))
