r"""Examples to learn from, and the folder that they lie in.

A folder holds ``train.jsonl``, ``valid.jsonl``, ``test.jsonl`` and ``data.json``. A line is one question in
exactly the form in which the judge asks it, with the answer that is wanted::

    {"id": "…", "kind": "select", "case": "http://…", "entities": ["http://…", …], "origin": "votes",
     "messages": [{"role": "system", "content": "…"}, {"role": "user", "content": "…"},
                  {"role": "assistant", "content": "{\"choice\": \"A\", …}"}],
     "labels": ["A", "B", "none"], "answer": "A", "weight": 0.93,
     "asker": "{…}", "options": ["{…}", "{…}"], "template": "select-1@1", "evidence": [0.1, 0.8, 0.1]}

No entity occurs in two of the three files: :func:`read_data` refuses a folder in which one does.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kgalign.base.files import replacing
from kgalign.errors import InputError

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
FORMAT = 1
"""Version of the layout."""
ABOUT = "data.json"
_SHARES = 1e-3
"""How far shares may be from 1 in all: they are rounded."""

Origin = Literal["gold", "person", "evidence", "votes", "synthetic"]
"""Who gave the answer: gold links, a person, the evidence where it is sure, a teacher's votes; or it is known
because the question was made so."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question with the answer that is wanted."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: str
    """SHA-256 of the messages without the answer, shortened to 16 characters."""
    kind: Literal["select", "verify"]
    case: str
    """IRI of the entity whose partner is sought."""
    entities: tuple[str, ...]
    """IRIs of all entities that are shown: none of them is in another split."""
    origin: Origin
    messages: tuple[Mapping[str, str], ...]
    """``role`` and ``content`` of system, user and assistant."""
    labels: tuple[str, ...]
    """The word for each option in the order shown, and last the word for none of them."""
    answer: str
    """One of the labels."""
    weight: float
    """Probability that the answer is right, as far as its origin knows, 0 to 1."""
    asker: str
    options: tuple[str, ...]
    """The records as they are shown, JSON objects in one line each; in a verify question there is one."""
    template: str
    """Name and version of the prompt."""
    evidence: tuple[float, ...] | None = None
    """(options + 1,) probability of none of the options, then of each, by the evidence of the run; None where
    it does not know, and outside of the test."""

    @property
    def question(self) -> tuple[Mapping[str, str], ...]:
        """The messages without the answer."""
        return self.messages[:-1]


@dataclass(frozen=True, slots=True)
class About:
    """What a folder of examples holds."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    templates: dict[str, str]
    """Name and version of each prompt → SHA-256 of its text."""
    counts: dict[Split, int]
    """Split → examples."""
    digests: dict[Split, str]
    """Split → SHA-256 of its file."""
    settings: dict[str, Any] = field(default_factory=dict)
    """How the examples were chosen and what their targets are."""
    figures: dict[str, float] = field(default_factory=dict)
    """What was counted on the way: failed votes left out, invented explanations dropped …"""
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 of all examples."""
        return hashlib.sha256("".join(self.digests[split] for split in SPLITS).encode()).hexdigest()


def number_of(example: Example, label: str) -> int:
    """What a label chooses: 0 for none of the options, else the number of one from 1."""
    return (example.labels.index(label) + 1) % len(example.labels)


