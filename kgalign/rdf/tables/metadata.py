"""What CSVW metadata say of a table: ``NAME-metadata.json`` beside it, or ``csv-metadata.json`` there.

Method: Metadata Vocabulary for Tabular Data, https://www.w3.org/TR/tabular-metadata/. What is not understood
is passed over and said once.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.formats import is_compressed, unreadable
from kgalign.rdf.tables.datatypes import Datatype, datatype_of, formatted
from kgalign.rdf.tables.templates import Template, encoded, is_iri
from kgalign.rdf.text import shorten
from kgalign.rdf.vocabulary import XSD_STRING

log = logging.getLogger(__name__)

_FOLDER_FILE = "csv-metadata.json"
_ENDING = "-metadata.json"
_INHERITED = ("aboutUrl", "propertyUrl", "valueUrl", "datatype", "lang", "null", "separator", "default")
_OF_COLUMN = {*_INHERITED, "name", "titles", "virtual", "suppressOutput", "required", "textDirection"}
_OF_SCHEMA = {*_INHERITED, "columns", "primaryKey", "foreignKeys", "rowTitles", "required", "textDirection"}
_OF_TABLE = {*_INHERITED, "url", "tableSchema", "dialect", "suppressOutput", "notes", "tableDirection"}
_OF_TABLE |= {"required", "textDirection", "tables"}
_OF_DIALECT = {"delimiter", "quoteChar", "doubleQuote", "header", "skipRows", "commentPrefix", "encoding"}
_OF_DIALECT |= {"trim", "headerRowCount", "lineTerminators", "skipBlankRows"}
_BOUNDS = {"length", "minLength", "maxLength", "minimum", "maximum", "minInclusive", "maxInclusive"}
_BOUNDS |= {"minExclusive", "maxExclusive"}
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file of rows is written."""

    delimiter: str | None = None
    """None for what its ending says."""
    quote: str | None = '"'
    doubled: bool = True
    """Whether a quote within quotes is written twice; else a backslash stands before it."""
    header: bool = True
    """Whether the first row names the columns."""
    skipped: int = 0
    """Rows before that."""
    comment: str = ""
    """How rows begin that are no data."""
    trim: bool = True


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """What is said of a column."""

    name: str
    titles: tuple[str, ...] = ()
    """How it may be called in the row of names."""
    datatype: Datatype = field(default_factory=Datatype)
    language: str | None = None
    separator: str = ""
    null: frozenset[str] = frozenset({""})
    """What stands for no value."""
    default: str = ""
    about: Template | None = None
    predicate: Template | None = None
    value: Template | None = None
    virtual: bool = False
    """Whether it is in no file."""
    suppressed: bool = False
    """Whether its cells make no statements."""

    @property
    def is_text(self) -> bool:
        """Whether its values are plain text, or text in a language."""
        return self.datatype.iri == XSD_STRING


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns whose cells name a row of another table."""

    columns: tuple[str, ...]
    table: str
    """The other table's file name."""
    others: tuple[str, ...]
    """Its columns, in the same order."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What is said of a table; nothing where there are no metadata."""

    iri: str | None = None
    columns: tuple[ColumnSpec, ...] | None = None
    """All that are in the file, in their order, then the virtual ones; None where none is described."""
    dialect: Dialect = field(default_factory=Dialect)
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    about: Template | None = None
    """What names its rows."""
    suppressed: bool = False


def metadata_beside(path: Path) -> Path | None:
    """The file that may describe a table, None where there is none; links are followed first."""
    place = path.resolve()
    names = [f"{place.name}{_ENDING}"]
    if is_compressed(place):
        names.append(f"{place.stem}{_ENDING}")
    for name in (*names, _FOLDER_FILE):
        found = place.with_name(name)
        if found.is_file():
            return found
    return None


def table_name(path: Path) -> str:
    """What a table is called by others: the name of its file, unpacked."""
    place = path.resolve()
    return place.stem if is_compressed(place) else place.name


def read_metadata(path: Path, limits: LimitsConfig) -> TableSpec:
    """What the metadata beside a table say of it; nothing where there are none, or none of this table.

    :raises InputError: they are no JSON, or contradict themselves.
    """
    place = metadata_beside(path)
    if place is None:
        return TableSpec()
    group = _json(place, limits)
    for table in _tables(group):
        url = table.get("url")
        if isinstance(url, str) and unquote(url).rpartition("/")[2] == table_name(path):
            return _Reader(place, group).spec(table)
    if place.name != _FOLDER_FILE:
        log.warning("%s describes no table %s, and is passed over", place.name, table_name(path))
    return TableSpec()


