"""Several models, each behind a server of its own: who is asked what, and that bad ones do no harm."""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kgalign.config import as_config
from kgalign.errors import ConfigError
from kgalign.evaluate.metrics import score
from kgalign.ledger import Ledger
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from kgalign.records.votes import Vote
from tests.conftest import Pair
from tests.llm import copying
from tests.llm.servers import serving
from tests.llm_runs import runs

Begun = Callable[[str], Path]
Start = Callable[..., list[Running]]


@pytest.fixture
def servers() -> Iterator[Start]:
    """Starts servers, whose adapters are called a, b and c."""
    with ExitStack() as stack:

        def start(*settings: dict[str, Any]) -> list[Running]:
            return [
                stack.enter_context(running(ScriptedSettings(adapter=name, **each)))
                for name, each in zip("abc", settings, strict=False)
            ]

        yield start


def several(found: list[Running], **votes: object) -> dict[str, Any]:
    """Sections of the configuration that ask all servers."""
    models = [
        {"model": "scripted", "adapter": n, "url": each.url} for n, each in zip("abc", found, strict=False)
    ]
    return {"llm": {"models": models}, "votes": votes}


def asked(out: Path) -> list[Vote]:
    """The votes that count, those on controls among them."""
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        return list(ledger.votes())


def doubtful_votes(out: Path) -> Counter[str]:
    """Adapter → votes on what is in doubt."""
    return Counter(vote.adapter for vote in asked(out) if " control " not in vote.question.case)


def f1(out: Path, pair: Pair) -> float:
    links = re.findall(r"^<(.*?)> <.*?> <(.*?)> \.$", (out / "links.nt").read_text(encoding="utf8"), re.M)
    return float(score(set(links), pair.links, closed=True).f1)


