"""Reading: every format gives the same columns, and nothing of a statement is lost."""

import gzip
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kgalign.base.progress import NoProgress, Task
from kgalign.errors import InputError
from kgalign.rdf import TermKind, read_graph
from kgalign.rdf.vocabulary import RDF
from kgalign.rdf.write import write_turtle
from tests.rdf.rows import rows, texts

E = "http://example.org/"

TURTLE = """\
@prefix e: <http://example.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
e:ada a e:Person ; e:name "Ada Lovelace"@en-GB ; e:born "1815"^^xsd:gYear ; e:knows _:charles .
_:charles e:name "Charles" .
"""
N_TRIPLES = """\
<http://example.org/ada> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://example.org/Person> .
<http://example.org/ada> <http://example.org/name> "Ada Lovelace"@en-GB .
<http://example.org/ada> <http://example.org/born> "1815"^^<http://www.w3.org/2001/XMLSchema#gYear> .
<http://example.org/ada> <http://example.org/knows> _:charles .
_:charles <http://example.org/name> "Charles" .
"""
RDF_XML = """\
<?xml version="1.0" encoding="utf-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://example.org/">
  <e:Person rdf:about="http://example.org/ada">
    <e:name xml:lang="en-GB">Ada Lovelace</e:name>
    <e:born rdf:datatype="http://www.w3.org/2001/XMLSchema#gYear">1815</e:born>
    <e:knows rdf:nodeID="charles"/>
  </e:Person>
  <rdf:Description rdf:nodeID="charles"><e:name>Charles</e:name></rdf:Description>
</rdf:RDF>
"""
JSON_LD = """\
{"@context": {"@vocab": "http://example.org/", "xsd": "http://www.w3.org/2001/XMLSchema#"},
 "@id": "http://example.org/ada", "@type": "Person",
 "name": {"@value": "Ada Lovelace", "@language": "en-GB"},
 "born": {"@value": "1815", "@type": "xsd:gYear"},
 "knows": {"@id": "_:charles", "name": "Charles"}}
"""
SAME = {
    "g.ttl": TURTLE,
    "g.turtle": TURTLE,
    "g.trig": TURTLE,
    "g.n3": TURTLE,
    "g.nt": N_TRIPLES,
    "g.ntriples": N_TRIPLES,
    "g.nq": N_TRIPLES,
    "g.nquads": N_TRIPLES,
    "g.rdf": RDF_XML,
    "g.owl": RDF_XML,
    "g.xml": RDF_XML,
    "g.jsonld": JSON_LD,
    "g.json": JSON_LD,
}
ROWS = sorted(
    [
        (f"<{E}ada>", f"<{E}born>", '"1815"^^http://www.w3.org/2001/XMLSchema#gYear'),
        (f"<{E}ada>", f"<{E}knows>", "_:charles"),
        (f"<{E}ada>", f"<{E}name>", '"Ada Lovelace"@en-GB'),
        (f"<{E}ada>", "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>", f"<{E}Person>"),
        ("_:charles", f"<{E}name>", '"Charles"'),
    ]
)


def write(path: Path, text: str | bytes) -> Path:
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix.lower() == ".gz" else data)
    return path


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", SAME)
def test_every_format_gives_the_same_graph(tmp_path: Path, name: str, ending: str) -> None:
    graph = read_graph(write(tmp_path / f"{name}{ending}", SAME[name]))
    assert sorted(rows(graph)) == ROWS
    assert graph.statements_read == len(graph) == 5


def test_capital_endings_are_the_same_endings(tmp_path: Path) -> None:
    assert len(read_graph(write(tmp_path / "G.TTL.GZ", TURTLE))) == 5


def test_columns_are_canonical(tmp_path: Path) -> None:
    graph = read_graph([write(tmp_path / "g.ttl", TURTLE), write(tmp_path / "h.nt", N_TRIPLES)])
    terms = graph.terms
    keys = list(zip(terms.kind, terms.value.to_pylist(), terms.datatype, terms.language, strict=True))
    assert keys == sorted(set(keys))
    statements = list(zip(graph.graph, graph.subject, graph.predicate, graph.object, strict=True))
    assert statements == sorted(set(statements))
    assert graph.statements_read == 10
    assert len(graph) == 7  # the two Charleses differ, and so do their two statements each
    assert {graph.subject.dtype, graph.predicate.dtype, graph.object.dtype} == {np.dtype(np.int32)}


