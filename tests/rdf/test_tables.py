"""Tables as graphs: rows, keys, types and links, as the W3C's mappings make them."""

import datetime
import gzip
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import ReadConfig
from kgalign.config.limits import LimitsConfig
from kgalign.errors import ConfigError, InputError
from kgalign.rdf import read_graph
from kgalign.rdf.write import write_nquads
from tests.rdf.rows import rows

LEFT = "https://left.kgalign.invalid/"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
PLACES = "id,name,lat\nhel,Helsinki,60.17\ntll,Tallinn,\n"


def _write(path: Path, text: str | bytes | dict[str, Any]) -> Path:
    content = json.dumps(text) if isinstance(text, dict) else text
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _said(*paths: Path, side: str = "left", **read: Any) -> list[tuple[str, ...]]:  # noqa: ANN401 - settings
    """The statements of tables but for the types of rows."""
    return [row for row in rows(read_graph(paths, side=side, read=ReadConfig(**read))) if row[1] != TYPE]


def test_rows_are_named_by_their_key_and_columns_are_properties(tmp_path: Path) -> None:
    path = _write(tmp_path / "places.csv", PLACES)
    table, name = f"{LEFT}places.csv", f"<{LEFT}places.csv#name>"
    assert _said(path) == [
        (f"<{table}/hel>", f"<{table}#id>", '"hel"'),
        (f"<{table}/hel>", f"<{table}#lat>", '"60.17"'),
        (f"<{table}/hel>", name, '"Helsinki"'),
        (f"<{table}/tll>", f"<{table}#id>", '"tll"'),
        (f"<{table}/tll>", name, '"Tallinn"'),
    ]
    types = {row for row in rows(read_graph(path, side="left")) if row[1] == TYPE}
    assert types == {(f"<{table}/{key}>", TYPE, f"<{table}>") for key in ("hel", "tll")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("places.tsv", PLACES.replace(",", "\t")),
        ("places.csv", PLACES.replace(",", ";")),
        ("places.csv", PLACES.replace("\n", "\r\n")),
        ("places.csv", PLACES.replace("\n", "\r")),
        ("places.csv", b"\xef\xbb\xbf" + PLACES.encode()),
        ("places.csv", PLACES.replace("Helsinki", ' "Helsinki"').replace(' "', '"')),
        ("places.csv.gz", gzip.compress(PLACES.encode())),
    ],
    ids=["tabs", "semicolons", "CRLF", "CR", "BOM", "quotes", "gzip"],
)
def test_forms_of_one_table_say_the_same(tmp_path: Path, name: str, text: str | bytes) -> None:
    plain = _said(_write(tmp_path / "places.csv", PLACES))
    found = _said(_write(tmp_path / name, text))
    assert [[cell.replace(".tsv", ".csv") for cell in row] for row in found] == [list(row) for row in plain]


def test_tables_of_one_name_on_both_sides_are_two(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", PLACES)
    nodes = [{row[0] for row in _said(path, side=side)} for side in ("left", "right")]
    assert nodes[0].isdisjoint(nodes[1])
    assert not any(str(tmp_path) in cell for row in _said(path) for cell in row)


def test_tables_of_one_name_on_one_side_are_two_wherever_they_lie(tmp_path: Path) -> None:
    found = []
    for folders in ("xy", "ba"):
        for folder, text in zip(folders, (PLACES, PLACES.replace("tll", "rix")), strict=True):
            (tmp_path / folders / folder).mkdir(parents=True)
            _write(tmp_path / folders / folder / "p.csv", text)
        found.append(_said(tmp_path / folders))
    assert found[0] == found[1]
    assert len({row[0] for row in found[0]}) == 4


def test_rows_without_a_key_have_numbers(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "id,name\n1,x\n1,y\n\n2,z\n")
    assert {row[0] for row in _said(path)} == {f"<{LEFT}a.csv#row={row}>" for row in (2, 3, 5)}


@pytest.mark.parametrize("key", [["code"], ["nothing", "code"], ["a.csv#code"], ["b.csv#id", "code"]])
def test_a_key_can_be_named(tmp_path: Path, key: list[str]) -> None:
    path = _write(tmp_path / "a.csv", "id,code\n1,x/1\n2,ä 2\n")
    assert {row[0] for row in _said(path, key=key)} == {f"<{LEFT}a.csv/x%2F1>", f"<{LEFT}a.csv/ä%202>"}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("name", "the key name is 'x' in row 2 and in row 3"),
        ("lat", "the key lat is empty in row 3"),
        ("nmae", "has no column 'nmae' to be its key"),
    ],
)
def test_a_key_that_names_no_row_is_refused(tmp_path: Path, key: str, said: str) -> None:
    path = _write(tmp_path / "a.csv", "id,name,lat\n1,x,3\n2,x,\n")
    with pytest.raises(InputError, match=said):
        _said(path, key=[key])


