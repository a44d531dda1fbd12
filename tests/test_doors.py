"""What packages bring: installed as packages are, found by their entry points, asked for by name."""

import csv
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin"
BOOKS = EXAMPLE / "left.ttl", EXAMPLE / "right.ttl"


def install(site: Path, name: str, version: str, module: str, doors: Mapping[str, Mapping[str, str]]) -> None:
    """Lay a package into a folder as an installer would: its module, and what it brings."""
    site.mkdir(exist_ok=True)
    package = name.replace("-", "_")
    (site / f"{package}.py").write_text(module, encoding="utf8")
    for old in site.glob(f"{package}-*.dist-info"):
        shutil.rmtree(old)
    about = site / f"{package}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, names in doors.items():
        lines += [f"[{group}]", *(f"{key} = {package}:{value}" for key, value in names.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")


def kgalign(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, where what lies in the folder is installed."""
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "kgalign", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf8",
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A folder in which the example package is installed."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copytree(EXAMPLE / "kgalign_plugin_example", site / "kgalign_plugin_example")
    about = site / "kgalign_plugin_example-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: kgalign-plugin-example\nVersion: 1.0\n")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf8"))["project"]
    lines = []
    for group, names in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in names.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return site


def test_one_of_each_decides_in_a_run(example: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = kgalign(example, "run", *BOOKS, "--config", EXAMPLE / "config.toml", "-o", run, "--quiet")
    assert done.returncode == 0, done.stderr

    found = pq.read_table(run / "candidates.parquet").to_pylist()
    names = {name for row in found for name in row if name.startswith("sound")}
    assert names, "the channel has columns of its own"
    written = pq.read_table(run / "profile.parquet").to_pylist()
    assert any(row["kind"] == "code" and "isbn" in row["path"] for row in written)

    told = kgalign(example, "explain", run, "http://example.org/left/book2", "--json").stdout
    assert told.count("9780156027601") >= 2, "both ISBNs are read as the same thirteen digits"
    assert "what the judge overlap:20 says" in told

    fused = (run / "fused.ttl").read_text(encoding="utf8")
    assert '"Solaris"' in fused
    assert '"Solaris: a novel"' not in fused

    target = tmp_path / "links.tsv"
    assert kgalign(example, "export", run, "--format", "named-links", "-o", target).returncode == 0
    with target.open(encoding="utf8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert [
        "http://example.org/left/book2",
        "http://example.org/right/b2",
        "Solaris",
        "Solaris: a novel",
    ] in rows
    assert len(rows) == 10


def test_what_is_installed_decides_nothing_until_it_is_named(example: Path, tmp_path: Path) -> None:
    (example / "kgalign_plugin_example" / "__init__.py").write_text("raise RuntimeError('imported')")
    for name, site in (("with", example), ("without", tmp_path)):
        done = kgalign(site, "run", *BOOKS, "-o", tmp_path / name, "--quiet")
        assert done.returncode == 0, done.stderr
    for file in ("links.nt", "fused.ttl", "candidates.parquet", "verdicts.parquet"):
        assert (tmp_path / "with" / file).read_bytes() == (tmp_path / "without" / file).read_bytes(), file


def test_doctor_and_messages_name_what_there_is(example: Path, tmp_path: Path) -> None:
    told = kgalign(example, "doctor").stdout
    for name in ("sound", "isbn", "overlap", "Shortest", "named-links"):
        assert any(name in line and "kgalign-plugin-example 1.0" in line for line in told.splitlines()), name
    assert "named-links" in kgalign(example, "export", "x", "--list-formats").stdout
    config = tmp_path / "config.toml"
    config.write_text(
        '[retrieve]\nchannels = ["sounds"]\n[fuse]\npolicy = "Shortst"\n[judge]\njudge = "overlp"\n'
    )
    done = kgalign(example, "run", *BOOKS, "--config", config, "-o", tmp_path / "run")
    assert done.returncode == 2
    for wanted in (
        "'names', 'values', 'structure' or 'sound', not 'sounds'",
        "'Shortest', not 'Shortst'",
        "overlap",
    ):
        assert wanted in done.stderr
    config.write_text('[select]\nvalue_kinds = ["isbn"]\n')
    done = kgalign(tmp_path, "run", *BOOKS, "--config", config, "-o", tmp_path / "run")
    assert done.returncode == 2
    assert "no package that is installed brings 'isbn'" in done.stderr


BROKEN = """
from kgalign.retrieve.channels import Channel
from kgalign.values.others import OtherKind
from kgalign.judge.student.others import OtherJudge
from kgalign.fusion.policies import Policy
from kgalign.export.formats import Format
def fails(*_):
    raise ZeroDivisionError("no such thing")
CHANNEL = Channel("", fails)
FAR = Channel("", lambda left, right, search: [([0], [10**6], [1.0])] * 2)
KIND = OtherKind("", fails)
JUDGE = OtherJudge("", fails)
SHORT = OtherJudge("", lambda rest: lambda questions: [[0.5]] * len(questions))
POLICY = Policy("Broken", "", fails)
FORMAT = Format("", fails)
NOTHING = None
"""
DOORS = {
    "kgalign.channels": {"broken": "CHANNEL", "far": "FAR", "nothing": "NOTHING", "gone": "GONE"},
    "kgalign.values": {"broken": "KIND"},
    "kgalign.judges": {"broken": "JUDGE", "short": "SHORT"},
    "kgalign.policies": {"Broken": "POLICY"},
    "kgalign.formats": {"broken": "FORMAT"},
}
_ASKED = '[votes]\nask = "all"\n[judge]\njudge = '
_MAPPED = '[fuse.mapping]\n"http://example.org/left/title" = "http://example.org/right/name"\n'


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('[retrieve]\nchannels = ["broken"]', "channel broken gives nothing but an error: ZeroDivisionError"),
        ('[retrieve]\nchannels = ["far"]', "channel far gives entities that there are not"),
        ('[retrieve]\nchannels = ["nothing"]', "nothing of broken-one 1.0 is a NoneType"),
        ('[retrieve]\nchannels = ["gone"]', "gone of broken-one 1.0 can't be imported: AttributeError"),
        ('[select]\nvalue_kinds = ["broken"]', "kind of value broken can't read"),
        (f'{_ASKED}"broken"', "judge broken can't be opened: ZeroDivisionError"),
        (f'{_ASKED}"short"', "judge short does not give as many probabilities as there are options"),
        (
            f'[fuse]\npolicy = "Broken"\n{_MAPPED}',
            "policy Broken failed at",
        ),
    ],
)
def test_what_fails_in_a_package_is_told_in_a_line(config: str, told: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "broken-one", "1.0", BROKEN, DOORS)
    path = tmp_path / "config.toml"
    path.write_text(config)
    done = kgalign(site, "run", *BOOKS, "--config", path, "-o", tmp_path / "run", "--quiet")
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_format_that_fails_leaves_no_file(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "broken-one", "1.0", BROKEN, DOORS)
    run, target = tmp_path / "run", tmp_path / "out.txt"
    assert kgalign(site, "run", *BOOKS, "-o", run, "--quiet").returncode == 0
    done = kgalign(site, "export", run, "--format", "broken", "-o", target)
    assert done.returncode == 2
    assert "format broken failed: ZeroDivisionError" in done.stderr
    assert not target.exists()


NEAREST = """
from kgalign.retrieve.channels import Channel
import numpy as np
def find(left, right, search):
    ids = np.zeros(1, dtype=np.int32)
    return [(ids, ids, np.array([{score}], dtype=np.float32))] * 2
CHANNEL = Channel("the first of each", find)
"""


def test_another_version_of_a_package_does_its_steps_again_and_no_others(tmp_path: Path) -> None:
    site, run = tmp_path / "site", tmp_path / "run"
    doors = {"kgalign.channels": {"first": "CHANNEL"}}
    config = tmp_path / "config.toml"
    config.write_text('[retrieve]\nchannels = ["names", "first"]')
    done: list[dict[str, int]] = []
    for version, score in (("1.0", 0.5), ("1.0", 0.5), ("1.1", 0.25)):
        install(site, "nearest-one", version, NEAREST.format(score=score), doors)
        result = kgalign(site, "run", *BOOKS, "--config", config, "-o", run, "--quiet")
        assert result.returncode == 0, result.stderr
        done.append({path.name: path.stat().st_mtime_ns for path in run.glob("*.parquet")})
    first, again, newer = done
    assert first == again
    assert first["profile.parquet"] == newer["profile.parquet"]
    assert first["candidates.parquet"] != newer["candidates.parquet"]


def test_two_packages_of_one_name_are_told_apart_by_nobody(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name in ("one", "another"):
        install(site, name, "1.0", NEAREST.format(score=1), {"kgalign.channels": {"first": "CHANNEL"}})
    config = tmp_path / "config.toml"
    config.write_text('[retrieve]\nchannels = ["first"]')
    done = kgalign(site, "run", *BOOKS, "--config", config, "-o", tmp_path / "run", "--quiet")
    assert done.returncode == 2
    assert "another 1.0 and one 1.0 both bring first for kgalign.channels" in done.stderr


def test_what_kgalign_has_itself_comes_first(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "broken-one", "1.0", BROKEN, {"kgalign.channels": {"names": "CHANNEL"}})
    done = kgalign(site, "run", *BOOKS, "-o", tmp_path / "run", "--quiet")
    assert done.returncode == 0, done.stderr
