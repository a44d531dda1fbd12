"""``kgalign unmerge`` as a user calls it: taken back everywhere, remembered, and nothing judged again."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest

from kgalign import running, undoing
from kgalign.config import as_config
from kgalign.errors import InputError, KgalignError, RunError
from kgalign.folder import RunFolder
from kgalign.fused import Fusion
from kgalign.unmerged import Unmerged, read_unmerged, write_unmerged
from tests.conftest import Pair, write_elements
from tests.rdf.rows import canonical_quads

Kgalign = Callable[..., "subprocess.CompletedProcess[str]"]

SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"
CARBON, KOHLENSTOFF = "http://elements.example/Carbon", "http://chemie.example/6"
IRON, EISEN = "http://elements.example/Iron", "http://chemie.example/26"
KEPT = {"read-left", "read-right", "select-left", "select-right", "retrieve", "judge", "ask"}
PLAIN = {"fuse": {"vocabulary": "both"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose input files are gone."""
    folder = tmp_path_factory.mktemp("made")
    pair = write_elements(folder / "inputs")
    running.run(pair.left, pair.right, folder / "run")
    shutil.rmtree(folder / "inputs")
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it for the test."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def _files(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in {"run.json", ".lock"}
    }


def _links(run: Path) -> set[tuple[str, str]]:
    return {(q.subject.value, q.object.value) for q in ox.parse(path=str(run / "links.nt"))}


def _fused(run: Path) -> set[ox.Quad]:
    return set(ox.parse(path=str(run / "fused.ttl")))


def _subjects(run: Path) -> set[str]:
    return {quad.subject.value for quad in _fused(run) if isinstance(quad.subject, ox.NamedNode)}


def _assert_one_line(result: "subprocess.CompletedProcess[str]", *expected: str) -> None:
    assert result.returncode == 2, result.stdout + result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for text in expected:
        assert text in result.stderr


def test_a_merge_is_taken_back_in_every_output(run: Path, kgalign: Kgalign, tmp_path: Path) -> None:
    stored = {path: path.stat().st_mtime_ns for name in KEPT for path in (run / "stages" / name).rglob("*")}
    before = _links(run)
    result = kgalign("unmerge", run, CARBON, "--reason", "soot\tis not coal")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Taken back: {CARBON} and {KOHLENSTOFF}" in result.stdout
    assert "Taken back by a person: 1" in result.stdout
    assert all(path.stat().st_mtime_ns == then for path, then in stored.items())

    assert before - _links(run) == {(CARBON, KOHLENSTOFF)}
    assert KOHLENSTOFF not in (run / "alignment.rdf").read_text(encoding="utf8")
    mapping = [line.split("\t") for line in (run / "mappings.sssom.tsv").read_text("utf8").splitlines()]
    (row,) = [cells for cells in mapping if "Carbon" in cells]
    assert {"Not", "semapv:ManualMappingCuration", "1.0"} <= set(row)
    verdicts = pq.read_table(run / "verdicts.parquet").to_pylist()
    outcomes = {(each["left"], each["right"]): each["outcome"] for each in verdicts}
    assert outcomes[CARBON, KOHLENSTOFF] == "rejected"
    assert {CARBON, KOHLENSTOFF} <= _subjects(run)
    assert not [quad for quad in _fused(run) if KOHLENSTOFF in str(quad.object)]
    trig = ox.Store()
    trig.load(path=str(run / "fused.trig"))
    assert not list(trig.quads_for_pattern(ox.NamedNode(CARBON), ox.NamedNode(SAME_AS), None))

    explained = kgalign("explain", run, CARBON, KOHLENSTOFF)
    assert "rejected" in explained.stdout
    assert "taken apart by a person from" in kgalign("explain", run, CARBON).stdout
    assert kgalign("export", run, "--format", "csv", "-o", tmp_path / "links.csv").returncode == 0
    assert CARBON not in (tmp_path / "links.csv").read_text(encoding="utf8")
    (tmp_path / "gold.tsv").write_text(f"{CARBON}\t{KOHLENSTOFF}\n{IRON}\t{EISEN}\n", encoding="utf8")
    assert "taken back by a person" in kgalign("eval", run, "--gold", tmp_path / "gold.tsv").stdout
    assert "soot\\tis not coal" in (run / "unmerged.tsv").read_text(encoding="utf8")
    assert "soot" in kgalign("unmerge", run, "--list").stdout


