"""Groups of entities that do not compete are decided as if each were alone.

What is new in one moves no other. Runs that grow rest on it: links stay where no verdict changed, though
all are decided again.
"""

from hypothesis import given

from kgalign.assign import assign
from kgalign.config import AssignConfig, Cardinality, JudgeConfig
from kgalign.records import Outcome
from tests.assign.drawn import SIZE, Rows, cardinalities, rows_of_pairs
from tests.evaluate.small import verdicts


def _links(rows: Rows, cardinality: Cardinality) -> set[tuple[int, int, Outcome]]:
    config = AssignConfig(cardinality=cardinality)
    found = assign(verdicts(rows), 2 * SIZE, 2 * SIZE, config, JudgeConfig())
    columns = (found.left.tolist(), found.right.tolist(), map(Outcome, found.outcome.tolist()))
    return set(zip(*columns, strict=True))


@given(rows_of_pairs, rows_of_pairs, cardinalities)
def test_what_does_not_compete_is_decided_alone(one: Rows, other: Rows, cardinality: Cardinality) -> None:
    far = [(SIZE + a, SIZE + b, p) for a, b, p in other]
    evens, odds = [(2 * a, 2 * b, p) for a, b, p in one], [(2 * a + 1, 2 * b + 1, p) for a, b, p in other]
    between = sorted(evens + odds)
    assert _links([*one, *far], cardinality) == _links(one, cardinality) | _links(far, cardinality)
    even = {(2 * a, 2 * b, outcome) for a, b, outcome in _links(one, cardinality)}
    odd = {(2 * a + 1, 2 * b + 1, outcome) for a, b, outcome in _links(other, cardinality)}
    assert _links(between, cardinality) == even | odd
