"""Judges compared: what the runs have on record, what models say, what is kept, what is refused."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.compare.answers import Answers, Asked, Kept
from bench.compare.comparing import JSON, MARKDOWN, Making, compare
from bench.compare.report import Comparison, Row, System, as_markdown, compared
from bench.compare.sets import open_sets, others
from bench.compare.systems import Systems
from kgalign.config import Config
from kgalign.errors import InputError, KgalignError
from kgalign.llm.protocol import Request
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.train.adapters import AdapterRecord, write_record
from kgalign.train.data import About, Example, Split, number_of, read_data, write_data
from kgalign.train.examples import make_examples
from kgalign.train.settings import Settings
from tests.conftest import Pair
from tests.train.student_questions import question, questions, write_questions

CONTEXT = 740
"""Tokens of a question and its answer that about half of the questions keep within."""


def examples_of(data: Path) -> list[Example]:
    return [each for part in read_data(data)[1].values() for each in part]


def knows(data: Path, wrong: frozenset[str] = frozenset()) -> Callable[[Request], str]:
    """Who knows what is right, but for some questions."""
    by_text = {each.messages[-2]["content"]: each for each in examples_of(data)}

    def truth(request: Request) -> str:
        example = by_text.get(request.messages[-1].content)
        if example is None:
            return request.labels[-1]  # a question that finds out what the server can do
        others = [each for each in example.labels if each != example.answer]
        return others[0] if example.id in wrong else example.answer

    return truth


def asking(url: str, **llm: object) -> Config:
    return Config.model_validate({"llm": {"url": url, "timeout": 5, **llm}})


def row(found: Comparison, system: str) -> Row:
    return next(each for each in found.rows if each.system == system)


def test_models_are_measured_by_what_they_say(run: Path, data: Path, tmp_path: Path) -> None:
    test = read_data(data)[1]["test"]
    wrong = frozenset(each.id for each in test[::5])
    with running(ScriptedSettings(accuracy=1, adapter="tuned"), truth=knows(data, wrong)) as server:
        found = compare(
            [data], tmp_path / "out", Systems(runs=(run,), judges=("llm",), adapters=("tuned",)),
            config=asking(server.url, model="scripted"),
        )  # fmt: skip
    for name in ("scripted", "scripted with tuned"):
        measured = row(found, name)
        assert measured.accuracy == pytest.approx(1 - len(wrong) / len(test))
        assert (measured.questions, measured.calls, measured.unusable) == (len(test), len(test), 0)
        assert measured.accuracy_interval.low < measured.accuracy < measured.accuracy_interval.high
        assert (measured.tokens_in or 0) > (measured.tokens_out or 0) > 0
    assert row(found, "scripted").learned == ""
    assert row(found, "scripted with tuned").learned == "unknown"
    gain = next(each for each in found.gains if each.system == "scripted")
    assert gain.over == "evidence"
    assert gain.questions == row(found, "evidence").questions
    assert -1 < gain.accuracy_interval.low <= gain.accuracy <= gain.accuracy_interval.high < 1
    chain = row(found, "evidence, then teacher: scripted:accuracy=0.9,hallucination=0.1")
    teacher = row(found, "teacher: scripted:accuracy=0.9,hallucination=0.1")
    assert teacher.questions < row(found, "evidence").questions <= chain.questions <= len(test)
    text = (tmp_path / "out" / MARKDOWN).read_text(encoding="utf8")
    assert f"| scripted |  | {len(test)} |" in text
    assert not list((tmp_path / "out").glob("*.partial"))


def test_what_the_judge_would_not_count_is_wrong(data: Path, tmp_path: Path) -> None:
    judges = ("scripted", "scripted:hallucination=1")
    found = compare([data], tmp_path / "out", Systems(judges=judges))
    made_up = row(found, judges[1])
    assert (made_up.accuracy, made_up.f1) == (0, 0)
    assert made_up.unusable == made_up.questions
    assert [each.over for each in found.gains] == ["evidence", "evidence"]


def test_a_question_that_fails_is_wrong_and_asked_again(data: Path, tmp_path: Path) -> None:
    test = read_data(data)[1]["test"]
    with running(ScriptedSettings(context=CONTEXT)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        found = compare([data], tmp_path / "out", Systems(judges=("llm",)), config=asking(server.url))
    first = row(found, "scripted")
    assert 0 < (first.unusable or 0) < len(test)
    assert first.calls == len(test) - (first.unusable or 0)
    assert any(f"no answer to {first.unusable} questions" in each for each in found.notes)
    with running(ScriptedSettings(), port=port) as server:
        again = compare([data], tmp_path / "out", Systems(judges=("llm",)), config=asking(server.url))
        assert server.requests < len(test), "those that were answered are not asked again"
    assert row(again, "scripted").unusable == 0


def test_made_again_nobody_is_asked_and_the_bytes_are_the_same(run: Path, data: Path, tmp_path: Path) -> None:
    systems = Systems(runs=(run,), judges=("llm",))
    with running(ScriptedSettings(accuracy=0.8)) as server:
        compare([data], tmp_path / "out", systems, config=asking(server.url))
        written = [(tmp_path / "out" / name).read_bytes() for name in (JSON, MARKDOWN)]
        asked = len(server.answered)
        compare([data], tmp_path / "out", systems, config=asking(server.url))
        assert len(server.answered) == asked
        assert [(tmp_path / "out" / name).read_bytes() for name in (JSON, MARKDOWN)] == written
        compare([data], tmp_path / "other", systems, config=asking(server.url))
    here, there = (
        json.loads((tmp_path / name / JSON).read_text(encoding="utf8")) for name in ("out", "other")
    )
    for content in (here, there):
        for each in content["rows"]:
            each.pop("seconds")
    assert here == there


def test_another_server_and_an_adapter_that_is_trained_again_are_asked(data: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "tuned"
    adapter.mkdir()
    weights = adapter / "adapter_model.safetensors"
    systems = Systems(judges=("llm",), adapters=(str(adapter),))
    test = len(read_data(data)[1]["test"])
    asked = []
    with (
        running(ScriptedSettings(adapter=str(adapter))) as one,
        running(ScriptedSettings(adapter=str(adapter))) as other,
    ):
        for server, content in ((one, b"first"), (one, b"again"), (one, b"again"), (other, b"again")):
            weights.write_bytes(content)
            before = len(list((tmp_path / "out").glob("answers/*.jsonl")))
            compare([data], tmp_path / "out", systems, config=asking(server.url, model="scripted"))
            logs = list((tmp_path / "out").glob("answers/*.jsonl"))
            assert {len(path.read_text(encoding="utf8").splitlines()) for path in logs} == {test}
            asked.append(len(logs) - before)
    assert asked == [2, 1, 0, 2], "the model and its adapter, the adapter, nobody, and both elsewhere"


def test_killed_it_goes_on(data: Path, tmp_path: Path) -> None:
    test = read_data(data)[1]["test"]
    out = tmp_path / "out"
    with running(ScriptedSettings(accuracy=0.8, latency=0.05)) as server:
        words = [sys.executable, "-m", "bench", "compare", data, "-o", out, "--judge", "llm",
                 "--llm-url", server.url]  # fmt: skip
        root = Path(__file__).parents[3]
        with subprocess.Popen([str(each) for each in words], stderr=subprocess.DEVNULL, cwd=root) as process:
            until = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < until:
                if any(path.stat().st_size for path in out.glob("answers/*.jsonl")):
                    break
                time.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
        assert not (out / JSON).exists()
        kept = sum(len(path.read_text().splitlines()) for path in out.glob("answers/*.jsonl"))
        assert 0 < kept < len(test)
        before = server.requests
        found = compare([data], out, Systems(judges=("llm",)), config=asking(server.url))
        assert server.requests - before <= len(test) - kept + 10, "beside those that find out what it can do"
        whole = compare([data], tmp_path / "whole", Systems(judges=("llm",)), config=asking(server.url))
    assert replace(row(found, "scripted"), seconds=None) == replace(row(whole, "scripted"), seconds=None)


def test_where_an_event_loop_is_at_work_already(data: Path, tmp_path: Path) -> None:
    """As in notebooks."""

    async def inside() -> Comparison:
        return compare([data], tmp_path / "out", Systems(judges=("scripted",)))

    assert asyncio.run(inside()).rows


def test_a_line_that_was_cut_is_asked_again(tmp_path: Path) -> None:
    log = Kept(tmp_path).log("model", "x")
    for number in range(3):
        log.add(Asked(f"q{number}", number, 10, 1, 1, float(number)))
    path = next(tmp_path.glob("*.jsonl"))
    path.write_bytes(path.read_bytes()[:-5])
    again = Kept(tmp_path).log("model", "x")
    assert set(again.asked) == {"q0", "q1"}
    again.add(Asked("q2", 0, 10, 1, again.round, 0.5))
    answers = Kept(tmp_path).log("model", "x").answers(["q0", "q1", "q2", "q3"])
    assert dict(answers.choices) == {"q0": 0, "q1": 1, "q2": 0, "q3": -1}
    assert (answers.calls, answers.tokens_in, answers.seconds) == (3, 30, 1.5)
    assert not Kept(tmp_path).log("model", "y").asked


def test_ways_of_choosing_are_compared_on_one_test(pair: Pair, run: Path, tmp_path: Path) -> None:
    making = Making(
        choose=("random", "uncertain"), target=("answer", "structured"),
        settings=Settings(test=0.3, share=0.5), gold=(pair.gold,), complete=True,
    )  # fmt: skip
    found = compare([run], tmp_path / "out", Systems(), making=making)
    (told,) = found.sets
    assert [each["name"] for each in told["examples"]] == [
        f"choose {choose}, target {target}" for choose in making.choose for target in making.target
    ]
    assert len({each["digest"] for each in told["examples"]}) == 4
    assert next(each.system for each in found.rows) == "evidence"


def test_a_way_whose_examples_show_the_test_is_refused(pair: Pair, run: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        make_examples([run], tmp_path / str(seed), Settings(seed=seed), gold=[pair.gold], complete=True)
    with pytest.raises(InputError, match="in train and in test"):
        compare([tmp_path / "0", tmp_path / "1"], tmp_path / "out", Systems(runs=(run,)))
    assert not (tmp_path / "out").exists()


def test_an_adapter_that_knows_the_test_is_refused(data: Path, tmp_path: Path) -> None:
    leaky = _folder(tmp_path / "leaky", train=list(read_data(data)[1]["test"]), test=questions(range(3)))
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    write_record(folder, AdapterRecord("sft", "b", "m", data=read_data(leaky)[0].digest))
    systems = Systems(judges=("llm",), adapters=(str(folder),))
    with pytest.raises(InputError, match=r"The adapter .* in train and in test"):
        compare([data, leaky], tmp_path / "out", systems, config=asking("http://127.0.0.1:9/v1"))
    assert not (tmp_path / "out").exists()


def test_what_a_server_calls_its_model_is_no_markup(data: Path) -> None:
    (sets,) = open_sets([data], questions=None, seed=0)
    system = System("x|y <b>[click](http://evil.example)\x1b[2J\nz")
    said = {(sets.name, system): Answers({each.id: 0 for each in sets.test}, calls=1)}
    text = as_markdown(compared([sets], [system], said, seed=0))
    assert "x\\|y \\<b\\>\\[click\\](http://evil.example)\\\\x1b\\[2J\\\\nz" in text
    assert "\x1b" not in text


def test_draws_of_two_sets_have_nothing_in_common(tmp_path: Path) -> None:
    """Sets that are alike in all but the name: with the same draws their mean would vary like each alone."""
    folders = [_folder(tmp_path / name, test=questions(range(200))) for name in ("one", "two")]
    sets = open_sets(folders, questions=None, seed=0)
    system, lesser = System("half"), System("less")
    said = {}
    for data in sets:
        for each, share in ((system, 2), (lesser, 3)):
            right = {one.id: number_of(one, one.answer) for one in data.test}
            choices = {id: right[id] if k % share == 0 else -1 for k, id in enumerate(right)}
            said[data.name, each] = Answers(choices)
    found = compared(sets, [system, lesser], said, seed=0)
    for rows in ([each for each in found.rows if each.system == "half"], found.gains):
        one, two, mean = (each.accuracy_interval.high - each.accuracy_interval.low for each in rows)
        assert mean < 0.8 * min(one, two)
    assert compared(sets, [system, lesser], said, seed=0) == found


def test_who_gave_the_answers_is_said(run: Path, pair: Pair, tmp_path: Path) -> None:
    make_examples([run], tmp_path / "votes", Settings(sources=("votes", "evidence")))
    found = compare([tmp_path / "votes"], tmp_path / "one", Systems(runs=(run,)))
    assert any("how well they are copied" in each for each in found.notes)
    links = pair.gold.read_text(encoding="utf8").splitlines(keepends=True)
    (tmp_path / "half.tsv").write_text("".join(links[::2]), encoding="utf8")
    make_examples(
        [run], tmp_path / "mixed", Settings(test=0.4, target="structured"), gold=[tmp_path / "half.tsv"]
    )
    found = compare([tmp_path / "mixed"], tmp_path / "two", Systems(runs=(run,)))
    assert set(found.sets[0]["answers"]) == {"gold"}
    assert found.sets[0]["left_out"] > 0


def test_fewer_questions_are_drawn_by_the_seed(data: Path, tmp_path: Path) -> None:
    few = [open_sets([data], questions=10, seed=seed)[0].test for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    test = [each.id for each in read_data(data)[1]["test"]]
    ids = [each.id for each in few[0]]
    assert ids == [each for each in test if each in ids], "in their order"
    assert len(ids) == 10


def _folder(folder: Path, **splits: list[Example]) -> Path:
    named: dict[Split, list[Example]] = {"train": [], "valid": [], "test": []}
    write_data(folder, {**named, **splits}, About({}, {}, {}))  # type: ignore[dict-item]
    return folder


def test_without_a_data_set_the_others_keep_out_of_its_test(tmp_path: Path) -> None:
    one = _folder(tmp_path / "one", train=questions(range(10)), test=questions(range(20, 25)))
    two = _folder(
        tmp_path / "two",
        train=questions(range(18, 22)),
        valid=questions(range(24, 27)),
        test=questions(range(40, 42)),
    )
    sets = open_sets([one, two], questions=None, seed=0)
    about, dropped = others(sets, sets[0], sets[0].arms[0], tmp_path / "without")
    assert (about.counts, dropped) == ({"train": 2, "valid": 2, "test": 5}, 3)
    read_data(tmp_path / "without")
    three = _folder(tmp_path / "three", train=questions(range(20, 24)), test=questions(range(50, 52)))
    sets = open_sets([one, three], questions=None, seed=0)
    with pytest.raises(InputError, match="Nothing is left to learn from without one"):
        others(sets, sets[0], sets[0].arms[0], tmp_path / "nothing")


def test_data_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [_folder(tmp_path / side / "data", test=[question(number)]) for number, side in enumerate("ab")]
    assert [each.name for each in open_sets(folders, questions=None, seed=0)] == ["data", "data (2)"]


def test_two_at_once_keep_out_of_each_others_way(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare([data], out, Systems(judges=("scripted",)))
    lines = ["import fcntl, sys, time", "file = open(sys.argv[1])", "fcntl.flock(file, fcntl.LOCK_EX)"]
    program = "\n".join([*lines, "print()", "time.sleep(60)"])
    words = [sys.executable, "-uc", program, str(out / ".lock")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(KgalignError, match="Another kgalign compares"):
                compare([data], out, Systems(judges=("scripted",)))
        finally:
            holder.kill()


def test_a_folder_without_runs_is_called_by_its_name(tmp_path: Path) -> None:
    folder = write_questions(tmp_path / "codes")
    assert [each.name for each in open_sets([folder], questions=None, seed=0)] == ["codes"]
