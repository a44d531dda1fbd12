"""What the tests of training share: a tiny model whose tokenizer knows the words of the examples."""

from pathlib import Path

from kgalign.train.data import read_data
from tests.vllm.tiny import TEXT, make_model


def model_for(folder: Path, data: Path, seed: int = 1) -> Path:
    """A model of two layers with random weights; questions of ``data`` have a few hundred tokens."""
    _, splits = read_data(data)
    texts = [message["content"] for each in splits.values() for one in each for message in one.messages]
    lines = dict.fromkeys(line for text in (TEXT, *texts) for line in text.splitlines())
    return make_model(folder, seed, "\n".join(lines))
