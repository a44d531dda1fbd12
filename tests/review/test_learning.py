"""The run learns while people go on answering; whatever stops it, nothing is lost."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from kgalign.base.locks import lock
from kgalign.config import as_config
from kgalign.decisions import FILE, Relation, Verdict, read_all
from kgalign.errors import InputError
from kgalign.report import Kind, compare
from kgalign.review import Review
from kgalign.review.learning import State
from kgalign.run import start
from kgalign.run.finished import Finished
from kgalign.run.folder import RunFolder
from tests.conftest import write_elements
from tests.review.served import Served, serving


def again(run: Path, *, force: bool = False) -> tuple[str, ...]:
    """What the same `kgalign run` still has to do."""
    inputs = RunFolder(run).read().inputs
    left, right = (Path(inputs[side][0].path) for side in ("left", "right"))
    return start.run(left, right, run, force=force).done


def waited(review: Review) -> State:
    """Wait for the end of a learning."""
    while review.catch_up().running:
        time.sleep(0.05)
    return review.catch_up()


def told(served: Served) -> Any:  # noqa: ANN401 - JSON
    while (found := served.ask("learning"))["running"]:
        time.sleep(0.05)
    return found


def wrong(review: Review) -> tuple[str, str]:
    """Answer that a link of the run is none; the link."""
    alignment = review.opened.run.alignment
    left, right = review.left.iri(int(alignment.left[0])), review.right.iri(int(alignment.right[0]))
    review.answer("Ada", left, right, Verdict.DIFFERENT, relation=Relation.EXACT, why="")
    return left, right


def test_what_was_answered_is_learned_and_told(countries: Path, countries_made: Path) -> None:
    review = Review(countries)
    left, right = wrong(review)
    skipped, kept = review.turn("Ada").question, review.turn("Grace").question
    assert skipped is not None
    assert kept is not None
    review.skip("Ada", skipped.iri)
    review.learn()
    with pytest.raises(InputError, match="already"):
        review.learn()
    review.answer("Ada", skipped.iri, "", Verdict.NOTHING, relation=Relation.EXACT, why="meanwhile")
    state = waited(review)
    assert state.fault == ""
    assert state.changes is not None
    assert state.changes == compare(Finished(countries), Finished(countries_made))
    gone = [each for each in state.changes.changes if each.kind is not Kind.GAINED]
    assert (left, right) in {(each.left.iri, (each.was or each.right).iri) for each in gone}
    assert review.estimate() == Review(countries).estimate(), "and so does the estimate"
    # Who was asked goes on with the new verdicts, and has what they had.
    assert review.turn("Ada").skipped == 1
    assert review.turn("Grace").question is not None
    assert {each.left for each in read_all(countries / FILE)} == {left, skipped.iri}
    alignment = review.opened.run.alignment
    assert review.opened.pairs.row(review.left.number(left), review.right.number(right)) >= 0
    links = zip(alignment.left.tolist(), alignment.right.tolist(), strict=True)
    assert (review.left.number(left), review.right.number(right)) not in {
        pair for pair, outcome in zip(links, alignment.outcome.tolist(), strict=True) if outcome < 2
    }


def test_the_run_is_what_the_same_command_would_make(run: Path) -> None:
    review = Review(run)
    wrong(review)
    review.learn()
    assert waited(review).fault == ""
    assert again(run) == (), "it is up to date"
    once = {path.name: path.read_bytes() for path in run.iterdir() if path.suffix in (".ttl", ".nt")}
    assert again(run, force=True)
    assert once == {path.name: path.read_bytes() for path in run.iterdir() if path.name in once}


def test_where_nothing_was_answered_nothing_is_done(run: Path) -> None:
    before = (run / "run.json").read_bytes()
    review = Review(run)
    review.learn()
    state = waited(review)
    assert state.changes is not None
    assert state.changes.changes == ()
    assert (run / "run.json").read_bytes() == before


def test_where_another_is_at_work_the_run_stays_as_it_was(run: Path) -> None:
    review = Review(run)
    wrong(review)
    before = (run / "run.json").read_bytes()
    descriptor = lock(run / ".lock", "taken", "wait")
    review.learn()
    state = waited(review)
    os.close(descriptor)
    assert "Another kgalign is at work" in state.fault
    assert (run / "run.json").read_bytes() == before
    review.learn()
    assert waited(review).changes is not None


def test_known_links_that_are_gone_stop_it_before_anything_changes(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "inputs")
    known = tmp_path / "known.tsv"
    known.write_text("\t".join(sorted(pair.links)[0]) + "\n", encoding="utf8")
    start.run(pair.left, pair.right, tmp_path / "run", as_config({"judge": {"known": [str(known)]}}))
    review = Review(tmp_path / "run")
    wrong(review)
    before = (tmp_path / "run" / "run.json").read_bytes()
    known.rename(tmp_path / "elsewhere.tsv")
    review.learn()
    assert "There is no file" in waited(review).fault
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def is_learning(process: int) -> bool:
    """Whether a process is one that learns: beside it there is one that counts shared memory."""
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def descendants(process: int) -> list[int]:
    own = [each for task in Path(f"/proc/{process}/task").iterdir() for each in _listed(task / "children")]
    return [each for each in own if is_learning(each)]


def _listed(path: Path) -> list[int]:
    try:
        return [int(each) for each in path.read_text(encoding="ascii").split()]
    except OSError:
        return []


def begun(served: Served, task: str) -> None:
    """Wait until a learning has come to a step."""
    while True:
        found = served.ask("learning")
        assert found["running"], found
        if found["task"] == task:
            return
        time.sleep(0.005)


def test_what_is_killed_goes_on_and_answers_are_taken_all_the_while(run: Path) -> None:
    wrong(Review(run))
    with serving(run) as served:
        served.ask("learn")
        begun(served, "judge")
        for process in descendants(served.process.pid):
            os.kill(process, signal.SIGKILL)
        found = told(served)
        assert "It was stopped" in found["fault"]
        assert "go on from there" in found["fault"]
        question = served.ask("next")["question"]
        served.ask("answer", {"left": question["iri"], "right": "", "verdict": "nothing"})
        right = question["candidates"][0]["iri"]
        evidence = served.ask("evidence", {"left": question["iri"], "right": right})["evidence"]
        assert evidence["lines"], "the run that it has open is whole"
        assert served.ask("learn")["running"]
        assert told(served)["changes"]["summary"].startswith("links +")
        assert served.ask("next")["question"]["iri"] != question["iri"]
    assert again(run) == ()


def test_a_server_that_is_killed_leaves_a_run_that_goes_on(run: Path) -> None:
    left, right = wrong(Review(run))
    with serving(run) as served:
        served.ask("learn")
        begun(served, "judge")
        learning = descendants(served.process.pid)
        served.stop(signal.SIGKILL)
    while any(is_learning(each) for each in learning):
        time.sleep(0.05)
    assert again(run)
    finished = Finished(run)
    assert len(read_all(run / FILE)) == 1
    assert json.loads((run / "run.json").read_text())["steps"].keys() >= {"judge", "report.html"}
    assert (left, right) not in _links(finished)


def _links(finished: Finished) -> set[tuple[str, str]]:
    lines = (finished.folder.file("links.nt")).read_text(encoding="utf8").splitlines()
    return {(line.split()[0][1:-1], line.split()[2][1:-1]) for line in lines}


def test_ctrl_c_ends_what_is_learning_with_the_server(run: Path) -> None:
    wrong(Review(run))
    with serving(run) as served:
        served.ask("learn")
        begun(served, "judge")
        learning = descendants(served.process.pid)
        assert learning
        for process in learning:  # a terminal gives it to all of them
            os.kill(process, signal.SIGINT)
        assert served.stop(signal.SIGINT) == 0
        assert served.process.stdout is not None
        assert "Traceback" not in served.process.stdout.read()
    assert not any(is_learning(each) for each in learning)
    assert again(run)


def test_only_the_page_may_let_it_learn(run: Path) -> None:
    before = (run / "run.json").read_bytes()
    with serving(run) as served:
        for headers, status in (
            ({"x-kgalign-token": "0" * 32}, 401),
            ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
            ({"content-type": "text/plain"}, 415),
        ):
            assert served.request("POST", "/api/learn", "{}", headers)[0] == status
        assert served.request("GET", "/api/learn")[0] == 405
        assert served.ask("learning")["number"] == 0
    assert (run / "run.json").read_bytes() == before
