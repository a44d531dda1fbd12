"""Inputs in an object store on the command line, against a real S3 server in a process of its own."""

import json
from pathlib import Path

import click
import pytest
from kgalign.cli import main

from kgalign import api
from kgalign.errors import InputError
from tests.cli.run_folders import files_of
from tests.cli.test_afresh import ELSEWHERE, WORDS
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair, write_elements
from tests.rdf.object_store import Store


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("stored"))


def test_an_object_is_aligned_as_its_file_is(
    pair: Pair, store: Store, tmp_path: Path, kgalign: Kgalign, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = store.put(pair.left.name, pair.left.read_bytes())
    done = kgalign("run", address, pair.right, "-o", tmp_path / "stored", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert kgalign("run", pair.left, pair.right, "-o", tmp_path / "read", "-q").returncode == 0
    for file in ("links.nt", "fused.ttl"):
        assert (tmp_path / "stored" / file).read_bytes() == (tmp_path / "read" / file).read_bytes()
    record = tmp_path / "stored" / "run.json"
    (copy,) = json.loads(record.read_text(encoding="utf8"))["inputs"]["left"]
    assert copy["origin"] == address
    assert copy["asked"]
    # What only reads a finished run asks nobody.
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert kgalign("verify", tmp_path / "stored").returncode == 0


def test_what_is_not_there_ends_with_a_sentence(
    pair: Pair, store: Store, tmp_path: Path, kgalign: Kgalign
) -> None:
    for address in ("s3://bucket/none.nt", "s3://key:secret@bucket/left.nt"):
        done = kgalign("run", address, pair.right, "-o", tmp_path / "out")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "secret" not in done.stderr
    done = kgalign("doctor", "s3://bucket/none.nt")
    assert done.returncode == 2
    assert "there is nothing at s3://bucket/none.nt" in done.stderr


NO_FOLDERS = {"doctor", "plan"} | ELSEWHERE
"""Commands that are told apart below: they take files too, or no run at all."""
COPY = "`kgalign copy s3://bucket/finished run`"
ADDRESSED = {
    **{name: words for name, words in WORDS.items() if name not in NO_FOLDERS},
    "profile": "{run}",
    "plan": "{left} {right} -o {run}",
    "doctor": "{run}",
    "run": "{left} {right} -o out --from {run}",
    "train": "examples {run} -o data",
    "votes": "list {run}",
}


def test_every_command_is_tried_with_an_address() -> None:
    assert set(main.list_commands(click.Context(main))) - ADDRESSED.keys() == {"copy", "serve"}


@pytest.mark.parametrize("name", ADDRESSED)
def test_a_run_in_a_store_is_used_or_refused_with_what_to_do(
    pair: Pair, store: Store, tmp_path: Path, kgalign: Kgalign, name: str
) -> None:
    """Nothing takes an address for a path: it would make, or look into, a folder `s3:`."""
    store.put("finished/run.json", b"{}")
    store.put("finished/links.nt", b"")
    places = {"left": pair.left, "right": pair.right, "gold": pair.gold, "folder": tmp_path}
    words = [word.format(**places, run="s3://bucket/finished", iri="x") for word in ADDRESSED[name].split()]
    done = kgalign(name, *words, cwd=tmp_path)
    assert_one_line(done, COPY)
    assert not (tmp_path / "s3:").exists()


@pytest.mark.parametrize("words", ["show {run} x", "stats {run}", "export {run} -o x.csv", "verify {run}"])
def test_so_do_the_commands_on_votes(store: Store, tmp_path: Path, kgalign: Kgalign, words: str) -> None:
    done = kgalign("votes", *words.format(run="s3://bucket/finished").split(), cwd=tmp_path)
    assert_one_line(done, COPY)


def test_python_opens_folders_of_this_machine() -> None:
    with pytest.raises(InputError, match="kgalign copy s3://bucket/finished run"):
        api.open("s3://bucket/finished")


def test_a_run_is_copied_there_and_back(pair: Pair, store: Store, tmp_path: Path, afresh: Kgalign) -> None:
    assert afresh("run", pair.left, pair.right, "-o", "out", "-q", cwd=tmp_path).returncode == 0
    done = afresh("copy", "out", "s3://bucket/there", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Copied: s3://bucket/there\n", "")
    assert afresh("copy", "s3://bucket/there", "back", "-q", cwd=tmp_path).returncode == 0
    assert files_of(tmp_path / "back") == files_of(tmp_path / "out")
    assert_one_line(afresh("copy", "out", "back", cwd=tmp_path), "One of the two has to be an address")
    assert_one_line(
        afresh("copy", "s3://bucket/none", "no", cwd=tmp_path), "There is no run at s3://bucket/none"
    )
