"""``kgalign conflicts``: what people see of conflicts, and what programs do."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from kgalign.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "countries"
LEFT_TERMS = "https://example.org/atlas/terms#"
TURTLE = """
@prefix c: <http://cities.example/> . @prefix v: <http://cities.example/v/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
CITIES = "Amsterdam Berlin Copenhagen Dublin Edinburgh Florence Geneva Hamburg Istanbul Jerusalem".split()
HOSTILE = "\\u001B[31mred\\u202E\\n[bold]Bern[/bold] " + "x" * 400


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["conflicts", *map(str, arguments)], terminal_width=80)
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten cities in two graphs, of which one has two sources; two rules, and all else by default."""
    folder = tmp_path_factory.mktemp("conflicts")
    left, right = [TURTLE], [TURTLE]
    for number, name in enumerate(CITIES):
        said = f'a v:City ; v:name "{name}"@en ; v:code "{name[:3].upper()}{number}"'
        left.append(f'c:{name} {said} ; v:people {1000 * number + 7} ; v:note "plain {number}" .')
        right.append(f"c:r{number} {said} ; v:people {1000 * number + 9} .")
    right.append(f'c:r3 v:note "{HOSTILE}" .')
    left.append(
        "v:g { " + " ".join(f"c:{name} v:people {1000 * n + 9} ." for n, name in enumerate(CITIES)) + " }"
    )
    (folder / "left.trig").write_text("\n".join(left), encoding="utf8")
    (folder / "right.ttl").write_text("\n".join(right), encoding="utf8")
    (folder / "run.toml").write_text(
        '[fuse.properties]\n"http://cities.example/v/people" = "Average"\n'
        '"http://cities.example/v/peeple" = "Average"\n"http://cities.example/v/note" = "KeepLast"\n',
        encoding="utf8",
    )
    sides = [str(folder / "left.trig"), str(folder / "right.ttl")]
    options = ["--config", str(folder / "run.toml"), "-o", str(folder / "run"), "-q"]
    result = CliRunner().invoke(main, ["run", *sides, *options])
    assert result.exit_code == 0, result.output
    return folder / "run"


def listed(run: Path, *arguments: object) -> list[dict[str, Any]]:
    code, text = call(run, *arguments, "--json")
    assert code == 0, text
    return [json.loads(line) for line in text.splitlines()]


def test_it_says_what_was_written_what_was_not_and_why(run: Path) -> None:
    code, text = call(run, "--entity", "http://cities.example/Geneva", "--property", "people")
    assert code == 0
    number = listed(run, "--entity", "http://cities.example/Geneva", "--property", "people")[0]["number"]
    assert text.splitlines() == [
        f"Conflict {number}: people of http://cities.example/Geneva",
        "  http://cities.example/v/people, decided by Average",
        '  computed  "6008.333333333333" decimal',
        '  counted   "6007" integer',
        "            left: the mean was taken",
        '  counted   "6009" integer',
        "            right, http://cities.example/v/g: the mean was taken",
        "",
        "1 conflict",
    ]


def test_everything_is_listed_and_json_holds_what_the_table_does(run: Path) -> None:
    rows = pq.read_table(run / "conflicts.parquet").to_pylist()
    told = [
        {"conflict": each["number"], "value": row["value"], "source": row["source"], "reason": row["reason"]}
        for each in listed(run)
        for row in each["statements"]
    ]
    assert told == [{name: row[name] for name in told[0]} for row in rows]
    assert call(run, "--json") == call(run, "--json")


def test_people_see_some_and_before_them_how_many_there_are(run: Path) -> None:
    whole = len(listed(run))
    code, text = call(run)
    assert (code, text.count("Conflict ")) == (0, 5)
    assert text.startswith(call(run, "--summary")[1])
    assert not call(run, "--limit", whole)[1].startswith("property ")
    code, text = call(run, "--limit", 2)
    assert (code, text.count("Conflict ")) == (0, 2)
    assert text.splitlines()[-1] == f"2 of {whole} conflicts: --limit shows more"
    assert len(listed(run, "--limit", 3)) == 3


@pytest.mark.parametrize(
    "filters",
    [
        ["--property", "http://cities.example/v/people"],
        ["--property", "<http://cities.example/v/people>"],
        ["--property", "people"],
        ["--rule", "average"],
        ["--source", "http://cities.example/v/g"],
        ["--source", "http://cities"],
        ["--source", "right", "--property", "people", "--rule", "Average"],
    ],
)
def test_filters(run: Path, filters: list[str]) -> None:
    assert {each["property"] for each in listed(run, *filters)} == {"http://cities.example/v/people"}
    assert len(listed(run, *filters)) >= 9


def test_an_entity_is_found_by_its_name_in_either_graph(run: Path) -> None:
    by_left = listed(run, "--entity", "http://cities.example/Dublin")
    assert by_left == listed(run, "--entity", "<http://cities.example/r3>")
    assert {each["subject"] for each in by_left} == {"http://cities.example/Dublin"}
    assert {each["property"].rsplit("/", 1)[-1] for each in by_left} == {"people", "note"}


def test_what_graphs_hold_is_never_printed_raw(run: Path) -> None:
    code, text = call(run, "--entity", "http://cities.example/r3")
    assert code == 0
    assert "\\x1b[31mred\\u202e\\n[bold]Bern[/bold]" in text
    assert text.replace("\n", "").isprintable()
    assert max(len(line) for line in text.splitlines()) <= 80
    code, text = call(run, "--entity", "http://cities.example/r3", "--json")
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2


def test_the_summary_counts_by_property_and_rule(run: Path) -> None:
    found = listed(run, "--summary")
    people = next(each for each in found if each["property"].endswith("people"))
    assert (people["rule"], people["conflicts"], people["lost"]) == ("Average", 10, 30)
    assert sum(each["conflicts"] for each in found) == len(listed(run))
    code, text = call(run, "--summary")
    assert code == 0
    assert any(line.split() == ["people", "Average", "10", "30"] for line in text.splitlines())
    only = listed(run, "--summary", "--property", "note")
    assert [each["rule"] for each in only] == ["KeepLast"]


def test_the_sources_with_their_trust_and_what_was_warned_of(run: Path) -> None:
    code, text = call(run, "--sources")
    assert code == 0
    assert "A rule names the property http://cities.example/v/peeple" in text
    code, text = call(run, "--sources", "--json")
    assert set(json.loads(text)) == {"trust", "faults", "warnings"}


def test_trust_is_shown_where_it_was_learned(tmp_path: Path) -> None:
    sides = [str(EXAMPLE / "left.ttl"), str(EXAMPLE / "right.jsonld")]
    result = CliRunner().invoke(main, ["run", *sides, "-o", str(tmp_path / "run"), "-q"])
    assert result.exit_code == 0, result.output
    code, text = call(tmp_path / "run", "--sources")
    assert code == 0
    assert "lat + long *" in text
    assert "Only two sources meet here" in text
    assert "Faults of the sources" in text
    code, text = call(tmp_path / "run", "--rule", "voting")
    assert (code, text.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (["--property", "peopel"], "The nearest are http://cities.example/v/people"),
        (["--property", "http://cities.example/v/peopel"], "http://cities.example/v/people"),
        (["--entity", "http://cities.example/Dubin"], "The nearest are http://cities.example/Dublin"),
        (["--source", "lfet"], "The nearest are left"),
        (["--rule", "Mean"], "These did: "),
    ],
)
def test_what_is_not_there_is_one_sentence_with_the_nearest(run: Path, filters: list[str], told: str) -> None:
    code, text = call(run, *filters)
    assert code == 2
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    assert told in text


def test_what_is_there_and_has_no_conflict(run: Path) -> None:
    code, text = call(run, "--property", "name")
    assert (code, text.startswith("None of ")) == (0, True)
    assert listed(run, "--property", "name") == []


def test_reading_changes_nothing_and_needs_a_run(run: Path, tmp_path: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in run.rglob("*"))
    call(run)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in run.rglob("*")) == before
    code, text = call(tmp_path)
    assert (code, text.count("\n")) == (2, 1)
    assert call(run, "--summary", "--sources")[0] == 2


def test_a_policy_on_the_command_line_decides_for_all(tmp_path: Path) -> None:
    sides = [str(EXAMPLE / "left.ttl"), str(EXAMPLE / "right.jsonld")]
    out = ["-o", str(tmp_path / "run"), "-q"]
    result = CliRunner().invoke(main, ["run", *sides, *out, "--policy", "Votin"])
    assert result.exit_code == 2
    assert "--policy" in result.output
    assert not (tmp_path / "run" / "run.json").exists()
    result = CliRunner().invoke(main, ["run", *sides, *out, "--policy", "KeepFirst"])
    assert result.exit_code == 0, result.output
    assert {each["rule"] for each in listed(tmp_path / "run", "--summary")} == {"KeepFirst"}
