"""Synthetic negatives: the copy contradicts what both records of a match shared, and nothing else changes."""

import json

import pytest

from kgalign.records.votes import Direction, QuestionKind, View
from kgalign.train.perturb import Perturber
from kgalign.train.runs import Run
from kgalign.values.text import fold
from tests.train import judged_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("perturb")
    return Run(judged_runs.run(judged_runs.people(folder / "people"), folder / "run", judge="evidence"))


def shown(run: Run, questions: object, left: int, right: int) -> list[dict[str, object]]:
    """The two records of a verify question."""
    assert hasattr(questions, "question")
    question = questions.question(
        case=left,
        number=0,
        kind=QuestionKind.VERIFY,
        direction=Direction.LEFT_ASKS,
        view=View.ATTRIBUTES,
        turn=0,
        asker=left,
        options=[right],
    )
    lines = question.messages[-1].content.split("\n")
    return [json.loads(line.partition(": ")[2]) for line in lines if line.startswith(("First: ", "Second: "))]


def test_a_copy_differs_from_its_original_where_both_sides_agreed(run: Run) -> None:
    pairs = [
        (left, rights[0], [each for each in run.candidates(left) if each != rights[0]])
        for left, rights in sorted(run.linked.items())
    ]
    right, copies = Perturber(run, 0).copies(pairs)
    made = [(pair, copy) for pair, copy in zip(pairs, copies, strict=True) if copy is not None]
    assert len(made) > len(pairs) / 2
    assert len(right) == len(run.right) + len(made)
    assert len({copy.change.kind for _, copy in made}) >= 2
    plain, extended = run.questions(), run.questions(right)
    for (left, partner, _), copy in made:
        asker, original = shown(run, plain, left, partner)
        same, changed = shown(run, extended, left, copy.entity)
        assert same == asker
        assert changed != original
        assert changed.keys() == original.keys()
        old, new = fold(copy.change.old), fold(copy.change.new)
        words = [set(fold(" ".join(map(str, each.values()))).split()) for each in (asker, original, changed)]
        assert set(old.split()) <= words[0] & words[1]
        assert set(new.split()) <= words[2]
        assert not set(new.split()) <= words[0]
        assert right.entity_iri[copy.entity].as_py() == run.right_iri(partner)


def test_the_same_seed_changes_the_same(run: Run) -> None:
    pairs = [(left, rights[0], run.candidates(left)) for left, rights in sorted(run.linked.items())]
    first, again, other = (Perturber(run, seed).copies(pairs)[1] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_records_of_the_run_read_as_before(run: Run) -> None:
    """What is shown of others does not depend on the copies."""
    pairs = [(left, rights[0], run.candidates(left)) for left, rights in sorted(run.linked.items())]
    right, _ = Perturber(run, 0).copies(pairs)
    plain, extended = run.questions(), run.questions(right)
    for left, partner, _ in pairs:
        assert shown(run, plain, left, partner) == shown(run, extended, left, partner)


def test_without_anything_to_change_there_is_no_copy(run: Run) -> None:
    strangers: list[tuple[int, int, list[int]]] = [
        (left, int(run.evidence.right[run.rows(left)[-1]]), []) for left in range(10)
    ]
    right, copies = Perturber(run, 0).copies([])
    assert (right, copies) == (run.right, [])
    assert None in Perturber(run, 0).copies(strangers)[1]
