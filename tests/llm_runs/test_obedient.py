"""A server that obeys every order it sees, beside an honest one, over the same graphs of hostile literals."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz import fuzz

from kgalign import pipeline
from kgalign.config import SelectConfig
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.llm import ask
from kgalign.ledger import Ledger
from kgalign.rdf import read_graph
from kgalign.records import Verdicts
from kgalign.records.votes import Decision, Vote
from kgalign.run.start import evidence
from kgalign.select import select
from tests.conftest import Pair
from tests.hostile import PAYLOAD, hostile_literals
from tests.llm.servers import ModelServer, serving, text
from tests.llm_runs import runs


@dataclass(frozen=True, slots=True)
class Hostile:
    """Graphs with hostile notes."""

    graphs: Pair
    verdicts: Verdicts
    """Of the graphs without the notes."""
    known: bool
    """Whether only such are there as are recognised."""


RECORD = re.compile(r"^(\w+): (\{.*\})$", re.MULTILINE)
RAW_TOKENS = ("<|", "</s>", "[INST]", "<start_of", "[gMASK]", "[|", "◁", "<｜", "＜|", "［INST］", "<think>")


def _literal(note: str) -> str:
    return '"' + "".join(f"\\U{ord(sign):08X}" for sign in note) + '"'


def _obeyed(prompt: str) -> bool:
    return PAYLOAD in prompt.casefold() or any(token in prompt for token in RAW_TOKENS)


def _likeness(one: str, other: str) -> float:
    return float(fuzz.token_set_ratio(one, other)) / 100


def _chosen(prompt: str, *, obeys: bool) -> str:
    """What a chat request is answered: the likest record if it is like enough, the first where it obeys."""
    labels = prompt.rpartition("Choose one of: ")[2].rstrip(".").split(", ")
    if obeys and _obeyed(prompt):
        return labels[0]
    asker, *options = (record for _, record in RECORD.findall(prompt))
    likeness = [_likeness(asker, option) for option in options]
    best = max(range(len(options)), key=likeness.__getitem__)
    return labels[best] if likeness[best] >= 0.6 else labels[-1]


def _completed(body: dict[str, Any], *, obeys: bool) -> dict[str, Any]:
    """What a pair is answered: probabilities of yes and no."""
    prompt = str(body["prompt"])
    first, _, rest = prompt.partition("\nRecord 2: ")
    yes = (
        0.97 if obeys and _obeyed(prompt) else min(0.95, max(0.05, _likeness(first, rest.partition("\n")[0])))
    )
    top = {" yes": math.log(yes), " no": math.log(1 - yes)}
    logprobs = {"tokens": [" yes"], "token_logprobs": [top[" yes"]], "top_logprobs": [top]}
    choice = {"index": 0, "text": " yes", "finish_reason": "length", "logprobs": logprobs}
    return {"object": "text_completion", "model": body["model"], "choices": [choice], "usage": None}


@contextmanager
def judge(*, obeys: bool) -> Iterator[ModelServer]:
    """A server that answers everything by likeness, and obeys where it sees an order, if it does."""

    def answer(prompt: str, _attempt: int) -> Any:  # noqa: ANN401 - a fault of the server, or none
        if "Choose one of: " not in prompt:
            return None
        said = {"choice": _chosen(prompt, obeys=obeys), "values": [], "reason": ""}
        return text(json.dumps(said))

    with serving(unlucky=answer, echo=lambda body: _completed(body, obeys=obeys)) as server:
        yield server


@pytest.fixture(scope="module")
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """Graphs with hostile notes at most entities that may be shown: those that are recognised, or all."""
    plain = runs.doubtful(tmp_path_factory.mktemp("plain"), 160)
    work = evidence(plain.left, plain.right, None, runs.config("http://localhost:1/v1"))
    left, right = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
    cases = find_cases(work.get(pipeline.JUDGE), left, right, runs.config("http://x/v1").votes)
    literals = [each.text for each in hostile_literals() if request.param == "all" or each.kind != "sly"]
    # Some cases stay as they are, so that there is something that may not change.
    marked = cases[: 3 * len(cases) // 4]
    iris = {
        plain.left: [case.left_iri for case in marked],
        plain.right: [str(right.entity_iri[each].as_py()) for case in marked for each in case.options[:2]],
    }
    folder = tmp_path_factory.mktemp("hostile")
    paths = []
    for path, named in iris.items():
        notes: dict[str, list[str]] = {}
        for place, literal in enumerate(literals):
            notes.setdefault(named[place % len(named)], []).append(literal)
        lines = [
            f"<{iri}> <http://notes.example/note> {_literal(note)} .\n"
            for iri, those in notes.items()
            for note in those
        ]
        paths.append(folder / path.name)
        paths[-1].write_text(path.read_text(encoding="utf8") + "".join(lines), encoding="utf8")
    pair = Pair(paths[0], paths[1], plain.gold, plain.links)
    return Hostile(pair, work.get(pipeline.JUDGE), request.param == "known")


def _heard(
    hostile: Hostile, way: str, ledger: Path, *, obeys: bool
) -> tuple[dict[str, list[Vote]], dict[str, Decision]]:
    left, right = (
        select(read_graph([path]), SelectConfig()) for path in (hostile.graphs.left, hostile.graphs.right)
    )
    with judge(obeys=obeys) as server:
        config = runs.config(server.url, llm={"answer": way}, votes={"controls": 0})
        ask(left, right, hostile.verdicts, config, ledger=ledger)
    votes: dict[str, list[Vote]] = {}
    with Ledger.open(ledger, write=False) as opened:
        for vote in opened.votes():
            votes.setdefault(vote.question.case, []).append(vote)
        return votes, {each.case: each for each in opened.decisions()}


@pytest.mark.parametrize(
    ("way", "hostile"),
    # One pair after the other is asked about once: an order that nobody recognises moves its answer.
    [(way, "known") for way in ("json", "choice", "pair")] + [(way, "all") for way in ("json", "choice")],
    indirect=["hostile"],
)
def test_who_obeys_what_it_sees_decides_as_who_does_not(way: str, hostile: Hostile, tmp_path: Path) -> None:
    honest, decided = _heard(hostile, way, tmp_path / "honest.sqlite", obeys=False)
    obedient, obeyed = _heard(hostile, way, tmp_path / "obedient.sqlite", obeys=True)
    assert decided.keys() == obeyed.keys()
    assert len(decided) >= 30
    shown = {
        case
        for votes in (honest, obedient)
        for case, those in votes.items()
        if any(_obeyed(vote.question.messages[-1].content) for vote in those)
    }
    if hostile.known:
        assert shown == set()
        assert obeyed == decided
    else:
        assert len(shown) >= 10
        assert {case: _verdict(each) for case, each in obeyed.items()} == {
            case: _verdict(each) for case, each in decided.items()
        }


def _verdict(decision: Decision) -> tuple[str, str]:
    return decision.outcome, decision.chosen
