"""Inputs in an object store on the command line, against a real S3 server in a process of its own."""

import json
from pathlib import Path

import pytest

from tests.commands import Kgalign
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