def _tables(group: dict[str, Any]) -> Iterator[dict[str, Any]]:
    tables = group.get("tables", [group])
    yield from (each for each in tables if isinstance(each, dict)) if isinstance(tables, list) else ()


def _json(place: Path, limits: LimitsConfig) -> dict[str, Any]:
    remedy = "Correct it, or take it away: it describes the tables beside it"
    try:
        if place.stat().st_size > limits.value_bytes:
            raise InputError(f"{place} has more than {limits.value_megabytes} MB", remedy)
        found = json.loads(place.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise unreadable(place, error) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text", remedy) from error
    except json.JSONDecodeError as error:
        where = f"{place}, line {error.lineno}, column {error.colno}"
        raise InputError(f"{where}: {error.msg}", remedy) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is no JSON that can be read", remedy) from error
    if not isinstance(found, dict):
        raise InputError(f"{place} is no object of JSON", remedy)
    return found


class _Reader:
    """Reads what a document says of one table, and says once what of it is passed over."""

    def __init__(self, place: Path, group: dict[str, Any]) -> None:
        self._place, self._group = place, group
        self._passed: list[str] = []

    def spec(self, table: dict[str, Any]) -> TableSpec:
        schema = self._part(table, "tableSchema") or self._part(self._group, "tableSchema")
        self._unknown("", table, _OF_TABLE)
        self._unknown("tableSchema.", schema, _OF_SCHEMA)
        above = _inherited(self._group, table, schema)
        listed = schema.get("columns")
        columns = self._columns(listed, above) if isinstance(listed, list) else None
        found = TableSpec(
            iri=self._iri(table["url"]),
            columns=columns or None,
            dialect=self._dialect(self._part(self._group, "dialect") | self._part(table, "dialect")),
            primary_key=_names(schema.get("primaryKey")),
            foreign_keys=tuple(self._foreign_keys(schema.get("foreignKeys"))),
            about=self._template(above, "aboutUrl"),
            suppressed=table.get("suppressOutput") is True,
        )
        self._say()
        return found

    def _say(self) -> None:
        passed = list(dict.fromkeys(self._passed))
        if passed:
            more = f" and {len(passed) - _SHOWN} more" if len(passed) > _SHOWN else ""
            shown = ", ".join(shorten(each, 80) for each in passed[:_SHOWN])
            log.warning("%s: not understood and passed over: %s%s", self._place.name, shown, more)

    def _part(self, node: dict[str, Any], key: str) -> dict[str, Any]:
        found = node.get(key, {})
        if isinstance(found, dict):
            return found
        self._passed.append(f"{key} in a file of its own" if isinstance(found, str) else key)
        return {}

    def _unknown(self, where: str, node: Mapping[str, Any], known: Iterable[str]) -> None:
        """Note keys that are not known; annotations, which have a prefix, say nothing of how to read."""
        for key in node:
            if key not in known and ":" not in key and not key.startswith("@"):
                self._passed.append(f"{where}{key}")

    def _iri(self, url: str) -> str | None:
        """The address that the table is published at, where the metadata say it in full."""
        context = self._group.get("@context")
        for each in context if isinstance(context, list) else ():
            if isinstance(each, dict) and isinstance(each.get("@base"), str):
                url = urljoin(each["@base"], url)
        return url if "://" in url else None

    def _columns(self, listed: list[Any], above: dict[str, Any]) -> tuple[ColumnSpec, ...]:
        found = [self._column(place, each, above) for place, each in enumerate(listed, 1)]
        order = [each.virtual for each in found]
        if order != sorted(order):
            raise InputError(
                f"{self._place}: a virtual column stands before one that is in the file",
                "Put virtual columns last",
            )
        return tuple(found)

    def _column(self, place: int, node: object, above: dict[str, Any]) -> ColumnSpec:
        if not isinstance(node, dict):
            raise InputError(f"{self._place}: column {place} is no object of JSON", "Correct it there")
        where = f"columns[{place}]."
        self._unknown(where, node, _OF_COLUMN)
        own = above | {key: node[key] for key in _INHERITED if key in node}
        titles = tuple(_titles(node.get("titles")))
        name = node["name"] if isinstance(node.get("name"), str) else ""
        null = _names(own.get("null", ""))
        return ColumnSpec(
            name=name or (titles[0] if titles else f"_col.{place}"),
            titles=titles or ((name,) if name else ()),
            datatype=self._datatype(where, own.get("datatype", "string")),
            language=_language(own.get("lang")),
            separator=own["separator"] if isinstance(own.get("separator"), str) else "",
            null=frozenset({*null, ""}),
            default=own["default"] if isinstance(own.get("default"), str) else "",
            about=self._template(own, "aboutUrl"),
            predicate=self._template(own, "propertyUrl"),
            value=self._template(own, "valueUrl"),
            virtual=node.get("virtual") is True,
            suppressed=node.get("suppressOutput") is True,
        )

    def _datatype(self, where: str, told: object) -> Datatype:
        node = told if isinstance(told, dict) else {"base": told}
        self._unknown(f"{where}datatype.", node, {"base", "format", *_BOUNDS})
        base, format, own = node.get("base", "string"), node.get("format"), node.get("@id")
        found = datatype_of(str(base))
        if found is None:
            self._passed.append(f"{where}datatype {base}")
            return Datatype()
        if format is not None:
            written = formatted(found, format)
            found = written or found
            self._passed += [] if written else [f"{where}datatype.format {format}"]
        return replace(found, iri=own) if isinstance(own, str) and is_iri(own) else found

    def _template(self, own: dict[str, Any], key: str) -> Template | None:
        text = own.get(key)
        if not isinstance(text, str):
            return None
        found = Template(text)
        if found.is_plain:
            return found
        self._passed.append(f"{key} {text}")
        return None

    def _foreign_keys(self, listed: object) -> Iterator[ForeignKey]:
        for each in listed if isinstance(listed, list) else ():
            there = each.get("reference") if isinstance(each, dict) else None
            table = there.get("resource") if isinstance(there, dict) else None
            if not isinstance(there, dict) or not isinstance(table, str):
                self._passed.append("a foreign key without reference.resource")
                continue
            columns, others = _names(each.get("columnReference")), _names(there.get("columnReference"))
            if columns and len(columns) == len(others):
                yield ForeignKey(columns, unquote(table).rpartition("/")[2], others)
            else:
                self._passed.append(f"a foreign key to {table} whose columns are not as many on both sides")

    def _dialect(self, node: dict[str, Any]) -> Dialect:
        self._unknown("dialect.", node, _OF_DIALECT)
        if str(node.get("encoding", "utf-8")).lower() not in ("utf-8", "utf8", "us-ascii"):
            raise InputError(
                f"{self._place}: the encoding is {shorten(str(node['encoding']), 40)}, only UTF-8 is read",
                "Save the table as UTF-8, with iconv or a spreadsheet, and correct dialect.encoding",
            )
        rows = node.get("headerRowCount", 1)
        if rows not in (0, 1):
            self._passed.append(f"dialect.headerRowCount {rows}")
        found = Dialect(
            header=node.get("header", True) is not False and rows != 0,
            doubled=node.get("doubleQuote", True) is not False,
            skipped=rows_skipped if isinstance(rows_skipped := node.get("skipRows", 0), int) else 0,
            trim=str(node.get("trim", True)).lower() != "false",
        )
        for key, name in (("delimiter", "delimiter"), ("quoteChar", "quote"), ("commentPrefix", "comment")):
            if key in node and (node[key] is None or isinstance(node[key], str)):
                found = replace(found, **{name: node[key]})
        if (found.delimiter and len(found.delimiter) > 1) or (found.quote and len(found.quote) > 1):
            raise InputError(
                f"{self._place}: delimiter and quoteChar are one character each",
                "Write the table with a delimiter of one character",
            )
        return replace(found, comment=found.comment or "")


def _inherited(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {key: node[key] for node in nodes for key in _INHERITED if key in node}


def _names(told: object) -> tuple[str, ...]:
    """One text, or a list of them."""
    listed = told if isinstance(told, list) else [told]
    return tuple(each for each in listed if isinstance(each, str))


def _titles(told: object) -> Iterator[str]:
    for each in told.values() if isinstance(told, dict) else [told]:
        yield from _names(each)


def _language(told: object) -> str | None:
    return told if isinstance(told, str) and told not in ("", "und") else None


def variable_of(spec: ColumnSpec) -> str:
    """What templates call a column."""
    return encoded(spec.name) if spec.titles and spec.name in spec.titles else spec.name
