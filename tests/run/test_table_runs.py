"""Tables in run folders: aligned as graphs are, and read again when what they are read by has changed."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kgalign
from kgalign.run import start
from kgalign.run.folder import RunFolder
from kgalign.run.inputs import gather
from kgalign.run.settings import read
from tests.conftest import ELEMENTS

LEFT, RIGHT = "https://left.kgalign.invalid/elements.csv/", "https://right.kgalign.invalid/elements.parquet/"


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Chemical elements as CSV and, with other columns, as Parquet."""
    rows = [line.split() for line in ELEMENTS.splitlines()]
    left, right = tmp_path / "elements.csv", tmp_path / "elements.parquet"
    with left.open("w", encoding="utf8", newline="") as file:
        csv.writer(file).writerows(
            [("symbol", "english name", "discovered"), *((r[1], r[2], r[4]) for r in rows)]
        )
    columns = {"key": [r[0] for r in rows], "zeichen": [r[1] for r in rows], "label": [r[2] for r in rows]}
    pq.write_table(pa.table(columns | {"jahr": [r[4] for r in rows]}), right)
    return left, right


def test_a_run_over_tables_links_rows_and_knows_them_again(tables: tuple[Path, Path], tmp_path: Path) -> None:
    config = kgalign.Config.model_validate({"read": {"key": ["elements.csv#symbol"]}})
    out = tmp_path / "out"
    start.run(*tables, out, config)
    expected = {(LEFT + row[1], RIGHT + row[0]) for row in map(str.split, ELEMENTS.splitlines())}
    assert {tuple(row)[:2] for row in kgalign.open(out).links()} == expected
    assert start.run(*tables, out, config).done == ()
    assert {tuple(row)[:2] for row in kgalign.align(*tables, config).links()} == expected
    for file in ("links.nt", "fused.ttl"):
        assert str(tmp_path) not in (out / file).read_text(encoding="utf8")
    recorded = RunFolder(out).read().inputs
    assert (recorded["left-metadata"], recorded["right-metadata"]) == ((), ())


def test_what_tables_are_read_by_is_part_of_the_fingerprint(tables: tuple[Path, Path]) -> None:
    def found(side: str = "left", **config: object) -> object:
        settings = kgalign.Config.model_validate({"read": config})
        return read(gather(*tables, settings), side)

    plain, right = found(), found("right")
    assert found(key=["symbol"]) != plain
    assert found(left_base="https://example.org/") != plain
    assert found(right_base="https://example.org/") == plain
    metadata = tables[0].with_name("elements.csv-metadata.json")
    metadata.write_text(json.dumps({"url": "elements.csv"}), encoding="utf8")
    described = found()
    assert described != plain
    assert found("right") == right
    metadata.write_text(json.dumps({"url": "elements.csv", "dc:title": "x"}), encoding="utf8")
    assert found() != described
    metadata.unlink()
    assert found() == plain
