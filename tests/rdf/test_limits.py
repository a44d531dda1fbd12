"""Files made to exhaust the machine are refused with a sentence, in bounded memory; others are read."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf import read_graph
from kgalign.rdf.nesting import JsonNesting
from kgalign.rdf.tokens import TURTLE_TOKEN, Kind, Piece, Tokens

LINE = "<http://e/a> <http://e/p> {} .\n"
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">\n{}</rdf:RDF>'
NODE = '<rdf:Description rdf:about="http://e/a"><e:p{}>{}</e:p></rdf:Description>'
MEGABYTE = 1 << 20


def _deep(name: str, levels: int) -> str:
    """A document in which something lies in itself so often, in its second line."""
    quote = "<<( <http://e/a> <http://e/p> "
    return {
        "objects.jsonld": "{\n" + '"http://e/p":{' * (levels - 1) + "}" * levels,
        "lists.jsonld": '{"http://e/p":\n'
        + '{"@list":[' * (levels // 2)
        + '"x"'
        + "]}" * (levels // 2)
        + "}",
        "arrays.jsonld": '{"http://e/p":\n' + "[" * (levels - 1) + '"x"' + "]" * (levels - 1) + "}",
        "nodes.rdf": RDF.format(
            "<rdf:Description><e:p>" * (levels // 2) + "x" + "</e:p></rdf:Description>" * (levels // 2)
        ),
        "literal.rdf": RDF.format(
            NODE.format(' rdf:parseType="Literal"', "<e:p>" * (levels - 2) + "</e:p>" * (levels - 2))
        ),
        "triples.ttl": LINE.format('"x"') + LINE.format(quote * levels + '"x"' + " )>>" * levels),
        "triples.nt": LINE.format('"x"') + LINE.format(quote * levels + '"x"' + " )>>" * levels),
        "triples.trig": LINE.format('"x"')
        + "{"
        + LINE.format(quote * levels + '"x"' + " )>>" * levels)
        + "}",
        "blank.ttl": "<http://e/a> <http://e/p>\n" + "[ <http://e/p> " * levels + "1" + "]" * levels + " .",
        "lists.ttl": "<http://e/a> <http://e/p>\n" + "(" * levels + "1" + ")" * levels + " .",
        "blank.n3": "<http://e/a> <http://e/p>\n" + "[ <http://e/p> " * levels + "1" + "]" * levels + " .",
    }[name]


@pytest.mark.parametrize("levels", [4_000, 100_000])
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("objects.jsonld", "1,000 objects and arrays"),
        ("lists.jsonld", "1,000 objects and arrays"),
        ("arrays.jsonld", "1,000 objects and arrays"),
        ("nodes.rdf", "1,000 elements"),
        ("literal.rdf", "1,000 elements"),
        ("triples.ttl", "100 triples"),
        ("triples.nt", "100 triples"),
        ("triples.trig", "100 triples"),
    ],
)
def test_what_nests_too_deep_is_refused_with_its_line(
    tmp_path: Path, name: str, most: str, levels: int
) -> None:
    file = tmp_path / name
    file.write_text(_deep(name, levels))
    with pytest.raises(InputError, match=rf"{name}, line 2: more than {most} lie in each other"):
        read_graph(file)


@pytest.mark.parametrize("name", ["objects.jsonld", "lists.jsonld", "nodes.rdf", "literal.rdf"])
def test_what_is_as_deep_as_allowed_is_read(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(_deep(name, 300))
    assert len(read_graph(file, limits=LimitsConfig(depth=301))) > 0
    with pytest.raises(InputError, match=r"more than 299 .* limits\.depth"):
        read_graph(file, limits=LimitsConfig(depth=299))


@pytest.mark.parametrize("name", ["triples.ttl", "triples.nt", "triples.trig"])
def test_triple_terms_may_lie_in_each_other(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(_deep(name, 100))
    assert len(read_graph(file)) == 2


@pytest.mark.parametrize("name", ["blank.ttl", "lists.ttl", "blank.n3"])
def test_where_the_parser_does_not_call_itself_depth_is_free(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(_deep(name, 20_000))
    assert len(read_graph(file)) >= 20_000


def test_strings_and_escapes_do_not_count(tmp_path: Path) -> None:
    texts = ["{" * 2_000, '\\"' + "[" * 2_000, "\\\\", '"{' * 2_000, "<<( " * 200, "é\n#'" * 2_000]
    file = tmp_path / "a.jsonld"
    file.write_text(json.dumps([{"@id": "http://e/a", "http://e/p": text} for text in texts], indent=1))
    assert set(texts) <= set(read_graph(file).terms.value.to_pylist())
    lines = tmp_path / "a.ttl"
    long = "<http://e/b> <http://e/q> '''" + "<<(\n" * 200 + "''', <http://e/#<<(> . # " + "<<( " * 200 + "\n"
    lines.write_text("".join(LINE.format(json.dumps(text)) for text in texts) + long.replace("#<<(", "#"))
    assert set(texts) <= set(read_graph(lines).terms.value.to_pylist())


def test_brackets_after_strings_that_look_open_do_count(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonld"
    file.write_text(
        '{"http://e/q":"\\\\","http://e/r":"\\"",\n"http://e/p":' + "[" * 1_500 + "]" * 1_500 + "}"
    )
    with pytest.raises(InputError, match="line 2: more than 1,000"):
        read_graph(file)
    file = tmp_path / "a.ttl"
    deep = "<<( <http://e/a> <http://e/p> " * 200 + "1" + " )>>" * 200
    file.write_text('<http://e/it\'s> <http://e/p> \'\\\'\', \'a"\', """\'""", "" .\n' + LINE.format(deep))
    with pytest.raises(InputError, match="line 2: more than 100"):
        read_graph(file)


