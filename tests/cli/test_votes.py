"""``kgalign votes``: what people see of a ledger, and what programs do."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import rdflib
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.ledger import FILE, Ledger
from kgalign.ledger.statistics import summarise
from kgalign.records.votes import Status
from tests.ledger.small_ledger import (
    BERLIN,
    BLANK,
    HOSTILE,
    LIMA,
    OSLO,
    PAIR,
    PARIS,
    R1,
    R2,
    R3,
    R4,
    ROME,
    write,
)

KG = rdflib.Namespace("https://w3id.org/kgalign#")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("votes") / "run")


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["votes", *map(str, arguments)], terminal_width=200)
    return result.exit_code, result.output


def listed(run: Path, *arguments: object) -> list[dict[str, Any]]:
    """The votes that pass, from JSON; the same number of lines is shown to people."""
    code, text = call("list", run, *arguments, "--json")
    assert code == 0, text
    shown, lines = call("list", run, *arguments)
    assert shown == 0
    assert len(lines.splitlines()) == len(text.splitlines()) + 1
    assert "\x1b" not in lines
    return [json.loads(line) for line in text.splitlines()]


def rounds(run: Path, *arguments: object) -> list[tuple[str, int]]:
    return [(each["case"], each["number"]) for each in listed(run, *arguments)]


def test_list_gives_every_vote_of_the_latest_judging_by_case_and_round(run: Path) -> None:
    with Ledger.open(run / FILE, write=False) as ledger:
        expected = [(vote.question.case, vote.question.number) for vote in ledger.votes()]
    assert rounds(run) == expected
    assert len(expected) == 17


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--status", "invented"], [(ROME, 1)]),
        (["--status", "failed", "--status", "cut-off"], [(BLANK, 0), (OSLO, 0)]),
        (["--outcome", "undecided"], [(PARIS, 0), (PARIS, 1), (PARIS, 2)]),
        (["--outcome", "not_asked"], []),
        (["--entity", BERLIN, "--round", "4"], [(BERLIN, 3)]),
        (["--entity", f"<{R3}>"], [(OSLO, 0), (PARIS, 0), (PARIS, 1), (PARIS, 2)]),
        (["--entity", BERLIN, "--entity", OSLO, "--round", "1"], [(BERLIN, 0), (PAIR, 0), (OSLO, 0)]),
        (["--flips"], [(PARIS, 0), (PARIS, 1), (PARIS, 2)]),
        (["--disagreement", "--entity", ROME], [(ROME, 0), (ROME, 3)]),
        (["--disagreement", "--flips"], [(PARIS, 1), (PARIS, 2)]),
        (["--disagreement", "--entity", BERLIN], []),
        (["--round", "4", "--limit", "2"], [(BLANK, 3), (BERLIN, 3)]),
    ],
)
def test_list_filters(run: Path, filters: list[str], expected: list[tuple[str, int]]) -> None:
    assert rounds(run, *filters) == expected


def test_list_by_case_has_those_without_votes_too(run: Path) -> None:
    found = listed(run, "--cases")
    outcomes = {each["case"]: each["decision"]["outcome"] for each in found}
    assert outcomes[LIMA] == "not_asked"
    assert [each["case"] for each in found if each["flips"]] == [PARIS]
    assert {each["case"] for each in listed(run, "--cases", "--status", "ok")} == outcomes.keys() - {
        LIMA,
        OSLO,
    }
    assert [each["case"] for each in listed(run, "--cases", "--outcome", "failed")] == [OSLO]


def test_a_judging_is_found_by_how_its_name_begins(run: Path) -> None:
    with Ledger.open(run / FILE, write=False) as ledger:
        older, latest = (judging.name for judging in ledger.judgings())
    assert rounds(run, "--judging", older[:6]) == [(BERLIN, 0)]
    assert len(rounds(run, "--judging", latest)) == 17


# --- show


def test_show_tells_the_whole_story(run: Path) -> None:
    assert "system |" not in call("show", run, ROME)[1]
    code, text = call("show", run, ROME, "--full")
    assert code == 0
    for expected in (
        "Round 1: select, left asks, attributes, template select-1: ok",
        "Round 2: select, left asks, attributes, template select-1, shortened: invented",
        "Round 4: select, right asks",
        "system | Which of these is it",
        "system | (as in round 1)",
        "cites ✓ found: 3.7 million",
        "cites ✗ not found: a river \\x1b[31m[red]",
        "0.800  http://r/4",
        "tokens: 80 read (16 of them cached), 20 written; 0.50 seconds",
        "Decision: no match, none of them, probability 0.900 (the evidence had http://r/4, 0.600)",
    ):
        assert expected in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    options = [
        line.split()[-1]
        for line in text.split("Round 2:")[1].split("Round 3:")[0].splitlines()
        if line[4:6] in ("A ", "B ")
    ]
    assert options == [R1, R4]


def test_show_of_a_right_entity_and_of_a_pair(run: Path) -> None:
    def shown(*iris: str) -> dict[str, list[int]]:
        code, text = call("show", run, *iris, "--json")
        assert code == 0
        return {
            each["case"]: [vote["number"] for vote in each["votes"]] for each in json.loads(text)["cases"]
        }

    assert shown(R2) == {BERLIN: [0, 1, 2, 3], PARIS: [0, 1, 2]}
    assert shown(PARIS, R2) == {PARIS: [0, 1, 2]}
    assert shown(R3, PARIS) == {PARIS: [0, 1]}
    assert shown(BERLIN) == {BERLIN: [0, 1, 2, 3], PAIR: [0]}
    assert shown(BERLIN, R4) == {PAIR: [0]}
    assert shown(LIMA) == {LIMA: []}
    assert shown(f"<{HOSTILE}>") == {BLANK: [0, 1, 2, 3]}


def test_show_as_json_has_question_and_answer(run: Path) -> None:
    code, text = call("show", run, ROME, "--json")
    assert code == 0
    told = json.loads(text)
    (case,) = told["cases"]
    assert told["judging"]["settings"] == {"reducer": "adaptive", "seed": 3}
    assert case["decision"]["chosen"] == "none"
    invented = case["votes"][1]
    assert invented["options"] == [R1, R4]
    assert [each["found"] for each in invented["citations"]] == [True, False]
    assert invented["messages"][0]["role"] == "system"


# --- stats


def test_stats_are_those_of_the_ledger(run: Path) -> None:
    with Ledger.open(run / FILE, write=False) as ledger:
        figures = summarise(ledger.votes(), ledger.decisions())
    code, text = call("stats", run, "--json")
    told = json.loads(text)
    assert code == 0
    assert told["votes"] == figures.votes == 17
    assert told["flips"]["contradicted"] == figures.flips.contradicted == 1
    assert told["positions"][0]["chi_square"] == pytest.approx(figures.positions[0].chi_square)
    status = {each["template"]: each["status"] for each in told["rates"]}
    assert sum(status["select-1"].values()) == 14
    assert set(status["select-1"]) == {each.value for each in Status}


def test_stats_for_people(run: Path) -> None:
    code, text = call("stats", run)
    assert code == 0
    for expected in (
        "model/1 [b] with adapter",
        "Flip rate: 50.0% (1 of 2 cases",
        "chi-square 1.29, 1 df",
        "1 not offered, 1 invented",
        "Early stop: 4 of 5 cases",
        "another partner by the votes",
        "Evidence and votes: the same in 50.0% of the settled cases",
    ):
        assert expected in text
    assert "\x1b" not in text


def test_stats_of_a_ledger_without_answers(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        ledger.begin("model", "", {})
    code, text = call("stats", tmp_path)
    assert code == 0
    assert "0 votes on 0 cases" in text
    assert call("list", tmp_path)[0] == 0


# --- export, verify


@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv", "ttl"])
def test_export_says_what_it_wrote(run: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"votes.{form}"
    code, text = call("export", run, "--format", form, "-o", path)
    assert code == 0
    assert "2 judgings" in text and "18 votes" in text
    assert path.stat().st_size > 0


def test_export_of_one_judging(run: Path, tmp_path: Path) -> None:
    with Ledger.open(run / FILE, write=False) as ledger:
        older = ledger.judgings()[0].name
    path = tmp_path / "votes.ttl"
    assert call("export", run, "--format", "ttl", "-o", path, "--judging", older)[0] == 0
    graph = rdflib.Graph().parse(path)
    assert [
        str(name)
        for node in graph.subjects(rdflib.RDF.type, KG.Judging)
        for name in graph.objects(node, KG.name)
    ] == [older]
    code, text = call("export", run, "--format", "csv", "--table", "decisions", "-o", tmp_path / "d.csv")
    assert code == 0 and "8 decisions" in text


def test_a_sound_ledger_is_verified(run: Path) -> None:
    code, text = call("verify", run)
    assert code == 0
    assert "sound: 2 judgings, 18 votes" in text


def test_a_changed_ledger_is_found_out(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / FILE, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER call_not_changed")
        connection.execute("UPDATE call SET reply = 'B' WHERE id = 1")
    code, text = call("verify", tmp_path / "run")
    assert code == 2
    assert "Call 1 is not what was written" in text
    assert text.splitlines()[-1].startswith("error: The ledger")
    assert "is damaged: it has 2 faults" in text


# --- Bad input


@pytest.mark.parametrize(
    "command", [["list"], ["show", BERLIN], ["stats"], ["verify"], ["export", "--format", "ttl"]]
)
def test_what_is_no_ledger_is_one_sentence_and_exit_code_2(tmp_path: Path, command: list[str]) -> None:
    name, *rest = command
    more = [*rest, "-o", str(tmp_path / "out")] if name == "export" else rest

    def refused(folder: Path) -> str:
        code, text = call(name, folder, *more)
        assert code == 2
        assert text.startswith("error: ")
        assert text.count("\n") == 1
        return text

    assert "is not a run folder" in refused(tmp_path / "nowhere")
    empty = tmp_path / "run"
    empty.mkdir()
    (empty / "run.json").write_text("{}")
    assert "no language model was asked" in refused(empty)
    (empty / FILE).write_text("Alas, poor Yorick! " * 100)
    refused(empty)
    (empty / FILE).unlink()
    with closing(sqlite3.connect(empty / FILE)) as connection:
        connection.execute("CREATE TABLE t (a)")
    assert "not a ledger" in refused(empty)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "RUN", "http://l/berlim"], "The nearest are http://l/berlin"),
        (["show", "RUN", "\x1b[31m"], "No question of the judging"),
        (["show", "RUN", PARIS, R1], "together"),
        (["show", "RUN", PARIS, PARIS], "together"),
        (["list", "RUN", "--entity", "http://l/parisienne"], "The nearest are http://l/paris"),
        (["list", "RUN", "--judging", "zzz"], "has no judging 'zzz'"),
        (["list", "RUN", "--judging", ""], "Give one of"),
        (["stats", "RUN", "--judging", "zzz"], "has no judging"),
    ],
)
def test_what_is_not_there_is_one_sentence_and_exit_code_2(
    run: Path, arguments: list[str], said: str
) -> None:
    code, text = call(*(str(run) if each == "RUN" else each for each in arguments))
    assert code == 2
    assert said in text
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    assert "\x1b" not in text


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_number_above_zero(run: Path, limit: str) -> None:
    for option in ("--limit", "--round"):
        code, text = call("list", run, option, limit)
        assert code == 2
        assert "Invalid value" in text


def test_an_empty_ledger_has_nothing_to_show(tmp_path: Path) -> None:
    Ledger.open(tmp_path / FILE, write=True).close()
    code, text = call("show", tmp_path, BERLIN)
    assert code == 2
    assert "nothing was asked yet" in text
    assert call("verify", tmp_path)[0] == 0


def test_it_runs_as_a_command_and_takes_a_ledger_file(
    run: Path, kgalign: Callable[..., CompletedProcess[str]]
) -> None:
    result = kgalign("votes", "list", run / FILE, "--status", "failed")
    assert result.returncode == 0
    assert OSLO in result.stdout
    assert result.stderr == ""
    assert "list" in kgalign("votes", "--help").stdout


def test_every_command_has_help() -> None:
    import click

    command = main.get_command(click.Context(main), "votes")
    assert isinstance(command, click.Group)
    assert set(command.commands) == {"list", "show", "stats", "export", "verify"}
    for each in command.commands.values():
        assert each.help
        assert all(option.help for option in each.params if isinstance(option, click.Option))
