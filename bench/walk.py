"""A curator's whole way: from two graphs to links with a certified precision, with gold as the person."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.results import table
from bench.sets import find_sets, read_links
from kgalign.decisions import Relation, Verdict
from kgalign.errors import KgalignError
from kgalign.evaluate.metrics import Scores, score
from kgalign.links.gold import Pair, read_pairs
from kgalign.review import Filter, Question, Queue, Review

EXAMPLE = Path(__file__).parents[1] / "examples" / "countries"
KEPT = 0.95
"""Of the links, as many as the certificate is to be about."""
_BY = "gold"


@dataclass(frozen=True, slots=True)
class Way:
    """What is aligned, and what a person knows of it."""

    name: str
    inputs: tuple[str, ...]
    """What stands behind ``kgalign run``."""
    gold: Path
    closed: bool


@dataclass(frozen=True, slots=True)
class Walked:
    """What came of it."""

    name: str
    before: Scores
    doubts: int
    """Answers on what was in doubt, in the order of the queue."""
    learned: Scores
    """After the run learned from them."""
    looks: int
    """Answers for the estimate after that."""
    certified: int | None
    """Links, from the most probable on, of which the precision is certified then; None where it is not."""
    threshold: float | None
    low: float | None
    """Below the precision with the confidence, by the interval."""
    after: Scores
    """After the run learned from these as well."""
    minutes: float
    """Of the machine: running, learning twice, and all waiting for questions."""


HEAD = (
    *("set", "P, R, F1 at first", "answers in doubt", "P, R, F1 then", "looks"),
    *("certified", "P, R, F1 at the end", "minutes of the machine"),
)


def ways(data: Path, only: Sequence[str]) -> Iterator[Way]:
    """The sets of a folder, and the example."""
    for each in find_sets(data, only):
        yield Way(each.name, (str(each.left), str(each.right), *each.options), each.gold, each.closed)
    inputs = (str(EXAMPLE / "left.ttl"), str(EXAMPLE / "right.jsonld"))
    config = ("--config", str(EXAMPLE / "config.toml"))
    yield Way("examples/countries", (*inputs, *config), EXAMPLE / "gold.tsv", closed=True)


def walk(way: Way, out: Path, doubts: int, most: int) -> Walked:
    """Go the whole way.

    :param out: a new run folder.
    :param doubts: how many questions in doubt are answered before the run learns.
    :param most: looks for the estimate at most.
    :raises KgalignError: a command failed.
    """
    gold = frozenset(read_pairs(way.gold))
    began = time.perf_counter()
    _run(way, out)
    before = _scored(out, gold, closed=way.closed)
    review = Review(out)
    doubted = sum(_answered(review, gold, Filter()) for _ in range(doubts))
    _learn(review)
    learned = _scored(out, gold, closed=way.closed)
    looks = 0
    while looks < most and not _is_enough(review) and _answered(review, gold, Filter(queue=Queue.ESTIMATE)):
        looks += 1
    found = review.estimate(ahead=False)
    _learn(review)
    best = found.certified
    return Walked(
        name=way.name,
        before=before,
        doubts=doubted,
        learned=learned,
        looks=looks,
        certified=best.links if best else None,
        threshold=best.threshold if best else None,
        low=found.precision.low,
        after=_scored(out, gold, closed=way.closed),
        minutes=(time.perf_counter() - began) / 60,
    )


def _run(way: Way, out: Path) -> None:
    command = [sys.executable, "-m", "kgalign", "run", *way.inputs, "-o", str(out), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KgalignError(f"{way.name}: {done.stderr.strip()}")


def _scored(out: Path, gold: Collection[Pair], *, closed: bool) -> Scores:
    return score(read_links(out / "links.nt"), gold, closed=closed)


def _answered(review: Review, gold: Collection[Pair], wanted: Filter) -> bool:
    """Answer what comes next as gold would; whether there was anything."""
    question = review.turn(_BY, wanted).question
    if question is None:
        return False
    right, verdict = _word(review, question, gold, wanted.queue)
    review.answer(_BY, question.iri, right, verdict, relation=Relation.EXACT, why="", queue=wanted.queue)
    return True


def _word(review: Review, question: Question, gold: Collection[Pair], queue: Queue) -> tuple[str, Verdict]:
    """What gold says: who it is among those that are shown, or who it is at all, or nobody."""
    shown = [each.iri for each in question.candidates]
    if queue is Queue.ESTIMATE and review.opened.looks.of_pairs:
        return shown[0], Verdict.SAME if (question.iri, shown[0]) in gold else Verdict.DIFFERENT
    partners = sorted(
        right for left, right in gold if left == question.iri and review.right.number(right) >= 0
    )
    told = [each.iri for each in question.candidates if each.said]
    best = [each for each in shown if each in partners and each not in told] or partners
    return (best[0], Verdict.SAME) if best else ("", Verdict.NOTHING)


def _learn(review: Review) -> None:
    review.learn()
    while (state := review.catch_up()).running:
        time.sleep(0.05)
    if state.fault:
        raise KgalignError(state.fault)
    review.catch_up()


def _is_enough(review: Review) -> bool:
    """Whether the precision is certified of nearly all links."""
    found = review.estimate(ahead=False)
    return found.certified is not None and found.certified.links >= KEPT * found.links


def measure(
    chosen: Sequence[Way], runs: Path, doubts: int, most: int, show: Callable[[Walked], None]
) -> list[Walked]:
    """Go all ways, one after the other."""
    found = []
    for way in chosen:
        found.append(walk(way, runs / way.name.replace("/", "-"), doubts, most))
        show(found[-1])
    return found


def cells(each: Walked) -> list[str]:
    """A row of the table."""
    certified = "not"
    if each.certified is not None:
        certified = f"{each.certified:,} links from {each.threshold:.5g} on"
    return [
        each.name,
        _shares(each.before),
        str(each.doubts),
        _shares(each.learned),
        str(each.looks),
        certified,
        _shares(each.after),
        f"{each.minutes:.1f}",
    ]


def _shares(scores: Scores) -> str:
    return ", ".join(f"{share:.3f}" for share in (scores.precision, scores.recall, scores.f1))


def as_markdown(rows: Sequence[Walked]) -> str:
    """The table."""
    return table(HEAD, [cells(each) for each in rows])


def as_json(rows: Sequence[Walked]) -> str:
    """All figures."""
    return json.dumps([asdict(each) for each in rows], indent=1) + "\n"
