import asyncio
import itertools
import json
import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kgalign.llm.protocol import CallFailed, Message, Reply, Request, Sampling
from kgalign.llm.scripted import (
    CONTENT,
    TRANSPORT,
    Fault,
    Scripted,
    ScriptedSettings,
    resemblance,
)
from tests.llm.scripted_questions import LETTERS, right_label, select, town, verify


def ask(settings: ScriptedSettings, requests: Iterable[Request]) -> list[Reply]:
    """The answers of one judge that knows what is right."""

    async def all_of() -> list[Reply]:
        judge = Scripted(settings, truth=right_label)
        return [await judge.ask(request) for request in requests]

    return asyncio.run(all_of())


def choices(settings: ScriptedSettings, requests: Iterable[Request]) -> list[str]:
    return [json.loads(reply.text)["choice"] for reply in ask(settings, requests)]


def plausible(found: int, of: int, share: float) -> bool:
    """Whether so many of so many are to be expected, but for one case in ten thousand."""
    return bool(stats.binomtest(found, of, share).pvalue > 1e-4)


def turned(count: int, options: int = 5) -> list[Request]:
    """Questions in which the right option stands at each place equally often."""
    return [
        select(number, order=[(each + number) % options for each in range(options)])
        for number in range(count)
    ]


TURNED = turned(900)


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.7, 0.95, 1.0])
def test_it_is_right_as_often_as_it_is_set_to(accuracy: float) -> None:
    chosen = choices(ScriptedSettings(accuracy=accuracy), TURNED)
    right = sum(one == right_label(request) for one, request in zip(chosen, TURNED, strict=True))
    assert plausible(right, len(TURNED), accuracy)


def test_a_wrong_answer_is_any_other_label() -> None:
    requests = [request for request in TURNED if right_label(request) == "C"]
    found = Counter(choices(ScriptedSettings(accuracy=0.0), requests))
    assert set(found) == {"A", "B", "D", "E", "none"}
    assert stats.chisquare(list(found.values())).pvalue > 1e-3


@pytest.mark.parametrize("bias", [0.0, 0.1, 0.4, 1.0])
def test_the_first_option_is_taken_as_often_as_the_bias_says(bias: float) -> None:
    requests = [request for request in TURNED if right_label(request) != "A"]
    found = choices(ScriptedSettings(accuracy=1.0, bias=bias), requests).count("A")
    assert plausible(found, len(requests), bias)


def test_bias_follows_the_place_and_not_the_label() -> None:
    request = select(3)
    text = request.messages[-1].content
    lines = text.split("\n")
    lines[3:8] = [lines[3 + each] for each in (4, 3, 2, 1, 0)]
    turned_round = replace(request, messages=(Message("user", "\n".join(lines)),))
    assert choices(ScriptedSettings(bias=1.0), [turned_round]) == ["E"]


def test_hallucinations_are_half_strays_and_half_invented_values() -> None:
    replies = ask(ScriptedSettings(accuracy=1.0, hallucination=0.2), TURNED)
    strays = invented = 0
    for reply, request in zip(replies, TURNED, strict=True):
        answer = json.loads(reply.text)
        stray = answer["choice"] not in request.labels
        made_up = any(value not in request.messages[-1].content for value in answer["values"])
        assert not (stray and made_up)
        strays += stray
        invented += made_up
    assert plausible(strays, len(TURNED), 0.1)
    assert plausible(invented, len(TURNED), 0.1)


def test_one_call_is_right_as_often_as_in_the_voting_study() -> None:
    # .95 * (.2 * 1/5 + .8 * .8): no hallucination, and either the bias is right by chance or the judge.
    settings = ScriptedSettings(accuracy=0.8, bias=0.2, hallucination=0.05)
    requests = turned(3000)
    right = 0
    for reply, request in zip(ask(settings, requests), requests, strict=True):
        answer = json.loads(reply.text)
        honest = all(value in request.messages[-1].content for value in answer["values"])
        right += honest and answer["choice"] == right_label(request)
    assert plausible(right, len(requests), 0.646)


