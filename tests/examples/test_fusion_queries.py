"""The queries in examples/fusion answer what they say of the countries, in rdflib and in pyoxigraph alike."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pyoxigraph as ox
import pytest
import rdflib

from kgalign.config import load_config
from kgalign.export.provenance import write_provenance
from kgalign.records.fused import Fusion, Role
from kgalign.run.finished import Finished
from kgalign.run.start import run
from tests.examples.queries import Row, assert_described, by_pyoxigraph, by_rdflib, plain

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER, COUNTRIES = EXAMPLES / "fusion", EXAMPLES / "countries"
QUERIES = sorted(FOLDER.glob("*.rq"))
AUSTRIA = "https://example.org/atlas/country/austria"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("countries") / "run"
    run(COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", out, load_config(FOLDER / "config.toml"))
    return out


@pytest.fixture(scope="module")
def fusion(folder: Path) -> Fusion:
    return Finished(folder).fusion()


@pytest.fixture(scope="module")
def dataset(folder: Path) -> rdflib.Dataset:
    data = rdflib.Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own old classes
        data.parse(folder / "fused.trig", format="trig")
    return data


@pytest.fixture(scope="module")
def store(folder: Path) -> ox.Store:
    store = ox.Store()
    store.bulk_load(path=folder / "fused.trig", format=ox.RdfFormat.TRIG)
    return store


def answers(store: ox.Store, name: str) -> list[Row]:
    return by_pyoxigraph(store, (FOLDER / f"{name}.rq").read_text(encoding="utf8"))


@pytest.mark.filterwarnings("ignore:Dataset:DeprecationWarning")  # what rdflib warns of in itself
@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_two_engines_give_the_same_answer(path: Path, dataset: rdflib.Dataset, store: ox.Store) -> None:
    query = path.read_text(encoding="utf8")
    found = by_rdflib(dataset, query)
    assert found
    assert Counter(found) == Counter(by_pyoxigraph(store, query))


def test_every_query_says_what_it_answers_and_is_in_the_readme() -> None:
    assert len(QUERIES) >= 4
    assert_described(FOLDER)


def test_the_program_in_the_readme_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: ox.Store
) -> None:
    (block,) = (FOLDER / "README.md").read_text(encoding="utf8").split("```python\n")[1:]
    (folder.parent / "lost.rq").write_text((FOLDER / "lost.rq").read_text(encoding="utf8"), encoding="utf8")
    (folder.parent / "fused.trig").write_bytes((folder / "fused.trig").read_bytes())
    monkeypatch.chdir(folder.parent)
    exec(block.split("```")[0], {})
    assert len(capsys.readouterr().out.splitlines()) == len(answers(store, "lost"))


def test_the_query_for_rdf_1_2_in_the_readme_finds_the_same(
    fusion: Fusion, store: ox.Store, tmp_path: Path
) -> None:
    write_provenance(fusion, tmp_path / "fused.trig", form="rdf12")
    annotated = ox.Store()
    annotated.bulk_load(path=tmp_path / "fused.trig", format=ox.RdfFormat.TRIG)
    (block,) = (FOLDER / "README.md").read_text(encoding="utf8").split("```sparql\n")[1:]
    found = by_pyoxigraph(annotated, block.split("```")[0])
    assert set(found) == {row[:3] for row in answers(store, "origin")}


def rows_of(fusion: Fusion, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[tuple[str, str, str]]:
    return [
        (fusion.text(fusion.subject[row]), fusion.text(fusion.property[row]), fusion.text(fusion.value[row]))
        for row in rows.tolist()
    ]


def test_origins_are_those_of_the_record(fusion: Fusion, store: ox.Store) -> None:
    written = fusion.written()
    said = {
        (property, plain(value), fusion.sources[fusion.source[row]])
        for row, (thing, property, value) in zip(written.tolist(), rows_of(fusion, written), strict=True)
        if thing == AUSTRIA
    }
    found = answers(store, "origin")
    assert {(row[0], row[1], row[4]) for row in found if row[4]} == said
    assert any(row[0] == "http://www.w3.org/2002/07/owl#sameAs" for row in found if not row[4])


def test_what_was_dropped_is_in_the_answer(fusion: Fusion, store: ox.Store) -> None:
    dropped = np.flatnonzero(fusion.role != Role.WRITTEN)
    lost = {(p, plain(v)) for thing, p, v in rows_of(fusion, dropped) if thing == AUSTRIA}
    assert lost
    assert {(row[0], row[1]) for row in answers(store, "lost")} == lost


def test_the_losers_are_counted(fusion: Fusion, store: ox.Store) -> None:
    rows = np.flatnonzero(fusion.role == Role.LOST)
    expected = Counter(
        (fusion.sources[fusion.source[row]], fusion.text(fusion.property[row])) for row in rows
    )
    found = answers(store, "losers")
    assert {(row[0], row[1]): int(row[2] or 0) for row in found} == expected
    assert [int(row[2] or 0) for row in found] == sorted(expected.values(), reverse=True)


def test_what_is_not_sure_is_found(fusion: Fusion, store: ox.Store) -> None:
    rows = np.flatnonzero((fusion.role == Role.WRITTEN) & (np.rint(fusion.confidence * 100) < 60))
    assert {row[:3] for row in answers(store, "unsure")} == {
        (thing, property, plain(value)) for thing, property, value in rows_of(fusion, rows)
    }


def test_renamed_properties_are_found(fusion: Fusion, store: ox.Store) -> None:
    rows = np.flatnonzero(fusion.said != fusion.property).tolist()
    renamed = {(fusion.text(fusion.said[row]), fusion.text(fusion.property[row])) for row in rows}
    assert renamed
    found = answers(store, "renamed")
    assert {row[1:3] for row in found} == renamed
    assert sum(int(row[3] or 0) for row in found) == len(rows)


def test_each_statement_has_a_fate(fusion: Fusion, store: ox.Store) -> None:
    found = answers(store, "rules")
    fused = sum(int(row[2] or 0) for row in found if row[1] == "fused")
    assert fused == fusion.counts.statements
    assert sum(int(row[2] or 0) for row in found) - fused == int((fusion.role != Role.WRITTEN).sum())
