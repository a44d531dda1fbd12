"""What is sent comes back as it was, and nothing large goes twice."""

import threading
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kgalign.base.cores import Lent
from kgalign.engine.sending import LARGE, LONG, Packer, bytes_of, opened, unpack

pytestmark = pytest.mark.ray


@dataclass(frozen=True, slots=True)
class Texts:
    raw: list[str]
    length: np.ndarray[Any, np.dtype[np.int64]]


class Store:
    """Keeps pieces by numbers, as an object store does."""

    def __init__(self) -> None:
        self.pieces: list[Any] = []

    def put(self, piece: object) -> int:
        self.pieces.append(deepcopy(piece))
        return len(self.pieces) - 1


def _there(packer: Packer, store: Store, thing: object) -> Any:  # noqa: ANN401
    packed, refs = packer.pack(thing)

    def got(key: bytes) -> Any:  # noqa: ANN401
        return opened(store.pieces[refs[key]], got, lent)

    def lent(key: bytes) -> Lent[Any]:
        return Lent(store.pieces[refs[key]])

    return unpack(packed, got, lent)


@given(
    sizes=st.lists(st.integers(0, LARGE // 4), max_size=4),
    texts=st.integers(0, 2 * LONG),
    column_major=st.booleans(),
)
def test_everything_comes_back_as_it_was(sizes: list[int], texts: int, column_major: bool) -> None:
    store = Store()
    arrays = [np.arange(size, dtype=np.int64)[:: 2 if column_major else 1] for size in sizes]
    square = np.asarray(np.ones((200, 60)).cumsum(axis=1), order="F" if column_major else "C")
    record = Texts([f"ä{number}" for number in range(texts)], np.arange(texts))
    thing = {"arrays": arrays, "square": square, "record": record, "again": record.raw}
    found = _there(Packer(store.put), store, thing)
    for one, other in zip(arrays, found["arrays"], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found["square"], square)
    assert found["record"].raw == record.raw == found["again"]
    np.testing.assert_array_equal(found["record"].length, record.length)


def test_closures_take_what_they_hold_along_and_nothing_goes_twice() -> None:
    store = Store()
    packer = Packer(store.put)
    rows = csr_array(np.eye(20_000, 8, dtype=np.float32))
    column = np.arange(100_000)

    def picked(part: slice) -> int:
        return int(column[part].sum()) + int(rows.nnz)

    assert _there(packer, store, picked)(slice(0, 10)) == 45 + 8
    put = packer.bytes_put
    assert put >= column.nbytes
    # Another function with the same column, and a copy of it: its content is there already.
    assert _there(packer, store, partial(np.add, column.copy()))(1)[0] == 1
    assert packer.bytes_put == put


def test_what_changed_is_sent_anew() -> None:
    store = Store()
    packer = Packer(store.put)
    column = np.zeros(100_000)
    assert _there(packer, store, [column])[0].sum() == 0
    column[7] = 3
    assert _there(packer, store, [column])[0].sum() == 3


def test_what_is_no_longer_used_is_let_go() -> None:
    store = Store()
    packer = Packer(store.put)
    packer.pack([np.zeros(100_000), np.ones(100_000)])
    assert len(packer.refs) == 2
    packer.pack([np.ones(100_000)])
    assert list(packer.sizes.values()) == [800_000]
    packer.forget()
    assert not packer.refs


def test_arrow_columns_and_numbers_of_bytes() -> None:
    store = Store()
    texts = pa.array([f"text {number}" for number in range(20_000)])
    assert _there(Packer(store.put), store, {"texts": texts})["texts"].equals(texts)
    assert bytes_of((np.zeros(10), {"a": np.zeros(5, np.float32)}, [b"four"])) == 80 + 20 + 4


def test_what_can_not_be_sent_says_so() -> None:
    with pytest.raises(TypeError, match="lock"):
        Packer(Store().put).pack(partial(print, threading.Lock()))


def test_what_is_lent_is_put_once_and_comes_when_it_is_opened() -> None:
    store = Store()
    packer = Packer(store.put)
    lent = Lent(Texts(["a"], np.arange(5_000)))

    def longest() -> int:
        with lent.opened() as texts:
            return int(texts.length.max())

    assert _there(packer, store, longest)() == 4_999
    assert _there(packer, store, partial(longest))() == 4_999
    assert len(store.pieces) == 1
    assert packer.bytes_put >= 40_000
    packer.pack(len)
    assert not packer.refs
