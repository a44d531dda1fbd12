"""``kgalign unmerge``: what can't be taken back is one sentence, and nothing is changed."""

import json
from pathlib import Path

import pytest

from kgalign.errors import InputError, KgalignError, RunError
from kgalign.links.unmerged import Unmerged
from kgalign.run import again
from kgalign.run.folder import RunFolder
from tests.cli.run_folders import CARBON, EISEN, KOHLENSTOFF, files_of
from tests.commands import Kgalign, assert_one_line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("http://elements.example/Carbn",), ("no entity of either side", CARBON)),
        (("http://elements.example/Nickel",), ("is not merged with anything",)),
        ((CARBON, EISEN), ("No link holds",)),
        ((CARBON, "http://a.example/x"), ("'http://a.example/x' is no entity",)),
        (("http://elements.example/v/Element",), ("a node of the left graph",)),
        (("urn:kgalign:0",), ("minted IRI",)),
        (("\x1b[2J\n",), ("\\x1b",)),
        ((b"\xff".decode("utf8", "surrogateescape"),), ("no entity",)),
        ((CARBON, "--reason", "x" * 1001), ("1,001 characters",)),
        ((CARBON, "--undo"), ("Nothing of",)),
    ],
)
def test_what_cannot_be_taken_back_gets_one_line_and_changes_nothing(
    run: Path, made: Path, kgalign: Kgalign, arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert_one_line(kgalign("unmerge", run, *arguments), *expected)
    assert files_of(run) == files_of(made)


def test_twice_is_an_error_and_a_reason_may_come_later(run: Path) -> None:
    again.take_back(run, CARBON)
    with pytest.raises(InputError, match="was taken back already"):
        again.take_back(run, CARBON)
    again.take_back(run, CARBON, reason="soot")
    assert again.unmerged_in(run) == (Unmerged(CARBON, KOHLENSTOFF, "soot"),)
    again.merge_again(run, CARBON)
    assert again.unmerged_in(run) == ()


def test_with_a_broken_file_nothing_is_touched(run: Path, kgalign: Kgalign) -> None:
    (run / "unmerged.tsv").write_bytes(b"a\tb\nx\n")
    before = files_of(run)
    for command in (("unmerge", run, CARBON), ("unmerge", run, "--list"), ("fuse", run)):
        assert_one_line(kgalign(*command), "unmerged.tsv, line 2 has 1 columns")
    assert files_of(run) == before


def test_a_run_that_is_not_finished_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        again.take_back(tmp_path / "none", CARBON)
    assert not (tmp_path / "none").exists()
    record = json.loads((run / "run.json").read_text(encoding="utf8"))
    del record["digest"]

    def written(**changed: object) -> None:
        (run / "run.json").write_text(json.dumps({**record, **changed}), encoding="utf8")

    for changed, expected in (
        ({"steps": {name: step for name, step in record["steps"].items() if name != "judge"}}, "no 'judge'"),
        ({"config": {**record["config"], "retrieve": {"k": 3}}}, "no 'retrieve' of these options"),
        ({"config": {"nonsense": 1}}, "a configuration that can't be read"),
        ({"version": "0.0"}, "made by kgalign 0.0"),
    ):
        written(**changed)
        with pytest.raises(RunError, match=expected):
            again.take_back(run, CARBON)
    assert not (run / "decisions.sqlite").exists()


def test_two_at_once_are_refused(run: Path) -> None:
    with RunFolder(run).locked(), pytest.raises(KgalignError, match="Another kgalign is at work"):
        again.take_back(run, CARBON)