def test_much_that_lies_deep_is_refused_too(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonld"
    many = ",".join(f'{{"http://e/q":"{number}"}}' for number in range(20_000))
    file.write_text('{"http://e/p":' * 500 + "[\n" + many + "]" + "}" * 500)
    with pytest.raises(InputError, match=r"line 2: so much lies so deep .* N-Triples"):
        read_graph(file)
    file.write_text('{"http://e/p":' * 12 + "[" + many + "]" + "}" * 12)
    assert len(read_graph(file)) > 20_000


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_the_depth_of_any_json_is_counted(value: object) -> None:
    def depth(each: object) -> int:
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    text = json.dumps(value, ensure_ascii=False, indent=1).encode()
    for size in (1, 3, len(text)):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        enough, few = JsonNesting(Path("a"), depth(value)), JsonNesting(Path("a"), depth(value) - 1)
        for block in [*blocks, b""]:
            enough.feed(block)
        if depth(value) > 0:
            with pytest.raises(InputError, match="more than"):
                for block in blocks:
                    few.feed(block)


@given(st.text(alphabet="\"'#<>\\a \n", max_size=30), st.lists(st.integers(1, 4), min_size=1), st.booleans())
def test_a_text_is_cut_alike_wherever_blocks_end(text: str, sizes: list[int], as_json: bool) -> None:
    data, place = text.encode(), 0
    blocks: list[bytes] = []
    while place < len(data):
        blocks.append(data[place : place + sizes[len(blocks) % len(sizes)]])
        place += len(blocks[-1])
    assert _cut(blocks, as_json) == _cut([data], as_json)
    assert b"".join(piece.text for piece in _pieces(blocks, as_json)) == data


def _pieces(blocks: list[bytes], as_json: bool) -> list[Piece]:
    tokens = Tokens(json=as_json)
    return [piece for block in [*blocks, b""] for piece in tokens.feed(block)]


def _cut(blocks: list[bytes], as_json: bool) -> tuple[int, int]:
    """How many triple terms begin and end in a text, outside of strings, comments and IRIs."""
    whole = [text for kind, text in _pieces(blocks, as_json) if kind is Kind.WHOLE and not as_json]
    found = [match.lastindex for text in whole for match in TURTLE_TOKEN.finditer(text)]
    return found.count(1), found.count(2)


LONG = 9 * MEGABYTE
VALUES = {
    "a.nt": LINE.format('"x%s"'),
    "a.ttl": '<http://e/a> <http://e/p> """x%s""" .\n',
    "a.nq": LINE.format('"x%s" <http://e/g>'),
    "a.trig": "<http://e/g> { <http://e/a> <http://e/p> 'x%s' }",
    "a.n3": LINE.format("'''x%s'''"),
    "a.jsonld": '{"@id": "http://e/a", "http://e/p": "x%s"}',
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("fault", ["\\q", "\\uD800", "\\u12", b"\xff", b"\xed\xa0\x80", "\\U00110000"])
def test_a_fault_in_a_long_value_is_one_as_in_a_short_one(
    tmp_path: Path, name: str, fault: str | bytes
) -> None:
    inside = fault if isinstance(fault, bytes) else fault.encode()
    file = tmp_path / name
    for filler in (b"", b"y" * 2 * LONG):
        file.write_bytes(VALUES[name].encode().replace(b"%s", filler + inside))
        with pytest.raises(InputError, match=rf"{name}, line 1") as caught:
            read_graph(file)
        assert len(str(caught.value)) < 500
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", VALUES)
def test_escapes_in_a_long_value_are_read_as_in_a_short_one(tmp_path: Path, name: str) -> None:
    escapes = '\\t\\n\\r\\b\\f\\\\\\"\\u00e9'
    escapes += "\\uD83D\\uDE00" if name.endswith("jsonld") else "\\U0001F600\\'"
    file = tmp_path / name
    found = []
    for filler in ("", "y" * 2 * LONG):
        file.write_text(VALUES[name] % (filler + escapes))
        values = [value for value in read_graph(file).terms.value.to_pylist() if value.startswith("x")]
        found.append(values[0].replace("y", ""))
    assert found[0] == found[1]


def test_a_fault_behind_a_long_value_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.ttl"
    long = "line\n" * (4 * MEGABYTE)
    file.write_text(f'<http://e/a> <http://e/p> """{long}""" .\n' + LINE.format("<a b>"))
    with pytest.raises(InputError, match=rf"a\.ttl, line {4 * MEGABYTE + 2}: Invalid IRI"):
        read_graph(file)
    file.write_text(f'<http://e/a> <http://e/p> """{long}\\q""" .\n')
    with pytest.raises(InputError, match=rf"a\.ttl, line {4 * MEGABYTE + 1}: Unexpected escape"):
        read_graph(file)


BOMBS = {
    "a.nt.gz": (LINE.format('"').encode()[:-3], b'" .\n'),
    "a.ttl.gz": (b'<http://e/a> <http://e/p> """', b'""" .\n'),
    "a.jsonld.gz": (b'{"@id": "http://e/a", "http://e/p": "', b'"}'),
    "text.rdf.gz": (RDF.partition("{}")[0].encode() + NODE.partition("{}")[0].encode() + b">", b"</e:p>"),
    "tag.rdf.gz": (
        RDF.partition("{}")[0].encode() + b'<rdf:Description rdf:about="http://e/',
        b'"/></rdf:RDF>',
    ),
    "comment.rdf.gz": (RDF.partition("{}")[0].encode() + b"<!--", b"--></rdf:RDF>"),
    "open.nt.gz": (LINE.format('"').encode()[:-3], b""),
    "iri.nt.gz": (b"<http://e/", b""),
    "name.jsonld.gz": (b'{"@id": "http://e/a", "http://e/', b'": 1}'),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_one_value_is_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    begin, end = BOMBS[name]
    file = tmp_path / name
    with gzip.open(file, "wb", compresslevel=1) as out:
        out.write(begin)
        for _ in range(600):
            out.write(b"x" * MEGABYTE)
        out.write(end)
    code = (
        "import resource, sys\nfrom kgalign.errors import InputError\nfrom kgalign.rdf import read_graph\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_graph(sys.argv[1])\nexcept InputError as error:\n    print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)"
    )
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, grown = done.stdout.splitlines()
    line = 2 if "rdf" in name else 1
    assert (
        f"{name}, line {line}: a value of more than 64 MB" in said
        or "more than 16 MiB without an end" in said
    )
    assert int(grown) < 300


def test_values_up_to_the_limit_are_read(tmp_path: Path) -> None:
    size = 20 * MEGABYTE
    for name, text in {**VALUES, "a.rdf": RDF.format(NODE.format("", "x%s"))}.items():
        file = tmp_path / name
        file.write_text(text % ("y" * size))
        assert max(map(len, read_graph(file).terms.value.to_pylist())) == size + 1
        with pytest.raises(InputError, match=r"a value of more than 16 MB\. .* limits\.value_megabytes"):
            read_graph(file, limits=LimitsConfig(value_megabytes=16))


def test_many_values_make_no_large_one(tmp_path: Path) -> None:
    file = tmp_path / "a.rdf"
    nodes = "".join(
        NODE.format(' rdf:parseType="Literal"', f"<b>{n}</b>" + "y" * MEGABYTE) for n in range(20)
    )
    file.write_text(RDF.format(nodes))
    assert len(read_graph(file, limits=LimitsConfig(value_megabytes=16))) == 20
    whole = "".join(f"<b>{n}</b>" + "y" * MEGABYTE for n in range(20))
    file.write_text(RDF.format(NODE.format(' rdf:parseType="Literal"', whole)))
    with pytest.raises(InputError, match="a value of more than 16 MB"):
        read_graph(file, limits=LimitsConfig(value_megabytes=16))


@pytest.mark.parametrize("place", ["<e:p>{}</e:p>", '<e:p rdf:resource="http://e/{}"/>'])
def test_what_entities_stand_for_counts(tmp_path: Path, place: str) -> None:
    file = tmp_path / "a.rdf"
    node = f'<rdf:Description rdf:about="http://e/a">{place}</rdf:Description>'
    filler = "<!-- " + "z" * MEGABYTE + " -->"
    text = RDF.format(filler + node.format("&a;" * 20))
    file.write_text(f'<!DOCTYPE r [<!ENTITY a "{"y" * MEGABYTE}">]>\n{text}')
    with pytest.raises(InputError, match="a value of more than 16 MB"):
        read_graph(file, limits=LimitsConfig(value_megabytes=16))
    assert len(read_graph(file)) == 1