def test_only_what_comes_after_the_judge_is_done_again(run: Path) -> None:
    done = undoing.take_back(run, KOHLENSTOFF).execution.done
    assert not set(done) & KEPT
    assert {"assign", "links", "fuse", "fused.ttl"} <= set(done)


def test_a_freed_entity_gets_no_other_partner(run: Path) -> None:
    before = _links(run)
    undoing.take_back(run, f"<{CARBON}>")
    assert _links(run) == before - {(CARBON, KOHLENSTOFF)}


def test_what_was_taken_back_outlives_later_runs_and_force(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = tmp_path / "run"
    running.run(elements.left, elements.right, run)
    undoing.take_back(run, CARBON)
    taken = _files(run)
    command = ("run", elements.left, elements.right, "-o", run)
    assert "Nothing to do" in kgalign(*command).stdout
    forced = kgalign(*command, "--force")
    assert "Taken back by a person: 1 (unmerged.tsv)" in forced.stdout
    assert _files(run) == taken
    running.run(elements.left, elements.right, run, as_config({"assign": {"cardinality": "many-to-many"}}))
    assert (CARBON, KOHLENSTOFF) not in _links(run)
    running.run(elements.left, elements.right, tmp_path / "other")
    assert (CARBON, KOHLENSTOFF) in _links(tmp_path / "other")


def test_undone_it_is_as_it_was(run: Path, made: Path, kgalign: Kgalign) -> None:
    undoing.take_back(run, CARBON)
    undoing.take_back(run, IRON, EISEN)
    result = kgalign("unmerge", run, KOHLENSTOFF, "--undo")
    assert (result.returncode, result.stderr) == (0, "")
    assert [each.pair for each in read_unmerged(run / "unmerged.tsv")] == [(IRON, EISEN)]
    assert kgalign("unmerge", run, EISEN, IRON, "--undo", "-q").stdout == ""
    assert _files(run) == _files(made)
    _assert_one_line(kgalign("unmerge", run, IRON, "--undo"), "Nothing of", "--list")


def test_all_taken_back_the_two_graphs_are_there_again(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "inputs")
    run = tmp_path / "run"
    running.run(pair.left, pair.right, run)
    union = {*ox.parse(path=str(pair.left)), *ox.parse(path=str(pair.right))}
    assert _fused(run) != union
    links = sorted(_links(run))
    random.Random(1).shuffle(links)
    write_unmerged(run / "unmerged.tsv", [Unmerged(*pair) for pair in links[3:]])
    for number, (left, right) in enumerate(links[:3]):
        undoing.take_back(run, left if number else right)
    assert not _links(run)
    assert canonical_quads(_fused(run)) == canonical_quads(union)


def test_what_is_said_of_two_that_were_taken_apart_is_what_their_graphs_say(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "inputs")
    run = tmp_path / "run"
    running.run(pair.left, pair.right, run, as_config(PLAIN))
    undoing.take_back(run, CARBON)
    for path, iri in ((pair.left, CARBON), (pair.right, KOHLENSTOFF)):
        said = {quad for quad in ox.parse(path=str(path)) if quad.subject == ox.NamedNode(iri)}
        assert {quad for quad in _fused(run) if quad.subject == ox.NamedNode(iri)} == said


def test_order_does_not_change_a_byte(made: Path, tmp_path: Path) -> None:
    runs = []
    for seed in range(2):
        run = Path(shutil.copytree(made, tmp_path / str(seed)))
        for iri in random.Random(seed).sample([CARBON, EISEN, "http://chemie.example/8"], 3):
            undoing.take_back(run, iri)
        runs.append(_files(run))
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("http://elements.example/Carbn",), ("no entity of either side", CARBON)),
        (("http://elements.example/Nickel",), ("is not merged with anything",)),
        ((CARBON, EISEN), ("No link holds",)),
        ((CARBON, "http://a.example/x"), ("'http://a.example/x' is no entity",)),
        (("http://elements.example/v/Element",), ("a node of the left graph",)),
        (("urn:kgalign:0",), ("minted IRI",)),
        (("\x1b[2J\n",), ("\\x1b",)),
        ((b"\xff".decode("utf8", "surrogateescape"),), ("no entity",)),
        ((CARBON, "--reason", "x" * 1001), ("1,001 characters",)),
        ((CARBON, "--undo"), ("Nothing of",)),
    ],
)
def test_what_cannot_be_taken_back_gets_one_line_and_changes_nothing(
    run: Path, made: Path, kgalign: Kgalign, arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    _assert_one_line(kgalign("unmerge", run, *arguments), *expected)
    assert _files(run) == _files(made)


def test_twice_is_an_error_and_a_reason_may_come_later(run: Path) -> None:
    undoing.take_back(run, CARBON)
    with pytest.raises(InputError, match="was taken back already"):
        undoing.take_back(run, CARBON)
    undoing.take_back(run, CARBON, reason="soot")
    assert read_unmerged(run / "unmerged.tsv") == (Unmerged(CARBON, KOHLENSTOFF, "soot"),)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"http://a.example/x\n", "line 1 has 1 columns"),
        (b"left\tright\treason\na\tb\tc\td\n", "line 2 has 4 columns"),
        (b"a\t\n", "line 1 names only one IRI"),
        (b"a\tb\n\na\t\\x\n", "which is no escape"),
        (b"a\tb\\", "line 1 has"),
        (b"a\tb\n\xff\tb\n", "line 2 is not UTF-8"),
        (b"a\tb\t" + b"x" * 1001, "a reason of 1,001 characters"),
    ],
)
def test_a_broken_line_is_one_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "unmerged.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_unmerged(path)
    assert expected in str(caught.value)


