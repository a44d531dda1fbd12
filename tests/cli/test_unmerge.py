"""``kgalign unmerge`` as a user calls it: taken back everywhere, remembered, and nothing judged again."""

import json
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest

from kgalign.config import as_config
from kgalign.decisions import Verdict, read_all
from kgalign.decisions.taken_over import AFTERWARDS
from kgalign.errors import InputError
from kgalign.links.unmerged import Unmerged
from kgalign.run import again, start
from tests.cli.run_folders import (
    CARBON,
    EISEN,
    IRON,
    KOHLENSTOFF,
    SAME_AS,
    A,
    B,
    files_of,
    fused_of,
    links_of,
    steps_of,
    subjects_of,
)
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair, write_elements
from tests.rdf.rows import canonical_quads

KEPT = {"read-left", "read-right", "select-left", "select-right", "retrieve", "judge", "ask"}
PLAIN = {"fuse": {"vocabulary": "both"}}
NAMES = ("ruby sunset vase", "copper kettle", "walnut chair", "linen towel", "brass lamp", "oak table")


def test_a_merge_is_taken_back_in_every_output(run: Path, kgalign: Kgalign, tmp_path: Path) -> None:
    stored = {path: path.stat().st_mtime_ns for name in KEPT for path in (run / "stages" / name).rglob("*")}
    before = links_of(run)
    result = kgalign("unmerge", run, CARBON, "--reason", "soot\tis not coal", "--by", "Ada")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Taken back: {CARBON} and {KOHLENSTOFF}" in result.stdout
    assert "Taken back by a person: 1" in result.stdout
    assert all(path.stat().st_mtime_ns == then for path, then in stored.items())

    assert before - links_of(run) == {(CARBON, KOHLENSTOFF)}
    assert KOHLENSTOFF not in (run / "alignment.rdf").read_text(encoding="utf8")
    mapping = [line.split("\t") for line in (run / "mappings.sssom.tsv").read_text("utf8").splitlines()]
    (row,) = [cells for cells in mapping if "Carbon" in cells]
    assert {"Not", "semapv:ManualMappingCuration", "1.0", "Ada", "soot is not coal"} <= set(row)
    verdicts = pq.read_table(run / "verdicts.parquet").to_pylist()
    outcomes = {(each["left"], each["right"]): each["outcome"] for each in verdicts}
    assert outcomes[CARBON, KOHLENSTOFF] == "rejected"
    assert {CARBON, KOHLENSTOFF} <= subjects_of(run)
    assert not [quad for quad in fused_of(run) if KOHLENSTOFF in str(quad.object)]
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
    [made] = read_all(run / "decisions.sqlite")
    assert (made.pair, made.verdict, made.by) == ((CARBON, KOHLENSTOFF), Verdict.DIFFERENT, "Ada")
    assert made.why == "soot\tis not coal"
    assert kgalign("unmerge", run, "--list").stdout == f"{CARBON}  {KOHLENSTOFF}  Ada  (soot\\tis not coal)\n"


def test_only_what_comes_after_the_judge_is_done_again(run: Path) -> None:
    done = again.take_back(run, KOHLENSTOFF).execution.done
    assert not set(done) & KEPT
    assert {"assign", "links", "fuse", "fused.ttl"} <= set(done)


def test_a_freed_entity_gets_no_other_partner(run: Path) -> None:
    before = links_of(run)
    again.take_back(run, f"<{CARBON}>")
    assert links_of(run) == before - {(CARBON, KOHLENSTOFF)}