@pytest.fixture(scope="session")
def alone(doubtful: Pair, evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run in which nobody was asked."""
    out = Path(shutil.copytree(evidence, tmp_path_factory.mktemp("alone") / "run"))
    runs.run(doubtful, out, "http://localhost:1/v1", judge={"judge": "evidence"})
    return out


def test_the_better_one_is_asked_first_and_the_other_where_doubt_remains(
    doubtful: Pair, begun: Begun, servers: Start
) -> None:
    out = begun("run")
    found = servers({"accuracy": 0.9, "seed": 3}, {"accuracy": 0.95})
    runs.run(doubtful, out, "http://localhost:1/v1", **several(found))
    step, votes = runs.step(out), doubtful_votes(out)
    right = dict(re.findall(r"scripted with (.): right on (\d+) of 24", step.notes["controls"]))
    first, second = sorted("ab", key=lambda name: -int(right[name]))
    assert votes[first] > votes[second] > 0
    assert step.figures["calls"] == len(asked(out)) == sum(votes.values()) + 48
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        assert ledger.counts().superseded == 0
    runs.assert_sound(out)
    before = runs.results(out)
    runs.run(doubtful, out, "http://localhost:1/v1", force=True, judge={"judge": "replay"})
    assert runs.results(out) == before


def test_who_is_no_better_than_chance_is_dropped_and_the_other_goes_on(
    doubtful: Pair, begun: Begun, servers: Start
) -> None:
    out = begun("run")
    found = servers({"bias": 1.0, "logprobs": False}, {"accuracy": 0.95})
    runs.run(doubtful, out, "http://localhost:1/v1", **several(found))
    assert set(doubtful_votes(out)) == {"b"}
    dropped = runs.step(out).notes["dropped"]
    assert dropped.startswith("scripted with a is no better than chance")
    assert "the others go on" in dropped


def test_where_all_are_dropped_the_evidence_stands(
    doubtful: Pair, begun: Begun, servers: Start, alone: Path
) -> None:
    found = servers({"bias": 1.0, "logprobs": False}, {"bias": 1.0, "logprobs": False})
    out = begun("run")
    runs.run(doubtful, out, "http://localhost:1/v1", **several(found))
    assert not doubtful_votes(out)
    assert runs.step(out).notes["not asked"].count("the evidence stands") == 2
    assert (out / "links.nt").read_bytes() == (alone / "links.nt").read_bytes()


@pytest.fixture
def unlike() -> Iterator[list[dict[str, str]]]:
    """Two models: one good with a label, one that always gives the first label and is good by likelihood."""
    with running(ScriptedSettings()) as labels, serving(echo=copying.completion) as likely:
        yield [{"model": "scripted", "url": labels.url}, {"model": "small", "url": likely.url}]


def test_each_is_asked_in_the_way_that_works_for_it(
    doubtful: Pair, begun: Begun, unlike: list[dict[str, str]]
) -> None:
    out, llm = begun("run"), {"models": unlike, "answer": "auto"}
    runs.run(doubtful, out, "http://localhost:1/v1", llm=llm)
    step, votes = runs.step(out), asked(out)
    assert step.notes["way"].startswith(
        "scripted: asked by choice, the cheapest way that works; small: asked by"
    )
    assert "asked by likelihood (better than chance); choice was no better than chance" in step.notes["way"]
    ways = {(vote.model, vote.question.template == "likelihood@2") for vote in votes}
    assert ways == {("scripted", False), ("small", True)}
    assert {vote.model for vote in votes if " control " not in vote.question.case} == {"scripted", "small"}
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        calls = ledger.connection.execute("SELECT count(*) FROM call").fetchone()[0]
    assert step.figures["calls"] == step.figures["calls_now"] == calls, "what was tried is counted, once"
    told = runs.call([*runs.COMMAND, "votes", "stats", str(out)])
    assert "Way of asking: scripted: asked by choice" in told.stdout
    runs.assert_sound(out)
    before = runs.results(out)
    runs.run(doubtful, out, "http://localhost:1/v1", force=True, judge={"judge": "replay"})
    assert runs.results(out) == before
    assert runs.step(out).notes["way"] == step.notes["way"]
    assert runs.step(out).figures["calls"] == calls
    runs.run(doubtful, out, "http://localhost:1/v1", force=True, llm=llm)
    assert runs.results(out) == before
    assert runs.step(out).figures["calls_now"] == 0


def test_where_a_limit_is_low_no_other_way_is_tried(
    doubtful: Pair, begun: Begun, unlike: list[dict[str, str]]
) -> None:
    out = begun("run")
    llm = {"models": unlike, "answer": "auto"}
    runs.run(doubtful, out, "http://localhost:1/v1", llm=llm, votes={"max_calls": 150})
    step = runs.step(out)
    assert "likelihood, json not tried, because of a limit" in step.notes["way"]
    assert step.notes["dropped"].startswith("small is no better than chance")
    assert step.figures["calls"] <= 150


ALWAYS_WRONG, ALWAYS_FIRST = {"accuracy": 0.0, "seed": 1}, {"bias": 1.0}


@pytest.mark.parametrize(
    ("both", "anyway"), [(ALWAYS_WRONG, True), (ALWAYS_FIRST, True), (ALWAYS_WRONG, False)]
)
def test_two_that_always_give_the_same_wrong_answer_do_no_harm(
    doubtful: Pair, begun: Begun, servers: Start, alone: Path, both: dict[str, Any], anyway: bool
) -> None:
    out = begun("run")
    found = servers(both | {"logprobs": False}, both | {"logprobs": False})
    runs.run(doubtful, out, "http://localhost:1/v1", **several(found, ask_anyway=anyway))
    assert bool(doubtful_votes(out)) == anyway
    assert f1(out, doubtful) >= f1(alone, doubtful) - 0.001


@pytest.mark.parametrize(
    "llm",
    [{"models": ["a", "a"]}, {"models": ["a", "b"], "model": "c"}, {"models": [{"model": "a", "url": "x"}]}],
)
def test_models_that_can_not_be_voters_are_told(llm: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"models"):
        as_config({"llm": llm})
