"""Laws of a whole alignment, on real files."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kgalign
from kgalign.config import Config
from kgalign.run import start
from tests.judge.generate import write_people

Links = set[tuple[str, str]]
few = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def links(left: list[Path], right: list[Path]) -> Links:
    return {(a, b) for a, b, _ in kgalign.align(left, right).links()}


@few
@given(seed=st.integers(0, 1000))
def test_the_order_of_statements_and_files_does_not_change_the_links(tmp_path: Path, seed: int) -> None:
    pair = write_people(tmp_path / f"{seed}", 60, partnered=0.8, seed=seed)
    lines = pair.left.read_text(encoding="utf8").splitlines()
    random.Random(seed).shuffle(lines)
    parts = []
    for number, some in enumerate((lines[: len(lines) // 3], lines[len(lines) // 3 :])):
        parts.append(tmp_path / f"{seed}" / f"part{1 - number}.nt")
        parts[-1].write_text("\n".join(some) + "\n", encoding="utf8")
    assert links(parts, [pair.right]) == links([pair.left], [pair.right])


@few
@given(seed=st.integers(0, 1000))
def test_aligned_with_itself_a_graph_gives_the_identity(tmp_path: Path, seed: int) -> None:
    pair = write_people(tmp_path / f"{seed}", 40, seed=seed)
    found = links([pair.left], [pair.left])
    assert found == {(a, a) for a, _ in found}
    assert len(found) == 40


@few
@given(seed=st.integers(0, 1000), partnered=st.sampled_from([0.4, 1.0]))
def test_one_to_one_holds(tmp_path: Path, seed: int, partnered: float) -> None:
    pair = write_people(tmp_path / f"{seed}", 50, partnered=partnered, noise=0.4, seed=seed)
    config = {"assign": {"cardinality": "one-to-one"}}
    found = {(a, b) for a, b, _ in kgalign.align(pair.left, pair.right, config).links()}
    for side in (0, 1):
        assert max(Counter(link[side] for link in found).values(), default=1) == 1


def test_log_odds_are_sums_and_probabilities_their_logistic_function(tmp_path: Path) -> None:
    pair = write_people(tmp_path, 80, partnered=0.7, seed=5)
    verdicts = kgalign.align(pair.left, pair.right).verdicts
    assert verdicts.contribution.sum(axis=1) == pytest.approx(verdicts.log_odds, abs=1e-3)
    assert 1 / (1 + np.exp(-verdicts.log_odds)) == pytest.approx(verdicts.probability, abs=1e-4)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    pair = write_people(tmp_path, 60, partnered=0.8, seed=9)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        start.run(pair.left, pair.right, folder, Config())
    first, second = (
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in {"run.json", ".lock"}
        }
        for folder in folders
    )
    assert len(first) > 10
    assert first == second
