"""Bad input: one clear sentence with place and remedy, and nothing else."""

import gzip
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kgalign.errors import InputError
from kgalign.rdf import read_graph

NT = '<http://e/a> <http://e/p> "x" .\n'
XML = """\
<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">
{}</rdf:RDF>
"""
ABOUT = '<rdf:Description rdf:about="{}">\n<e:p xml:lang="{}">x</e:p></rdf:Description>\n'
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
RNG = random.Random(0)
NUMBERS = "".join(f'<http://e/a> <http://e/p> "{RNG.randrange(10**9)}" .\n' for _ in range(5000)).encode()

# name: (content, what the message says, what the remedy says)
CASES: dict[str, tuple[str | bytes, str, str]] = {
    "empty.nt": ("", "the graph (empty.nt) holds no statements", "Name a file"),
    "comment.ttl": ("# nothing\n", "holds no statements", "Name a file"),
    "cut.nt": (NT + NT[:-4], "cut.nt, line 2, column 27: Unexpected end of file", "seems cut off"),
    "cut.ttl": (NT + "<http://e/a> <http://e/p> ", "cut.ttl, line 2, column 27", "seems cut off"),
    "cut.rdf": (XML.format(ABOUT.format("http://e/a", "en"))[:-10], "cut.rdf, line 5", "seems cut off"),
    "cut.jsonld": ('[{"@id":"http://e/a",\n"http://e/p":"x"},\n{"@id":', "line 3, column 8", "seems cut off"),
    "wrong.rdf": (XML.format("<a></b>"), "wrong.rdf, line 3, column 6: mismatched tag", "Correct it there"),
    "space.nt": (
        NT + '<http://e/a b> <http://e/p> "x" .\n',
        "space.nt, line 2, column 1: Invalid IRI code point ' '",
        "Percent-encode",
    ),
    "space.rdf": (
        XML.format(ABOUT.format("http://e/a", "en") + ABOUT.format("http://e/a b", "en")),
        "space.rdf, line 5, column 42: error while parsing IRI 'http://e/a b'",
        "Percent-encode",
    ),
    "space.jsonld": (
        '[{"@id":"http://e/a",\n"http://e/p":{"@id":"http://b/c d"}}]',
        "space.jsonld, line 2, column 21",
        "percent-encode",
    ),
    "tag.nt": (NT.replace('"x"', '"x"@en_US'), "tag.nt, line 1, column 33: 'en_US' is no language", "BCP 47"),
    "long_tag.ttl": (NT.replace('"x"', '"x"@muchtoolongatag'), "line 1, column 31", "BCP 47"),
    "tag.rdf": (XML.format(ABOUT.format("http://e/a", "en_US")), "tag.rdf, line 4, column 22", "BCP 47"),
    "tag.jsonld": (
        '[{"@id":"http://e/a",\n"http://e/p":{"@value":"x","@language":"en_US"}}]',
        "tag.jsonld, line 2, column 40: 'en_US' is no language tag",
        "BCP 47",
    ),
    "relative.ttl": ("<a> <b> <c> .", "line 1, column 1: a relative IRI, and no base", "@base <http"),
    "relative.rdf": (XML.format(ABOUT.format("a", "en")), "line 3, column 31: a relative IRI", "xml:base"),
    "relative.jsonld": (
        '{"@id":"a",\n"http://e/p":{"@id":"b"}}',
        "line 1, column 8: the relative IRI 'a', and no base",
        '"@base"',
    ),
    "prefix.ttl": ("a:b a:c a:d .", "line 1, column 1: The prefix a: has not been declared", "Declare"),
    "turtle.rdf": ("@prefix e: <http://e/> . e:a e:b e:c .", "is not RDF/XML: it looks like Turtle", ".ttl"),
    "sparql.nt": ("PREFIX e: <http://e/>\ne:a e:b e:c .", "is not N-Triples: it looks like Turtle", ".ttl"),
    "xml.ttl": (XML.format(""), "is not Turtle: it looks like RDF/XML", "the ending .rdf"),
    "lines.rdf": (NT, "is not RDF/XML: it looks like N-Triples", "the ending .nt"),
    "json.ttl": ('{"@id": "http://e/a"}', "is not Turtle: it looks like JSON", "the ending .jsonld"),
    "turtle.jsonld": ("@base <http://e/> . <a> <b> <c> .", "is not JSON-LD: it looks like Turtle", ".ttl"),
    "brace.trig": ("{ <http://e/a> <http://e/b> }", "brace.trig, line 1, column", "Correct it"),
    "bracket.ttl": (
        "[] <http://e/b> <a b> .",
        "bracket.ttl, line 1, column 17: Invalid IRI",
        "Percent-encode",
    ),
    "list.ttl": ('[ {"@id": "http://e/a"} ]', "it looks like JSON", "the ending .jsonld"),
    "page.ttl": ("<!DOCTYPE html><html></html>", "it looks like an HTML page", "Download the RDF file"),
    "zip.nt": (b"PK\x03\x04...", "it looks like a ZIP archive", "Unpack"),
    "wide.ttl": (NT.encode("utf-16"), "it looks like UTF-16 text", "iconv -f UTF-16"),
    "latin.nt": (NT.replace("x", "é").encode("latin-1"), "line 1, column 28: Invalid UTF-8", "as UTF-8"),
    "latin.rdf": (
        XML.format(ABOUT.format("http://e/a", "en")).replace("?>", ' encoding="ISO-8859-1"?>'),
        "Only UTF-8 is supported",
        "Save it as UTF-8",
    ),
    "plain.xml": ("<catalog><book/></catalog>", "namespaces are required in RDF/XML", "convert it to RDF"),
    "plain.json": ('{"name": "x"}', "holds no statements", "@context"),
    "context.jsonld": (
        '{"@context":["https://schema.org/",{"a":"http://b/"}],"a":{"@context":"https://x.y/","a":1}}',
        "needs the remote @context https://schema.org/, https://x.y/, and contexts are never fetched",
        "Put the context itself into the file",
    ),
    "import.jsonld": (
        '{"@context":{"@import":"http://x.y/c.jsonld"},"@id":"http://e/a"}',
        "needs the remote @context http://x.y/c.jsonld",
        "Put the context itself",
    ),
    "vocab.jsonld": ('{"@context":{"@vocab":3},\n"a":1}', "@vocab value must be a string", "Correct it"),
    "laughs.rdf": (
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a0 "lol">{LAUGHS}]>'
        + XML.partition("\n")[2].format("<rdf:Description><e:p>&a9;</e:p></rdf:Description>"),
        "amplification",
        "Write its entities out",
    ),
    "quadratic.rdf": (
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]>'
        + XML.partition("\n")[2].format(f"<rdf:Description><e:p>{'&a;' * 50_000}</e:p></rdf:Description>"),
        "amplification",
        "Write its entities out",
    ),
    "endless.rdf": (
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "&b;"><!ENTITY b "&a;">]>'
        + XML.partition("\n")[2].format("<rdf:Description><e:p>&a;</e:p></rdf:Description>"),
        "recursive entity",
        "Write its entities out",
    ),
    "formula.n3": ("@prefix e: <http://e/> . e:a e:b { e:c e:d e:e } .", "formulas in braces", "Remove them"),
    "rule.n3": ("@prefix e: <http://e/> .\n{ ?x e:p 1 } => { ?x e:q 2 } .", "variables", "Remove rules"),
    "quote.ttl": ('<http://e/a> <http://e/p> """' + "x" * (17 << 20), "more than 16 MiB", "never closed"),
    "binary.ttl": (bytes(range(256)), "binary.ttl, line 1, column 1", "Correct it"),
    "text.txt": (NT, "the ending '.txt', which names no RDF format", "Use one of"),
    "bare": (NT, "no ending, which names no RDF format", "Use one of"),
    "fake.nt.gz": (NT, "is not gzip data", "Rename it to fake.nt"),
    "packed.nt": (gzip.compress(NT.encode()), "is gzip data, which its name does not say", "packed.nt.gz"),
    "twice.nt.gz": (gzip.compress(gzip.compress(NT.encode())), "looks like gzip", "compressed twice"),
    "cut.nt.gz": (gzip.compress(NUMBERS)[:9000], "ends in the middle of its gzip data", "download it again"),
    "hurt.nt.gz": (
        gzip.compress(NUMBERS)[:500] + b"\0\0\0\0" + gzip.compress(NUMBERS)[504:],
        "is damaged gzip data",
        "download it again",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_files(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, message, remedy = CASES[name]
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_graph([name])
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert name in caught.value.message
    assert "\n" not in str(caught.value) and str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*nowhere\.ttl"):
        read_graph(tmp_path / "nowhere.ttl")


@pytest.mark.parametrize("address", ["http://e.org/a.nt", "https://e.org/a", "s3://e/a.nt", "file:///a.nt"])
def test_addresses_are_not_read(address: str) -> None:
    with pytest.raises(InputError) as caught:
        read_graph(Path(address))
    assert caught.value.message.endswith("is an address, and addresses are not read")
    assert address.replace("///", "//") in caught.value.message
    assert "Download it" in caught.value.remedy


def test_a_file_whose_name_looks_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:").mkdir()
    (tmp_path / "http:" / "a.nt").write_text(NT)
    assert len(read_graph("http://a.nt")) == 1


def test_a_folder_without_rdf(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(InputError, match="holds no RDF file"):
        read_graph(tmp_path)


def test_no_source_at_all() -> None:
    with pytest.raises(InputError, match="holds no statements"):
        read_graph([])


def test_neither_file_nor_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nt")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_graph(tmp_path / "pipe.nt")


def test_a_path_that_the_system_refuses(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read: file name too long"):
        read_graph(tmp_path / f"{'x' * 300}.nt")


@contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom file modes bind; a superuser may read everything."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "secret.nt"
    file.write_text(NT)
    file.chmod(0)
    with (
        without_privileges(),
        pytest.raises(InputError, match=r"secret\.nt can't be read: permission denied"),
    ):
        read_graph(file)


def test_messages_show_no_more_than_a_line_of_the_data(tmp_path: Path) -> None:
    file = tmp_path / "a.rdf"
    file.write_text(XML.format(ABOUT.format("http://e/ " + "x" * 10_000, "en")))
    with pytest.raises(InputError) as caught:
        read_graph(file)
    assert len(caught.value.message) < 400


def test_entities_within_bounds_are_expanded(tmp_path: Path) -> None:
    file = tmp_path / "a.rdf"
    doctype = '<!DOCTYPE rdf:RDF [<!ENTITY e "http://e/"><!ENTITY long "&e;long/">]>\n'
    file.write_text(doctype + XML.partition("\n")[2].format(ABOUT.format("&long;a", "en")))
    assert "http://e/long/a" in read_graph(file).terms.value.to_pylist()


def test_external_entities_are_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    file = tmp_path / "a.rdf"
    doctype = f'<!DOCTYPE rdf:RDF [<!ENTITY s SYSTEM "file://{tmp_path}/secret.txt">]>\n'
    body = "<rdf:Description><e:p>&s;</e:p><e:p>x</e:p></rdf:Description>"
    file.write_text(doctype + XML.partition("\n")[2].format(body))
    with pytest.raises(InputError):
        read_graph(file)


def test_a_place_far_into_a_large_file(tmp_path: Path) -> None:
    good = ABOUT.format("http://e/a", "en") * 30_000
    file = tmp_path / "a.rdf"
    file.write_text(XML.format(good + ABOUT.format("http://e/é é", "en")))
    with pytest.raises(InputError, match="line 60003, column 42"):
        read_graph(file)


def test_a_place_far_into_a_long_line(tmp_path: Path) -> None:
    """A line of megabytes must not be looked through byte by byte, which would take minutes."""
    good = ABOUT.format("http://e/é", "en").replace("\n", "") * 40_000
    file = tmp_path / "a.rdf"
    file.write_text(XML.format(good + ABOUT.format("http://e/é é", "en")))
    with pytest.raises(InputError, match=f"line 3, column {len(good) + 42}:"):
        read_graph(file)
