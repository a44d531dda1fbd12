"""A tiny model that can be asked about pairs: its tokenizer has a token of its own for each answer."""

from pathlib import Path

from kgalign.train.pair_items import pairs_of, plain
from tests.train.student_questions import questions
from tests.vllm.tiny import TEXT, make_model


def write_judge(folder: Path, seed: int = 1) -> Path:
    """A model of two layers with random weights."""
    shown = [plain(pair) for each in questions(range(20)) for pair in pairs_of(each, "codes")]
    answered = [f"{prompt} {answer}" for prompt in shown for answer in ("yes", "no")]
    return make_model(folder, seed, "\n".join([TEXT, *answered]))