def test_terms_that_differ_in_one_part_alone_are_kept_apart(tmp_path: Path) -> None:
    forms = ['"1"', '"1"@en', '"1"@de', '"1"^^<http://example.org/t>', '"01"', "<http://example.org/1>"]
    lines = [f"<{E}s> <{E}p> {form} ." for form in forms]
    graph = read_graph(write(tmp_path / "g.nt", "\n".join(lines)))
    assert len(graph) == 6
    assert len(set(texts(graph))) == 8


def test_a_plain_string_and_xsd_string_are_one_term(tmp_path: Path) -> None:
    both = f'<{E}s> <{E}p> "x" .\n<{E}s> <{E}p> "x"^^<http://www.w3.org/2001/XMLSchema#string> .\n'
    assert len(read_graph(write(tmp_path / "g.nt", both))) == 1


def test_lexical_forms_survive(tmp_path: Path) -> None:
    integer = "http://www.w3.org/2001/XMLSchema#integer"
    forms = ["01", "+1", " 1 ", "1\\n", "not a number", "\\u0000", "1\\r", ""]
    lines = [f'<{E}s> <{E}p> "{form}"^^<{integer}> .' for form in forms]
    graph = read_graph(write(tmp_path / "g.nt", "\n".join(lines)))
    found = set(graph.terms.value.to_pylist())
    assert {"01", "+1", " 1 ", "1\n", "not a number", "\0", "1\r", ""} <= found


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ('"a"@en-US, "b"@zh-Hans, "c"@PT', ("PT", "en-US", "zh-Hans")),
        ("'a'@en-US", ("en-US",)),
        ('"""a"""@EN', ("EN",)),
        ('"a"@en-US, "b"@en-us', ("en-us",)),
        ('"a"@ar-EG--rtl', ("ar-EG--rtl",)),
        ('"a"@en, """say "hi"@Home now"""@de', ("de", "en")),
    ],
)
def test_language_tags_keep_their_spelling(tmp_path: Path, text: str, tags: tuple[str, ...]) -> None:
    graph = read_graph(write(tmp_path / "g.ttl", f"<{E}s> <{E}p> {text} ."))
    assert graph.terms.languages == tags


def test_language_tags_keep_their_spelling_at_the_seam_of_two_blocks(tmp_path: Path) -> None:
    line = f'<{E}s> <{E}p> "x"@en-US .\n'
    for shift in range(8):
        filler = "# " + "x" * ((1 << 20) - 2 - len(line) + 2 + shift) + "\n"
        graph = read_graph(write(tmp_path / f"{shift}.nt", filler + line))
        assert graph.terms.languages == ("en-US",)


def test_one_spelling_per_tag_over_all_files(tmp_path: Path) -> None:
    a = write(tmp_path / "a.nt", f'<{E}s> <{E}p> "x"@en-US .\n')
    b = write(tmp_path / "b.nt", f'<{E}s> <{E}p> "x"@EN-us .\n')
    c = write(tmp_path / "c.jsonld", f'{{"@id": "{E}s", "{E}p": {{"@value": "x", "@language": "en-US"}}}}')
    assert read_graph([a, c]).terms.languages == ("en-US",)
    graph = read_graph([a, b, c])
    assert graph.terms.languages == ("en-us",)
    assert len(graph) == 1


def test_named_graphs(tmp_path: Path) -> None:
    trig = f'<{E}s> <{E}p> "x" . <{E}g> {{ <{E}s> <{E}p> "x", "y" }} _:h {{ <{E}s> <{E}p> "x" }}'
    assert rows(read_graph(write(tmp_path / "g.trig", trig))) == [
        (f"<{E}s>", f"<{E}p>", '"x"'),
        (f"<{E}s>", f"<{E}p>", '"x"', f"<{E}g>"),
        (f"<{E}s>", f"<{E}p>", '"y"', f"<{E}g>"),
        (f"<{E}s>", f"<{E}p>", '"x"', "_:h"),
    ]


def test_triple_terms(tmp_path: Path) -> None:
    text = f'<{E}s> <{E}p> <<( _:b <{E}p> <<( <{E}s> <{E}p> "x\\n"@en )>> )>> .'
    graph = read_graph(write(tmp_path / "g.nt", text))
    assert graph.terms.kind.tolist() == [TermKind.IRI, TermKind.IRI, TermKind.TRIPLE]
    assert texts(graph)[-1] == f'<<( _:b <{E}p> <<( <{E}s> <{E}p> "x\\n"@en )>> )>>'