def test_only_whole_columns_of_iris_are_iris(tmp_path: Path) -> None:
    text = "uri,page,mixed\nhttp://e/1,https://p/1,http://e/2\nurn:isbn:2,https://p/2,none\n"
    path = _write(tmp_path / "a.csv", text)
    assert _said(path) == [
        ("<http://e/1>", f"<{LEFT}a.csv#mixed>", '"http://e/2"'),
        ("<http://e/1>", f"<{LEFT}a.csv#page>", "<https://p/1>"),
        ("<urn:isbn:2>", f"<{LEFT}a.csv#mixed>", '"none"'),
        ("<urn:isbn:2>", f"<{LEFT}a.csv#page>", "<https://p/2>"),
    ]


def test_formulas_and_markup_are_text(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", 'id,x\n1,"=HYPERLINK(""http://e"")"\n2,<b>@SUM(A1)</b>\n')
    assert {row[2] for row in _said(path) if row[1].endswith("#x>")} == {
        '"=HYPERLINK("http://e")"',
        '"<b>@SUM(A1)</b>"',
    }


def test_a_base_of_ones_own(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "id\n1\n")
    assert _said(path, left_base="https://example.org/d/")[0][0] == "<https://example.org/d/a.csv/1>"
    with pytest.raises(ValueError, match="ends in a slash"):
        ReadConfig(left_base="https://user:secret@example.org/d/")
    assert issubclass(ConfigError, Exception)


def test_a_folder_of_tables_is_read_and_tables_beside_rdf_are_not(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", "id\n1\n")
    _write(tmp_path / "b.tsv", "id\n1\n")
    assert {row[0] for row in _said(tmp_path)} == {f"<{LEFT}a.csv/1>", f"<{LEFT}b.tsv/1>"}
    _write(tmp_path / "c.nt", '<http://e/a> <http://e/b> "c" .\n')
    assert {row[0] for row in _said(tmp_path)} == {"<http://e/a>"}


CELLS = st.lists(
    st.tuples(st.text("abc,;\"'\n\r=é\u2028😀", max_size=5), st.text("xyz 1-", max_size=4)),
    min_size=1,
    max_size=8,
)


@given(CELLS)
def test_what_is_written_is_read(cells: list[tuple[str, str]]) -> None:
    import csv
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        with path.open("w", encoding="utf8", newline="") as file:
            csv.writer(file).writerows(
                [("n", "first", "second"), *((f"r{i}", *c) for i, c in enumerate(cells))]
            )
        found = _said(path, key=["n"])
    names = {f"<{LEFT}a.csv/r{i}>": cell for i, cell in enumerate(cells)}
    expected = {
        (iri, f"<{LEFT}a.csv#{column}>", f'"{text.strip()}"')
        for iri, cell in names.items()
        for column, text in zip(("first", "second"), cell, strict=True)
        if text.strip()
    }
    assert {row for row in found if not row[1].endswith("#n>")} == expected


TREE_OPS = """\
GID,On Street,Species,Trim Cycle,Inventory Date
1,ADDISON AV,Celtis australis,Large Tree Routine Prune,10/18/2010
2,EMERSON ST,Liquidambar styraciflua,Large Tree Routine Prune,6/2/2010
"""
TREE_OPS_METADATA = {
    "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
    "url": "tree-ops.csv",
    "dc:title": "Tree Operations",
    "tableSchema": {
        "columns": [
            {"name": "GID", "titles": ["GID", "Generic Identifier"], "datatype": "string", "required": True},
            {"name": "on_street", "titles": "On Street", "datatype": "string"},
            {"name": "species", "titles": "Species", "datatype": "string"},
            {"name": "trim_cycle", "titles": "Trim Cycle", "datatype": "string"},
            {
                "name": "inventory_date",
                "titles": "Inventory Date",
                "datatype": {"base": "date", "format": "M/d/yyyy"},
            },
        ],
        "primaryKey": "GID",
        "aboutUrl": "#gid-{GID}",
    },
}
TREE_OPS_MINIMAL = """\
@base <http://example.org/tree-ops.csv> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<#gid-1> <#GID> "1" ; <#on_street> "ADDISON AV" ; <#species> "Celtis australis" ;
  <#trim_cycle> "Large Tree Routine Prune" ; <#inventory_date> "2010-10-18"^^xsd:date .
<#gid-2> <#GID> "2" ; <#on_street> "EMERSON ST" ; <#species> "Liquidambar styraciflua" ;
  <#trim_cycle> "Large Tree Routine Prune" ; <#inventory_date> "2010-06-02"^^xsd:date .
"""


def test_the_example_of_csv2rdf_in_minimal_mode(tmp_path: Path) -> None:
    """Generating RDF from Tabular Data on the Web, section 6.2: the listing is the oracle."""
    path = _write(tmp_path / "tree-ops.csv", TREE_OPS)
    _write(tmp_path / "tree-ops.csv-metadata.json", TREE_OPS_METADATA)
    graph = read_graph(path, side="left", read=ReadConfig(left_base="http://example.org/"))
    write_nquads(graph, tmp_path / "out.nq")
    expected = set(ox.parse(TREE_OPS_MINIMAL, ox.RdfFormat.TURTLE))
    assert set(ox.parse(path=str(tmp_path / "out.nq"))) == expected


def test_metadata_say_languages_lists_nulls_prefixes_and_virtual_columns(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "k,label,tags,n\nx,Talo,a; b;;c,-\ny,-,,1.234\n")
    columns = [
        {"name": "k", "suppressOutput": True},
        {"name": "label", "lang": "fi", "propertyUrl": "rdfs:label"},
        {"name": "tags", "separator": ";", "propertyUrl": "http://e/tag"},
        {"name": "n", "datatype": {"base": "integer", "format": {"groupChar": "."}}},
        {"name": "t", "virtual": True, "propertyUrl": "rdf:type", "valueUrl": "schema:House"},
    ]
    schema = {"columns": columns, "aboutUrl": "http://e/{k}", "null": ["-"]}
    _write(tmp_path / "csv-metadata.json", {"tables": [{"url": "a.csv", "tableSchema": schema}]})
    assert set(rows(read_graph(path, side="left"))) == {
        ("<http://e/x>", "<http://www.w3.org/2000/01/rdf-schema#label>", '"Talo"@fi'),
        *(("<http://e/x>", "<http://e/tag>", f'"{tag}"') for tag in "abc"),
        ("<http://e/y>", f"<{LEFT}a.csv#n>", f'"1234"^^{XSD}integer'),
        *((f"<http://e/{row}>", TYPE, "<http://schema.org/House>") for row in "xy"),
    }


def test_foreign_keys_are_links(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    people = _write(tmp_path / "people.csv", "id,name,city\n1,Ada,hel\n2,Bob,xxx\n3,Cyd,\n")
    cities = _write(tmp_path / "cities.csv", "code,name\nhel,Helsinki\n")
    link = {"columnReference": "city", "reference": {"resource": "cities.csv", "columnReference": "code"}}
    tables = [
        {"url": "people.csv", "tableSchema": {"primaryKey": "id", "foreignKeys": [link]}},
        {"url": "cities.csv", "tableSchema": {"primaryKey": ["code"]}},
    ]
    _write(tmp_path / "csv-metadata.json", {"tables": tables})
    links = [row for row in _said(people, cities) if "#ref-" in row[1]]
    assert links == [(f"<{LEFT}people.csv/1>", f"<{LEFT}people.csv#ref-city>", f"<{LEFT}cities.csv/hel>")]
    assert "1 rows name no row of cities.csv by city" in caplog.text


def test_what_metadata_say_in_vain_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _write(tmp_path / "a.csv", "n\n1\nx\n2\n")
    columns = [{"name": "n", "datatype": "integer", "ordered": True}]
    schema = {"columns": columns, "transformations": []}
    _write(tmp_path / "a.csv-metadata.json", {"url": "a.csv", "tableSchema": schema, "dc:title": "A"})
    assert {row[2] for row in _said(path)} == {f'"1"^^{XSD}integer', f'"2"^^{XSD}integer', '"x"'}
    passed, odd = caplog.messages
    assert passed.endswith("not understood and passed over: tableSchema.transformations, columns[1].ordered")
    assert odd.startswith("a.csv: 1 values of column n are no ")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    day, moment = datetime.date(2020, 2, 29), datetime.datetime(2020, 1, 1, 10, 0, 0, 500_000)
    table = pa.table(
        {
            "id": ["a", "b", "c"],
            "int": pa.array([1, None, -3], pa.int32()),
            "big": pa.array([2**63, None, None], pa.uint64()),
            "real": [0.1, float("nan"), float("inf")],
            "short": pa.array([0.1, None, None], pa.float32()),
            "yes": [True, None, False],
            "day": [day, None, None],
            "local": pa.array([moment, None, None], pa.timestamp("us")),
            "utc": pa.array([moment, None, None], pa.timestamp("ms", "Europe/Helsinki")),
            "money": [Decimal("10.50"), None, None],
            "list": [["x", "y", None], [], None],
            "coded": pa.array(["p", "q", "p"]).dictionary_encode(),
            "part": [{"x": 1}, None, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    found: dict[str, list[str]] = {}
    for row in _said(tmp_path / "a.parquet"):
        assert row[0] in {f"<{LEFT}a.parquet/{key}>" for key in "abc"}
        found.setdefault(row[1].partition("#")[2].rstrip(">"), []).append(row[2])
    assert {name: sorted(values) for name, values in found.items()} == {
        "id": ['"a"', '"b"', '"c"'],
        "int": [f'"-3"^^{XSD}integer', f'"1"^^{XSD}integer'],
        "big": [f'"9223372036854775808"^^{XSD}integer'],
        "real": [f'"0.1"^^{XSD}double', f'"INF"^^{XSD}double'],
        "short": [f'"0.1"^^{XSD}float'],
        "yes": [f'"false"^^{XSD}boolean', f'"true"^^{XSD}boolean'],
        "day": [f'"2020-02-29"^^{XSD}date'],
        "local": [f'"2020-01-01T10:00:00.5"^^{XSD}dateTime'],
        "utc": [f'"2020-01-01T10:00:00.5Z"^^{XSD}dateTime'],
        "money": [f'"10.50"^^{XSD}decimal'],
        "list": ['"x"', '"y"'],
        "coded": ['"p"', '"p"', '"q"'],
    }


BAD: dict[str, tuple[str | bytes, str, str]] = {
    "empty.csv": ("", "empty.csv is empty", "Give another file"),
    "blank.csv": ("\n\n", "blank.csv is empty", "Give another file"),
    "header.csv": ("id,name\n", "holds no statements", "Name a file"),
    "ragged.csv": ("a,b\n1,2\n3\n", "ragged.csv, line 3: 1 cells, and there are 2 columns", "Put quotes"),
    "more.csv": ('a,b\n"1\n1",2\n3,4,5\n', "more.csv, line 4: 3 cells", "Put quotes"),
    "twice.csv": ("a,b, a\n", "columns 1 and 3 are both called 'a'", "a name of its own"),
    "none.csv": ("17,Alice\n18,Bob\n", "line 1: '17' looks like a value", "names of the columns on top"),
    "latin.csv": (b"a,b\nx,y\nx,caf\xe9\n", "latin.csv, line 3, column 6: Invalid UTF-8", "ISO-8859-1"),
    "wide.csv": ("a,b\n".encode("utf-16"), "looks like UTF-16 text", "iconv -f UTF-16"),
    "nul.csv": (b"a,b\n1,\0\n", "nul.csv, line 2: a NUL byte", "as text"),
    "quote.csv": ('a,b\n1,2\n3,"x\n4,5\n', "quote.csv, line 3: a quote that is opened", "Close it"),
    "after.csv": ('a,b\n1,"x"y\n', "after.csv, line 2: text goes on after a closing quote", "twice"),
    "sheet.csv": (b"PK\x03\x04abc", "looks like a ZIP archive", "Save the sheet as CSV"),
    "page.csv": ("<!DOCTYPE html><html>", "looks like an HTML page", "Download the table itself"),
    "packed.csv": (gzip.compress(b"a\n1\n"), "is gzip data", "packed.csv.gz"),
    "plain.csv.gz": ("a\n1\n", "is not gzip data", "compress it"),
    "cut.csv.gz": (gzip.compress(PLACES.encode())[:-12], "in the middle of its gzip data", "again"),
    "many.csv": (
        ",".join(f"c{i}" for i in range(10_000)),
        "10,000 columns, and 1,000 are taken",
        "limits.columns",
    ),
    "long.csv": (f"a,{'x' * 2000}\n", "the name of column 2 has 2,000 characters", "at most 1,000"),
    "parquet.csv": (b"PAR1....PAR1", "it looks like Parquet", ".parquet"),
    "text.parquet": ("a,b\n1,2\n", "is not Parquet", "the ending of what it is"),
    "tiny.parquet": (b"PAR1", "is cut off", "again"),
    "torn.parquet": (b"PAR1" + b"x" * 40 + b"PAR1", "is damaged Parquet", "again"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    content, message, remedy = BAD[name]
    path = _write(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        read_graph(path, side="left")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": list(range(50)), "x": ["y"] * 50}), tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    for size in range(0, len(content), 97):
        with pytest.raises(InputError, match=r"cut off|not Parquet"):
            read_graph(_write(tmp_path / "cut.parquet", content[:size]))


@pytest.mark.parametrize("closed", [True, False])
def test_values_over_the_limit_are_refused(tmp_path: Path, closed: bool) -> None:
    end = '"\n' if closed else ""
    path = _write(tmp_path / "a.csv", 'id,x\n1,"' + ("y" * 999 + "\n") * 17_000 + end)
    with pytest.raises(InputError, match="line 2: a quote that is opened in this row is never closed"):
        read_graph(path, limits=LimitsConfig(value_megabytes=16))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1, column 2"),
        ("[1]", "is no object of JSON"),
        ('{"url": "a.csv", "dialect": {"encoding": "latin1"}}', "the encoding is latin1"),
        ('{"url": "a.csv", "tableSchema": {"columns": [{"name": "b"}]}}', "column 1 is called 'a'"),
        ('{"url": "a.csv", "tableSchema": {"columns": [{}, {}]}}', "metadata describe 2"),
        ('{"url": "a.csv", "tableSchema": {"aboutUrl": "{b}"}}', "names a column b"),
        ('{"url": "a.csv", "tableSchema": {"aboutUrl": "http://e/<{a}"}}', "is no IRI"),
        ('{"url": "a.csv", "tableSchema": {"primaryKey": "z"}}', "the key z is not among its columns"),
        ('{"url": "a.csv", "dialect": {"delimiter": "::"}}', "one character each"),
        ("[" * 100_000, "is no JSON that can be read"),
    ],
)
def test_bad_metadata_are_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = _write(tmp_path / "a.csv", "a\n1\n")
    _write(tmp_path / "a.csv-metadata.json", text)
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        read_graph(path)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_damaged_tables_are_read_or_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.table({"id": list(range(50)), "x": ["y"] * 50, "l": [[1, 2]] * 50}), path)
    else:
        _write(path, "id,name\n" + "".join(f'{row},"a ""é"" {row}"\n' for row in range(40)))
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            damaged[chance.randrange(len(damaged))] = chance.choice(
                (0, 10, 13, 34, 44, 59, 255, chance.randrange(256))
            )
        try:
            read_graph(_write(path, bytes(damaged)))
        except InputError as error:
            assert "\n" not in str(error)
