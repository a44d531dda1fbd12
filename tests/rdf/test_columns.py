"""Columns: sorting, uniting and dropping repeated rows, against plain Python."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kgalign.arrays import distinct
from kgalign.rdf import Ids, Terms
from kgalign.rdf.columns import Part, unite
from tests.rdf.rows import rows, texts

small = st.tuples(*[st.integers(-1, 5)] * 4)
large = st.tuples(*[st.integers(-1, 2**31 - 3)] * 4)


@given(st.lists(small, max_size=60))
def test_distinct_is_sorted_set(given_rows: list[tuple[int, ...]]) -> None:
    check(given_rows)


@given(st.lists(st.integers(-1, 70_000).flatmap(lambda n: st.tuples(*[st.just(n)] * 4)), max_size=30))
def test_distinct_with_wide_gaps(given_rows: list[tuple[int, ...]]) -> None:
    check(given_rows)


def test_distinct_where_no_key_holds_a_row() -> None:
    columns = np.arange(1 << 16, dtype=np.int32)
    out = distinct(columns[::-1], columns, columns, columns)
    assert [ids.tolist()[:2] for ids in out] == [[0, 1], [65535, 65534], [65535, 65534], [65535, 65534]]
    assert len(out[0]) == 1 << 16


def check(given_rows: list[tuple[int, ...]]) -> None:
    columns = [np.array([row[i] for row in given_rows], np.int32) for i in range(4)]
    out = distinct(*columns)
    assert list(zip(*(ids.tolist() for ids in out), strict=True)) == sorted(set(given_rows))
    assert all(ids.dtype == np.int32 for ids in out)


def part(statements: list[tuple[int, int, int]], values: list[str], tag: str) -> Part:
    """Terms that are literals in one language; a position may stand for a text that occurs again."""
    none = np.full(len(values), -1, np.int32)
    terms = Terms(
        kind=np.full(len(values), 2, np.uint8),
        value=pa.array(values, pa.large_string()),
        datatype=none,
        language=np.zeros(len(values), np.int32),
        datatypes=("http://example.org/unused",),
        languages=(tag,),
    )
    columns: list[Ids] = [np.array([row[i] for row in statements], np.int32) for i in range(3)]
    return Part(columns[0], columns[1], columns[2], np.full(len(statements), -1, np.int32), terms)


def test_equal_terms_become_one_and_unused_ones_go() -> None:
    united = unite(
        [
            part([(0, 1, 2), (3, 1, 2)], ["s", "p", "o", "s", "unused"], "en"),
            part([(1, 0, 2)], ["p", "s", "z"], "EN"),
        ]
    )
    assert texts(united.graph) == ['"o"@en', '"p"@en', '"s"@en', '"z"@en']
    assert rows(united.graph) == [('"s"@en', '"p"@en', '"o"@en'), ('"s"@en', '"p"@en', '"z"@en')]
    assert [ids.tolist() for ids in united.positions] == [[2, 1, 0, 2, -1], [1, 2, 3]]
    assert united.graph.terms.datatypes == ()


def test_nothing_is_a_graph_too() -> None:
    united = unite([])
    assert len(united.graph) == len(united.graph.terms) == 0
