"""Laws of the table of conflicts: every statement of a conflict once, and nothing else."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.export.conflicts import write_conflicts
from kgalign.rdf.graph import TermKind
from kgalign.records.conflicts import conflicts, index_of, of_property, of_rule
from kgalign.records.fused import SIDES, Fusion, Role
from tests.laws.fusions import (
    FREE,
    NUMERIC,
    ORDERED,
    Links,
    folder,
    fused_by,
    graph_of,
    numbers,
    picks,
    rivals,
)

Row = tuple[Any, ...]


def text(fusion: Fusion, term: int) -> str | None:
    if term < 0:
        return None
    return ("_:" if fusion.terms.kind[term] == TermKind.BLANK else "") + fusion.text(term)


def expected(fusion: Fusion) -> Counter[Row]:
    """What the table must hold, read off the fusion statement by statement."""
    rows: Counter[Row] = Counter()
    for row in range(len(fusion)):
        if fusion.conflict[row] < 0:
            continue
        columns = fusion.subject, fusion.property, fusion.said, fusion.value, fusion.graph
        role = Role(int(fusion.role[row])).name.lower()
        source, side = fusion.sources[fusion.source[row]], SIDES[fusion.side[row]]
        why = fusion.reasons[fusion.reason[row]]
        rows[
            int(fusion.conflict[row]), *(text(fusion, each[row]) for each in columns), role, source, side, why
        ] += 1
    made = fusion.computed_conflict, fusion.computed_subject, fusion.computed_property, fusion.computed_value
    for number, subject, property, value in zip(*made, strict=True):
        said = text(fusion, subject), text(fusion, property), None, text(fusion, value), None
        rows[int(number), *said, "computed", None, None, None] += 1
    return rows


NAMES = "conflict subject property said_property value graph role source side reason".split()


def check(fusion: Fusion) -> None:
    with folder() as here:
        written = write_conflicts(fusion, here / "conflicts.parquet")
        table = pq.read_table(here / "conflicts.parquet").to_pylist()
    assert written == len(table)
    assert Counter(tuple(row[name] for name in NAMES) for row in table) == expected(fusion)
    listed = list(conflicts(fusion, np.arange(fusion.counts.conflicts)))
    assert [asdict(row) for each in listed for row in each.statements] == [
        {name: value for name, value in row.items() if name != "conflict"} for row in table
    ]
    for row in table:
        assert of_property(fusion, row["said_property"] or row["property"])[row["conflict"]]
        assert (row["datatype"] is None) == (row["kind"] != "literal")
        assert row["language"] is None or row["datatype"].endswith("langString")
    rules = {fusion.rules[rule] for rule in index_of(fusion).rule}
    assert sum(int(of_rule(fusion, rule).sum()) for rule in rules) == fusion.counts.conflicts


@pytest.mark.parametrize("policy", (*FREE, *ORDERED))
@settings(max_examples=25)
@given(a=rivals, b=rivals, links=picks)
def test_every_statement_of_a_conflict_is_in_the_table_once(
    policy: str, a: list[ox.Quad], b: list[ox.Quad], links: Links
) -> None:
    with folder() as here:
        check(fused_by(graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq"), links, policy=policy))


@pytest.mark.parametrize("policy", NUMERIC)
@settings(max_examples=25)
@given(a=numbers, b=numbers, links=picks, learned=st.booleans())
def test_every_number_of_a_conflict_is_in_the_table_once(
    policy: str, a: list[ox.Quad], b: list[ox.Quad], links: Links, learned: bool
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        check(fused_by(left, right, links, learned=learned, policy=policy))
