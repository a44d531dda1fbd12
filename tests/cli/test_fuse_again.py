"""``kgalign fuse``: other rules for the fused graph, from the records of a run, with nothing judged again."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from kgalign.config import as_config
from kgalign.errors import ConfigError, InputError
from kgalign.fusion.groups import mint
from kgalign.run import again, start
from tests.cli.run_folders import CARBON, KOHLENSTOFF, SAME_AS, A, B, files_of
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair

EXACT_MATCH = "http://www.w3.org/2004/02/skos/core#exactMatch"
FROM_FUSE = {"vocabularies", "fuse", "fused.ttl", "fused.trig", "conflicts.parquet", "report.html"}


def _config(run: Path) -> dict[str, Any]:
    config = json.loads((run / "run.json").read_text(encoding="utf8"))["config"]
    assert isinstance(config, dict)
    return config


def _predicates(run: Path) -> list[str]:
    return [quad.predicate.value for quad in ox.parse(path=str(run / "fused.ttl"))]


def _toml(folder: Path, text: str) -> Path:
    path = folder / "fuse.toml"
    path.write_text(text, encoding="utf8")
    return path


@pytest.mark.parametrize(
    "fuse",
    [
        {"canonical": "right"},
        {"canonical": "mint", "identity": "exact-match"},
        {"vocabulary": "both", "identity": "none"},
        {"vocabulary": "right"},
    ],
)
def test_it_gives_what_a_fresh_run_with_these_options_gives(
    elements: Pair, run: Path, tmp_path: Path, kgalign: Kgalign, fuse: dict[str, str]
) -> None:
    flags = [text for key, value in fuse.items() for text in (f"--{key}", value)]
    result = kgalign("fuse", run, *flags)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Statements:" in result.stdout
    start.run(elements.left, elements.right, tmp_path / "fresh", as_config({"fuse": fuse}))
    assert files_of(run, wherever=True) == files_of(tmp_path / "fresh", wherever=True)
    assert _config(run) == _config(tmp_path / "fresh")
    assert "fused like this already" in kgalign("fuse", run).stdout


def test_only_fusion_is_done_again(run: Path, elements: Pair) -> None:
    done = again.fuse_again(run, flags={"fuse.canonical": "right"}).done
    assert {"fuse", "fused.ttl"} <= set(done) <= FROM_FUSE
    # The same inputs with the same options, elsewhere: there is nothing left to do.
    config = as_config({"fuse": {"canonical": "right"}})
    assert start.run(elements.left, elements.right, run, config).done == ()
    assert again.fuse_again(run).done == ()


def test_a_policy_is_one_of_the_options(run: Path, kgalign: Kgalign) -> None:
    result = kgalign("fuse", run, "--policy", "KeepFirst")
    assert (result.returncode, result.stderr) == (0, "")
    assert _config(run)["fuse"]["policy"] == "KeepFirst"
    assert "--provenance" in kgalign("fuse", "--help").stdout


def test_without_options_what_was_is_kept_and_options_go_over_it(run: Path) -> None:
    again.fuse_again(run, flags={"fuse.canonical": "right"})
    again.fuse_again(run, flags={"fuse.identity": "none"})
    fuse = _config(run)["fuse"]
    assert (fuse["canonical"], fuse["identity"]) == ("right", "none")


def test_a_file_takes_the_place_of_the_section(run: Path, tmp_path: Path) -> None:
    again.fuse_again(run, flags={"fuse.canonical": "right"})
    file = _toml(tmp_path, 'seed = 0\n[retrieve]\nk = 15\n[fuse]\nidentity = "none"\n')
    again.fuse_again(run, file, {"fuse.vocabulary": "both"})
    fuse = _config(run)["fuse"]
    assert (fuse["canonical"], fuse["identity"], fuse["vocabulary"]) == ("left", "none", "both")


def test_another_section_may_not_differ(run: Path, made: Path, tmp_path: Path, kgalign: Kgalign) -> None:
    file = _toml(
        tmp_path, 'seed = 3\n[retrieve]\nk = 5\n[judge]\njudge = "evidence"\n[fuse]\npolicy = "Union"\n'
    )
    result = kgalign("fuse", run, "--config", file)
    assert_one_line(result, "2 faults", "retrieve.k is 5, and the run has 15", "seed is 3", "only [fuse] may")
    assert (files_of(run), _config(run)) == (files_of(made), _config(made))


def test_paths_are_the_same_from_everywhere(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    home = elements.left.parent
    _toml(home, '[judge]\nknown = ["gold.tsv"]\n[fuse]\ncanonical = "right"\n')
    options = ("left.ttl", "right.nt", "-o", "run", "--config", "fuse.toml", "-q")
    assert kgalign("run", *options, cwd=home).returncode == 0
    done = kgalign("fuse", home / "run", "--config", home / "fuse.toml", "--canonical", "left", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    _toml(home, '[judge]\nknown = ["other.tsv"]\n')
    assert_one_line(kgalign("fuse", home / "run", "--config", home / "fuse.toml"), "judge.known")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--canonical", "both"), ("--canonical", "'both'")),
        (("--vocabulary", "german"), ("--vocabulary",)),
        (("--identity", "sameas"), ("--identity", "'same-as'")),
        (("--policy", "Vote", "--canonical", "x"), ("2 faults", "--policy", "--canonical")),
        (("--config", "none.toml"), ("none.toml",)),
    ],
)
def test_faults_are_found_before_anything_is_done(
    run: Path, made: Path, kgalign: Kgalign, flags: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert_one_line(kgalign("fuse", run, *flags), *expected)
    assert (files_of(run), _config(run)) == (files_of(made), _config(made))


def test_what_cannot_be_done_changes_no_option(run: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one thing of 3 nodes"):
        again.fuse_again(_cluster(tmp_path), flags={"fuse.max_cluster": 2})
    assert _config(tmp_path / "cluster")["fuse"]["max_cluster"] == 1000
    assert again.fuse_again(tmp_path / "cluster").done == ()
    with pytest.raises(ConfigError, match="max_cluster"):
        again.fuse_again(run, flags={"fuse.max_cluster": 1})
    assert _config(run) == _config(made)


def _cluster(folder: Path, *, backwards: bool = False, name: str = "cluster", size: int = 2) -> Path:
    """A run in which one left node is one with several right ones."""
    statements = [
        [f'<{A}0> <{A}name> "oak table" .', f'<{A}1> <{A}name> "brass lamp" .'],
        [f'<{B}{number}> <{B}name> "oak table {number}" .' for number in range(size)],
        [f"{A}0\t{B}{number}" for number in range(size)],
    ]
    paths = [folder / f"{name}-{part}" for part in ("left.ttl", "right.ttl", "known.tsv")]
    for path, lines in zip(paths, statements, strict=True):
        if backwards:
            random.Random(3).shuffle(lines)
        path.write_text("\n".join(lines) + "\n", encoding="utf8")
    config = {"judge": {"known": [str(paths[2])]}, "fuse": {"canonical": "mint"}}
    start.run(paths[0], paths[1], folder / name, as_config(config))
    return folder / name


def test_minted_iris_are_the_same_in_later_runs_and_in_any_order(tmp_path: Path) -> None:
    runs = [_cluster(tmp_path, name="one"), _cluster(tmp_path, name="other", backwards=True)]
    texts = [(run / "fused.ttl").read_text(encoding="utf8") for run in runs]
    expected = mint([f"{B}1", f"{A}0", f"{B}0"])
    assert all(set(re.findall("urn:kgalign:[0-9a-f]+", text)) == {expected} for text in texts)
    assert texts[0] == texts[1]
    # Other members, another IRI; and the first one again once they are the same again.
    again.take_back(runs[0], f"{B}1")
    assert mint([f"{A}0", f"{B}0"]) in (runs[0] / "fused.ttl").read_text(encoding="utf8")
    again.merge_again(runs[0], f"{B}1")
    assert (runs[0] / "fused.ttl").read_text(encoding="utf8") == texts[0]


@pytest.mark.parametrize(
    ("identity", "expected"), [("same-as", SAME_AS), ("exact-match", EXACT_MATCH), ("none", None)]
)
def test_how_the_fused_graph_says_who_is_who(
    elements: Pair, tmp_path: Path, kgalign: Kgalign, identity: str, expected: str | None
) -> None:
    run = tmp_path / "run"
    result = kgalign("run", elements.left, elements.right, "-o", run, "--identity", identity, "-q")
    assert (result.returncode, result.stderr) == (0, "")
    said = [each for each in _predicates(run) if each in (SAME_AS, EXACT_MATCH)]
    assert said == [expected] * (24 if expected else 0)


def test_what_was_taken_back_stays_so(run: Path) -> None:
    again.take_back(run, CARBON)
    again.fuse_again(run, flags={"fuse.canonical": "right"})
    subjects = {str(quad.subject) for quad in ox.parse(path=str(run / "fused.ttl"))}
    assert {f"<{CARBON}>", f"<{KOHLENSTOFF}>"} <= subjects


def test_a_cluster_of_ten_thousand_is_one_line_and_nothing_is_half_written(
    tmp_path: Path, kgalign: Kgalign
) -> None:
    size = 10_000
    left, right, known = (tmp_path / name for name in ("left.nt", "right.nt", "known.tsv"))
    left.write_text(f'<{A}0> <{A}name> "oak table" .\n<{A}1> <{A}name> "brass lamp" .\n', encoding="utf8")
    right.write_text(
        "".join(f'<{B}{n}> <{B}name> "table number {n}" .\n' for n in range(size)), encoding="utf8"
    )
    known.write_text("".join(f"{A}0\t{B}{n}\n" for n in range(size)), encoding="utf8")
    run = tmp_path / "run"
    result = kgalign("run", left, right, "-o", run, "--known", known, "-q")
    assert_one_line(result, "one thing of 10,001 nodes", f"{A}0", "kgalign unmerge", "fuse.max_cluster")
    names = {path.name for path in run.iterdir()}
    assert not {name for name in names if name.startswith("fused") or name.endswith(".partial")}
    assert "links.nt" in names
    raised = _toml(tmp_path, "[fuse]\nmax_cluster = 20000\n")
    assert kgalign("fuse", run, "--config", raised, "-q").returncode == 0
    assert (run / "fused.ttl").exists()
