"""Parts of a long run: what is learned of the voters where, that nobody waits, and how long it will take."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.parts import parts as cut
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import AskedCase, Asking
from kgalign.judge.asking.templates import load_templates
from kgalign.ledger import Ledger
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Capabilities, Reply, Request, Sampling
from kgalign.llm.scripted import Scripted, ScriptedSettings
from tests.evaluate.small import profile, verdicts

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SIZE = 160
LEFT, RIGHT = (
    profile(
        [f"http://{side}/{number}" for number in range(SIZE)],
        values={number: {LABEL: [f"thing {number}"]} for number in range(SIZE)},
    )
    for side in ("l", "r")
)
DOUBTFUL = verdicts([(each, other, 0.5) for each in range(SIZE) for other in (each, (each + 1) % SIZE)])


class Straggling:
    """A judge that keeps the first case waiting until it was asked about many others."""

    name, adapter = "scripted", ""

    def __init__(self, others: int) -> None:
        self._judge = Scripted(ScriptedSettings(accuracy=0.9, seed=3))
        self._others = others
        self._first = ""
        self.seen: set[str] = set()
        self._enough = asyncio.Event()

    async def probe(self) -> Capabilities:
        return await self._judge.probe()

    async def ask(self, request: Request) -> Reply:
        record = request.messages[-1].content.splitlines()[0]
        self._first = self._first or record
        self.seen.add(record)
        if len(self.seen) > self._others:
            self._enough.set()
        if record == self._first:
            await self._enough.wait()
        return await self._judge.ask(request)

    async def close(self) -> None:
        """Nothing to let go of."""


class Noting:
    """A progress that keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator["Noting"]:
        yield self

    def advance(self, amount: int = 1) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


def ask(ledger: Path, others: int, at_once: int = 8) -> tuple[list[AskedCase], Straggling, list[str]]:
    rules, llm = VotesConfig(ask="all"), LlmConfig(concurrency=at_once)
    cases = find_cases(DOUBTFUL, LEFT, RIGHT, rules, "one-to-one")
    assert len(cases) == SIZE
    questions = Questions(LEFT, RIGHT, templates=load_templates(), budget_tokens=1500, seed=0)
    watch = Noting()

    async def work() -> tuple[list[AskedCase], Straggling]:
        judge = Straggling(others)
        with Ledger.open(ledger, write=True) as opened:
            pool = Pool(judge, llm)
            judging = opened.begin("scripted", "", {})
            asking = Asking(questions, opened, judging, pool, rules, llm, Sampling(), seed=0)
            try:
                async with asyncio.timeout(120):
                    return await asking.ask(cases, watch), judge
            finally:
                await pool.close()

    return *asyncio.run(work()), watch.notes


@pytest.mark.parametrize(
    ("cases", "parts"),
    [
        (10, [(0, 0), (64, 0)]),
        (64, [(0, 0), (64, 0)]),
        (300, [(0, 0), (64, 0), (128, 64), (256, 128), (512, 256)]),
    ],
)
def test_each_part_learns_from_all_but_the_one_before_it(cases: int, parts: list[tuple[int, int]]) -> None:
    assert cut(cases) == parts


def test_the_last_case_of_a_part_holds_up_no_other_part(tmp_path: Path) -> None:
    """The first case is answered after the first half of the second part has been asked about."""
    done, judge, _ = ask(tmp_path / "votes.sqlite", others=96)
    assert all(each.complete for each in done)
    assert len(judge.seen) >= SIZE


def test_when_answers_come_makes_no_difference(tmp_path: Path) -> None:
    found = [
        ask(tmp_path / f"votes{others}-{at_once}.sqlite", others, at_once)[0]
        for others, at_once in ((0, 1), (0, 32), (96, 8), (5, 3))
    ]
    told = [[(each.case.name, each.asked, each.ballots, each.stopped) for each in done] for done in found]
    assert told[0] == told[1] == told[2] == told[3]


def test_after_ten_answers_it_says_how_long_the_rest_will_take(tmp_path: Path) -> None:
    notes = ask(tmp_path / "votes.sqlite", others=0)[2]
    said = [bool(re.search(r", about \d+ s left$", note)) for note in notes]
    assert any(said)
    assert not said[-1]
