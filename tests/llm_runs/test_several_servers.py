"""One model behind several servers: the same votes as behind one, whatever becomes of them."""

import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kgalign.ledger import Ledger, used
from kgalign.llm.protocol import Message, Request
from kgalign.llm.routing import beginning
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from tests import commands
from tests.conftest import Pair
from tests.llm.servers import free_port
from tests.llm.servers import serving as serving_other
from tests.llm_runs import runs
from tests.llm_runs.several import Serve, serving

Begun = Callable[[str], Path]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.fixture(scope="session")
def all_asked(doubtful: Pair, evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which one server answered everything about all entities."""
    out = tmp_path_factory.mktemp("all-asked") / "run"
    shutil.copytree(evidence, out)
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url, votes={"ask": "all"})
    return out


def asking(doubtful: Pair, out: Path, urls: list[str], *options: object, at_once: int = 4) -> list[str]:
    """A run that asks all entities of several servers, so many at once at each."""
    first, *others = urls
    more = [word for url in others for word in ("--llm-url", url)]
    config = out.parent / "asking.toml"
    config.write_text(f"[llm]\nconcurrency = {at_once}\n", encoding="utf8")
    words = runs.asking(first, *more, "--ask", "all", "--config", config, *options)
    return runs.command(doubtful, out, *words)


def told(out: Path) -> dict[str, int]:
    """URL → answers, as the run has it."""
    notes = runs.step(out).notes["answers of servers"]
    return {
        url: int(count.replace(",", "")) for url, count in re.findall(r"(http\S+) ([\d,]+)(?:, |$)", notes)
    }


def assert_as_by_one(out: Path, all_asked: Path) -> None:
    """Every vote and every link is what one server gave."""
    assert runs.answers(out) == runs.answers(all_asked)
    assert runs.results(out) == runs.results(all_asked)
    runs.assert_sound(out)


def test_three_servers_give_the_same_votes_as_one(
    doubtful: Pair, begun: Begun, all_asked: Path, serve: Serve
) -> None:
    out, found = begun("run"), [serve(latency=0.01) for _ in range(3)]
    done = runs.call(asking(doubtful, out, [each.url for each in found], "-q"))
    assert (done.returncode, done.stderr) == (0, "")
    assert_as_by_one(out, all_asked)
    answers = told(out)
    assert list(answers) == [each.url for each in found]
    assert sum(answers.values()) == len(runs.answers(out))
    assert min(answers.values()) > len(runs.answers(out)) / 10
    assert "servers left out" not in runs.step(out).notes


def test_how_many_servers_there_are_is_no_reason_to_ask_again(
    doubtful: Pair, begun: Begun, serve: Serve
) -> None:
    out, found = begun("run"), [serve() for _ in range(2)]
    one, two = ([each.url for each in found[:count]] for count in (1, 2))
    assert runs.call(asking(doubtful, out, one, "-q")).returncode == 0
    step = runs.step(out)
    assert runs.call(asking(doubtful, out, two, "-q")).returncode == 0
    assert runs.step(out) == step
    assert found[1].log()["answers"] == 0


def test_one_that_is_down_from_the_start_is_named_and_left_out(
    doubtful: Pair, begun: Begun, all_asked: Path, serve: Serve
) -> None:
    out, there = begun("run"), serve()
    gone = f"http://127.0.0.1:{free_port()}/v1"
    done = runs.call(asking(doubtful, out, [gone, there.url], "-q"))
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("warning: 1 server is left out, the other one is asked: ")
    assert f"{gone} can't be reached" in done.stderr
    assert_as_by_one(out, all_asked)
    assert told(out) == {gone: 0, there.url: len(runs.answers(out))}
    assert f"{gone} once, to the end: " in runs.step(out).notes["servers left out"]


def test_where_all_are_down_it_is_one_sentence(doubtful: Pair, tmp_path: Path) -> None:
    urls = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(2)]
    done = runs.call(asking(doubtful, tmp_path / "run", urls))
    runs.assert_one_line(done, "None of the 2 servers can be asked", *urls, "Start one of them")


def test_servers_of_different_models_are_refused(doubtful: Pair, tmp_path: Path, serve: Serve) -> None:
    with serving_other(models=[{"id": "another", "owned_by": "vllm"}]) as other:
        urls = [serve().url, other.url]
        done = runs.call(asking(doubtful, tmp_path / "run", urls))
        runs.assert_one_line(done, "different models", *urls, "scripted", "another")
        done = runs.call(asking(doubtful, tmp_path / "run", urls, "--model", "scripted"))
        runs.assert_one_line(done, other.url, "has no model scripted", "another")


def test_one_that_is_killed_is_left_out_and_taken_back(
    doubtful: Pair, begun: Begun, all_asked: Path, serve: Serve
) -> None:
    out, found = begun("run"), [serve(latency=0.1) for _ in range(2)]
    errors = out.parent / "errors"
    words = asking(doubtful, out, [each.url for each in found], "-q")
    process = commands.begin(words[len(runs.COMMAND) :], errors=errors)
    found[1].wait_for(20)
    before = found[1].log()["answers"]
    found[1].kill()
    while "is left out until it answers again" not in errors.read_text(encoding="utf8"):
        assert process.is_alive()
    back = serve(found[1].port)
    process.join()
    assert process.exitcode == 0
    assert_as_by_one(out, all_asked)
    assert f"{back.url} answers again" in errors.read_text(encoding="utf8")
    assert back.log()["answers"] > 10
    answers = told(out)
    assert answers[back.url] >= before
    assert sum(answers.values()) == len(runs.answers(out))
    assert runs.step(out).notes["servers left out"] == f"{back.url} once, and came back"


def test_where_all_are_killed_what_was_answered_is_kept_and_it_goes_on_elsewhere(
    doubtful: Pair, begun: Begun, all_asked: Path, serve: Serve
) -> None:
    out, found = begun("run"), [serve(latency=0.1) for _ in range(2)]
    errors = out.parent / "errors"
    words = asking(doubtful, out, [each.url for each in found], "-q")
    process = commands.begin(words[len(runs.COMMAND) :], errors=errors)
    found[1].wait_for(20)
    for each in found:
        each.kill()
    process.join()
    assert process.exitcode == 2
    last = errors.read_text(encoding="utf8").splitlines()[-1]
    assert last.startswith("error: None of the 2 servers answers any more: ")
    kept = runs.answers(out)
    assert len(kept) >= 20
    fresh = serve()
    assert runs.call(asking(doubtful, out, [fresh.url], "-q")).returncode == 0
    assert runs.step(out).figures["calls_now"] == len(runs.answers(out)) - len(kept)
    assert_as_by_one(out, all_asked)


def test_one_that_is_slow_leaves_the_work_to_the_others(
    doubtful: Pair, begun: Begun, all_asked: Path, serve: Serve
) -> None:
    out, slow, quick = begun("run"), serve(latency=0.5), serve()
    assert runs.call(asking(doubtful, out, [slow.url, quick.url], "-q")).returncode == 0
    assert_as_by_one(out, all_asked)
    answers = told(out)
    assert 0 < answers[slow.url] < answers[quick.url] / 4


def test_one_that_hangs_loses_nothing(doubtful: Pair, begun: Begun, all_asked: Path, serve: Serve) -> None:
    out, found = begun("run"), [serve(latency=0.05) for _ in range(2)]
    words = asking(doubtful, out, [each.url for each in found], "-q")
    config = out.parent / "asking.toml"
    config.write_text("[llm]\nconcurrency = 4\ntimeout = 1\n", encoding="utf8")
    process = runs.begin(words)
    found[1].wait_for(20)
    pid = found[1].process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    process.join()
    assert process.exitcode == 0
    assert_as_by_one(out, all_asked)
    assert told(out)[found[0].url] > told(out)[found[1].url]


@pytest.mark.parametrize("limit", ["calls", "tokens"])
def test_limits_hold_over_all_servers(doubtful: Pair, begun: Begun, serve: Serve, limit: str) -> None:
    most = 77 if limit == "calls" else 60_000
    out = begun("run")
    with ExitStack() as stack:
        found = [stack.enter_context(running(ScriptedSettings(latency=0.005))) for _ in range(3)]
        urls = [each.url for each in found]
        done = runs.call(asking(doubtful, out, urls, f"--max-{limit}", most, "-q"))
        assert done.returncode == 0
        asked = [len(runs.questions(each)) for each in found]
    with Ledger.open(out / "votes.sqlite", write=False) as ledger:
        spent = used(ledger)
    assert min(asked) > 0
    assert sum(asked) == spent.requests
    if limit == "calls":
        assert spent.requests == most
    else:
        assert most - 1756 <= spent.tokens_in + spent.tokens_out <= most


def test_questions_that_begin_alike_go_to_one_server(doubtful: Pair, begun: Begun, all_asked: Path) -> None:
    out = begun("run")
    with ExitStack() as stack:
        found = [stack.enter_context(running(ScriptedSettings())) for _ in range(3)]
        urls = [each.url for each in found]
        assert runs.call(asking(doubtful, out, urls, "-q", at_once=32)).returncode == 0
        seen = [(place, each) for place, server in enumerate(found) for each in _beginnings(server)]
    servers_of: dict[bytes, set[int]] = {}
    for place, start in seen:
        servers_of.setdefault(start, set()).add(place)
    often = Counter(start for _, start in seen)
    shared = [start for start, count in often.items() if count > 1]
    alone = sum(len(servers_of[start]) == 1 for start in shared)
    assert len(shared) > 20
    assert alone > 0.7 * len(shared)
    assert_as_by_one(out, all_asked)


def _beginnings(server: Running) -> list[bytes]:
    """How the questions began that a server was asked."""
    found = []
    for body in runs.questions(server):
        messages = tuple(Message(each["role"], each["content"]) for each in json.loads(body)["messages"])
        found.append(beginning(Request(messages, ("A", "none"))))
    return found
