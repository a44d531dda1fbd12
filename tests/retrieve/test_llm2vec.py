"""How a decoder is named as an embedder; that it works is in tests/train_torch."""

import importlib.util
import json
from pathlib import Path

import pytest

from kgalign.config import as_config
from kgalign.errors import ConfigError, KgalignError, MissingExtra
from kgalign.retrieve.embedders import open_embedder
from kgalign.retrieve.llm2vec import INSTRUCTION, Reading, read_reading, reading_text


@pytest.mark.parametrize(
    "spec", ["llm2vec:./models/mine", "llm2vec:Qwen/Qwen3-0.6B#", "llm2vec:m#Retrieve: the #1 product"]
)
def test_what_it_may_be(spec: str) -> None:
    assert as_config({"retrieve": {"embedder": spec}}).retrieve.embedder == spec
    embedder = open_embedder(spec)
    assert embedder.identity.startswith(spec.partition("#")[0])
    embedder.close()


@pytest.mark.parametrize("spec", ["llm2vec:", "llm2vec: ", "llm2vec:#Retrieve the same product"])
def test_a_model_must_be_named(spec: str) -> None:
    with pytest.raises(ConfigError, match="llm2vec:MODEL"):
        as_config({"retrieve": {"embedder": spec}})


def test_another_instruction_gives_other_vectors() -> None:
    identities = {open_embedder(f"llm2vec:m{end}").identity for end in ("", "#", "#one", "#another")}
    assert len(identities) == 4
    assert open_embedder(f"llm2vec:m#{INSTRUCTION}").identity == open_embedder("llm2vec:m").identity


def test_a_model_reads_as_it_was_trained_to_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    trained = Reading("Retrieve the same film", 64)
    (tmp_path / "llm2vec.json").write_text(reading_text(trained), encoding="utf8")
    assert read_reading(str(tmp_path), None) == trained
    assert read_reading(str(tmp_path), "") == Reading("", 64)
    assert read_reading("a/name", None) == Reading()


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"instruction": "a", "max_tokens": "many"})])
def test_settings_that_are_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "llm2vec.json").write_text(content, encoding="utf8")
    with pytest.raises(KgalignError, match=r"llm2vec\.json can't be read"):
        open_embedder(f"llm2vec:{tmp_path}")


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed here")
def test_the_extra_that_is_missing_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'kgalign\[dense\]'"):
        open_embedder("llm2vec:any").embed(["a text"])
