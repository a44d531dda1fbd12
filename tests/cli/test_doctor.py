import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main

from tests.conftest import Pair


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["doctor", *map(str, arguments)], terminal_width=200)
    return result.exit_code, result.output


def test_without_files_it_shows_what_is_installed() -> None:
    code, text = call()
    assert code == 0
    assert "kgalign" in text
    assert "[dense]" in text
    assert "Statements" not in text


def test_each_file_is_a_graph_of_its_own(elements: Pair) -> None:
    code, text = call(elements.left, elements.right, "--json")
    assert code == 0
    left, right = json.loads(text)["graphs"]
    assert (left["entities"], right["entities"]) == (27, 27)
    assert right["languages"]["de"] == 27


def test_of_a_run_it_looks_at_what_was_read_and_not_at_what_was_written(
    elements: Pair, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["run", str(elements.left), str(elements.right), "-o", str(run), "-q"]
    assert CliRunner().invoke(main, words).exit_code == 0
    by_file = json.loads(call(elements.left, elements.right, "--json")[1])["graphs"]
    assert json.loads(call(run, "--json")[1])["graphs"] == by_file
    elements.left.unlink()
    code, text = call(run)
    assert (code, str(elements.left) in text, "fused.ttl" in text) == (0, True, False)


def test_the_terminal_shows_the_graph_and_no_markup_of_the_data(tmp_path: Path) -> None:
    path = tmp_path / "graph.ttl"
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    lines = [f'<http://l/{i}> {label} "[red]same[/red]\\u001B[31m" ; <http://l/code> "c" .' for i in range(2)]
    path.write_text("\n".join([*lines, '<http://l/9> <http://l/code> "a", "b", "d" .']))
    code, text = call(path)
    assert code == 0
    assert "[red]same[/red]" in text
    assert "\x1b" not in text
    assert "Statements: 7" in text


@pytest.mark.parametrize(("name", "content"), [("none.ttl", None), ("bad.ttl", "<a> <b>"), ("a.csv", "a,b")])
def test_a_bad_file_is_one_sentence_and_exit_code_2(tmp_path: Path, name: str, content: str | None) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    code, text = call(tmp_path / name)
    assert code == 2
    assert text.startswith("error: ")
    assert text.count("\n") == 1
