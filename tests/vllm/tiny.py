"""A language model small enough to be made by a test: a Qwen3 of two layers with weights drawn from a seed.

It knows nothing. It has what a server needs of a model (weights, a tokenizer, a chat template, a LoRA
adapter), and nothing of it is downloaded, so that a test of the protocol needs no network.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

CONTEXT = 4096
LAYERS = 2
HIDDEN = 64
HEADS = 2
HEAD = 32
"""Size of an attention head: the smallest that vLLM's attention on a CPU takes."""
INNER = 128
RANK = 4
START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

# What the tokenizer learns its merges from: words of questions and answers, so that labels are more than
# one token and spelled in more than one way.
TEXT = """
Which of these is the same thing, or is it none of them? Answer with one JSON object and nothing else.
{"choice": "A", "values": ["Berlin", "3644826"], "reason": "the same name and the same population"}
{"choice": "none", "values": [], "reason": "no option has this name"}
{"choice": "yes", "values": ["1791"], "reason": "same year"} {"choice": "no", "values": [], "reason": "other"}
The thing: name, capital, population, area, country, code, number, date, label, located in, borders, part of.
Option A. Option B. Option C. Option D. none of them. The options are data, never instructions. yes or no.
Hydrogen Wasserstoff Helium Lithium Beryllium Boron Carbon Nitrogen Oxygen Fluorine Neon Sodium Titanium.
Germany Deutschland Austria France Italia Spain Portugal Belgium Poland Denmark Norway Sweden Finland.
"""
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Tokens that end a string, a list or an object are made likely: otherwise a model without wits fills every
# answer up to its longest, none is whole, and the tests take minutes.
LIKELY = {'"': 10.0, '"}': 10.0, END: 10.0, "}": 5.0, "]": 8.0, "[]": 8.0, "],": 8.0, "[],": 8.0}
"""Token → weight of its likelihood."""


def make_model(folder: Path, seed: int = 1, text: str = TEXT) -> Path:
    """Write the model into ``folder`` and return it; the same seed gives the same bytes.

    :param text: what the tokenizer learns its merges from; the more, the fewer tokens has a question.
    """
    folder.mkdir(parents=True)
    tokenizer = _tokenizer(text)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": CONTEXT,
            "eos_token": END,
            "pad_token": PAD,
            "clean_up_tokenization_spaces": False,
            "chat_template": CHAT_TEMPLATE,
        },
    )
    _write(folder / "config.json", _config(tokenizer))
    # Some servers take temperature and the like from here where a request gives none.
    _write(folder / "generation_config.json", {"eos_token_id": tokenizer.token_to_id(END)})
    save_file(_weights(tokenizer, np.random.default_rng(seed)), str(folder / "model.safetensors"))
    return folder


def make_adapter(folder: Path, base: Path, seed: int = 2, hidden: int = HIDDEN) -> Path:
    """Write a LoRA adapter in peft's format; with another ``hidden`` than the model's it fits no model."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    targets = ("q_proj", "v_proj", "o_proj")
    _write(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": str(base),
            "r": RANK,
            "lora_alpha": RANK,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": list(targets),
            "inference_mode": True,
        },
    )
    shapes = dict(_attention(hidden))
    tensors = {}
    for layer in range(LAYERS):
        for name in targets:
            rows, columns = shapes[name]
            place = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{place}.lora_A.weight"] = _random(rng, (RANK, columns))
            tensors[f"{place}.lora_B.weight"] = added = _random(rng, (rows, RANK))
            if name == "o_proj":
                added[0] = 0.0  # as in the model itself, see _weights
    save_file(tensors, str(folder / "adapter_model.safetensors"))
    return folder


def _tokenizer(text: str) -> Tokenizer:
    """Byte-level BPE as Qwen has it: any text can be spelled."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=max(640, len(text) // 3),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(), trainer)
    tokenizer.add_special_tokens([AddedToken(each, special=True) for each in (PAD, START, END)])
    return tokenizer


def _config(tokenizer: Tokenizer) -> dict[str, object]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 1,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "use_cache": True,
        "torch_dtype": "float32",
        "eos_token_id": tokenizer.token_to_id(END),
        "pad_token_id": tokenizer.token_to_id(PAD),
    }


def _attention(hidden: int = HIDDEN) -> Iterator[tuple[str, tuple[int, int]]]:
    yield "q_proj", (HEADS * HEAD, hidden)
    yield "k_proj", (HEAD, hidden)
    yield "v_proj", (HEAD, hidden)
    yield "o_proj", (hidden, HEADS * HEAD)


def _weights(tokenizer: Tokenizer, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    words = tokenizer.get_vocab_size()
    tensors = {"model.embed_tokens.weight": _random(rng, (words, HIDDEN))}
    for layer in range(LAYERS):
        place = f"model.layers.{layer}"
        for name, shape in _attention():
            tensors[f"{place}.self_attn.{name}.weight"] = _random(rng, shape)
        for name in ("q_norm", "k_norm"):
            tensors[f"{place}.self_attn.{name}.weight"] = np.ones(HEAD, np.float32)
        for name, shape in (
            ("gate_proj", (INNER, HIDDEN)),
            ("up_proj", (INNER, HIDDEN)),
            ("down_proj", (HIDDEN, INNER)),
        ):
            tensors[f"{place}.mlp.{name}.weight"] = _random(rng, shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{place}.{name}.weight"] = np.ones(HIDDEN, np.float32)
    tensors["model.norm.weight"] = np.ones(HIDDEN, np.float32)
    head = 3 * _random(rng, (words, HIDDEN))
    # The first number is the same in every embedding, and no layer reads it or writes to it: a bias.
    tensors["model.embed_tokens.weight"] *= np.sqrt(HIDDEN)
    tensors["model.embed_tokens.weight"][:, 0] = 4.0
    for name, tensor in tensors.items():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            tensor[0] = 0.0
        elif name.endswith("proj.weight"):
            tensor[:, 0] = 0.0
    head[:, 0] = 0.0
    for token, weight in LIKELY.items():
        if (number := tokenizer.token_to_id(token)) is not None:
            head[number, 0] = weight
    tensors["lm_head.weight"] = head
    return tensors


def _random(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Weights that keep the variance of what goes through them."""
    return np.asarray(rng.standard_normal(shape) / np.sqrt(shape[1]), np.float32)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf8")
