"""What goes with a release: the image, the citation, the first page for a package index."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from kgalign.base.version import __version__

ROOT = Path(__file__).parents[1]
RUNS_DOCKER = (
    bool(shutil.which("docker"))
    and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf8")


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: (name, the rest)."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", _text("Dockerfile"), flags=re.M))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line]


def test_the_image_is_made_of_a_wheel_and_runs_as_nobody_special() -> None:
    found = dict(_instructions())
    assert found["USER"] not in ("", "root", "0")
    assert f"useradd --create-home --uid 1000 {found['USER']}" in found["RUN"]
    assert found["ENTRYPOINT"] == '["kgalign"]'
    assert found["WORKDIR"] == "/data"
    names = [name for name, _ in _instructions()]
    assert names.index("USER") > names.index("RUN"), "what is installed belongs to root"
    source, folder = found["COPY"].split()
    wheel = f"kgalign-{__version__}-py3-none-any.whl"
    assert Path("dist", wheel).match(source)
    (pattern,) = re.findall(r"/tmp/wheels/(kgalign\S+)", found["RUN"])
    assert folder == "/tmp/wheels/"
    assert Path(wheel).match(pattern)
    # Nothing but wheels goes to the daemon: no run folder, no key, no history.
    assert [line for line in _text(".dockerignore").splitlines() if line[0] != "#"] == ["*", f"!{source}"]


@pytest.mark.slow
@pytest.mark.skipif(not RUNS_DOCKER, reason="no docker daemon here: the image is neither built nor run")
def test_the_image_aligns_two_graphs(tmp_path: Path) -> None:
    def run(*command: object) -> str:
        done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    build = tmp_path / "build"
    build.mkdir()
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copy(ROOT / name, build)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", build / "dist", ROOT)
    data = tmp_path / "data"
    shutil.copytree(ROOT / "examples" / "countries", data)
    data.chmod(0o777)
    image = run("docker", "build", "--quiet", build).strip()
    try:
        inside = ("docker", "run", "--rm", "-v", f"{data}:/data", image)
        assert run(*inside, "--version").strip().endswith(__version__)
        run(*inside, "run", "left.ttl", "right.jsonld", "--config", "config.toml", "-o", "out")
        assert (data / "out" / "links.nt").stat().st_size > 0
        assert (data / "out" / "links.nt").stat().st_uid == 1000
    finally:
        run("docker", "image", "rm", image)


_CITATION: dict[str, Callable[[Any], bool]] = {
    "cff-version": lambda value: value == "1.2.0",
    "message": lambda value: bool(value),
    "title": lambda value: bool(value),
    "authors": lambda value: all(each.get("name") or each.get("family-names") for each in value),
    "type": lambda value: value in ("software", "dataset"),
    "abstract": lambda value: bool(value),
    "version": lambda value: value == __version__,
    "license": lambda value: value == "Apache-2.0",
    "keywords": lambda value: len(set(value)) == len(value) > 0,
}
"""Keys of CFF 1.2.0 that are used here, the four first of which it requires, and what they must be."""


def test_the_citation_is_one() -> None:
    citation = yaml.safe_load(_text("CITATION.cff"))
    assert citation.keys() == _CITATION.keys()
    assert citation["authors"]
    for key, holds in _CITATION.items():
        assert holds(citation[key]), key
    assert all(isinstance(value, str | list) for value in citation.values())


def test_the_metadata_says_who_and_under_which_licence() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    assert project["authors"] == [{"name": "kgalign developers"}]
    assert metadata("kgalign")["License-Expression"] == project["license"] == "Apache-2.0"
    assert (ROOT / "kgalign" / "py.typed").is_file()
    assert f"## {__version__}" in _text("CHANGELOG.md")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "absolute_links.py", tmp_path / "scripts")
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def _rewrite(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    script = checkout / "scripts" / "absolute_links.py"
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=False
    )


def test_the_first_page_leads_somewhere_from_an_index(checkout: Path) -> None:
    before = _text("README.md")
    assert _rewrite(checkout, "https://host.example/us/kgalign/", "v9").returncode == 0
    after = (checkout / "README.md").read_text(encoding="utf8")
    targets = re.findall(r"\]\(([^)]+)\)", after)
    assert len(targets) == len(re.findall(r"\]\(([^)]+)\)", before))
    assert all(target.startswith(("https://", "#")) for target in targets)
    assert "](https://host.example/us/kgalign/blob/v9/docs/tutorial.md)" in after
    assert re.search(r"!\[[^]]*\]\(https://host\.example/us/kgalign/raw/v9/docs/picture\.svg\)", after)
    back = re.sub(r"https://host\.example/us/kgalign/(blob|raw)/v9/", "", after)
    assert back == before, "nothing else has changed"
    assert _rewrite(checkout, "https://host.example/us/kgalign", "v10").returncode == 0
    assert (checkout / "README.md").read_text(encoding="utf8") == after


@pytest.mark.parametrize("arguments", [(), ("https://a.example",), ("kgalign", "v1"), ("https://a b", "v1")])
def test_no_address_changes_nothing(checkout: Path, arguments: tuple[str, ...]) -> None:
    done = _rewrite(checkout, *arguments)
    assert done.returncode == 1
    assert "Give the address" in done.stderr
    assert (checkout / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()
