"""The pages tell the truth: each command, each key, each link."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from kgalign.cli import main

from kgalign import config
from tests.conftest import Pair

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path for path in (ROOT, ROOT / "docs", ROOT / "docs" / "decisions") for path in path.glob("*.md")
)


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf8")


def test_the_first_page_is_one() -> None:
    assert len(_page("README.md").splitlines()) <= 120
    assert "make demo" in _page("README.md")


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_every_command_is_in_the_pages_and_has_help(name: str) -> None:
    assert f"`kgalign {name}" in _page("docs/commands.md")
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_the_configuration_has_every_key_with_its_default(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", _page("docs/configuration.md"), re.S)
    path = tmp_path / "run.toml"
    path.write_text(re.sub(r"^(left_also|known) = .*$", "", block, flags=re.M), encoding="utf8")
    assert config.load_config(path) == config.Config()
    for key in config.known_keys():
        assert key.rpartition(".")[2] in block, key


@pytest.mark.parametrize("name", ["README.md", "docs/python.md"])
def test_python_in_the_pages_runs(name: str, elements: Pair, tmp_path: Path) -> None:
    (block,) = re.findall(r"```py(?:thon)?\n(.*?)```", _page(name), re.S)
    elements.left.rename(tmp_path / "left.ttl")
    elements.right.rename(tmp_path / "right.ttl")
    result = subprocess.run(
        [sys.executable, "-c", block],
        capture_output=True,
        text=True,
        encoding="utf8",
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    if name == "docs/python.md":
        assert {tuple(line.split()[:2]) for line in result.stdout.splitlines()} == elements.links
        assert (tmp_path / "fused.ttl").stat().st_size > 0


def _flags(command: click.Command) -> set[str]:
    """The flags of a command and of those within it."""
    found = {each for option in command.params for each in option.opts}
    if isinstance(command, click.Group):
        context = click.Context(command)
        inner = [command.get_command(context, name) for name in command.list_commands(context)]
        found |= {flag for each in inner if each is not None for flag in _flags(each)}
    return found


GUIDE = [path for path in PAGES if path.parent.name == "docs" or path.name == "README.md"]


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.name)
def test_every_flag_in_the_guide_exists(page: Path) -> None:
    known = {"--help", "--version", *_flags(main)}
    foreign = r"`python -m bench[^`]*`|^docker run .*? kgalign(?= )|(?<=^kgalign serve)(.*?) -- .*"
    foreign += r"|ray start [^\n\"]*|^#SBATCH .*|^srun .*?(?= kgalign| ray start)"
    text = re.sub(foreign, r"\1", page.read_text(encoding="utf8"), flags=re.M)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