def test_with_a_broken_file_nothing_is_touched(run: Path, kgalign: Kgalign) -> None:
    (run / "unmerged.tsv").write_bytes(b"a\tb\nx\n")
    before = _files(run)
    for command in (("unmerge", run, CARBON), ("unmerge", run, "--list"), ("fuse", run)):
        _assert_one_line(kgalign(*command), "unmerged.tsv, line 2 has 1 columns")
    assert _files(run) == before


def test_a_file_written_by_hand_is_followed(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = (
        f"\ufeff{CARBON}\t{KOHLENSTOFF}\r\n{CARBON}\t{KOHLENSTOFF}\tagain\r\nhttp://a.example/x\t{EISEN}\r\n"
    )
    (run / "unmerged.tsv").write_text(text, encoding="utf8", newline="")
    undoing.fuse_again(run)
    assert (CARBON, KOHLENSTOFF) not in _links(run)
    assert "1 of 2 pairs are no entities of these graphs; the first is http://a.example/x" in caplog.text


def test_any_text_comes_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "unmerged.tsv"
    pairs = (Unmerged("_:a\tb\\n", "c\r\nd\\", "\\t \u2028 e"), Unmerged("left", "right", "reason"))
    write_unmerged(path, reversed(pairs))
    assert read_unmerged(path) == tuple(sorted(pairs))
    write_unmerged(path, ())
    assert not path.exists()
    assert read_unmerged(path) == ()


def test_a_link_that_the_input_makes_can_be_taken_back_with_a_warning(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    with elements.left.open("a", encoding="utf8") as file:
        file.write(f"<{CARBON}> <{SAME_AS}> <{KOHLENSTOFF}> .\n")
    run = tmp_path / "run"
    running.run(elements.left, elements.right, run)
    result = kgalign("unmerge", run, CARBON)
    assert f"Warning: the input itself says that {CARBON} and {KOHLENSTOFF} are the same" in result.stdout
    assert (CARBON, KOHLENSTOFF) not in _links(run)
    assert {CARBON, KOHLENSTOFF} <= _subjects(run)
    # What the input says stays a statement.
    assert f"<{CARBON}> <{SAME_AS}> <{KOHLENSTOFF}>" in {str(quad) for quad in _fused(run)}


NAMES = ("ruby sunset vase", "copper kettle", "walnut chair", "linen towel", "brass lamp", "oak table")


def _things(path: Path, base: str, *more: str) -> Path:
    lines = [
        f'<{base}{n}> <{base}name> "{name}" ; <{base}code> "{n * 7919}" .' for n, name in enumerate(NAMES)
    ]
    path.write_text("\n".join([*lines, *more]) + "\n", encoding="utf8")
    return path


A, B = "http://a.example/", "http://b.example/"


@pytest.fixture
def chained(tmp_path: Path) -> Path:
    """A run in which a0, b0, a1 and b1 are one thing, by links that were given: a0=b0, a1=b0, a1=b1."""
    known = tmp_path / "known.tsv"
    known.write_text(f"{A}0\t{B}0\n{A}1\t{B}0\n{A}1\t{B}1\n", encoding="utf8")
    left, right = _things(tmp_path / "left.ttl", A), _things(tmp_path / "right.ttl", B)
    config = as_config(
        {
            "judge": {"known": [str(known)]},
            "assign": {"cardinality": "one-to-one"},
            "fuse": {"canonical": "mint"},
        }
    )
    running.run(left, right, tmp_path / "run", config)
    return tmp_path / "run"


def _one(run: Path) -> str:
    """The minted IRI of a0."""
    (found,) = {
        quad.subject.value  # type: ignore[union-attr]
        for quad in _fused(run)
        if quad.predicate.value == SAME_AS and quad.object == ox.NamedNode(f"{A}0")
    }
    return found


def test_of_a_cluster_one_link_or_all_of_an_entity_or_everything(chained: Path, tmp_path: Path) -> None:
    minted = _one(chained)
    copies = [Path(shutil.copytree(chained, tmp_path / name)) for name in ("one", "entity", "all")]
    one = undoing.take_back(copies[0], f"{B}0", f"{A}1")
    assert [each.pair for each in one.pairs] == [(f"{A}1", f"{B}0")]
    entity = undoing.take_back(copies[1], f"{A}1")
    assert [each.pair for each in entity.pairs] == [(f"{A}1", f"{B}0"), (f"{A}1", f"{B}1")]
    everything = undoing.take_back(copies[2], minted)
    assert len(everything.pairs) == len(everything.known) == 3
    assert not [quad for quad in _fused(copies[2]) if f"{A}0" in str(quad.object)]
    assert {f"{A}{n}" for n in range(2)} | {f"{B}{n}" for n in range(2)} <= _subjects(copies[2])
    back = undoing.merge_again(copies[2], minted)
    assert len(back.pairs) == 3
    assert _files(copies[2]) == _files(chained)


def test_other_links_that_hold_two_together_are_told_of(chained: Path, kgalign: Kgalign) -> None:
    with (chained.parent / "known.tsv").open("a", encoding="utf8") as file:
        file.write(f"{A}0\t{B}1\n")
    config = as_config(
        {"judge": {"known": [str(chained.parent / "known.tsv")]}, "assign": {"cardinality": "one-to-one"}}
    )
    running.run(chained.parent / "left.ttl", chained.parent / "right.ttl", chained, config)
    result = kgalign("unmerge", chained, f"{A}1", f"{B}0")
    assert result.returncode == 0
    warning = f"Warning: {A}1 and {B}0 are one node all the same: other links hold them together"
    assert warning in result.stdout
    assert "1 pair of nodes that a person took apart became one through other links" in result.stdout


def test_one_iri_on_both_sides_stays_one_node(tmp_path: Path, kgalign: Kgalign) -> None:
    left, right = _things(tmp_path / "left.ttl", A), _things(tmp_path / "right.ttl", A)
    running.run(left, right, tmp_path / "run")
    result = kgalign("unmerge", tmp_path / "run", f"{A}0")
    assert "one node all the same: both graphs use this IRI" in result.stdout
    assert (f"{A}0", f"{A}0") not in _links(tmp_path / "run")


def test_what_one_graph_says_of_two_of_its_nodes_can_be_taken_back(tmp_path: Path) -> None:
    left = _things(tmp_path / "left.ttl", A, f"<{A}3> <{SAME_AS}> <{A}4> .")
    right = _things(tmp_path / "right.ttl", B)
    run = tmp_path / "run"
    running.run(left, right, run)
    assert f"{A}4" not in _subjects(run)
    done = undoing.take_back(run, f"{A}4", f"{A}3")
    assert [each.pair for each in done.pairs] == [each.pair for each in done.known] == [(f"{A}3", f"{A}4")]
    assert f"{A}4" in _subjects(run)
    assert f"<{A}3> <{SAME_AS}> <{A}4>" in {str(quad) for quad in _fused(run)}
    undoing.merge_again(run, f"{A}4", f"{A}3")
    assert f"{A}4" not in _subjects(run)


def test_a_run_that_is_not_finished_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        undoing.take_back(tmp_path / "none", CARBON)
    assert not (tmp_path / "none").exists()
    record = json.loads((run / "run.json").read_text(encoding="utf8"))

    def written(**changed: object) -> None:
        (run / "run.json").write_text(json.dumps({**record, **changed}), encoding="utf8")

    for changed, expected in (
        ({"steps": {name: step for name, step in record["steps"].items() if name != "judge"}}, "no 'judge'"),
        ({"config": {**record["config"], "retrieve": {"k": 3}}}, "no 'retrieve' of these options"),
        ({"config": {"nonsense": 1}}, "a configuration that can't be read"),
        ({"version": "0.0"}, "made by kgalign 0.0"),
    ):
        written(**changed)
        with pytest.raises(RunError, match=expected):
            undoing.take_back(run, CARBON)
    assert not (run / "unmerged.tsv").exists()


def _steps(run: Path) -> set[str]:
    return set(json.loads((run / "run.json").read_text(encoding="utf8"))["steps"])


def _moments(run: Path) -> Iterator[Callable[[], bool]]:
    yield (run / "unmerged.tsv").exists
    yield lambda: "vocabularies" not in _steps(run)
    yield (run / "stages" / ".fuse.partial").exists
    yield (run / ".fused.ttl.partial").exists


@pytest.mark.parametrize("moment", range(4))
@pytest.mark.parametrize("words", [(CARBON,), (KOHLENSTOFF, CARBON)])
def test_killed_in_the_middle_the_same_command_finishes(
    made: Path, tmp_path: Path, kgalign: Kgalign, moment: int, words: tuple[str, ...]
) -> None:
    whole, killed = (Path(shutil.copytree(made, tmp_path / name)) for name in ("whole", "killed"))
    undoing.take_back(whole, CARBON)
    reached = list(_moments(killed))[moment]
    process = subprocess.Popen(
        [sys.executable, "-m", "kgalign", "unmerge", str(killed), *words, "-q"], stdout=subprocess.DEVNULL
    )
    while process.poll() is None and not reached():
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    was_killed = process.wait() == -signal.SIGKILL
    again = kgalign("unmerge", killed, *words)
    # It may have ended before it was killed: then there is nothing left to do.
    assert again.returncode == 0 or not was_killed or "already" in again.stderr, again.stderr
    assert _files(killed) == _files(whole)
    assert RunFolder(killed).load("fuse", Fusion).counts == RunFolder(whole).load("fuse", Fusion).counts


def test_a_minted_iri_can_be_finished_with_after_a_kill(chained: Path, tmp_path: Path) -> None:
    minted = _one(chained)
    whole = Path(shutil.copytree(chained, tmp_path / "whole"))
    undoing.take_back(whole, minted)
    # As if killed when all was remembered, and the assignment made anew, but nothing after it.
    shutil.copy(whole / "unmerged.tsv", chained)
    shutil.rmtree(chained / "stages" / "assign")
    shutil.copytree(whole / "stages" / "assign", chained / "stages" / "assign")
    records = [json.loads((each / "run.json").read_text(encoding="utf8")) for each in (chained, whole)]
    records[0]["steps"]["assign"] = records[1]["steps"]["assign"]
    (chained / "run.json").write_text(json.dumps(records[0]), encoding="utf8")
    assert len(undoing.take_back(chained, minted).pairs) == 3
    assert _files(chained) == _files(whole)


def test_links_taken_back_make_a_cluster_small_enough(tmp_path: Path) -> None:
    known = tmp_path / "known.tsv"
    known.write_text("".join(f"{A}0\t{B}{n}\n" for n in range(4)), encoding="utf8")
    left, right = _things(tmp_path / "left.ttl", A), _things(tmp_path / "right.ttl", B)
    config = as_config({"judge": {"known": [str(known)]}, "fuse": {"max_cluster": 4}})
    with pytest.raises(InputError, match="one thing of 5 nodes"):
        running.run(left, right, tmp_path / "run", config)
    undoing.take_back(tmp_path / "run", f"{B}3")
    assert f"{B}3" in _subjects(tmp_path / "run")
    assert f"{B}2" not in _subjects(tmp_path / "run")


def test_nobody_is_asked_again_and_what_gold_measured_is_kept(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = as_config({"judge": {"judge": "scripted"}, "votes": {"ask": "all", "max_votes": 3}})
    running.run(elements.left, elements.right, run, config, gold=[elements.gold])
    elements.gold.unlink()
    votes, steps = (run / "votes.sqlite").read_bytes(), _steps(run)
    (pair, *_) = sorted(_links(run))
    undoing.take_back(run, pair[1])
    assert pair not in _links(run)
    assert (run / "votes.sqlite").read_bytes() == votes
    assert _steps(run) == steps
    assert "recall" in steps


def test_two_at_once_are_refused(run: Path) -> None:
    with RunFolder(run).locked(), pytest.raises(KgalignError, match="Another kgalign is at work"):
        undoing.take_back(run, CARBON)
