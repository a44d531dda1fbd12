"""Clusters that would be too large: ``auto`` cuts what it found; what was asked for or given ends a run."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kgalign.config import as_config
from kgalign.errors import InputError
from kgalign.run import again, start
from tests.cli.run_folders import SAME_AS, A, B, files_of, fused_of, links_of
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair

STUFF = ("ruby", "walnut", "brass", "copper", "linen", "oak", "marble", "velvet")
KINDS = ("lamp", "vase", "table", "chair", "kettle")
THINGS = len(STUFF) * len(KINDS)
COPIES = 4
MOST = 3


def _records(base: str, copies: int) -> str:
    """Each thing so many times, in other letters or with a number after its name."""
    lines = []
    for n in range(THINGS):
        name = f"{STUFF[n % len(STUFF)]} {KINDS[n // len(STUFF)]} {n * 7919 % 997}"
        for copy, text in enumerate([name, name.upper(), f"{name} (2)", f"{name} (3)"][:copies]):
            lines.append(f'<{base}{n}-{copy}> <{base}name> "{text}" .')
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A left side that holds each thing once, and a right one that holds it four times."""
    folder = tmp_path_factory.mktemp("records")
    paths = folder / "left.ttl", folder / "right.ttl"
    for path, base, copies in zip(paths, (A, B), (1, COPIES), strict=True):
        path.write_text(_records(base, copies), encoding="utf8")
    return paths


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a small bound."""
    path = tmp_path / "small.toml"
    path.write_text(f"[fuse]\nmax_cluster = {MOST}\n", encoding="utf8")
    return path


def _assigned(run: Path) -> dict[str, Any]:
    step = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]["assign"]
    assert isinstance(step, dict)
    return step


def test_auto_cuts_them_and_says_so(
    files: tuple[Path, Path], config: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    start.run(*files, whole, as_config(None))
    assert max(Counter(a for a, _ in links_of(whole)).values()) == COPIES
    result = kgalign("run", *files, "-o", run, "--config", config)
    assert (result.returncode, result.stderr) == (0, "")
    links, cut = links_of(run), links_of(whole) - links_of(run)
    assert links < links_of(whole)
    assert max(Counter(a for a, _ in links).values()) == MOST - 1
    # Each thing keeps as many as there is room for.
    assert Counter(a for a, _ in links) == {
        a: min(count, MOST - 1) for a, count in Counter(a for a, _ in links_of(whole)).items()
    }
    stars = Counter(a for a, _ in links_of(whole))
    clusters = sum(count > MOST - 1 for count in stars.values())
    told = (
        f"Warning: {clusters} clusters of more than {MOST} nodes were cut: {len(cut)} links became undecided"
    )
    assert told in result.stdout
    assert told.removeprefix("Warning: ") in _assigned(run)["notes"]["assign 1"]
    assert _assigned(run)["counts"]["cut_oversize"] == len(cut)
    same = Counter(quad.subject for quad in fused_of(run) if quad.predicate.value == SAME_AS)
    assert max(same.values()) == MOST - 1


def test_what_was_cut_is_left_to_people(
    files: tuple[Path, Path], config: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    start.run(*files, run, as_config(config))
    start.run(*files, whole, as_config(None))
    rows = pq.read_table(run / "verdicts.parquet").to_pylist()
    undecided = {
        (row["left"], row["right"]): row["probability"] for row in rows if row["outcome"] == "undecided"
    }
    cut = links_of(whole) - links_of(run)
    assert cut <= set(undecided)
    assert all(undecided[pair] >= 0.5 for pair in cut)
    kept = {(row["left"], row["right"]): row["log_odds"] for row in rows if row["outcome"] == "match"}
    weights = {(row["left"], row["right"]): row["log_odds"] for row in rows}
    for a, b in cut:
        assert weights[a, b] <= min(odds for (left, _), odds in kept.items() if left == a)


def test_a_cardinality_that_was_asked_for_is_not_overruled(
    files: tuple[Path, Path], config: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    options = ("--config", config, "--cardinality", "one-to-many", "-q")
    result = kgalign("run", *files, "-o", tmp_path / "run", *options)
    assert_one_line(result, f"one thing of {COPIES + 1} nodes", "fuse.max_cluster", "--cardinality to auto")


def test_links_that_were_given_are_never_cut(
    files: tuple[Path, Path], config: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    known = tmp_path / "known.tsv"
    known.write_text("".join(f"{A}7-0\t{B}7-{copy}\n" for copy in range(MOST)), encoding="utf8")
    options = ("--config", config, "--known", known, "-q")
    result = kgalign("run", *files, "-o", tmp_path / "run", *options)
    assert_one_line(result, f"one thing of {MOST + 1} nodes", f"{A}7-0", "kgalign unmerge")
    given = {(f"{A}7-0", f"{B}7-{copy}") for copy in range(MOST)}
    assert {pair for pair in links_of(tmp_path / "run") if pair[0] == f"{A}7-0"} == given
    assert kgalign("unmerge", tmp_path / "run", f"{A}7-0", f"{B}7-2", "-q").returncode == 0


def test_another_bound_gives_what_a_fresh_run_gives(
    files: tuple[Path, Path], config: Path, tmp_path: Path
) -> None:
    run, fresh = tmp_path / "run", tmp_path / "fresh"
    start.run(*files, run, as_config(None))
    start.run(*files, fresh, as_config(config))
    done = set(again.fuse_again(run, flags={"fuse.max_cluster": MOST}).done)
    assert {"assign", "links", "fuse"} <= done
    assert "judge" not in done
    assert files_of(run) == files_of(fresh)
    assert start.run(*files, run, as_config(config)).done == ()


def test_a_bound_that_cannot_be_held_to_changes_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    known = tmp_path / "known.tsv"
    known.write_text("".join(f"{A}7-0\t{B}7-{copy}\n" for copy in range(MOST)), encoding="utf8")
    run = tmp_path / "run"
    start.run(*files, run, as_config({"judge": {"known": [str(known)]}}))
    before = files_of(run)
    with pytest.raises(InputError, match=f"one thing of {MOST + 1} nodes"):
        again.fuse_again(run, flags={"fuse.max_cluster": MOST})
    assert files_of(run) == before
    assert again.fuse_again(run).done == ()


def test_taking_a_link_back_brings_none_back_that_was_cut(
    files: tuple[Path, Path], config: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    start.run(*files, run, as_config(config))
    before = links_of(run)
    taken = min(before)
    again.take_back(run, *taken)
    assert links_of(run) == before - {taken}
    again.merge_again(run, *taken)
    assert links_of(run) == before


def test_one_record_of_a_thing_is_cut_nowhere(elements: Pair, tmp_path: Path) -> None:
    start.run(elements.left, elements.right, tmp_path / "run", as_config({"fuse": {"max_cluster": 2}}))
    step = _assigned(tmp_path / "run")
    assert not {"cut_loose", "cut_oversize"} & set(step["counts"])
    assert not [name for name in step["notes"] if name.startswith("assign ")]
