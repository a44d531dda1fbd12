"""``--embedder auto`` where no model is installed: the run goes on without one and says so."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kgalign.api import align
from kgalign.base.installed import installed_model
from tests.conftest import Pair

pytestmark = pytest.mark.skipif(installed_model() is not None, reason="a model is installed here")
Kgalign = Callable[..., CompletedProcess[str]]


def test_a_run_without_a_model_ends_well_and_says_why_it_took_none(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    call = ("run", elements.left, elements.right, "--embedder", "auto", "-o", tmp_path / "run")
    result = kgalign(*call)
    assert result.returncode == 0, result.stderr
    notes = json.loads((tmp_path / "run" / "run.json").read_text())["steps"]["retrieve"]["notes"]
    assert notes["embedder"] == "none"
    assert f"Embedder: none ({notes['embedder reason']})" in result.stdout

    again = kgalign(*call)
    assert "Nothing to do" in again.stdout
    assert "Embedder: none (" in again.stdout

    plain = kgalign("run", elements.left, elements.right, "-o", tmp_path / "plain")
    assert "Embedder" not in plain.stdout
    for name in ("links.nt", "candidates.parquet", "fused.ttl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_words_that_differ_are_said_to_be_worth_a_model(tmp_path: Path, kgalign: Kgalign) -> None:
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    for side, words in (("left", ("car", "doctor", "baby")), ("right", ("autobus", "physicist", "infants"))):
        lines = [f'<http://{side}.example/{n}> {label} "{word}" .\n' for n, word in enumerate(words)]
        (tmp_path / f"{side}.nt").write_text("".join(lines), encoding="utf8")
    sides = tmp_path / "left.nt", tmp_path / "right.nt"
    result = kgalign("run", *sides, "--embedder", "auto", "-o", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "all-MiniLM-L6-v2 may help, but is not installed; kgalign doctor" in result.stdout
    assert "--embedder auto finds nothing: install " in " ".join(kgalign("doctor").stdout.split())

    found = align(*sides, {"retrieve": {"embedder": "auto"}})
    assert found.candidates.notes["embedder"] == "none"