def test_votes_and_orders_are_drawn_each_for_itself() -> None:
    settings = ScriptedSettings(accuracy=0.6)
    orders = list(itertools.permutations(range(5)))
    by_order = [select(1, order=order) for order in orders]
    by_vote = [select(1, vote=vote) for vote in range(120)]
    for requests in (by_order, by_vote):
        chosen = choices(settings, requests)
        right = sum(one == right_label(request) for one, request in zip(chosen, requests, strict=True))
        assert plausible(right, len(requests), 0.6)


@pytest.mark.parametrize(
    "other",
    [
        replace(select(4), sampling=Sampling(temperature=0.5)),
        replace(select(4), sampling=Sampling(top_p=0.5)),
        replace(select(4), sampling=Sampling(seed=7)),
        select(4, vote=1),
    ],
)
def test_sampling_and_vote_number_are_part_of_the_draw(other: Request) -> None:
    replies = ask(ScriptedSettings(), [select(4), other])
    assert replies[0].probabilities != replies[1].probabilities


def test_logprobs_and_length_are_no_part_of_the_draw() -> None:
    other = replace(select(4), sampling=Sampling(logprobs=0, max_tokens=100))
    replies = ask(ScriptedSettings(), [select(4), other])
    assert replies[0].text == replies[1].text
    assert replies[1].probabilities is None


