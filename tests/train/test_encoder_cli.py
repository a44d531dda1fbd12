"""What is wrong with the input of `kgalign train encoder` is told in one sentence."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Pair, write_elements
from tests.train import judged_runs

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("encoder") / "elements")


@pytest.fixture(scope="module")
def run(pair: Pair) -> Path:
    return judged_runs.run(pair, pair.left.parent / "run", judge="evidence")


def _refused(result: CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture
def refused(kgalign: Command, run: Path, tmp_path: Path) -> Callable[..., None]:
    """Runs the command, and sees that it refuses and leaves nothing behind."""

    def refuse(
        *words: str, flags: tuple[object, ...] = (), source: Path = run, encoder: str = "no/where"
    ) -> None:
        result = kgalign("train", "encoder", source, "--encoder", encoder, "-o", tmp_path / "out", *flags)
        _refused(result, *words)
        assert not list(tmp_path.glob("*out*"))

    return refuse


def _links(path: Path, pair: Pair, count: int) -> Path:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in sorted(pair.links)[:count]), encoding="utf8")
    return path


def test_no_run(refused: Callable[..., None], tmp_path: Path) -> None:
    refused("is not a run folder", source=tmp_path)


def test_no_links(refused: Callable[..., None]) -> None:
    refused("no links to learn from", "--links", flags=("--from", "person"))


def test_one_link(refused: Callable[..., None], pair: Pair, tmp_path: Path) -> None:
    flags = ("--links", _links(tmp_path / "links.tsv", pair, 1))
    refused("There is 1 link in", "at least two", flags=flags)


def test_two_links_of_which_one_is_held_out(refused: Callable[..., None], pair: Pair, tmp_path: Path) -> None:
    flags = ("--links", _links(tmp_path / "links.tsv", pair, 2), "--test", "0.5")
    refused("There are 2 links in", "and 1 to learn from", "--test 0", flags=flags)


def test_links_of_other_graphs(refused: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "links.tsv").write_text("http://a.example/1\thttp://b.example/1\n", encoding="utf8")
    refused("None of the 1 links", flags=("--links", tmp_path / "links.tsv"))


def test_links_to_learn_from_and_to_test_with(
    refused: Callable[..., None], pair: Pair, tmp_path: Path
) -> None:
    links = _links(tmp_path / "links.tsv", pair, 9)
    test = _links(tmp_path / "test.tsv", pair, 3)
    refused("6 entities are in the gold links", flags=("--links", links, "--test-links", test))


def test_the_model_of_a_server(refused: Callable[..., None]) -> None:
    refused("server can't be trained", encoder="openai:http://localhost:8000/v1#model")


@pytest.mark.parametrize("encoder", ["", " ", "sentence-transformers:", "llm2vec:", "llm2vec:#Retrieve"])
def test_an_encoder_without_a_name(refused: Callable[..., None], encoder: str) -> None:
    refused("has no name", "--encoder", encoder=encoder)


@pytest.mark.parametrize(
    ("option", "value"), [("--lr", "nan"), ("--lr", "inf"), ("--temperature", "nan"), ("--test", "nan")]
)
def test_what_is_no_number(kgalign: Command, run: Path, tmp_path: Path, option: str, value: str) -> None:
    result = kgalign("train", "encoder", run, "--encoder", "no/where", "-o", tmp_path / "out", option, value)
    assert result.returncode == 2, result.stderr
    assert option in result.stderr
    assert f"{value} is no finite number" in result.stderr
    assert not list(tmp_path.glob("*out*"))


def test_a_run_that_is_a_link_to_itself(refused: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused("loop", "can't be read", source=tmp_path / "loop")


def test_a_place_that_is_taken(kgalign: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("something of the user's")
    result = kgalign("train", "encoder", run, "--encoder", "no/where", "-o", tmp_path / "out")
    _refused(result, "is there already")
    assert (tmp_path / "out").read_text() == "something of the user's"


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed here")
def test_without_pytorch_the_extra_is_named(refused: Callable[..., None], pair: Pair, tmp_path: Path) -> None:
    refused("kgalign[train]", flags=("--links", _links(tmp_path / "links.tsv", pair, 20)))