def test_blank_nodes_of_two_files_never_meet(tmp_path: Path) -> None:
    a = write(tmp_path / "a.nt", f'_:x <{E}p> "a" .\n')
    b = write(tmp_path / "b.nt", f'_:x <{E}p> "b" . \n<{E}s> <{E}p> <<( _:x <{E}p> "c" )>> .')
    labels = [row[0] for row in rows(read_graph([a, b]))]
    assert labels == [f"<{E}s>", "_:f0_x", "_:f1_x"]
    assert f'<<( _:f1_x <{E}p> "c" )>>' in texts(read_graph([a, b]))


def test_labels_made_apart_can_not_collide(tmp_path: Path) -> None:
    names = [write(tmp_path / f"{n:02}.nt", f'_:x <{E}p> "{n}" .\n_:0_x <{E}p> "{n}" .\n') for n in range(11)]
    graph = read_graph(names)
    assert int((graph.terms.kind == TermKind.BLANK).sum()) == 22


def test_one_file_keeps_its_labels(tmp_path: Path) -> None:
    graph = read_graph(write(tmp_path / "a.ttl", f'_:x.y <{E}p> "a" . _:été <{E}p> _:0 .'))
    assert {"_:x.y", "_:été", "_:0"} <= set(texts(graph))


@pytest.mark.parametrize("name", ["g.ttl", "g.jsonld", "g.rdf"])
def test_unlabelled_blank_nodes_get_the_same_labels_each_time(tmp_path: Path, name: str) -> None:
    text = {
        "g.ttl": f'<{E}s> <{E}p> [ <{E}q> "1" ; <{E}r> ( 1 2 3 ) ], [ <{E}q> "2" ], [], [] .',
        "g.jsonld": f'{{"@id": "{E}s", "{E}p": [{{"{E}q": "1"}}, {{"{E}q": "2"}}, {{"@list": [1, 2]}}]}}',
        "g.rdf": RDF_XML.replace(' rdf:nodeID="charles"/>', "><e:A/></e:knows><e:knows><e:B/></e:knows>"),
    }[name]
    file = write(tmp_path / name, text)
    first, second = read_graph(file), read_graph(file)
    assert rows(first) == rows(second)


def test_the_order_of_statements_does_not_label_blank_nodes(tmp_path: Path) -> None:
    statements = [
        f"<{E}s> <{E}p> [ <{E}q> 1 ; <{E}r> [ <{E}name> 'deep' ] ] .",
        f"<{E}s> <{E}p> [ <{E}q> 1 ; <{E}r> [ <{E}name> 'deeper' ] ] .",
        f"<{E}t> <{E}p> ( 3 2 1 ) .",
        f"[] <{E}q> 1 .",
        f"_:b0 <{E}q> 1 .",
    ]
    read = []
    for number, order in enumerate(itertools.islice(itertools.permutations(statements), 0, None, 7)):
        read.append(rows(read_graph(write(tmp_path / f"{number}.ttl", "\n".join(order)))))
    assert all(each == read[0] for each in read)
    assert ("_:b0", f"<{E}q>", '"1"^^http://www.w3.org/2001/XMLSchema#integer') in read[0]


def test_the_order_of_lines_and_files_does_not_matter(tmp_path: Path) -> None:
    lines = N_TRIPLES.splitlines()
    a = write(tmp_path / "a.nt", "\n".join(lines))
    b = write(tmp_path / "b.nt", "\n".join(reversed(lines)))
    assert rows(read_graph([a, b])) == rows(read_graph([b, a]))
    (tmp_path / "other").mkdir()
    c = write(tmp_path / "other" / "a.nt", "\n".join(reversed(lines)))
    assert rows(read_graph(a)) == rows(read_graph(c))


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.nt", N_TRIPLES)
    graph = read_graph([file, tmp_path / ".." / tmp_path.name / "a.nt", str(file), tmp_path])
    assert (len(graph), graph.statements_read, graph.sources) == (5, 5, (str(file),))


def test_the_same_statements_in_two_files_are_one(tmp_path: Path) -> None:
    text = f'<{E}s> <{E}p> "x" .\n'
    graph = read_graph([write(tmp_path / "a.nt", text), write(tmp_path / "b.nt.gz", text)])
    assert (len(graph), graph.statements_read) == (1, 2)