@given(st.permutations(range(12)), st.integers(0, 5))
def test_the_same_request_has_the_same_answer_in_any_order(order: list[int], seed: int) -> None:
    settings = ScriptedSettings(accuracy=0.5, bias=0.2, hallucination=0.2, seed=seed)
    requests = [select(number % 4, vote=number // 4) for number in range(12)]
    once = ask(settings, requests)
    again = ask(settings, [requests[each] for each in order])
    assert [once[each] for each in order] == again


def test_other_processes_give_the_same_answers() -> None:
    code = (
        "import asyncio; from kgalign.llm.scripted import Scripted; "
        "from tests.llm.scripted_questions import select; "
        "judge = Scripted.from_spec('scripted:accuracy=.5,hallucination=.3'); "
        "print([asyncio.run(judge.ask(select(number))) for number in range(20)])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert b"choice" in found.pop()


def test_another_seed_is_another_judge() -> None:
    one, two = (choices(ScriptedSettings(accuracy=0.5, seed=seed), TURNED[:100]) for seed in (0, 1))
    assert one != two


def without_truth(request: Request, **settings: float) -> dict[str, object]:
    async def answer() -> str:
        return (await Scripted(ScriptedSettings(accuracy=1.0, **settings)).ask(request)).text  # type: ignore[arg-type]

    found: dict[str, object] = json.loads(asyncio.run(answer()))
    return found


def test_without_a_truth_the_most_alike_is_right() -> None:
    for request in TURNED[:50]:
        assert without_truth(request)["choice"] == right_label(request)


def test_nothing_alike_means_none() -> None:
    assert without_truth(select(2, there=False))["choice"] == "none"
    assert without_truth(select(2, there=False), threshold=0.0)["choice"] != "none"


def test_two_records_are_the_same_or_not() -> None:
    assert without_truth(verify(town(1), town(1) | {"more": "x"}))["choice"] == "yes"
    assert without_truth(verify(town(1), town(2222)))["choice"] == "no"


def test_what_all_options_share_counts_less() -> None:
    common = "the grand hotel"
    records = [
        {"name": "Miramar", "is": common},
        {"name": "Bellevue", "is": common},
        {"name": "Miramar", "stars": 4},
    ]
    lines = [
        f"{label}: {json.dumps(each)}" for label, each in zip(("Record", "A", "B"), records, strict=True)
    ]
    request = Request((Message("user", "\n".join(lines)),), ("A", "B", "none"))
    assert resemblance(request, 0.0) == "A"
    third = f"C: {json.dumps({'name': 'Splendid', 'is': common})}"
    more = Request((Message("user", "\n".join([*lines, third])),), ("A", "B", "C", "none"))
    assert resemblance(more, 0.0) == "B"


RECORDS = st.dictionaries(
    st.text(max_size=8),
    st.one_of(st.text(max_size=30), st.lists(st.text(max_size=9), max_size=3)),
    max_size=4,
)


@given(st.lists(RECORDS, min_size=3, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_options_does_not_change_what_is_right(
    records: list[dict[str, object]], chance: random.Random
) -> None:
    def best(options: list[dict[str, object]]) -> object:
        labels = (*LETTERS[: len(options)], "none")
        lines = [f"{label}: {json.dumps(each)}" for label, each in zip(labels, options, strict=False)]
        text = "\n".join([f"Record: {json.dumps(records[0])}", *lines])
        found = resemblance(Request((Message("user", text),), labels), 0.3)
        return None if found == "none" else sorted(map(str, options[labels.index(found)].values()))

    shuffled = records[1:]
    chance.shuffle(shuffled)
    assert best(records[1:]) == best(shuffled)


@given(RECORDS, RECORDS)
def test_what_is_cited_stands_in_the_question(left: dict[str, object], right: dict[str, object]) -> None:
    shown = [
        value
        for each in (*left.values(), *right.values())
        for value in (each if isinstance(each, list) else [each])
    ]
    cited = without_truth(verify(left, right))["values"]
    assert isinstance(cited, list)
    assert all(value in shown for value in cited)


def test_lines_that_only_look_like_records_are_text() -> None:
    lines = ["Note: {not json}", "Deep: " + '{"a":' * 5000 + "1" + "}" * 5000, "List: [1]"]
    text = "\n".join([*lines, select(5).messages[-1].content])
    request = replace(select(5), messages=(Message("user", text),))
    assert without_truth(request)["choice"] == right_label(select(5))


def test_only_the_last_message_of_the_user_is_read() -> None:
    example = verify({"name": "Example"}, {"name": "Example"}).messages[0].content
    request = select(6, order=[3, 2, 1, 0, 4])
    longer = (Message("user", example), Message("assistant", "{}"), *request.messages[1:])
    assert without_truth(replace(request, messages=longer))["choice"] == "D"


def test_probabilities_agree_with_the_choice() -> None:
    settings = ScriptedSettings(accuracy=0.7, bias=0.3)
    for reply, request in zip(ask(settings, TURNED), TURNED, strict=True):
        assert reply.probabilities is not None
        assert list(reply.probabilities) == list(request.labels)
        assert math.isclose(sum(reply.probabilities.values()), 1)
        assert (
            max(reply.probabilities, key=reply.probabilities.__getitem__) == json.loads(reply.text)["choice"]
        )


def test_the_head_start_of_the_first_place_can_be_learned_and_taken_off() -> None:
    settings = ScriptedSettings(accuracy=0.85, bias=0.3)
    replies = ask(settings, TURNED)
    logs = [
        {label: math.log(share) for label, share in (reply.probabilities or {}).items()} for reply in replies
    ]
    # Each option stands first equally often, so that what is right makes no difference on average.
    first = sum(each["A"] - sum(each[label] for label in "BCDE") / 4 for each in logs) / len(logs)
    raw = corrected = 0
    for each, request in zip(logs, TURNED, strict=True):
        raw += max(each, key=each.__getitem__) == right_label(request)
        without = {label: value - first * (label == "A") for label, value in each.items()}
        corrected += max(without, key=without.__getitem__) == right_label(request)
    assert first > 1
    assert plausible(raw, len(TURNED), 0.7 * 0.85 + 0.3 / 5)
    assert corrected > raw + 0.1 * len(TURNED)


def test_without_bias_no_place_has_a_head_start() -> None:
    replies = ask(ScriptedSettings(accuracy=0.85), TURNED)
    means = [sum((reply.probabilities or {})[label] for reply in replies) / len(replies) for label in "ABCDE"]
    assert max(means) - min(means) < 0.06


def test_with_insight_wrong_answers_lean_to_the_right_one() -> None:
    def mass(insight: float) -> float:
        replies = ask(ScriptedSettings(accuracy=0.0, insight=insight), TURNED[:200])
        pairs = zip(replies, TURNED, strict=False)
        return sum((reply.probabilities or {})[right_label(request)] for reply, request in pairs)

    assert mass(1.0) > 1.3 * mass(0.0)


@pytest.mark.parametrize("fault", TRANSPORT)
def test_a_fault_on_the_way_is_a_failed_call_that_may_succeed_later(fault: Fault) -> None:
    settings = ScriptedSettings(faults={fault: 0.5}, retry_after=3.0)

    async def outcomes() -> list[CallFailed | Reply]:
        judge = Scripted(settings)
        found: list[CallFailed | Reply] = []
        for _ in range(40):
            try:
                found.append(await judge.ask(select(1)))
            except CallFailed as failure:
                found.append(failure)
        return found

    found = asyncio.run(outcomes())
    failures = [each for each in found if isinstance(each, CallFailed)]
    assert plausible(len(failures), 40, 0.5)
    assert all(each.again and not each.gone for each in failures)
    assert {each.after for each in failures} == {3.0 if fault is Fault.BUSY else None}
    assert len({each.text for each in found if isinstance(each, Reply)}) == 1


@pytest.mark.parametrize("fault", CONTENT)
def test_a_fault_of_what_is_said_stays(fault: Fault) -> None:
    replies = ask(ScriptedSettings(faults={fault: 0.2}), [*TURNED, *TURNED])
    assert replies[: len(TURNED)] == replies[len(TURNED) :]
    spoilt = [reply for reply in replies[: len(TURNED)] if "choice" not in reply.text]
    assert plausible(len(spoilt), len(TURNED), 0.2)
    assert {reply.text == "" for reply in spoilt} == {fault is Fault.EMPTY}
    assert {reply.probabilities for reply in spoilt} == {None}


def test_an_answer_that_is_too_long_is_cut_off() -> None:
    (reply,) = ask(ScriptedSettings(), [replace(select(1), sampling=Sampling(max_tokens=5))])
    assert reply.finish == "length"
    assert len(reply.text) == 20
    assert reply.completion_tokens == 5


def test_a_question_that_is_too_long_is_not_tried_again() -> None:
    with pytest.raises(CallFailed, match="too many") as raised:
        ask(ScriptedSettings(context=300), [select(1)])
    assert not raised.value.again


def test_a_talkative_judge_puts_prose_around_its_answer() -> None:
    (reply,) = ask(ScriptedSettings(structure=False, accuracy=1.0), [select(1)])
    assert reply.text.startswith("Sure!")
    assert json.loads(reply.text[reply.text.index("{") : reply.text.rindex("}") + 1])["choice"] == "A"


def test_what_it_can_do_is_what_it_was_set_to() -> None:
    both = asyncio.run(Scripted(ScriptedSettings(context=4096)).probe())
    neither = asyncio.run(Scripted(ScriptedSettings(structure=False, logprobs=False)).probe())
    assert (both.server, both.structure, both.logprobs, both.context) == ("scripted", "json_schema", 20, 4096)
    assert (neither.structure, neither.logprobs) == ("none", 0)


def test_an_answer_takes_as_long_as_it_is_set_to() -> None:
    (reply,) = ask(ScriptedSettings(latency=0.01), [select(1)])
    assert reply.seconds == 0.01


@given(st.text(), st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True))
def test_any_text_and_any_labels_are_answered(text: str, labels: list[str]) -> None:
    request = Request((Message("user", text),), tuple(labels))
    reply = asyncio.run(Scripted(ScriptedSettings(hallucination=0.5)).ask(request))
    assert json.loads(reply.text)["choice"]
