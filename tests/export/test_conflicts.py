"""``conflicts.parquet``: every statement of every conflict, once, with its fate."""

import itertools
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kgalign.errors import RunError
from kgalign.export import conflicts as module
from kgalign.export.conflicts import write_conflicts
from kgalign.records.conflicts import FATES
from kgalign.records.fused import Fusion, Role
from tests.fusion.rivals_in_pairs import XSD, E, fused

LEFT = """:x :p 1 ; :t "Rome"@en, "Rom"@de ; :n :y ; :same 7 . :g { :x :p 5 ; :q 1 . :w :q 2 ; :p 1 }
    :x1 :p 10 . _:b :v "a" . :x :n _:b ."""
RIGHT = """:x :population 2 ; :t "Roma"@en ; :n :z ; :same 7 . :x1 :population 13 ."""
RULES = {"properties": {E + "p": "Average"}, "mapping": {E + "p": E + "population"}, "policy": "KeepFirst"}


def rows_of(fusion: Fusion, folder: Path) -> list[dict[str, Any]]:
    path = folder / "conflicts.parquet"
    written = write_conflicts(fusion, path)
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    assert len(rows) == written
    return rows


def test_every_statement_of_every_conflict_is_there_once(tmp_path: Path) -> None:
    fusion = fused(LEFT, RIGHT, **RULES)
    rows = rows_of(fusion, tmp_path)
    assert fusion.counts.conflicts == len({row["conflict"] for row in rows}) > 3
    said = [row for row in rows if row["role"] != "computed"]
    assert len(said) == int((fusion.conflict >= 0).sum())
    counts = {name: sum(row["role"] == name for row in rows) for name in ("lost", "counted", "computed")}
    assert counts == {
        "lost": fusion.counts.lost,
        "counted": fusion.counts.counted,
        "computed": fusion.counts.computed,
    }
    assert counts["computed"] == 2
    assert "7" not in {row["value"] for row in rows}


def test_the_columns_say_all_of_a_statement(tmp_path: Path) -> None:
    rows = rows_of(fused(LEFT, RIGHT, **RULES), tmp_path)
    (lost,) = (row for row in rows if row["value"] == "Roma")
    assert lost == {
        "conflict": lost["conflict"],
        "subject": E + "x",
        "property": E + "t",
        "said_property": E + "t",
        "inverse": False,
        "value": "Roma",
        "datatype": "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString",
        "language": "en",
        "kind": "literal",
        "source": "right",
        "side": "right",
        "graph": None,
        "role": "lost",
        "reason": "another source comes first",
        "rule": "KeepFirst",
        "confidence": 0.5,
    }
    (named,) = (row for row in rows if row["value"] == "5")
    assert (named["source"], named["side"], named["graph"]) == (E + "g", "left", E + "g")
    assert (named["role"], named["confidence"]) == ("counted", None)
    (renamed,) = (row for row in rows if row["value"] == "13")
    assert (renamed["property"], renamed["said_property"]) == (E + "p", E + "population")
    computed = [row for row in rows if row["role"] == "computed"]
    assert {row["value"] for row in computed} == {"2.666666666667", "11.5"}
    assert {row["datatype"] for row in computed} == {XSD + "decimal"}
    assert all(
        row[name] is None for row in computed for name in ("source", "side", "said_property", "reason")
    )
    nodes = {row["value"]: (row["kind"], row["datatype"]) for row in rows if row["property"] == E + "n"}
    assert nodes.pop(E + "z") == ("iri", None)
    assert {kind for kind, _ in nodes.values()} == {"iri", "blank"}
    assert any(value.startswith("_:") for value in nodes)


def test_what_won_comes_first_and_conflicts_in_order(tmp_path: Path) -> None:
    rows = rows_of(fused(LEFT, RIGHT, **RULES), tmp_path)
    numbers = [row["conflict"] for row in rows]
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(max(numbers) + 1))
    for _, group in itertools.groupby(rows, key=lambda row: row["conflict"]):
        roles = [FATES.index(row["role"]) for row in group]
        assert roles == sorted(roles)


def test_an_inverse_property_is_marked(tmp_path: Path) -> None:
    fusion = fused(
        ":x :capital :x1 .",
        ":x2 :capitalOf :x .",
        mapping={E + "capital": f"^{E}capitalOf"},
        policy="KeepFirst",
    )
    rows = {row["value"]: row for row in rows_of(fusion, tmp_path)}
    assert rows[E + "x2"]["said_property"] == E + "capitalOf"
    assert [rows[E + name]["inverse"] for name in ("x1", "x2")] == [False, True]


def test_the_columns_have_proper_types_and_words_are_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "conflicts.parquet"
    write_conflicts(fused(LEFT, RIGHT, **RULES), path)
    schema = pq.read_schema(path)
    assert schema.field("conflict").type == pa.int32()
    assert schema.field("confidence").type == pa.float32()
    assert schema.field("inverse").type == pa.bool_()
    assert all(
        pa.types.is_dictionary(schema.field(name).type) for name in ("role", "reason", "rule", "source")
    )


def test_the_same_fusion_gives_the_same_bytes_in_whatever_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, small = tmp_path / "one", tmp_path / "two", tmp_path / "small"
    write_conflicts(fused(LEFT, RIGHT, **RULES), one)
    write_conflicts(fused(LEFT, RIGHT, **RULES), two)
    assert one.read_bytes() == two.read_bytes()
    monkeypatch.setattr(module, "BATCH", 3)
    rows = write_conflicts(fused(LEFT, RIGHT, **RULES), small)
    assert pq.ParquetFile(small).num_row_groups == -(-rows // 3)
    assert pq.read_table(small).to_pylist() == pq.read_table(one).to_pylist()


def test_without_conflicts_it_is_an_empty_table(tmp_path: Path) -> None:
    assert rows_of(fused(":x :p 1 .", ":x :p 1 ."), tmp_path) == []
    assert "reason" in pq.read_schema(tmp_path / "conflicts.parquet").names


def test_it_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "conflicts.parquet"
    path.write_text("as it was", encoding="utf8")
    monkeypatch.setattr(module, "BATCH", 2)
    fusion = fused(LEFT, RIGHT, **RULES)
    # The last statements point nowhere: writing breaks off after some row groups.
    fusion.reason[np.flatnonzero(fusion.role == Role.LOST)[-1]] = 255
    with pytest.raises((pa.ArrowException, IndexError)):
        write_conflicts(fusion, path)
    assert path.read_text(encoding="utf8") == "as it was"
    assert [each.name for each in tmp_path.iterdir()] == ["conflicts.parquet"]
    with pytest.raises(RunError, match=r"none/conflicts\.parquet can't be written"):
        write_conflicts(fused(LEFT, RIGHT), tmp_path / "none" / "conflicts.parquet")


def _numpy_peak(count: int, folder: Path) -> float:
    """Bytes that Python and NumPy took at most, per row."""
    left = "\n".join(f":x{n} :p {n} ." for n in range(count))
    right = "\n".join(f":x{n} :p {n + 1} ." for n in range(count))
    fusion = fused(left, right, policy="KeepFirst")
    tracemalloc.start()
    try:
        rows = write_conflicts(fusion, folder / "conflicts.parquet")
        assert rows == 2 * count
        return tracemalloc.get_traced_memory()[1] / rows
    finally:
        tracemalloc.stop()


def test_no_texts_are_held_for_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a few numbers per row are: the rest is made batch by batch."""
    monkeypatch.setattr(module, "BATCH", 256)
    assert _numpy_peak(4000, tmp_path) < 150
