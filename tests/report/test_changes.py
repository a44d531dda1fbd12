"""What two runs link differently: nothing is lost on the way, and what tipped it is named."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import InputError
from kgalign.records import Feature, Outcome, Profile
from kgalign.report import Changes, Kind, compare
from tests.evaluate.small import alignment, profile, verdicts

LEFT = profile([f"http://l/{n}" for n in range(4)])
RIGHT = profile([f"http://r/{n}" for n in range(4)])
FEATURES = (
    Feature("prior", "prior", ("every candidate",), (-2.0,)),
    Feature("names", "name", ("different", "the same"), (-1.0, 2.0)),
    Feature("code", "code", ("different", "the same"), (-3.0, 4.0)),
)
Row = tuple[int, int, float, float]


def made(
    rows: list[Row],
    links: set[tuple[int, int]],
    *,
    features: tuple[Feature, ...] = FEATURES,
    given: tuple[int, ...] = (),
    outcomes: dict[tuple[int, int], Outcome] | None = None,
    left: Profile = LEFT,
) -> Any:  # noqa: ANN401 - what is compared of a run
    """A run: pairs with what names and codes add, and its links."""
    sums = [-2 + names + code for _, _, names, code in rows]
    pairs = [(row[0], row[1], 1 / (1 + np.exp(-total))) for row, total in zip(rows, sums, strict=True)]
    judged = verdicts(pairs, features=features, contributions=[[-2.0, *row[2:]] for row in rows])
    judged.given[list(given)] = True
    decided = dict.fromkeys(links, Outcome.MATCH) | (outcomes or {})
    return SimpleNamespace(
        left=left,
        right=RIGHT,
        verdicts=judged,
        alignment=alignment([(*pair, 0.9, outcome) for pair, outcome in sorted(decided.items())]),
    )


def only(found: Changes) -> tuple[Kind, str, Any]:
    (change,) = found.changes
    return change.kind, change.tipped, change.log_odds


OLD = made([(0, 0, 2.0, 4.0), (1, 1, -1.0, 0.5), (1, 2, 1.0, 3.0)], {(0, 0), (1, 2)})


def test_a_run_differs_from_itself_in_nothing() -> None:
    found = compare(OLD, OLD)
    assert found == Changes(2, ())
    assert found.summary == "links +0 −0, 0 changed; 2 the same"


def test_the_comparison_that_moved_most_tipped_a_gained_and_a_lost_link() -> None:
    new = made([(0, 0, 2.0, -3.0), (1, 1, -1.0, 0.5), (1, 2, 1.0, 3.0)], {(1, 2)})
    assert only(compare(new, OLD)) == (Kind.LOST, "code", pytest.approx(-7.0))
    assert only(compare(OLD, new)) == (Kind.GAINED, "code", pytest.approx(7.0))
    assert compare(OLD, new).summary == "links +1 −0, 0 changed; 1 the same"


def test_another_partner_is_one_change_tipped_by_what_it_has_over_the_old_one() -> None:
    new = made([(0, 0, 2.0, 4.0), (1, 1, 1.5, 4.0), (1, 2, 1.0, 2.5)], {(0, 0), (1, 1)})
    found = compare(new, OLD)
    assert only(found) == (Kind.CHANGED, "code", pytest.approx(4.0))
    assert found.summary == "links +0 −0, 1 changed; 1 the same"
    (change,) = found.changes
    assert change.was is not None
    assert (change.left.iri, change.right.iri, change.was.iri) == ("http://l/1", "http://r/1", "http://r/2")
    assert change.was_side == "right"
    assert change.before == pytest.approx(1 / (1 + np.exp(2.5)))


def test_a_right_entity_with_another_left_partner_is_a_change_too() -> None:
    new = made([(0, 0, 2.0, 4.0), (3, 2, 3.0, 3.0)], {(0, 0), (3, 2)})
    (change,) = compare(new, OLD).changes
    assert (change.kind, change.was_side, change.tipped) == (
        Kind.CHANGED,
        "left",
        "the new pair was no candidate",
    )
    assert change.was is not None
    assert change.was.iri == "http://l/1"


def test_methods_with_other_comparisons_are_compared() -> None:
    other = (FEATURES[0], Feature("votes", "votes", ("all",), (0.0,)), FEATURES[2])
    new = made([(0, 0, 9.0, 4.0), (1, 1, 6.0, 0.5)], {(0, 0), (1, 1)}, features=other)
    (change,) = compare(new, made([(0, 0, 2.0, 4.0), (1, 1, -1.0, 0.5)], {(0, 0)})).changes
    assert change.tipped == "votes"
    assert change.log_odds == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("rows", "links", "more", "tipped"),
    [
        (
            [(0, 0, 2.0, 4.0), (1, 2, 1.0, 3.0), (2, 2, 1, 1)],
            {(0, 0), (1, 2), (2, 2)},
            {},
            "it was no candidate",
        ),
        ([(1, 2, 1.0, 3.0)], {(1, 2)}, {}, "it is no candidate any more"),
        ([(0, 0, 2.0, 4.0), (1, 2, 1.0, 3.0)], {(1, 2)}, {}, "not the evidence on the pair"),
        (
            [(0, 0, 2.0, 4.0), (1, 2, 1.0, 3.0)],
            {(1, 2)},
            {"outcomes": {(0, 0): Outcome.UNDECIDED}},
            "by the same evidence it is now left to people",
        ),
        (
            [(0, 0, 2.0, 4.0), (1, 2, 1.0, 3.0)],
            {(1, 2)},
            {"outcomes": {(0, 0): Outcome.REJECTED}},
            "a person took it apart",
        ),
        (
            [(0, 0, 2.0, 4.0), (1, 1, 1.0, 3.0), (1, 2, 1.0, 3.0)],
            {(0, 0), (1, 1), (1, 2)},
            {"given": (1,)},
            "it is given as known",
        ),
    ],
)
def test_what_is_no_comparison_is_told_in_words(
    rows: list[Row], links: set[tuple[int, int]], more: dict[str, Any], tipped: str
) -> None:
    _, told, amount = only(compare(made(rows, links, **more), OLD))
    assert told.startswith(tipped)
    assert amount is None


def test_runs_over_other_graphs_are_refused() -> None:
    strangers = profile([f"http://other/{n}" for n in range(4)])
    with pytest.raises(InputError, match="no left entity in common"):
        compare(made([(0, 0, 1.0, 1.0)], {(0, 0)}, left=strangers), OLD)


PAIRS = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10)


@given(PAIRS, PAIRS)
def test_every_link_is_kept_gained_lost_or_changed_once(
    new: set[tuple[int, int]], old: set[tuple[int, int]]
) -> None:
    rows: list[Row] = [(a, b, 1.0, a - b) for a in range(4) for b in range(4)]
    found = compare(made(rows, new), made(rows, old))
    gained, lost, changed = (found.count(kind) for kind in Kind)
    assert (found.kept + gained + changed, found.kept + lost + changed) == (len(new), len(old))
    named = {(each.left.iri[-1], each.right.iri[-1]) for each in found.changes if each.kind is not Kind.LOST}
    assert named == {(str(a), str(b)) for a, b in new - old}
    back = compare(made(rows, old), made(rows, new))
    assert [back.count(kind) for kind in Kind] == [lost, gained, changed]