def example_id(question: Iterable[Mapping[str, str]]) -> str:
    """The id of a question: a hash of its messages."""
    text = json.dumps([[each["role"], each["content"]] for each in question], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def write_data(folder: Path, examples: Mapping[Split, Iterable[Example]], about: About) -> About:
    """Write a folder of examples; ``data.json`` comes last, so that a folder without it is not finished.

    :param about: counts and digests are filled in here.
    :raises RunError: where there is no room or no permission.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ABOUT).unlink(missing_ok=True)
    counts: dict[Split, int] = {}
    digests: dict[Split, str] = {}
    for split in SPLITS:
        hashed = hashlib.sha256()
        counts[split] = 0
        with replacing(folder / f"{split}.jsonl") as file:
            for example in examples.get(split, ()):
                told = asdict(example)
                if example.evidence is None:
                    del told["evidence"]
                line = (json.dumps(told, ensure_ascii=False) + "\n").encode("utf-8", "replace")
                hashed.update(line)
                file.write(line)
                counts[split] += 1
        digests[split] = hashed.hexdigest()
    written = About(about.templates, counts, digests, about.settings, about.figures)
    with replacing(folder / ABOUT) as file:
        content = json.dumps(asdict(written), indent=1, sort_keys=True, ensure_ascii=False)
        file.write((content + "\n").encode("utf-8", "replace"))
    return written


def read_about(folder: Path) -> About:
    """What a folder of examples says of itself.

    Raises:
        InputError: it is no such folder, is not finished, or is of another version.
    """
    try:
        content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
            raise InputError(
                f"{folder} is of layout {content['format']}, and this version of kgalign knows {FORMAT}",
                "Make the examples again",
            )
        about = TypeAdapter(About).validate_python(content)
        TypeAdapter(list[dict[str, Any]]).validate_python(about.settings.get("runs", []))
        if not about.digests.keys() >= set(SPLITS):
            raise ValueError("it has not one digest of each split")
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} is no finished folder of examples: it has no {ABOUT}",
            "Make one with `kgalign train examples RUN -o FOLDER`",
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder / ABOUT} can't be read: {fault_of(error)}", "Make the examples again"
        ) from error
    return about


def fault_of(error: Exception) -> str:
    """The first thing that is wrong, in one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


def read_split(folder: Path, split: Split) -> Iterator[Example]:
    """The examples of one split, in order.

    Raises:
        InputError: the file is missing, or a line is no example.
    """
    path = folder / f"{split}.jsonl"
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield _example(line, path, number)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}", "Make the examples again") from error


def _example(line: str, path: Path, number: int) -> Example:
    try:
        example = _EXAMPLE.validate_json(line)
        if example.evidence is not None and not _are_shares(example.evidence, len(example.options) + 1):
            raise ValueError("its evidence is none of its options")
        if example.answer not in example.labels or len(example.messages) < 2:
            raise ValueError("its answer is none of its labels, or it has no messages")
    except ValueError as error:
        raise InputError(
            f"Line {number} of {path} is no example: {fault_of(error)}", "Make the examples again"
        ) from error
    return example


_EXAMPLE = TypeAdapter(Example)


def _are_shares(evidence: tuple[float, ...], count: int) -> bool:
    return (
        len(evidence) == count
        and all(0 <= each <= 1 for each in evidence)
        and abs(sum(evidence) - 1) < _SHARES
    )


def read_data(folder: Path) -> tuple[About, dict[Split, list[Example]]]:
    """All examples of a folder.

    Raises:
        InputError: it is no finished folder of examples, a file was changed since, or an entity is in two
            splits: what is learned would be measured on itself.
    """
    about = read_about(folder)
    splits: dict[Split, list[Example]] = {split: list(read_split(folder, split)) for split in SPLITS}
    for split in SPLITS:
        if hashlib.sha256((folder / f"{split}.jsonl").read_bytes()).hexdigest() != about.digests[split]:
            raise InputError(
                f"{folder / f'{split}.jsonl'} was changed after it was made", "Make the examples again"
            )
    check_leaks(splits, str(folder))
    return about, splits


def check_leaks(splits: Mapping[Split, Iterable[Example]], where: str) -> None:
    """Refuse splits that share an entity.

    Raises:
        InputError: they share one; it names it.
    """
    seen: dict[str, Split] = {}
    for split, examples in splits.items():
        for example in examples:
            for entity in example.entities:
                other = seen.setdefault(entity, split)
                if other != split:
                    raise InputError(
                        f"{where} shows {entity} in {other} and in {split}",
                        "Split by entity: what is learned must not be measured on itself",
                    )
