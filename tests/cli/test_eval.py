import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.records import Outcome
from tests.conftest import Pair
from tests.evaluate.small import alignment, candidates, profile, run_folder, verdicts

LEFT = profile(["http://l/0", "http://l/1", "http://l/2"], ["[red]Aachen[/red]", "Bonn", "Celle"])
RIGHT = profile(["http://r/0", "http://r/1", "http://r/2"], ["Aachen", "Bonn\x1b[31m", "Celle"])
GOLD = "".join(f"http://l/{i}\thttp://r/{i}\n" for i in range(3))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "gold.tsv").write_text(GOLD)
    return run_folder(
        tmp_path / "run",
        select_left=LEFT,
        select_right=RIGHT,
        retrieve=candidates([(0, 0, 1, 0), (1, 2, 1, 1), (1, 1, 2, 0)]),
        judge=verdicts([(0, 0, 0.9), (1, 2, 0.8), (1, 1, 0.7)]),
        assign=alignment([(0, 0, 0.9, Outcome.MATCH), (1, 2, 0.8, Outcome.MATCH)]),
    )


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["eval", *map(str, arguments)], terminal_width=200)
    return result.exit_code, result.output


def test_json_has_everything(run: Path) -> None:
    code, text = call(run, "--gold", run.parent / "gold.tsv", "--json")
    assert code == 0
    told = json.loads(text)
    assert told["scores"] == {
        "predicted": 2,
        "counted": 2,
        "gold": 3,
        "right": 1,
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(0.4),
    }
    assert told["retrieved"]["hits_at_1"] == pytest.approx(1 / 3)
    assert told["missed_because"] == {"lost in assignment": 1, "not retrieved": 1}


def test_the_terminal_shows_scores_and_errors_and_no_markup_of_the_data(run: Path) -> None:
    code, text = call(run, "--gold", run.parent / "gold.tsv", "--full")
    assert code == 0
    for expected in (
        "precision",
        "0.5000",
        "Hits@1",
        "recall at k",
        "calibration error",
        "lost in assignment",
    ):
        assert expected in text
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_f1_and_the_kinds_of_errors_come_first_and_the_rest_where_it_is_wanted(run: Path) -> None:
    code, text = call(run, "--gold", run.parent / "gold.tsv")
    assert code == 0
    assert text.splitlines()[:4] == [
        "F1 0.4000, precision 0.5000, recall 0.3333",
        "2 links, 2 counted, 1 right; 3 gold pairs (gold taken for a sample)",
        "Wrong links: 1",
        "Missed pairs: 2, of which 1 not retrieved, 1 lost in assignment",
    ]
    assert len(text.splitlines()) < 30
    assert "Hits@1" not in text
    whole = call(run, "--gold", run.parent / "gold.tsv", "--full")[1]
    assert whole.splitlines()[:4] == text.splitlines()[:4]
    assert "--full" in text and "--full" not in whole


def test_links_that_were_gained_and_lost_are_named(run: Path) -> None:
    old = run_folder(
        run.parent / "old",
        select_left=LEFT,
        select_right=RIGHT,
        assign=alignment([(0, 0, 0.9, Outcome.MATCH), (2, 2, 0.9, Outcome.MATCH)]),
    )
    text = call(run, "--gold", run.parent / "gold.tsv", "--against", old)[1]
    assert "1 gained (0 right, 1 wrong, 0 not in the gold); 1 lost (1 right," in text
    lost, gained = text.split("no longer linked, and right\n")[1].split("1 link newly linked, and wrong\n")
    assert [line.split() for line in lost.splitlines() if line] == [
        ["Celle", "http://l/2"],
        ["~", "Celle", "http://r/2"],
    ]
    assert [line.split() for line in gained.splitlines()[:2]] == [
        ["Bonn", "http://l/1"],
        ["~", "Celle", "http://r/2"],
    ]
    text = call(run, "--gold", run.parent / "gold.tsv", "--against", old, "--worst", 0)[1]
    assert "and 1 more" in text


def test_against_an_older_run(run: Path) -> None:
    old = run_folder(
        run.parent / "old",
        select_left=LEFT,
        select_right=RIGHT,
        assign=alignment([(2, 2, 0.9, Outcome.MATCH)]),
    )
    code, text = call(run, "--gold", run.parent / "gold.tsv", "--against", old, "--json")
    assert code == 0
    told = json.loads(text)["against"]
    assert told["gained_right"] == [["http://l/0", "http://r/0"]]
    assert told["lost_right"] == [["http://l/2", "http://r/2"]]
    assert "Against the older run" in call(run, "--gold", run.parent / "gold.tsv", "--against", old)[1]


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ("http://l/0 http://r/0\n", "line 1 has no tab"),
        ("http://x/0\thttp://r/0\n", "No left IRI of the gold"),
        ("", "holds no links"),
    ],
)
def test_bad_gold_is_one_sentence_and_exit_code_2(run: Path, gold: str, said: str) -> None:
    (run.parent / "gold.tsv").write_text(gold)
    code, text = call(run, "--gold", run.parent / "gold.tsv")
    assert code == 2
    assert said in text
    assert text.count("\n") == 1


def test_a_folder_that_is_no_run_is_exit_code_2(run: Path, tmp_path: Path) -> None:
    code, text = call(tmp_path / "none", "--gold", run.parent / "gold.tsv")
    assert code == 2
    assert "not a run folder" in text


def test_a_run_of_real_graphs_is_scored(
    elements: Pair, kgalign: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    assert kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "-q").returncode == 0
    result = kgalign("eval", tmp_path / "run", "--gold", elements.gold, "--closed", "--json")
    told = json.loads(result.stdout)
    assert told["scores"]["gold"] == len(elements.links)
    assert told["scores"]["f1"] > 0.9
    assert told["recall"]["union"]["any"] == 1.0
