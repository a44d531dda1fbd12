"""Which way a model is asked in: the cheapest that works, else the best of those that were tried."""

import pytest

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.budget import Spent
from kgalign.judge.votes.competence import Competence
from kgalign.judge.ways import Tried, best_of, may_try_another, not_asked_in_any, ways_to_try, why
from kgalign.llm.protocol import Capabilities, Way
from kgalign.records.votes import QuestionKind

LLM = LlmConfig(question_tokens=1500, answer_tokens=256, price_in=1.0)
SELECT, VERIFY = QuestionKind.SELECT, QuestionKind.VERIFY


def _tried(way: Way, select: float, verify: float | None = None, spent: Spent | None = None) -> Tried:
    """A way by how many deviations above chance the model was."""
    above = {SELECT: select} if verify is None else {SELECT: select, VERIFY: verify}
    found = tuple(Competence(kind, 12, 12, 7, 5.0, each) for kind, each in above.items())
    return Tried(way, found, spent or Spent(24, 6000, 100, 0.01))


def _found(*ways: Way) -> Capabilities:
    return Capabilities("vllm", "json_schema", 20, 4096, ways=ways)


def test_the_cheapest_is_tried_first_and_what_was_trained_is_asked_as_it_was() -> None:
    assert ways_to_try(_found("json", "choice", "likelihood"), "") == ("choice", "likelihood", "json")
    assert ways_to_try(_found("json", "choice"), "") == ("choice", "json")
    assert ways_to_try(_found("json"), "") == ("json",)
    assert ways_to_try(_found("pair"), "") == ("pair",)
    assert ways_to_try(_found("json", "choice", "likelihood"), "tuned") == ("json",)


def test_nothing_else_is_tried_once_a_way_works() -> None:
    rules = VotesConfig()
    assert not may_try_another([_tried("choice", 3.0, 2.0)], rules, LLM, 24)
    assert may_try_another([_tried("choice", 3.0, 0.5)], rules, LLM, 24)
    assert may_try_another([_tried("choice", -1.0), _tried("likelihood", 0.0)], rules, LLM, 24)


@pytest.mark.parametrize(
    ("limit", "enough", "short"), [("max_calls", 142, 141), ("max_tokens", 145_000, 100_000)]
)
def test_all_controls_together_take_a_third_of_a_limit_at_most(limit: str, enough: int, short: int) -> None:
    tried = [_tried("choice", 0.0, spent=Spent(24, 5900, 100))]
    for value, expected in ((enough, True), (short, False)):
        assert may_try_another(tried, VotesConfig.model_validate({limit: value}), LLM, 24) is expected


def test_the_best_by_controls_is_taken_and_of_equals_the_cheapest() -> None:
    choice, likelihood, json = (
        _tried("choice", 0.1, 2.5),
        _tried("likelihood", 1.9, 0.2),
        _tried("json", 4.0, 0.0),
    )
    assert best_of([choice, likelihood, json]) is json
    assert best_of([choice, likelihood]) is choice
    assert best_of([_tried("choice", 0.0), _tried("likelihood", -2.0)]).way == "choice"
    assert best_of([choice, _tried("likelihood", 1.7, 1.7)]).way == "likelihood", "in both forms of question"


def test_it_is_said_which_and_why() -> None:
    ways: tuple[Way, ...] = ("choice", "likelihood", "json")
    first, second = _tried("choice", 0.0, -1.0), _tried("likelihood", 3.0, 2.0)
    assert why([second], second, ways) == "asked by likelihood, the cheapest way that works"
    assert why([first, second], second, ways) == (
        "asked by likelihood (better than chance); "
        "choice was no better than chance: right on 14 of 24 controls (select 7 of 12, verify 7 of 12)"
    )
    assert why([first], first, ways) == (
        "asked by choice (no better than chance); likelihood, json not tried, because of a limit"
    )
    half = _tried("json", 0.0, 2.0)
    assert "asked by json (better than chance in verify alone)" in why([first, half], half, ways)
    told = not_asked_in_any("tiny", [first, _tried("json", 0.0)])
    assert told.startswith("tiny is no better than chance in any way of asking (choice: right on 14 of 24")
    assert "json: right on 7 of 12" in told
