"""The command that estimates: on a real run, with gold and with people."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.decisions import FILE, Decision, Decisions, Verdict
from tests.cli.run_folders import links_of


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["estimate", *map(str, arguments)], terminal_width=200)
    return result.exit_code, result.output


def told(*arguments: object) -> dict[str, Any]:
    code, text = call(*arguments, "--json")
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    return found


def asked(run: Path, number: int, *arguments: object) -> list[tuple[str, str]]:
    """The pairs to look at next."""
    file = run.parent / "next.csv"
    code, text = call(run, "--next", file, "--looks", number, *arguments)
    assert code == 0, text
    assert f"{number} case" in text
    with file.open(encoding="utf8", newline="") as lines:
        return [(row["left"], row["right"]) for row in csv.DictReader(lines)]


def decide(run: Path, pairs: list[tuple[str, str]], verdict: Verdict = Verdict.SAME) -> None:
    with Decisions.open(run / FILE) as store:
        store.add([Decision(left, right, verdict, by="Ada") for left, right in pairs])


def test_people_look_where_they_are_asked_and_it_counts(run: Path) -> None:
    nothing = told(run)
    assert (nothing["linked_looks"], nothing["outside"]) == (0, 0)
    assert nothing["precision"]["high"] - nothing["precision"]["low"] > 0.5
    assert "Nobody looked yet" in call(run)[1]
    pairs = asked(run, 8, "--for", "precision")
    assert set(pairs) <= links_of(run)
    decide(run, pairs)
    after = told(run)
    assert "Nobody looked yet" not in call(run)[1]
    assert (after["linked_looks"], after["outside"]) == (8, 0)
    assert after["precision"]["value"] > 0.9
    assert after["precision"]["low"] > nothing["precision"]["low"] + 0.2
    assert not set(asked(run, 8, "--for", "precision")) & set(pairs)


def test_what_people_liked_to_look_at_is_no_sample(run: Path) -> None:
    order = asked(run, len(links_of(run)), "--for", "precision")
    decide(run, order[-3:])
    found = told(run)
    assert (found["linked_looks"], found["outside"]) == (0, 3)
    assert "3 cases known outside the order" in call(run)[1]
    assert found["precision"]["low"] >= 3 / len(order)
    assert set(order[-3:]) <= links_of(run)


def test_a_wrong_link_is_counted_and_what_else_it_may_be_is_asked(run: Path) -> None:
    [pair] = asked(run, 1, "--for", "precision")
    before = told(run)["precision"]["high"]
    decide(run, [pair], Verdict.DIFFERENT)
    assert told(run)["precision"]["high"] < before
    again = asked(run, len(links_of(run)))
    assert pair not in again
    assert [each for each in again if each[0] == pair[0]], "another candidate of it is shown"


def test_nothing_settles_a_case(run: Path) -> None:
    [pair] = asked(run, 1, "--for", "precision")
    decide(run, [(pair[0], "")], Verdict.NOTHING)
    assert told(run)["linked_looks"] == 1
    assert pair[0] not in {left for left, _ in asked(run, 20)}


def test_a_partner_beyond_the_candidates_lowers_the_recall_that_counts_it(run: Path) -> None:
    pairs = asked(run, 8, "--for", "precision")
    decide(run, pairs[1:])
    far = next(right for _, right in sorted(links_of(run)) if not _judged(run, pairs[0][0], right))
    decide(run, [(pairs[0][0], far)])
    found = told(run)
    assert found["recall_beyond"]["value"] < found["recall"]["value"]
    assert "with what people found beyond" in call(run)[1]


def _judged(run: Path, left: str, right: str) -> bool:
    import pyarrow.parquet as pq

    rows = pq.read_table(run / "verdicts.parquet", columns=["left", "right"]).to_pylist()
    return any((row["left"], row["right"]) == (left, right) for row in rows)


def test_gold_answers_and_the_same_call_says_the_same(run: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.tsv"
    gold.write_text("".join(f"{a}\t{b}\n" for a, b in sorted(links_of(run))), encoding="utf8")
    found = told(run, "--labels", gold, "--looks", 1000)
    assert found["precision"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["recall"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["certificates"][0]["certified"]
    assert call(run, "--labels", gold, "--looks", 10) == call(run, "--labels", gold, "--looks", 10)
    assert "Certified: of the" in call(run, "--labels", gold, "--looks", 1000)[1]
    assert "Not certified yet" in call(run, "--labels", gold, "--looks", 3)[1]


def test_gold_of_other_graphs_is_one_sentence_and_exit_code_2(run: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.tsv"
    gold.write_text("http://x.example/1\thttp://y.example/1\n", encoding="utf8")
    code, text = call(run, "--labels", gold)
    assert code == 2
    assert "names an entity of each side" in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("options", [["--precision", "1.5"], ["--confidence", "1"], ["--looks", "-1"]])
def test_numbers_out_of_range_are_refused(run: Path, options: list[str]) -> None:
    assert call(run, *options)[0] == 2
