"""Records on disk: the same after a round trip, the same bytes each time, never half there."""

import json
from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.base import scratch, store
from kgalign.errors import RunError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Row:
    path: tuple[str, ...]
    colour: Colour
    share: float
    count: int
    flag: bool = False


@dataclass(frozen=True, slots=True)
class Inner:
    numbers: npt.NDArray[np.int32]
    text: pa.LargeStringArray


@dataclass(frozen=True, slots=True)
class Record:
    inner: Inner
    grid: npt.NDArray[np.float32]
    rows: tuple[Row, ...]
    pair: tuple[str, int]
    name: str
    maybe: str | None
    maybe_grid: npt.NDArray[np.int8] | None
    table: pa.Table
    notes: dict[str, float] = field(default_factory=dict)
    nested: dict[str, dict[str, float]] = field(default_factory=dict)


def _record(**changes: object) -> Record:
    values: dict[str, Any] = {
        "inner": Inner(np.arange(4, dtype=np.int32), pa.array(["a", "ß", None, "𝕏 \x00"], pa.large_string())),
        "grid": np.array([[1.5, -0.0], [np.inf, 3]], dtype=np.float32),
        "rows": (Row(("p", "^q"), Colour.RED, 0.1, 3), Row((), Colour.BLUE, 1.0, 0, True)),
        "pair": ("x", 2),
        "name": "n",
        "maybe": None,
        "maybe_grid": np.array([1, -1], dtype=np.int8),
        "table": pa.table({"a": [1, 2]}),
        "notes": {"prior": 0.25},
        "nested": {"names": {"1": 0.5}},
    }
    return Record(**(values | changes))


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, pa.Array | pa.Table):
        return bool(one.equals(other))
    if isinstance(one, Record | Inner):
        return all(_same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    return type(one) is type(other) and one == other


def test_a_record_comes_back_the_same(tmp_path: Path) -> None:
    record = _record()
    store.save(tmp_path / "r", record)
    loaded = store.load(tmp_path / "r", Record)
    assert _same(record, loaded)
    assert isinstance(loaded.rows[0].colour, Enum)


@given(
    texts=st.lists(st.text()),
    rows=st.lists(
        st.builds(
            Row,
            path=st.lists(st.text(), max_size=3).map(tuple),
            colour=st.sampled_from(Colour),
            share=st.floats(allow_nan=False),
            count=st.integers(),
            flag=st.booleans(),
        ),
        max_size=4,
    ),
    notes=st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=4),
)
def test_any_text_and_number_survives(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], rows: list[Row], notes: dict[str, float]
) -> None:
    clean = [text.encode("utf8", "replace").decode("utf8") for text in texts]
    inner = Inner(np.arange(len(clean), dtype=np.int32), pa.array(clean, pa.large_string()))
    record = _record(inner=inner, rows=tuple(rows), notes=notes, maybe_grid=None, maybe="yes")
    path = tmp_path_factory.mktemp("store") / "r"
    store.save(path, record)
    assert _same(record, store.load(path, Record))


def test_what_an_earlier_version_did_not_write_has_its_default(tmp_path: Path) -> None:
    store.save(tmp_path / "r", _record())
    meta = tmp_path / "r" / "meta.json"
    content = json.loads(meta.read_text(encoding="utf8"))
    assert content["fields"]["rows"][1].pop("flag") is True
    meta.write_text(json.dumps(content), encoding="utf8")
    assert store.load(tmp_path / "r", Record).rows[1] == Row((), Colour.BLUE, 1.0, 0)


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        store.save(tmp_path / name, _record())
    files = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()
    )
    assert files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@dataclass(frozen=True, slots=True)
class Columns:
    """Arrays of several shapes."""

    flat: npt.NDArray[np.float64]
    table: npt.NDArray[np.uint8]
    turned: npt.NDArray[np.uint8]
    none: npt.NDArray[np.int32]


def test_what_is_written_piece_by_piece_has_the_bytes_of_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.arange(999, dtype=np.uint8).reshape(37, 27)
    record = Columns(np.linspace(0, 1, 1000), table, table.T, np.zeros((0, 3), np.int32))
    monkeypatch.setattr(scratch, "SMALL", 100)
    store.save(tmp_path / "r", record)
    for each in fields(record):
        np.save(tmp_path / "whole.npy", getattr(record, each.name))
        assert (tmp_path / "r" / f"{each.name}.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_saving_replaces_what_was_there_as_a_whole(tmp_path: Path) -> None:
    store.save(tmp_path / "r", _record())
    store.save(tmp_path / "r", Inner(np.zeros(1, dtype=np.int32), pa.array([], pa.large_string())))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r"]
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "meta.json",
        "numbers.npy",
        "text.arrow",
    ]
    assert len(store.load(tmp_path / "r", Inner).text) == 0


def test_what_a_killed_process_left_half_written_is_no_obstacle(tmp_path: Path) -> None:
    half = tmp_path / ".r.partial" / "inner"
    half.mkdir(parents=True)
    (half / "junk.npy").write_bytes(b"\x00")
    store.save(tmp_path / "r", _record())
    assert _same(_record(), store.load(tmp_path / "r", Record))
    assert not (tmp_path / "r" / "inner" / "junk.npy").exists()


def test_a_field_that_cannot_be_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"Record\.name holds a set"):
        store.save(tmp_path / "r", _record(name={"a"}))
    assert not (tmp_path / "r").exists()


def test_damage_is_told_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "r"
    store.save(path, _record())
    with pytest.raises(RunError, match="can't be read as Inner"):
        store.load(path, Inner)
    (path / "grid.npy").write_bytes(b"no array")
    with pytest.raises(RunError, match=r"Delete .* and run again"):
        store.load(path, Record)
    (path / "grid.npy").unlink()
    with pytest.raises(RunError, match="is missing"):
        store.load(path, Record)
    with pytest.raises(RunError, match="is missing"):
        store.load(tmp_path / "none", Record)


def test_a_pickle_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "r"
    store.save(path, _record())
    np.save(path / "grid.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RunError):
        store.load(path, Record)


def test_another_layout_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "r"
    store.save(path, _record())
    meta = json.loads((path / "meta.json").read_text(encoding="utf8"))
    (path / "meta.json").write_text(json.dumps(meta | {"format": 99}), encoding="utf8")
    with pytest.raises(RunError, match="layout 99"):
        store.load(path, Record)