def test_what_was_taken_back_outlives_later_runs_and_force(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = tmp_path / "run"
    start.run(elements.left, elements.right, run)
    again.take_back(run, CARBON)
    taken = files_of(run)
    command = ("run", elements.left, elements.right, "-o", run)
    assert "Nothing to do" in kgalign(*command).stdout
    forced = kgalign(*command, "--force")
    assert "Taken back by a person: 1 (decisions.sqlite)" in forced.stdout
    assert files_of(run) == taken
    start.run(elements.left, elements.right, run, as_config({"assign": {"cardinality": "many-to-many"}}))
    assert (CARBON, KOHLENSTOFF) not in links_of(run)
    start.run(elements.left, elements.right, tmp_path / "other")
    assert (CARBON, KOHLENSTOFF) in links_of(tmp_path / "other")


def test_undone_it_is_as_it_was(run: Path, made: Path, kgalign: Kgalign) -> None:
    again.take_back(run, CARBON)
    again.take_back(run, IRON, EISEN)
    result = kgalign("unmerge", run, KOHLENSTOFF, "--undo")
    assert (result.returncode, result.stderr) == (0, "")
    assert again.unmerged_in(run) == (Unmerged(IRON, EISEN),)
    assert kgalign("unmerge", run, EISEN, IRON, "--undo", "-q").stdout == ""
    assert files_of(run) == files_of(made)
    assert_one_line(kgalign("unmerge", run, IRON, "--undo"), "Nothing of", "--list")


def test_all_taken_back_the_two_graphs_are_there_again(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "inputs")
    run = tmp_path / "run"
    start.run(pair.left, pair.right, run)
    union = {*ox.parse(path=str(pair.left)), *ox.parse(path=str(pair.right))}
    assert fused_of(run) != union
    links = sorted(links_of(run))
    random.Random(1).shuffle(links)
    text = "".join(f"{left}\t{right}\n" for left, right in links[3:])
    (run / "unmerged.tsv").write_text(text, encoding="utf8")
    for number, (left, right) in enumerate(links[:3]):
        again.take_back(run, left if number else right)
    assert not links_of(run)
    assert canonical_quads(fused_of(run)) == canonical_quads(union)


def test_what_is_said_of_two_that_were_taken_apart_is_what_their_graphs_say(tmp_path: Path) -> None:
    pair = write_elements(tmp_path / "inputs")
    run = tmp_path / "run"
    start.run(pair.left, pair.right, run, as_config(PLAIN))
    again.take_back(run, CARBON)
    for path, iri in ((pair.left, CARBON), (pair.right, KOHLENSTOFF)):
        said = {quad for quad in ox.parse(path=str(path)) if quad.subject == ox.NamedNode(iri)}
        assert {quad for quad in fused_of(run) if quad.subject == ox.NamedNode(iri)} == said


def test_order_does_not_change_a_byte(made: Path, tmp_path: Path) -> None:
    runs = []
    for seed in range(2):
        run = Path(shutil.copytree(made, tmp_path / str(seed)))
        for iri in random.Random(seed).sample([CARBON, EISEN, "http://chemie.example/8"], 3):
            again.take_back(run, iri)
        runs.append(files_of(run))
    assert runs[0] == runs[1]


def test_a_file_written_by_hand_is_followed(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = (
        f"\ufeff{CARBON}\t{KOHLENSTOFF}\r\n{CARBON}\t{KOHLENSTOFF}\tagain\r\nhttp://a.example/x\t{EISEN}\r\n"
    )
    (run / "unmerged.tsv").write_text(text, encoding="utf8", newline="")
    again.fuse_again(run)
    assert (CARBON, KOHLENSTOFF) not in links_of(run)
    assert "1 of 2 pairs are no entities of these graphs; the first is http://a.example/x" in caplog.text


def test_an_old_file_is_taken_over_once_and_undone_it_stays_undone(
    run: Path, made: Path, kgalign: Kgalign
) -> None:
    old = run / "unmerged.tsv"
    old.write_text(f"left\tright\treason\n{CARBON}\t{KOHLENSTOFF}\tsoot\\tis not coal\n", encoding="utf8")
    shown = kgalign("unmerge", run, "--list").stdout
    assert shown == f"{CARBON}  {KOHLENSTOFF}  (soot\\tis not coal)\n"
    assert old.exists()
    assert kgalign("fuse", run).returncode == 0
    assert not old.exists()
    assert (run / AFTERWARDS).exists()
    assert kgalign("unmerge", run, "--list").stdout == shown
    assert "is not coal" in (run / "mappings.sssom.tsv").read_text(encoding="utf8")
    again.merge_again(run, CARBON)
    assert (CARBON, KOHLENSTOFF) in links_of(run)
    # Killed between the two, the file is there once more: it says nothing new.
    (run / AFTERWARDS).replace(old)
    again.fuse_again(run)
    assert (CARBON, KOHLENSTOFF) in links_of(run)
    assert len(read_all(run / "decisions.sqlite")) == 2
    (run / AFTERWARDS).unlink()
    assert files_of(run) == files_of(made)


def test_a_decision_undone_merges_again_at_the_next_run(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run, command = tmp_path / "run", ("run", elements.left, elements.right, "-o", tmp_path / "run")
    start.run(elements.left, elements.right, run)
    before = files_of(run)
    assert kgalign("unmerge", run, CARBON, "--by", "https://orcid.org/0000-0001", "-q").returncode == 0
    [listed] = kgalign("decisions", "list", run).stdout.splitlines()
    assert "different (merge taken back)" in listed
    mappings = (run / "mappings.sssom.tsv").read_text(encoding="utf8")
    assert "author_id" in mappings
    assert "orcid:0000-0001" in mappings
    stored = {path: path.stat().st_mtime_ns for name in KEPT for path in (run / "stages" / name).rglob("*")}
    undone = kgalign("decisions", "undo", run, listed.split()[0])
    assert (CARBON, KOHLENSTOFF) not in links_of(run)
    done = kgalign(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_of(run) == before
    assert all(path.stat().st_mtime_ns == then for path, then in stored.items())
    [name] = [told.split()[-1] for told in undone.stdout.splitlines() if told.startswith("The undo is")]
    assert kgalign("decisions", "undo", run, name).returncode == 0
    assert kgalign(*command).returncode == 0
    assert (CARBON, KOHLENSTOFF) not in links_of(run)


def test_known_links_need_not_be_there_any_more(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    known, run = tmp_path / "known.sssom.tsv", tmp_path / "run"
    known.write_text(
        "#curie_map:\n#  e: http://elements.example/\n#  c: http://chemie.example/\n"
        "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\n"
        "e:Iron\tskos:exactMatch\tNot\tc:26\ne:Carbon\tskos:exactMatch\t\tc:6\n",
        encoding="utf8",
    )
    command = ("run", elements.left, elements.right, "-o", run, "--known", known, "-q")
    assert kgalign(*command).returncode == 0
    whole, before = known.read_bytes(), files_of(run)
    assert (IRON, EISEN) not in links_of(run)
    known.unlink()
    result = kgalign("unmerge", run, CARBON)
    assert result.returncode == 0
    assert "is gone: what it refuses gets no link" in result.stderr
    assert not {(CARBON, KOHLENSTOFF), (IRON, EISEN)} & links_of(run)
    known.write_bytes(whole)
    assert kgalign("unmerge", run, CARBON, "--undo", "-q").returncode == 0
    assert files_of(run) == before


def test_a_merge_that_others_vouch_for_is_taken_back_all_the_same(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    run, command = tmp_path / "run", ("run", elements.left, elements.right, "-o", tmp_path / "run", "-q")
    start.run(elements.left, elements.right, run)
    assert kgalign("decisions", "add", run, CARBON, KOHLENSTOFF, "--same", "--by", "Ada").returncode == 0
    assert kgalign(*command).returncode == 0
    for words in (("--by", "Bob"), ("--undo",), ("--by", "Ada", "--reason", "soot")):
        result = kgalign("unmerge", run, CARBON, *words)
        assert (result.returncode, result.stderr) == (0, "")
        assert ((CARBON, KOHLENSTOFF) in links_of(run)) == ("--undo" in words)
    assert kgalign(*command).returncode == 0
    assert (CARBON, KOHLENSTOFF) not in links_of(run)


def test_of_many_pairs_some_are_named_and_the_others_counted(tmp_path: Path, kgalign: Kgalign) -> None:
    hub, name = "http://one.example/0", "<http://one.example/name>"
    left, right, run = tmp_path / "left.nt", tmp_path / "right.nt", tmp_path / "run"
    left.write_text(f'<{hub}> {name} "oak table" .\n', encoding="utf8")
    others = [f"http://other.example/{number}" for number in range(33)]
    right.write_text(
        "".join(
            f'<{each}> {name} "table {each[-2:]}" .\n<{hub}> <{SAME_AS}> <{each}> .\n' for each in others
        ),
        encoding="utf8",
    )
    start.run(left, right, run)
    result = kgalign("unmerge", run, hub)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    for beginning in (f"Taken back: {hub} and", "Warning: the input itself says"):
        assert sum(line.startswith(beginning) for line in lines) == 20
    assert lines.count("… and 13 more") == 2


def test_a_link_that_the_input_makes_can_be_taken_back_with_a_warning(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    with elements.left.open("a", encoding="utf8") as file:
        file.write(f"<{CARBON}> <{SAME_AS}> <{KOHLENSTOFF}> .\n")
    run = tmp_path / "run"
    start.run(elements.left, elements.right, run)
    result = kgalign("unmerge", run, CARBON)
    assert f"Warning: the input itself says that {CARBON} and {KOHLENSTOFF} are the same" in result.stdout
    assert (CARBON, KOHLENSTOFF) not in links_of(run)
    assert {CARBON, KOHLENSTOFF} <= subjects_of(run)
    # What the input says stays a statement.
    assert f"<{CARBON}> <{SAME_AS}> <{KOHLENSTOFF}>" in {str(quad) for quad in fused_of(run)}


def _things(path: Path, base: str, *more: str) -> Path:
    lines = [
        f'<{base}{n}> <{base}name> "{name}" ; <{base}code> "{n * 7919}" .' for n, name in enumerate(NAMES)
    ]
    path.write_text("\n".join([*lines, *more]) + "\n", encoding="utf8")
    return path


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
    start.run(left, right, tmp_path / "run", config)
    return tmp_path / "run"


def _one(run: Path) -> str:
    """The minted IRI of a0."""
    (found,) = {
        quad.subject.value  # type: ignore[union-attr]
        for quad in fused_of(run)
        if quad.predicate.value == SAME_AS and quad.object == ox.NamedNode(f"{A}0")
    }
    return found


def test_of_a_cluster_one_link_or_all_of_an_entity_or_everything(chained: Path, tmp_path: Path) -> None:
    minted = _one(chained)
    copies = [Path(shutil.copytree(chained, tmp_path / name)) for name in ("one", "entity", "all")]
    one = again.take_back(copies[0], f"{B}0", f"{A}1")
    assert [each.pair for each in one.pairs] == [(f"{A}1", f"{B}0")]
    entity = again.take_back(copies[1], f"{A}1")
    assert [each.pair for each in entity.pairs] == [(f"{A}1", f"{B}0"), (f"{A}1", f"{B}1")]
    everything = again.take_back(copies[2], minted)
    assert len(everything.pairs) == len(everything.known) == 3
    assert not [quad for quad in fused_of(copies[2]) if f"{A}0" in str(quad.object)]
    assert {f"{A}{n}" for n in range(2)} | {f"{B}{n}" for n in range(2)} <= subjects_of(copies[2])
    back = again.merge_again(copies[2], minted)
    assert len(back.pairs) == 3
    assert files_of(copies[2]) == files_of(chained)


def test_other_links_that_hold_two_together_are_told_of(chained: Path, kgalign: Kgalign) -> None:
    with (chained.parent / "known.tsv").open("a", encoding="utf8") as file:
        file.write(f"{A}0\t{B}1\n")
    config = as_config(
        {"judge": {"known": [str(chained.parent / "known.tsv")]}, "assign": {"cardinality": "one-to-one"}}
    )
    start.run(chained.parent / "left.ttl", chained.parent / "right.ttl", chained, config)
    result = kgalign("unmerge", chained, f"{A}1", f"{B}0")
    assert result.returncode == 0
    warning = f"Warning: {A}1 and {B}0 are one node all the same: other links hold them together"
    assert warning in result.stdout
    assert "1 pair of nodes that a person took apart became one through other links" in result.stdout


def test_one_iri_on_both_sides_stays_one_node(tmp_path: Path, kgalign: Kgalign) -> None:
    left, right = _things(tmp_path / "left.ttl", A), _things(tmp_path / "right.ttl", A)
    start.run(left, right, tmp_path / "run")
    result = kgalign("unmerge", tmp_path / "run", f"{A}0")
    assert "one node all the same: both graphs use this IRI" in result.stdout
    assert (f"{A}0", f"{A}0") not in links_of(tmp_path / "run")


def test_what_one_graph_says_of_two_of_its_nodes_can_be_taken_back(tmp_path: Path) -> None:
    left = _things(tmp_path / "left.ttl", A, f"<{A}3> <{SAME_AS}> <{A}4> .")
    right = _things(tmp_path / "right.ttl", B)
    run = tmp_path / "run"
    start.run(left, right, run)
    assert f"{A}4" not in subjects_of(run)
    done = again.take_back(run, f"{A}4", f"{A}3")
    assert [each.pair for each in done.pairs] == [each.pair for each in done.known] == [(f"{A}3", f"{A}4")]
    assert f"{A}4" in subjects_of(run)
    assert f"<{A}3> <{SAME_AS}> <{A}4>" in {str(quad) for quad in fused_of(run)}
    again.merge_again(run, f"{A}4", f"{A}3")
    assert f"{A}4" not in subjects_of(run)


def test_a_minted_iri_can_be_finished_with_after_a_kill(chained: Path, tmp_path: Path) -> None:
    minted = _one(chained)
    whole = Path(shutil.copytree(chained, tmp_path / "whole"))
    again.take_back(whole, minted)
    # As if killed when all was remembered, and the assignment made anew, but nothing after it.
    shutil.copy(whole / "decisions.sqlite", chained)
    shutil.rmtree(chained / "stages" / "assign")
    shutil.copytree(whole / "stages" / "assign", chained / "stages" / "assign")
    records = [json.loads((each / "run.json").read_text(encoding="utf8")) for each in (chained, whole)]
    records[0]["steps"]["assign"] = records[1]["steps"]["assign"]
    del records[0]["digest"]
    (chained / "run.json").write_text(json.dumps(records[0]), encoding="utf8")
    assert len(again.take_back(chained, minted).pairs) == 3
    assert files_of(chained) == files_of(whole)


def test_links_taken_back_make_a_cluster_small_enough(tmp_path: Path) -> None:
    known = tmp_path / "known.tsv"
    known.write_text("".join(f"{A}0\t{B}{n}\n" for n in range(4)), encoding="utf8")
    left, right = _things(tmp_path / "left.ttl", A), _things(tmp_path / "right.ttl", B)
    config = as_config({"judge": {"known": [str(known)]}, "fuse": {"max_cluster": 4}})
    with pytest.raises(InputError, match="one thing of 5 nodes"):
        start.run(left, right, tmp_path / "run", config)
    again.take_back(tmp_path / "run", f"{B}3")
    assert f"{B}3" in subjects_of(tmp_path / "run")
    assert f"{B}2" not in subjects_of(tmp_path / "run")


def test_nobody_is_asked_again_and_what_gold_measured_is_kept(elements: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = as_config({"judge": {"judge": "scripted"}, "votes": {"ask": "all", "max_votes": 3}})
    start.run(elements.left, elements.right, run, config, gold=[elements.gold])
    elements.gold.unlink()
    votes, steps = (run / "votes.sqlite").read_bytes(), steps_of(run)
    (pair, *_) = sorted(links_of(run))
    again.take_back(run, pair[1])
    assert pair not in links_of(run)
    assert (run / "votes.sqlite").read_bytes() == votes
    assert steps_of(run) == steps
    assert "recall" in steps
