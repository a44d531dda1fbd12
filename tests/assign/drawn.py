"""Judged pairs of a few entities, drawn by Hypothesis: probabilities at the thresholds, and many alike."""

from typing import get_args

from hypothesis import strategies as st

from kgalign.config import Cardinality

CARDINALITIES: tuple[Cardinality, ...] = tuple(each for each in get_args(Cardinality) if each != "auto")
SIZE = 6
"""Entities of either side."""
Rows = list[tuple[int, int, float]]
"""Left entity, right entity, probability."""

rows_of_pairs = st.dictionaries(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)),
    st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.3, 0.45, 0.5, 0.6, 0.8, 0.97, 1.0]),
    max_size=18,
).map(lambda drawn: [(a, b, p) for (a, b), p in sorted(drawn.items())])
cardinalities = st.sampled_from(CARDINALITIES)
