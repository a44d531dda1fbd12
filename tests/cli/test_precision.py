"""``--precision`` and the worklist, by real runs of the example: what is linked, left and told."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import kgalign as package
from kgalign.config import load_config
from tests.cli.run_folders import CARBON, KOHLENSTOFF, files_of, links_of
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair

EXAMPLE = Path(__file__).parents[2] / "examples" / "countries"
WORDS = ("run", EXAMPLE / "left.ttl", EXAMPLE / "right.jsonld", "--config", EXAMPLE / "config.toml", "-o")
FROM_ASSIGN = {
    *("assign", "verdicts.parquet", "worklist", "worklist.csv", "vocabularies", "links"),
    *("fuse", "fused.ttl", "fused.trig", "conflicts.parquet", "report.html"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, kgalign: Kgalign) -> Path:
    """A finished run of the example without a promise, not to be changed."""
    run = tmp_path_factory.mktemp("example") / "run"
    assert kgalign(*WORDS, run, "-q").returncode == 0
    return run


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory, kgalign: Kgalign, doubtful: Pair) -> Path:
    """The same of two catalogues in which many links are in doubt."""
    run = tmp_path_factory.mktemp("careless") / "run"
    assert kgalign("run", doubtful.left, doubtful.right, "-o", run, "-q").returncode == 0
    return run


def more_than(run: Path) -> float:
    """A precision half-way from what is expected of a run to all."""
    expected = float(assigned(run)["figures"]["expected_precision"])
    return round((expected + 1) / 2, 6)


def work_of(run: Path) -> list[dict[str, str]]:
    """The rows of the worklist."""
    with (run / "worklist.csv").open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def assigned(run: Path) -> dict[str, Any]:
    """What ``run.json`` says of the assignment."""
    record = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]["assign"]
    assert isinstance(record, dict)
    return record


def chances(run: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """Outcome and probability of each pair that was judged."""
    rows = pq.read_table(run / "verdicts.parquet", columns=["left", "right", "outcome", "probability"])
    return {(row["left"], row["right"]): (row["outcome"], row["probability"]) for row in rows.to_pylist()}


def test_a_promise_holds_back_the_least_sure_links_and_redoes_nothing_before(
    whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    run, high = Path(shutil.copytree(whole, tmp_path / "run")), more_than(whole)
    done = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]
    result = kgalign(*WORDS, run, "--precision", high)
    assert (result.returncode, result.stderr) == (0, "")
    again = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]
    assert {name for name in again if again[name]["fingerprint"] != done[name]["fingerprint"]} == FROM_ASSIGN

    before, kept = links_of(whole), links_of(run)
    pairs = chances(run)
    probabilities = [pairs[pair][1] for pair in kept]
    held = sorted(before - kept)
    assert kept < before
    assert sum(probabilities) / len(kept) >= high > sum(pairs[pair][1] for pair in before) / len(before)
    assert max(pairs[pair][1] for pair in held) < min(probabilities)
    assert {pairs[pair][0] for pair in held} == {"undecided"}
    assert not {left for left, _ in held} & {quad[0] for quad in kept}

    figures = assigned(run)["figures"]
    assert figures["links"] == len(kept)
    assert figures["held_back"] == len(held)
    assert figures["expected_precision"] == pytest.approx(sum(probabilities) / len(kept))
    assert figures["expected_missed"] > assigned(whole)["figures"]["expected_missed"]
    said = re.search(r"Expected: ([\d.]+)% of (\d+) links found here are right; about", result.stdout)
    assert said
    assert int(said[2]) == len(kept)
    assert high - 1e-4 <= float(said[1]) / 100 <= figures["expected_precision"]
    assert re.search(rf"Held back: {len(held)} links? more, for a precision of {high};", result.stdout)

    listed = {(row["left"], row["right"]): row for row in work_of(run)}
    assert all(listed[pair]["linked"] == "no" for pair in held)

    # The same again is nothing, and without the promise all is as it was.
    assert "Nothing to do" in kgalign(*WORDS, run, "--precision", high).stdout
    assert kgalign(*WORDS, run, "-q").returncode == 0
    assert files_of(run) == files_of(whole)


def test_a_promise_that_nothing_keeps_links_nothing(
    careless: Path, doubtful: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = Path(shutil.copytree(careless, tmp_path / "run"))
    result = kgalign("run", doubtful.left, doubtful.right, "-o", run, "--precision", "0.9999999")
    assert (result.returncode, result.stderr) == (0, "")
    assert not links_of(run)
    assert "expected_precision" not in assigned(run)["figures"]
    assert f"Held back: {len(links_of(careless))} links more, for a precision of 0.9999999;" in result.stdout
    assert re.search(r"Expected: about [\d.,]+ left entities without a link have a partner", result.stdout)


def test_the_list_holds_each_left_entity_once_the_likeliest_mistake_first(careless: Path) -> None:
    rows = work_of(careless)
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, len(rows) + 1)]
    assert len({row["left"] for row in rows}) == len(rows)
    doubts = [float(row["doubt"]) for row in rows]
    assert doubts == sorted(doubts, reverse=True)
    pairs, links = chances(careless), links_of(careless)
    undecided = {left for (left, _), (outcome, _) in pairs.items() if outcome == "undecided"}
    assert undecided
    assert undecided <= {row["left"] for row in rows}
    for row in rows:
        pair = row["left"], row["right"]
        assert (row["linked"] == "yes") == (pair in links)
        assert float(row["probability"]) == pytest.approx(pairs[pair][1], abs=1e-6)


@pytest.mark.parametrize("value", ["1", "0", "-0.5", "95", "95%", "nan", "inf", "many", ""])
def test_what_is_no_share_gets_one_line(tmp_path: Path, kgalign: Kgalign, value: str) -> None:
    assert_one_line(kgalign(*WORDS, tmp_path / "run", "--precision", value), "--precision must be")
    assert not (tmp_path / "run").exists()


def test_a_file_may_promise_too(tmp_path: Path, kgalign: Kgalign, whole: Path) -> None:
    high = more_than(whole)
    text = (EXAMPLE / "config.toml").read_text(encoding="utf8")
    config = tmp_path / "config.toml"
    config.write_text(text.replace("[assign]", f"[assign]\nprecision = {high}"), encoding="utf8")
    assert load_config(config).assign.precision == high
    left, right = EXAMPLE / "left.ttl", EXAMPLE / "right.jsonld"
    result = package.align(left, right, config)
    assert result.expected["expected_precision"] >= high
    assert result.expected["held_back"] == len(links_of(whole)) - len(result)
    assert result.worklist().column_names[:5] == ["rank", "left", "right", "linked", "probability"]
    assert result.worklist().num_rows


def test_it_is_kept_by_the_probabilities_after_the_votes(
    doubtful: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run, target = tmp_path / "run", 0.97
    words = ("run", doubtful.left, doubtful.right, "-o", run, "--judge", "scripted", "-q")
    assert kgalign(*words).returncode == 0
    evidence = (run / "stages" / "judge" / "probability.npy").read_bytes()
    before = links_of(run)
    assert kgalign(*words, "--precision", target).returncode == 0
    assert (run / "stages" / "judge" / "probability.npy").read_bytes() == evidence
    kept, pairs = links_of(run), chances(run)
    assert set() < kept < before
    assert sum(pairs[pair][1] for pair in kept) / len(kept) >= target
    assert sum(pairs[pair][1] for pair in before) / len(before) < target


def test_a_merge_that_was_taken_back_is_not_to_be_looked_at(run: Path, kgalign: Kgalign) -> None:
    before = assigned(run)["figures"]["links"]
    assert kgalign("unmerge", run, CARBON).returncode == 0
    assert not [row for row in work_of(run) if (row["left"], row["right"]) == (CARBON, KOHLENSTOFF)]
    assert assigned(run)["figures"]["links"] == before - 1
