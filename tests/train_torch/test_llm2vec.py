"""Decoders as embedders: their tokens see each other, and a text's vector is the mean of its own tokens."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from kgalign.errors import KgalignError
from kgalign.records import Candidates
from kgalign.retrieve.embedders import open_embedder
from kgalign.retrieve.llm2vec import Reading, load_decoder
from kgalign.run.folder import RunFolder
from tests.conftest import Pair
from tests.vllm.tiny import make_model

# torch and what lies upon it warn of what they themselves use.
pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]

Command = Callable[..., CompletedProcess[str]]
TEXTS = ["Germany", "Hydrogen — number: 1; symbol: H", "Option A. Option B.", "Berlin, the same name " * 9]
SIZES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


def _of_kind(folder: Path, model: Path, config: Any) -> Path:  # noqa: ANN401 - of transformers
    """A model with random weights, and the tokenizer of ``model``."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    config.vocab_size = json.loads((model / "config.json").read_text())["vocab_size"]
    config.pad_token_id = config.bos_token_id = config.eos_token_id = 0
    torch.manual_seed(1)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "config",
    [
        transformers.LlamaConfig(**SIZES),
        transformers.MistralConfig(**SIZES, sliding_window=3),
        transformers.Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=3, max_window_layers=1),
        transformers.Gemma2Config(**SIZES, head_dim=8, sliding_window=3),
        transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256),
    ],
    ids=lambda config: config.model_type,
)
def test_what_comes_later_changes_what_came_before(model: Path, tmp_path: Path, config: Any) -> None:  # noqa: ANN401
    folder = _of_kind(tmp_path / "model", model, config)
    decoder = load_decoder(str(folder), Reading(""))
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12], [5, 6, 7, 8, 9, 10, 11, 200]])
    there = torch.ones_like(ids, dtype=torch.bool)
    as_it_is = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        both = decoder.hidden(ids, there)
        causal = as_it_is(input_ids=ids).last_hidden_state
    assert torch.equal(causal[0, :7], causal[1, :7]), "as such it sees what came before alone"
    for place in range(7):
        # Beyond any window of attention too.
        assert (both[0, place] - both[1, place]).abs().max() > 1e-6


def test_padding_is_not_seen(model: Path) -> None:
    decoder = load_decoder(str(model), Reading())
    with torch.inference_mode():
        together = decoder(TEXTS)
        alone = torch.cat([decoder([text]) for text in TEXTS])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_mean_is_of_the_texts_own_tokens(model: Path) -> None:
    decoder = load_decoder(str(model), Reading("Which of these is the same"))
    before = decoder.tokenizer("Which of these is the same:\n")["input_ids"]
    own = decoder.tokenizer(TEXTS[1])["input_ids"]
    ids = torch.tensor([[*before, *own]])
    with torch.inference_mode():
        tokens = decoder.hidden(ids, torch.ones_like(ids, dtype=torch.bool))[0]
        found = decoder([TEXTS[1]])[0]
    assert torch.allclose(found, tokens[len(before) :].mean(0), atol=1e-6)
    assert not torch.allclose(found, tokens.mean(0), atol=1e-3)


def test_the_instruction_changes_the_vectors_and_length_is_cut(model: Path) -> None:
    said = [open_embedder(f"llm2vec:{model}{end}").embed(TEXTS) for end in ("", "#", "#Answer with one word")]
    assert all(each.shape == (4, 64) and np.isfinite(each).all() for each in said)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(said[one] - said[other]).max() > 1e-3
    short = load_decoder(str(model), Reading("", 3))
    with torch.inference_mode():
        assert torch.equal(short(["Germany Austria France"]), short(["Germany Austria France Italia " * 50]))


def test_a_text_of_no_tokens_is_like_nothing(model: Path, tmp_path: Path) -> None:
    decoder = load_decoder(str(model), Reading())
    with torch.inference_mode():
        assert not decoder([""]).any()


def test_a_run_with_a_decoder_as_its_embedder(
    kgalign: Command, model: Path, elements: Pair, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    flags = ("--embedder", f"llm2vec:{model}#Retrieve the same element", "-k", 5)
    result = kgalign("run", elements.left, elements.right, "-o", run, *flags)
    assert result.returncode == 0, result.stderr
    candidates = RunFolder(run).load("retrieve", Candidates)
    assert "dense" in candidates.channels
    assert (candidates.channel_rank[:, candidates.channels.index("dense")] > 0).any()


@pytest.mark.parametrize("name", ["no-such-folder/model", "nobody/has-this"])
def test_a_model_that_is_not_there_is_one_clear_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(KgalignError, match=r"can't be loaded.*HF_HUB_OFFLINE=1"):
        open_embedder(f"llm2vec:{name}").embed(["a text"])


def test_what_is_damaged_is_one_clear_error(model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(b"\0" * 99)
    with pytest.raises(KgalignError, match="can't be loaded"):
        open_embedder(f"llm2vec:{folder}").embed(["a text"])


def test_a_model_without_attention_is_refused(model: Path, tmp_path: Path) -> None:
    config = transformers.MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4)
    folder = _of_kind(tmp_path / "model", model, config)
    with pytest.raises(KgalignError, match=r"can't be (read in both directions|loaded)"):
        open_embedder(f"llm2vec:{folder}").embed(["a text"])
