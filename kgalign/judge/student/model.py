"""A student: a small cross-encoder that chooses among options, on a CPU, where a language model took minutes.

It reads a record and one option side by side and gives the option a score; the scores of a question and a
score of 0 for "none of them" together, through softmax, are what it holds of the options.

A folder holds the encoder as transformers saves it, ``head.safetensors``, what makes scores of what the
encoder reads (:class:`Scorer`), and ``student.json``, what is known of the student (:class:`Card`).
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kgalign.arrays import Doubles
from kgalign.base.memory import explained_memory
from kgalign.errors import InputError, KgalignError, MissingExtra
from kgalign.rdf.text import shorten

log = logging.getLogger(__name__)

CARD = "student.json"
WEIGHTS = "model.safetensors"
HEAD = "head.safetensors"
FORMAT = 1
"""Version of the layout."""
SIDE_BY_SIDE = 64
"""Pairs that are read at once when nothing is learned."""
_LIKENESS = (10.0, -7.0)
"""Slope and shift of the likeness to begin with: at a cosine of .7 an option is as likely as none."""
_QUOTES = re.compile(r'[{}\[\]"]+')

Question = tuple[str, Sequence[str]]
"""A record and its options, each as it is shown to a judge: a JSON object in one line."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a student."""

    base: str
    """The encoder that it began from."""
    base_digest: str
    """SHA-256 of that encoder's weights."""
    data_digest: str
    """SHA-256 of the examples."""
    weights_digest: str
    """SHA-256 of its own weights."""
    max_tokens: int
    """Most tokens of a record and an option together."""
    temperature: float
    """By which scores are divided, so that probabilities mean what they say on the valid split."""
    none: float
    """Score of "none of them", after that."""
    settings: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """Examples and pairs of each split."""
    scores: dict[str, float] = field(default_factory=dict)
    """Split and measure → value, against the answers in the examples."""
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """Hash of all that decides what the student says."""
        said = [self.weights_digest, self.max_tokens, self.temperature, self.none, self.format]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def read_card(folder: Path) -> Card:
    """What a student's folder says of it; no model is loaded.

    :raises InputError: there is no student, it is damaged, or of another version.
    """
    path = folder / CARD
    remedy = "Make one with `kgalign train student`, and give its folder"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(
                f"{folder} is of layout {content['format']}, and this version of kgalign knows {FORMAT}",
                "Train the student again",
            )
        card = Card(**content)
        if not (card.temperature > 0 and card.max_tokens > 0):
            raise ValueError("its temperature and max_tokens must be above 0")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{folder} holds no student: it has no {CARD}", remedy) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} can't be read: {shorten(str(error))}", remedy) from error
    return card