def test_a_folder_is_searched_for_known_endings(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("a.nt", "deep/b.nt.gz", "deep/deeper/c.ttl"):
        write(tmp_path / name, f'<{E}s> <{E}p> "{name}" .\n')
    for name in ("README.md", "package.json", "pom.xml", ".hidden.nt", ".git/x.nt"):
        write(tmp_path / name, "not RDF at all")
    graph = read_graph([tmp_path])
    assert [Path(source).name for source in graph.sources] == ["a.nt", "b.nt.gz", "c.ttl"]
    assert len(graph) == 3


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    for name in ("g.nt", "g.ttl", "g.rdf", "g.jsonld"):
        graph = read_graph(write(tmp_path / name, b"\xef\xbb\xbf" + SAME[name].encode()))
        assert len(graph) == 5


def test_long_iris_many_values_and_any_script(tmp_path: Path) -> None:
    long = E + "x" * 10_000
    words = ["שלום", "مرحبا", "👩🏽‍🚀", "\u202eabc", "日本"]
    lines = [f'<{long}> <{E}p> "x" .', *(f'<{E}s> <{E}p> "{n}" .' for n in range(100_000))]
    lines += [f'<{E}{word.strip(chr(0x202E))}> <{E}p> "{word}"@he .' for word in words]
    graph = read_graph(write(tmp_path / "g.nt", "\n".join(lines)))
    assert len(graph) == 100_006
    assert {long, *words} <= set(graph.terms.value.to_pylist())


LONG = 50_000_000


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("g.nt", f'<{E}s> <{E}p> "', '\\t\\u00e9"@en-US .\n'),
        ("g.ttl", f"<{E}s> <{E}p> '''it's \"\"\" <#", "\\t\\u00e9'''@en-US . # it's \"over\n"),
        ("g.jsonld", f'{{"@id": "{E}s", "{E}p": {{"@language": "en-US", "@value": "', '\\t\\u00e9"}}'),
        ("g.rdf", RDF_XML.partition("Ada")[0].replace("GB", "US"), "&#9;é</e:name></e:Person></rdf:RDF>"),
    ],
    ids=["N-Triples", "Turtle", "JSON-LD", "RDF/XML"],
)
def test_values_longer_than_the_parser_takes(tmp_path: Path, name: str, before: str, after: str) -> None:
    graph = read_graph(write(tmp_path / f"{name}", before + "x" * LONG + after))
    value = max(graph.terms.value.to_pylist(), key=len)
    assert value.endswith("x\té") and len(value) in (LONG + 2, LONG + 2 + len('it\'s """ <#'))
    assert graph.terms.languages == ("en-US",)


def test_unmapped_keys_of_json_ld_are_no_statements(tmp_path: Path) -> None:
    text = f'{{"@context": {{"name": "{E}name"}}, "@id": "{E}a", "name": "A", "colour": "red"}}'
    assert rows(read_graph(write(tmp_path / "g.jsonld", text))) == [(f"<{E}a>", f"<{E}name>", '"A"')]


class Recorded(NoProgress):
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int | None, str]] = []
        self.done = 0

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        self.tasks.append((name, total, unit))
        yield self

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def note(self, text: str) -> None:
        pass


@pytest.mark.parametrize("name", ["g.nt", "g.rdf", "g.jsonld.gz", "g.ttl.gz"])
def test_progress_counts_the_bytes_of_the_file(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / name, SAME[name.removesuffix(".gz")])
    progress = Recorded()
    read_graph(file, progress=progress)
    size = file.stat().st_size
    assert progress.tasks == [(f"read {name}", size, "B")]
    assert progress.done == size


def test_a_name_with_no_statements_beside_it_is_no_error(tmp_path: Path) -> None:
    empty = write(tmp_path / "a.nt", "")
    assert len(read_graph([empty, write(tmp_path / "b.nt", N_TRIPLES)])) == 5
    with pytest.raises(InputError, match=r"the left graph .* holds no statements"):
        read_graph(empty, side="left")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.rdf",
            f'<r:RDF xmlns:r="{RDF}" xmlns:e="http://e/"><e:C r:nodeID="a."/><e:D r:nodeID="a"/></r:RDF>',
        ),
        ("a.jsonld", '[{"@id":"_:a . <http://e/x> <http://e/y> 1","http://e/p":{"@id":"_:b c"}}]'),
        ("a.jsonld", '[{"@id":"_:","http://e/p":{"@id":"_:-"}},{"@id":"_:é","http://e/p":"x"}]'),
    ],
)
def test_labels_that_other_formats_do_not_have_are_numbered(tmp_path: Path, name: str, text: str) -> None:
    file, written = tmp_path / name, tmp_path / "written.ttl"
    file.write_text(text)
    graph = read_graph(file)
    write_turtle(graph, written)
    again = read_graph(written)
    assert len(again) == len(graph) == graph.statements_read
    for column in ("subject", "predicate", "object"):
        count, other = len(set(getattr(graph, column))), len(set(getattr(again, column)))
        assert count == other
