"""Files that others read in pieces give the graph, and the errors, of files that are read here."""

import gzip
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyoxigraph as ox
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgalign.base import scratch
from kgalign.base.cores import engaged
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf import Graph, parse, pieces, read_graph
from tests.rdf.afar import Afar
from tests.rdf.strategies import E, quads
from tests.rdf.test_bad_input import CASES, NT
from tests.rdf.test_limits import VALUES
from tests.rdf.test_read import SAME

MEGABYTE = 1 << 20


def _same(one: Graph, other: Graph) -> None:
    for name in ("subject", "predicate", "object", "graph"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("kind", "datatype", "language"):
        np.testing.assert_array_equal(getattr(one.terms, name), getattr(other.terms, name))
    assert one.terms.value.equals(other.terms.value)
    assert (one.terms.datatypes, one.terms.languages) == (other.terms.datatypes, other.terms.languages)
    assert (one.sources, one.statements_read) == (other.sources, other.statements_read)


def _read(
    files: Path | Sequence[Path], engine: Afar | None = None, limits: LimitsConfig | None = None
) -> Graph | str:
    """The graph, or what is said of the files."""
    with engaged(engine):
        try:
            return read_graph(files, limits=limits)
        except InputError as error:
            return f"{error}"


def _is_the_same(files: Path | Sequence[Path], limits: LimitsConfig | None = None) -> Graph | str:
    here = _read(files, limits=limits)
    for shared in (True, False):
        there = _read(files, Afar(shared=shared), limits)
        if isinstance(here, Graph):
            assert isinstance(there, Graph), there
            _same(here, there)
        else:
            assert here == there
    return here


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are cut into pieces of some lines."""
    _cut(monkeypatch, 64)


def _cut(patch: pytest.MonkeyPatch, size: int) -> None:
    for module in (parse, pieces):
        patch.setattr(module, "BLOCK", size)
        patch.setattr(module, "LONGEST", 3 * size)
    patch.setattr(pieces, "_PACKED", 0)
    patch.setattr(scratch, "SMALL", 100)


written = st.builds(
    lambda statements, ends, extra: (statements, ends, extra),
    st.lists(quads, min_size=1, max_size=3),
    st.sampled_from(["\n", "\r\n", "\n\n", " # it's <<\n"]),
    st.sampled_from(
        ["", "# a comment", "  ", '<http://e/a> <http://e/p> "x"@en-US .', "<http://e/a> broken"]
    ),
)


@settings(max_examples=60)
@given(files=st.lists(written, min_size=1, max_size=3), size=st.integers(1, 400), packed=st.booleans())
@example(files=[([[]], "\n", "")], size=1, packed=True)
@example(files=[([[]], "\n", ""), ([[]], "\n", "")], size=1, packed=False)
def test_any_lines_in_any_pieces(
    files: list[tuple[list[list[ox.Quad]], str, str]], size: int, packed: bool
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        paths = []
        for number, (statements, end, extra) in enumerate(files):
            text = "".join(f"{quad} .{end}" for some in statements for quad in some) + extra
            data = (b"\xef\xbb\xbf" if number % 2 else b"") + text.encode()
            path = Path(name, f"{number}.nq.gz" if packed else f"{number}.nq")
            path.write_bytes(gzip.compress(data) if packed else data)
            paths.append(path)
        _cut(patch, size)
        _is_the_same(paths)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_many_files_of_all_formats(tmp_path: Path, small: None, ending: str) -> None:
    files = [tmp_path / f"{name}{ending}" for name in SAME]
    for file, text in zip(files, SAME.values(), strict=True):
        file.write_bytes(gzip.compress(text.encode()) if ending else text.encode())
    engine = Afar(shared=True)
    assert isinstance(_is_the_same(files), Graph)
    _read(files, engine)
    assert engine.done > len(files)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_fault_is_told_as_if_one_parser_had_read_the_file(tmp_path: Path, small: None, name: str) -> None:
    (tmp_path / "good.nt").write_text(NT)
    bad, text = tmp_path / name, CASES[name][0]
    bad.write_bytes(text if isinstance(text, bytes) else text.encode())
    _is_the_same(bad)
    _is_the_same([tmp_path / "good.nt", bad])


def test_a_fault_far_down_has_its_line(tmp_path: Path) -> None:
    lines, file = 300_000, tmp_path / "far.nt"
    file.write_text(NT * lines + "<http://e/a b> <http://e/p> 1 .\n" + NT)
    assert file.stat().st_size > parse.BLOCK
    assert f"far.nt, line {lines + 1:d}, column 1: Invalid IRI" in str(_is_the_same(file))


def test_a_fault_is_told_before_damage_that_comes_after_it(tmp_path: Path, small: None) -> None:
    file = tmp_path / "a.nt.gz"
    text = NT + "<http://e/a b> <http://e/p> 1 .\n" + NT * 300_000
    file.write_bytes(gzip.compress(text.encode(), 1)[:-20])
    assert "a.nt.gz, line 2, column 1: Invalid IRI" in str(_is_the_same(file))


def test_damaged_gzip_is_told(tmp_path: Path, small: None) -> None:
    numbers = "".join(f'<{E}a> <{E}p> "{number}" .\n' for number in range(2_000)).encode()
    for name, data in (
        ("cut.nt.gz", gzip.compress(numbers)[:-100]),
        ("plain.nt.gz", numbers),
        ("packed.nt", gzip.compress(numbers)),
    ):
        (tmp_path / name).write_bytes(data)
        assert isinstance(_is_the_same(tmp_path / name), str)


@pytest.mark.parametrize("size", [3, 5, 9, 17, 20])
def test_lines_longer_than_a_piece(tmp_path: Path, size: int) -> None:
    file, limits = tmp_path / "long.nt", LimitsConfig(value_megabytes=18)
    long = VALUES["a.nt"] % ("y" * (size * MEGABYTE))
    file.write_text(NT * 100_000 + long + NT * 200_000)
    found = _is_the_same(file, limits)
    assert isinstance(found, Graph) == (size < 18)


@pytest.mark.parametrize("levels", [90, 4_000])
def test_triple_terms_are_looked_at_before_the_parser_sees_them(tmp_path: Path, levels: int) -> None:
    quote = f"<<( <{E}a> <{E}p> "
    deep = f"<{E}a> <{E}p> {quote * levels}<{E}b>{' )>>' * levels} .\n"
    file = tmp_path / "deep.nt"
    file.write_text(NT * 300_000 + deep)
    found = _is_the_same(file)
    assert isinstance(found, Graph) if levels < 100 else "line 300001: more than 100" in str(found)


def test_another_file_at_the_same_path_is_not_read(tmp_path: Path, small: None) -> None:
    file = tmp_path / "a.nt"
    file.write_text(NT)
    read = pieces.Piece(file, "", (len(NT), file.stat().st_mtime_ns), (0, len(NT)))
    found = pieces.read_piece(LimitsConfig(), read)
    assert isinstance(found, parse.Parsed) and len(found.part.subject) == 1
    os.utime(file, ns=(0, 0))
    assert pieces.read_piece(LimitsConfig(), read) is read


def test_blank_nodes_of_one_file_meet_and_those_of_two_do_not(tmp_path: Path, small: None) -> None:
    files = [tmp_path / name for name in ("a.nt", "b.nt")]
    for file in files:
        file.write_text("".join(f'_:x <{E}p> "{n}" .\n_:y{n} <{E}p> _:x .\n' for n in range(9)))
    found = _is_the_same(files)
    assert isinstance(found, Graph)
    assert {"f0_x", "f1_x", "f0_y8"} <= set(found.terms.value.to_pylist())


def test_tags_keep_their_spelling_over_pieces(tmp_path: Path, small: None) -> None:
    file = tmp_path / "a.nt"
    file.write_text("".join(f'<{E}a> <{E}p> "{n}"@{"en-US" if n else "pt-BR"} .\n' for n in range(9)))
    found = _is_the_same(file)
    assert isinstance(found, Graph) and found.terms.languages == ("en-US", "pt-BR")
    file.write_text(file.read_text() + f'<{E}a> <{E}p> "z"@EN-us .\n')
    found = _is_the_same(file)
    assert isinstance(found, Graph) and found.terms.languages == ("en-us", "pt-BR")
