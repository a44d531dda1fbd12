"""What the systems of a comparison said, and the folder that keeps it so that nobody is asked twice."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.compare.sets import file_name
from kgalign.base.files import replacing
from kgalign.errors import RunError
from kgalign.run.folder import writing

UNUSABLE = -1
"""Choice of an answer that the judge would not count: cut off, unreadable, made up."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one system said to the test of one data set."""

    choices: Mapping[str, int]
    """Id of the question → number of the option, 0 for none of them, :data:`UNUSABLE` for no answer; a
    question that the system knows nothing of is not in it."""
    calls: int = 0
    """Questions that were put to a model for it."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float | None = None
    """From the first question to the last answer; None where that is not known."""
    probabilities: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Id → probability of none of the options, then of each, from systems that say it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer of a language model, as it is kept."""

    id: str
    choice: int
    tokens_in: int
    tokens_out: int
    round: int
    """Which time questions were put in a row."""
    at: float
    """Seconds since that began."""


class Kept:
    """The answers that are kept.

    :param folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str, *parts: object) -> Answers | None:
        """What was kept of a system; None where nothing was, or only half of it.

        :param parts: what the answers depend on, as JSON holds it.
        """
        try:
            found = json.loads(self._path(name, parts, "json").read_text(encoding="utf8"))
            return Answers(**found)
        except (OSError, ValueError, TypeError):
            return None

    def save(self, answers: Answers, name: str, *parts: object) -> None:
        """Keep what a system said.

        :raises RunError: there is no room or no permission.
        """
        content = {
            "choices": dict(answers.choices),
            "calls": answers.calls,
            "tokens_in": answers.tokens_in,
            "tokens_out": answers.tokens_out,
            "seconds": answers.seconds,
            "probabilities": {id: list(each) for id, each in answers.probabilities.items()},
        }
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path(name, parts, "json")) as file:
            file.write((json.dumps(content, sort_keys=True) + "\n").encode())

    def log(self, name: str, *parts: object) -> "Log":
        """The answers of a language model, one by one."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return Log(self._path(name, parts, "jsonl"))

    def _path(self, name: str, parts: tuple[object, ...], ending: str) -> Path:
        return self.folder / f"{file_name(name, *parts)}.{ending}"


class Log:
    """Answers in a file, a line each; what was written is there whenever the process ends.

    :param path: the file; a last line that was cut is left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.asked: dict[str, Asked] = {}
        for line in self._lines():
            try:
                found = Asked(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self.asked[found.id] = found
        self.round = 1 + max((each.round for each in self.asked.values()), default=0)

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(
                f"{self._path} can't be read: {error}", "Delete it: its questions are asked again"
            ) from error

    def add(self, asked: Asked) -> None:
        """Keep a further answer.

        :raises RunError: there is no room or no permission.
        """
        with writing(self._path), self._path.open("a+b") as file:
            if file.tell() and not _ends_line(file):
                file.write(b"\n")
            file.write((json.dumps(asdict(asked)) + "\n").encode())
        self.asked[asked.id] = asked

    def answers(self, ids: Iterable[str]) -> Answers:
        """All that was said to some questions; those without an answer are no answer that can be used."""
        wanted = list(ids)
        there = [self.asked[each] for each in wanted if each in self.asked]
        last: dict[int, float] = {}
        for each in there:
            last[each.round] = max(last.get(each.round, 0.0), each.at)
        return Answers(
            choices={each: self.asked[each].choice if each in self.asked else UNUSABLE for each in wanted},
            calls=len(there),
            tokens_in=sum(each.tokens_in for each in there),
            tokens_out=sum(each.tokens_out for each in there),
            seconds=sum(last.values()),
        )


def _ends_line(file: Any) -> bool:  # noqa: ANN401 - a file for reading and appending
    file.seek(-1, 2)
    return bool(file.read(1) == b"\n")