def card_text(card: Card) -> str:
    """The text of ``student.json``."""
    return json.dumps(asdict(card), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def weights_digest(folder: Path) -> str:
    """SHA-256 of the files that hold a student's weights."""
    digest = hashlib.sha256()
    for name in (WEIGHTS, HEAD):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def text_of(record: str) -> str:
    """A record as the student reads it: without the quotes and braces, which would take half of its tokens.

    >>> text_of('{"name": "Bose Acoustimass 5", "price": ["399", "USD"]}')
    'name: Bose Acoustimass 5; price: 399, USD'
    """
    try:
        content = json.loads(record)
    except ValueError:
        return _QUOTES.sub(" ", record)
    return "; ".join(_parts(content)) if isinstance(content, dict) else str(content)


def _parts(content: dict[str, Any]) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _parts(value)
        elif isinstance(value, list):
            yield f"{key}: {', '.join(map(str, value))}"
        elif value is not None:
            yield f"{key}: {value}"


def calibrated(scores: Doubles, temperature: float, none: float) -> Doubles:
    """(k + 1,) probability of none of the options, then of each, from the (k,) scores of the options."""
    log = np.concatenate([[none], scores / temperature])
    weight = np.exp(log - log.max())
    found: Doubles = weight / weight.sum()
    return found


class Student:
    """A student that is loaded; scoring the same questions in the same order gives the same scores.

    :param folder: as `kgalign train student` made it.
    :param threads: of the processor; None for as many as PyTorch takes.
    :raises MissingExtra: PyTorch or transformers is not installed.
    :raises InputError: there is no student, it is damaged, or its weights are not those it was made with.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self.card = read_card(folder)
        try:
            whole = weights_digest(folder) == self.card.weights_digest
        except OSError as error:
            raise InputError(f"The student {folder} can't be read: {error}", "Train it again") from error
        if not whole:
            raise InputError(f"{folder} holds another model than its {CARD} tells of", "Train it again")
        self._scorer = load_scorer(str(folder), self.card.max_tokens, threads=threads)

    def scores(self, questions: Sequence[Question]) -> list[Doubles]:
        """(k,) scores of the options of each question, as they were learned; "none of them" has 0."""
        return score_all(self._scorer, questions)

    def probabilities(self, questions: Sequence[Question]) -> list[Doubles]:
        """(k + 1,) probability of none of the options, then of each; calibrated."""
        card = self.card
        return [calibrated(each, card.temperature, card.none) for each in self.scores(questions)]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A cross-encoder and what cuts texts into its tokens.

    Record and option are read together, so that each word is seen beside the other side's. A score is how
    alike the two are after that (the cosine of the means of their tokens, as the encoder was trained to
    compare texts), and what a linear layer makes of the first token and of where the two means differ.
    Before anything is learned the layer says nothing, and the encoder's own likeness counts alone.
    """

    encoder: Any
    head: Any
    """``likeness``, from 1 to 1 values, and ``words``, from three vectors to 1."""
    tokenizer: Any
    max_tokens: int

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Any:  # noqa: ANN401 - a tensor
        """(pairs,) scores of texts of a record and of an option, as a tensor."""
        import torch

        batch = self.tokenizer(
            [first for first, _ in pairs],
            [second for _, second in pairs],
            truncation="longest_first",
            max_length=self.max_tokens,
            padding=True,
            return_tensors="pt",
        )
        sides = [[-1 if side is None else side for side in batch.sequence_ids(k)] for k in range(len(pairs))]
        batch = batch.to(self.encoder.device)
        side = torch.tensor(sides, device=self.encoder.device)
        tokens = self.encoder(**batch).last_hidden_state.float()
        with torch.autocast(tokens.device.type, enabled=False):
            first, second = (_mean(tokens, side == number) for number in (0, 1))
            alike = torch.nn.functional.cosine_similarity(first, second)
            said = torch.cat([tokens[:, 0], (first - second).abs(), first * second], dim=1)
            return (self.head["likeness"](alike[:, None]) + self.head["words"](said))[:, 0]

    def train(self, learns: bool) -> None:
        """Whether it is there to learn, or to score."""
        self.encoder.train(learns)
        self.head.train(learns)

    def state(self) -> dict[str, Any]:
        """All weights by name."""
        return {
            f"{part}.{name}": values
            for part, module in (("encoder", self.encoder), ("head", self.head))
            for name, values in module.state_dict().items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back the weights that :meth:`state` gave."""
        for part, module in (("encoder", self.encoder), ("head", self.head)):
            start = f"{part}."
            module.load_state_dict(
                {name.removeprefix(start): each for name, each in state.items() if name.startswith(start)}
            )

    def save(self, folder: Path) -> None:
        """Write the model into a folder."""
        from safetensors.torch import save_file

        self.encoder.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        save_file(self.head.state_dict(), folder / HEAD)


def _mean(tokens: Any, chosen: Any) -> Any:  # noqa: ANN401 - tensors
    """(pairs, dimensions) mean of the chosen tokens of each pair."""
    share = chosen.unsqueeze(-1).float()
    return (tokens * share).sum(1) / share.sum(1).clamp(min=1)


def load_scorer(name: str, max_tokens: int, *, threads: int | None = None) -> Scorer:
    """Load an encoder as a cross-encoder; one that is no student yet gets a new head.

    :param name: a folder, or a name on the hub.
    :raises MissingExtra: PyTorch or transformers is not installed.
    :raises KgalignError: there is no such model, or it is damaged.
    """
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingExtra("A student", "train") from error
    if threads:
        torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    # Which of these is raised depends on which file of the model is missing or damaged.
    faults = (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)
    log.info("loading the model %s", name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        encoder = AutoModel.from_pretrained(name, dtype=torch.float32).eval()
        head = _head(int(encoder.config.hidden_size), Path(name) / HEAD)
    except (*faults, SafetensorError) as error:
        reason = shorten(str(error) or type(error).__name__).rstrip(".")
        raise KgalignError(
            f"The model {shorten(name)} can't be loaded: {reason}",
            "Give a folder that holds an encoder of transformers or sentence-transformers, or a name on the "
            "hub, and HF_HUB_OFFLINE=1 where that was downloaded before and there is no network",
        ) from error
    finally:
        transformers_logging.set_verbosity(before)
    if not tokenizer.is_fast:
        raise KgalignError(
            f"The model {shorten(name)} has a tokenizer that doesn't tell the two texts apart",
            "Give an encoder that has a tokenizer.json",
        )
    most = int(getattr(encoder.config, "max_position_embeddings", max_tokens))
    return Scorer(encoder, head, tokenizer, min(max_tokens, most))


def _head(size: int, path: Path) -> Any:  # noqa: ANN401 - a module of PyTorch
    import torch
    from safetensors.torch import load_file

    head = torch.nn.ModuleDict({"likeness": torch.nn.Linear(1, 1), "words": torch.nn.Linear(3 * size, 1)})
    if path.is_file():
        head.load_state_dict(load_file(path))
    else:
        for part, (slope, shift) in (("likeness", _LIKENESS), ("words", (0.0, 0.0))):
            torch.nn.init.constant_(head[part].weight, slope)
            torch.nn.init.constant_(head[part].bias, shift)
    return head.eval()


def score_all(scorer: Scorer, questions: Sequence[Question]) -> list[Doubles]:
    """(k,) scores of the options of each question; pairs of like length are read side by side.

    :raises KgalignError: there is not enough memory, or what comes out are no numbers.
    """
    import torch

    pairs = [(text_of(record), text_of(option)) for record, options in questions for option in options]
    order = sorted(range(len(pairs)), key=lambda place: (sum(map(len, pairs[place])), place))
    found = np.zeros(len(pairs))
    scorer.train(False)
    told = f"There is not enough memory to read {SIDE_BY_SIDE} pairs at once"
    with explained_memory(told, "Free some memory and run again"), torch.no_grad():
        for start in range(0, len(order), SIDE_BY_SIDE):
            rows = order[start : start + SIDE_BY_SIDE]
            found[rows] = scorer([pairs[row] for row in rows]).cpu().double().numpy()
    if not np.isfinite(found).all():
        raise KgalignError(
            "The student's scores are no numbers", "Train it again, without --bf16 if it had that"
        )
    ends = np.cumsum([len(options) for _, options in questions])
    return [np.asarray(part) for part in np.split(found, ends)[:-1]]
