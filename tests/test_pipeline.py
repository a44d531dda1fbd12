"""What each step depends on, and that a run gives the same whichever way it came about."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from kgalign import pipeline
from kgalign.config import Config, as_config
from kgalign.errors import InputError, RunError
from kgalign.records import Alignment, Candidates, Outcome, Profile, Verdicts
from kgalign.run import start
from kgalign.run.folder import RunFolder
from kgalign.run.inputs import gather
from kgalign.run.steps import Inputs, Work, fingerprints
from tests.conftest import Pair


def _prints(inputs: Inputs) -> dict[str, str]:
    return fingerprints(pipeline.steps(with_gold=True), inputs)


def _changed(pair: Pair, config: dict[str, Any], gold: tuple[Path, ...] = ()) -> set[str]:
    """Steps whose fingerprint differs from that of the defaults."""
    before = _prints(gather(pair.left, pair.right, Config()))
    after = _prints(gather(pair.left, pair.right, as_config(config), gold))
    return {name for name in before if before[name] != after[name]}


ALL = {step.name for step in pipeline.steps(with_gold=True)} - {"names"}
"""Without what follows from the run before alone."""
FROM_FUSE = {"fuse", "fused.ttl", "fused.trig", "conflicts.parquet", "report.html"}
FROM_ASSIGN = {"assign", "verdicts.parquet", "worklist", "worklist.csv", "links", "vocabularies"} | FROM_FUSE
FROM_ASK = {"ask"} | FROM_ASSIGN
FROM_JUDGE = {"learn", "judge", "student"} | FROM_ASK
FROM_RETRIEVE = {"retrieve", "recall", "candidates.parquet"} | FROM_JUDGE
READ = {"read-left", "read-right"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, set()),
        ({"fuse": {"canonical": "right"}}, FROM_FUSE),
        ({"fuse": {"policy": "Voting"}}, FROM_FUSE),
        ({"fuse": {"provenance": "none"}}, {"fused.trig"}),
        ({"assign": {"precision": 0.9}}, FROM_ASSIGN),
        ({"fuse": {"max_cluster": 50}}, FROM_ASSIGN),
        ({"judge": {"iterations": 5}}, FROM_JUDGE),
        ({"judge": {"judge": "scripted"}}, FROM_ASK),
        ({"votes": {"max_votes": 5}}, set()),
        ({"judge": {"judge": "llm"}, "votes": {"ask": "none"}}, set()),
        ({"retrieve": {"k": 5}}, FROM_RETRIEVE),
        ({"seed": 1}, FROM_RETRIEVE),
        ({"select": {"left_types": ["http://a.example/T"]}}, ALL - READ - {"select-right"}),
        ({"select": {"ignore_iri_names": True}}, ALL - READ),
    ],
)
def test_an_option_changes_what_depends_on_it_and_nothing_else(
    elements: Pair, config: dict[str, Any], expected: set[str]
) -> None:
    assert _changed(elements, config) == expected


def test_cardinality_leaves_what_comes_before_the_judge(elements: Pair) -> None:
    changed = _changed(elements, {"assign": {"cardinality": "one-to-one"}})
    assert FROM_ASSIGN <= changed <= FROM_JUDGE


def test_how_large_a_cluster_may_be_counts_for_links_only_where_these_are_cut(elements: Pair) -> None:
    said = {"assign": {"cardinality": "many-to-many"}}
    before, after = (
        _prints(gather(elements.left, elements.right, as_config({**said, "fuse": fuse})))
        for fuse in ({}, {"max_cluster": 50})
    )
    assert {name for name in before if before[name] != after[name]} == FROM_FUSE


def test_known_links_and_gold_count_by_their_contents(elements: Pair, tmp_path: Path) -> None:
    copy = Path(shutil.copy(elements.gold, tmp_path / "copy.tsv"))
    assert _changed(elements, {"judge": {"known": [str(elements.gold)]}}) == FROM_JUDGE
    assert _changed(elements, {}, (elements.gold,)) == {"recall"}
    first, second = (
        _prints(gather(elements.left, elements.right, Config(), (gold,))) for gold in (elements.gold, copy)
    )
    assert first == second


def test_more_files_of_one_side_leave_the_other_alone(elements: Pair) -> None:
    changed = _changed(elements, {"read": {"left_also": [str(elements.right)]}})
    assert changed == ALL - {"read-right", "select-right"}


def test_the_order_of_files_does_not_count(elements: Pair) -> None:
    def prints(first: Path, second: Path) -> dict[str, str]:
        config = as_config({"read": {"left_also": [str(second)]}})
        return _prints(gather(first, elements.right, config))

    assert prints(elements.left, elements.right) == prints(elements.right, elements.left)


def test_each_step_comes_after_those_it_needs() -> None:
    seen: set[str] = set()
    for step in pipeline.steps(with_gold=True):
        assert {need.name for need in step.needs} <= seen
        assert step.stage in pipeline.STAGES
        seen.add(step.name)


def _outputs(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in {"run.json", ".lock"}
    }


def test_a_run_holds_what_each_stage_found(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    start.run(elements.left, elements.right, run, gold=[elements.gold])
    folder = RunFolder(run)
    left, right = folder.load("select-left", Profile), folder.load("select-right", Profile)
    candidates, verdicts = folder.load("retrieve", Candidates), folder.load("judge", Verdicts)
    alignment = folder.load("assign", Alignment)
    assert (len(left), len(right)) == (27, 27)
    links = {
        (left.entity_iri[a].as_py(), right.entity_iri[b].as_py())
        for a, b, outcome in zip(
            alignment.left.tolist(), alignment.right.tolist(), alignment.outcome, strict=True
        )
        if outcome == Outcome.MATCH
    }
    assert links == elements.links
    lines = (run / "links.nt").read_text(encoding="utf8").splitlines()
    assert lines == sorted(f"<{a}> <http://www.w3.org/2002/07/owl#sameAs> <{b}> ." for a, b in elements.links)
    assert pq.read_table(run / "candidates.parquet").num_rows == len(candidates)
    rows = pq.read_table(run / "verdicts.parquet").to_pylist()
    assert len(rows) == len(verdicts)
    assert {(row["left"], row["right"]) for row in rows if row["outcome"] == "match"} == links
    for row in rows:
        parts = sum(value for name, value in row.items() if name.startswith("log_odds: "))
        assert parts == pytest.approx(row["log_odds"], abs=1e-3)


def test_the_same_seed_gives_the_same_bytes(elements: Pair, tmp_path: Path) -> None:
    for name in ("one", "two"):
        start.run(elements.left, elements.right, tmp_path / name, as_config({"seed": 3}))
    assert _outputs(tmp_path / "one") == _outputs(tmp_path / "two")


def test_an_option_and_back_gives_the_bytes_of_a_fresh_run(elements: Pair, tmp_path: Path) -> None:
    fresh, used = tmp_path / "fresh", tmp_path / "used"
    start.run(elements.left, elements.right, fresh)
    changes: list[dict[str, Any]] = [
        {"retrieve": {"k": 3}},
        {"assign": {"precision": 0.99}},
        {"fuse": {"canonical": "mint"}},
        {"seed": 9},
        {},
    ]
    random.Random(7).shuffle(changes)
    for change in (*changes, {}):
        start.run(elements.left, elements.right, used, as_config(change))
    assert _outputs(used) == _outputs(fresh)


def test_an_edited_input_is_read_again(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    start.run(elements.left, elements.right, run)
    text = elements.left.read_text(encoding="utf8")
    elements.left.write_text(text.replace('"Iron"@en', '"Steel"@en'), encoding="utf8")
    again = start.run(elements.left, elements.right, run)
    assert {"read-left", "select-left", "judge", "fused.ttl"} <= set(again.done)
    assert "read-right" in again.kept


def test_force_redoes_everything(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = start.run(elements.left, elements.right, run)
    again = start.run(elements.left, elements.right, run, force=True)
    assert again.done == first.done


def test_deleted_stages_come_back_when_they_are_needed(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    start.run(elements.left, elements.right, run)
    before = _outputs(run)
    shutil.rmtree(run / "stages")
    start.run(elements.left, elements.right, run)
    assert _outputs(run) == before


def test_in_memory_gives_what_the_run_folder_gives(elements: Pair, tmp_path: Path) -> None:
    start.run(elements.left, elements.right, tmp_path / "run")
    stored = RunFolder(tmp_path / "run").load("assign", Alignment)
    work = Work(gather(elements.left, elements.right, Config()))
    computed = work.get(pipeline.ASSIGN)
    for name in ("left", "right", "probability", "outcome", "verdict"):
        assert np.array_equal(getattr(stored, name), getattr(computed, name))


def test_nothing_is_written_before_the_inputs_are_found(elements: Pair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.ttl"):
        start.run(elements.left, tmp_path / "none.ttl", tmp_path / "run")
    with pytest.raises(InputError, match=r"none\.tsv"):
        start.run(elements.left, elements.right, tmp_path / "run", gold=[tmp_path / "none.tsv"])
    assert not (tmp_path / "run").exists()


def test_a_run_belongs_to_its_inputs(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    start.run(elements.left, elements.right, run)
    with pytest.raises(RunError, match="its left side is"):
        start.run(elements.right, elements.left, run)


def test_progress_is_told_of_work(elements: Pair, tmp_path: Path, watcher: Callable[[], Any]) -> None:
    watch = watcher()
    start.run(elements.left, elements.right, tmp_path / "run", progress=watch)
    assert any("left.ttl" in name for name in watch.names)
    assert watch.open == 0
