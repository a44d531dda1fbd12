"""``kgalign diff`` on runs of one pair of graphs by two methods."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.run_folders import CARBON, KOHLENSTOFF, files_of, links_of
from tests.commands import Kgalign, assert_one_line


@pytest.fixture
def fewer(run: Path, kgalign: Kgalign) -> Path:
    """The run, of which a person took two links back."""
    done = kgalign("unmerge", run, CARBON)
    assert done.returncode == 0, done.stderr
    assert kgalign("unmerge", run, "http://elements.example/Iron").returncode == 0
    return run


def test_what_was_lost_is_told_and_written_and_the_folders_stay_as_they_are(
    made: Path, fewer: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    before = files_of(made), files_of(fewer)
    done = kgalign("diff", fewer, made, "--csv", tmp_path / "a.csv", "--json", tmp_path / "a.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"links +0 −2, 0 changed; {len(links_of(fewer))} the same\n")
    assert "Carbon" in done.stdout
    assert "a person took it apart" in done.stdout
    assert (files_of(made), files_of(fewer)) == before
    with (tmp_path / "a.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["left"], row["right"]) for row in rows} == links_of(made) - links_of(fewer)
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf8"))
    assert (told["lost"], told["gained"], told["kept"]) == (2, 0, len(links_of(fewer)))
    assert (
        {each["right"]["iri"] for each in told["changes"]} == {row["right"] for row in rows} >= {KOHLENSTOFF}
    )


def test_the_output_holds_only_what_is_written_to_it(made: Path, fewer: Path, kgalign: Kgalign) -> None:
    assert json.loads(kgalign("diff", made, fewer, "--json", "-").stdout)["gained"] == 2
    rows = kgalign("diff", made, fewer, "--csv", "-").stdout.splitlines()
    assert rows[0].startswith("change,left,right,was,")
    assert len(rows) == 3
    short = kgalign("diff", made, fewer, "--limit", "1").stdout
    assert "1 of 2: --limit shows more" in short


def test_what_is_no_run_is_refused_in_a_line(made: Path, tmp_path: Path, kgalign: Kgalign) -> None:
    assert_one_line(kgalign("diff", made, tmp_path), "is not a run folder")
    broken = Path(shutil.copytree(made, tmp_path / "broken"))
    (broken / "stages" / "assign" / "meta.json").write_text("{}", encoding="utf8")
    assert_one_line(kgalign("diff", broken, made), "damaged")
