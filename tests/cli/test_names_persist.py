"""Three runs in a row of the elements, of which some come, some go and some are linked later."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest

from tests.cli.run_folders import CARBON, EISEN, IRON, KOHLENSTOFF, fused_of, links_of, subjects_of
from tests.commands import Kgalign
from tests.conftest import Pair, write_elements

REPLACED_BY = "http://purl.org/dc/terms/isReplacedBy"


@dataclass
class Story:
    """The elements of both sides; what is left out of a side is not in its file."""

    pair: Pair
    kgalign: Kgalign

    def __post_init__(self) -> None:
        self.left, self.right = (
            path.read_text(encoding="utf8") for path in (self.pair.left, self.pair.right)
        )

    def run(self, out: Path, *more: object, without: Iterable[str] = ()) -> str:
        """A run without some elements of the left side, and what it says."""
        self.write(without)
        done = self.kgalign("run", self.pair.left, self.pair.right, "-o", out, *more)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def write(self, without: Iterable[str] = ()) -> None:
        """Write the left side without some elements."""
        names = tuple(f"e:{iri.rpartition('/')[2]} " for iri in without)
        lines = [line for line in self.left.splitlines() if not line.startswith(names)]
        self.pair.left.write_text("\n".join(lines) + "\n", encoding="utf8")


@pytest.fixture
def story(tmp_path: Path, kgalign: Kgalign) -> Story:
    return Story(write_elements(tmp_path / "inputs"), kgalign)


def replaced(run: Path) -> set[tuple[str, str]]:
    """Retired IRIs of the fused graph, and what stands for them."""
    return {(s, o[1:-1]) for s, p, o in plain(run) if p == REPLACED_BY}


def rows(run: Path, kind: str) -> list[dict[str, object]]:
    """Rows of a kind in ``changes.parquet``, without what does not apply."""
    table = pq.read_table(run / "changes.parquet").to_pylist()
    return [{k: v for k, v in row.items() if v is not None} for row in table if row["kind"] == kind]


def quads(run: Path, graph: str) -> set[tuple[str, str, str]]:
    """The statements of a graph of ``changes.trig``, by the end of its name."""
    return {
        (str(q.subject)[1:-1], q.predicate.value, str(q.object))
        for q in ox.parse(path=str(run / "changes.trig"))
        if str(q.graph_name).endswith(f":{graph}>")
    }


def plain(run: Path) -> set[tuple[str, str, str]]:
    """The statements of the fused graph."""
    return {(str(q.subject)[1:-1], q.predicate.value, str(q.object)) for q in fused_of(run)}


def test_what_comes_takes_the_name_that_is_there_and_what_goes_leaves_its_own(
    story: Story, tmp_path: Path
) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    story.run(one, without=[IRON])
    assert {EISEN, CARBON} <= subjects_of(one)
    assert not {IRON, KOHLENSTOFF} & subjects_of(one)
    assert not (one / "changes.parquet").exists()

    said = story.run(two, "--from", one, without=[CARBON])
    assert f"Since {one}: 1 new entity, 1 gone; links +1 −1, 0 changed; " in said
    assert (IRON, EISEN) in links_of(two)
    # Eisen was known under its own name; what is left of carbon is still what Carbon stood for.
    assert {EISEN, CARBON} <= subjects_of(two)
    assert not {IRON, KOHLENSTOFF} & subjects_of(two)
    assert replaced(two) == set()
    assert rows(two, "entity new") == [{"kind": "entity new", "left": IRON, "fused": EISEN}]
    assert rows(two, "entity gone") == [{"kind": "entity gone", "left": CARBON, "fused_before": CARBON}]
    [gained], [lost] = rows(two, "link gained"), rows(two, "link lost")
    assert (gained["left"], gained["right"], gained["fused"]) == (IRON, EISEN, EISEN)
    assert (lost["left"], lost["right"], lost["fused_before"]) == (CARBON, KOHLENSTOFF, CARBON)
    assert isinstance(gained["probability"], float)
    assert "probability_before" not in gained

    said = story.run(three, "--from", two, without=[IRON])
    assert "1 new entity, 1 gone; links +1 −1, 0 changed; " in said
    assert {EISEN, CARBON} <= subjects_of(three)
    assert not {IRON, KOHLENSTOFF} & subjects_of(three)
    assert (three / "fused.ttl").read_bytes() == (one / "fused.ttl").read_bytes()


def test_the_statements_that_changed_lead_from_one_fused_graph_to_the_other(
    story: Story, tmp_path: Path
) -> None:
    one, two, again = (tmp_path / name for name in ("one", "two", "again"))
    story.run(one, without=[IRON])
    story.run(two, "--from", one, without=[CARBON])
    gained, lost = quads(two, "gained"), quads(two, "lost")
    assert gained == plain(two) - plain(one)
    assert lost == plain(one) - plain(two)
    assert gained
    assert lost
    told = quads(two, "changes")
    sizes = {s.rpartition(":")[2]: o for s, p, o in told if p == "http://rdfs.org/ns/void#triples"}
    integer = "^^<http://www.w3.org/2001/XMLSchema#integer>"
    assert sizes == {"gained": f'"{len(gained)}"{integer}', "lost": f'"{len(lost)}"{integer}'}

    story.run(again, "--from", two, without=[CARBON])
    assert (quads(again, "gained"), quads(again, "lost")) == (set(), set())
    assert pq.read_table(again / "changes.parquet").num_rows == 0
    for name in ("fused.ttl", "fused.trig", "links.nt", "conflicts.parquet"):
        assert (again / name).read_bytes() == (two / name).read_bytes()


def test_a_retired_iri_is_told_of_from_run_to_run(story: Story, tmp_path: Path, kgalign: Kgalign) -> None:
    one, two, three, four = (tmp_path / name for name in ("one", "two", "three", "four"))
    story.run(one)
    assert kgalign("unmerge", one, CARBON).returncode == 0
    story.run(two, "--from", one)
    assert {CARBON, KOHLENSTOFF} <= subjects_of(two)
    assert replaced(two) == set()
    assert kgalign("unmerge", two, CARBON, "--undo").returncode == 0
    assert replaced(two) == {(KOHLENSTOFF, CARBON)}
    assert (KOHLENSTOFF, REPLACED_BY, f"<{CARBON}>") in quads(two, "changes")
    assert rows(two, "iri replaced") == [
        {"kind": "iri replaced", "fused": CARBON, "fused_before": KOHLENSTOFF}
    ]
    assert [row["left"] for row in rows(two, "link gained")] == [CARBON]

    shutil.rmtree(one)
    story.run(three, "--from", two)
    assert replaced(three) == {(KOHLENSTOFF, CARBON)}
    assert pq.read_table(three / "changes.parquet").num_rows == 0
    shutil.rmtree(two)
    story.run(four, "--from", three, without=[CARBON])
    # The node of Kohlenstoff is called what it was called when it was linked.
    assert replaced(four) == {(KOHLENSTOFF, CARBON)}
    assert rows(four, "entity gone") == [{"kind": "entity gone", "left": CARBON, "fused_before": CARBON}]
    assert KOHLENSTOFF in {s for s, _, _ in plain(four)}


def test_what_is_gone_with_all_its_nodes_is_told_and_stands_for_nothing(story: Story, tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    alone = "http://elements.example/Zinc"
    story.run(one)
    assert alone in subjects_of(one)
    story.run(two, "--from", one, without=[alone])
    assert alone not in subjects_of(two)
    assert rows(two, "iri gone") == [{"kind": "iri gone", "fused_before": alone}]
    assert {(s, p) for s, p, _ in quads(two, "changes") if s == alone} == {
        (alone, "http://www.w3.org/ns/prov#wasInvalidatedBy")
    }
    assert replaced(two) == set()
    story.run(three, "--from", two)
    assert rows(three, "iri gone") == []
    assert rows(three, "entity new") == [{"kind": "entity new", "left": alone, "fused": alone}]


def test_a_minted_name_stays_while_most_of_it_does(story: Story, tmp_path: Path, kgalign: Kgalign) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    story.run(one, "--canonical", "mint", without=[IRON])
    minted = {name for name in subjects_of(one) if name.startswith("urn:kgalign:")}
    story.run(two, "--canonical", "mint", "--from", one, without=[CARBON])
    now = {name for name in subjects_of(two) if name.startswith("urn:kgalign:")}
    assert minted < now
    [(old, new)] = replaced(two)
    assert old == EISEN
    assert {new} == now - minted
    assert KOHLENSTOFF not in subjects_of(two)
    assert kgalign("unmerge", two, new).returncode == 0
    assert {IRON, EISEN} <= subjects_of(two)


def test_a_name_that_was_kept_leads_to_what_is_one_under_it(
    story: Story, tmp_path: Path, kgalign: Kgalign
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    story.run(one)
    story.left = story.left.replace("e:Carbon", "e:C6")
    story.run(two, "--from", one)
    assert ("http://elements.example/C6", KOHLENSTOFF) in links_of(two)
    assert CARBON in subjects_of(two)
    assert kgalign("unmerge", two, CARBON).returncode == 0
    # What is left of the old thing keeps its name; the new entity has its own.
    assert {"http://elements.example/C6", CARBON} <= subjects_of(two)
    assert kgalign("unmerge", two, CARBON, "--undo").returncode == 0
    assert CARBON in subjects_of(two)


def test_a_run_that_is_brought_up_to_date_in_place_tells_what_changed(
    story: Story, tmp_path: Path, kgalign: Kgalign
) -> None:
    run = tmp_path / "run"
    story.run(run, without=[IRON])
    story.write(without=[CARBON])
    done = kgalign("update", run)
    assert done.returncode == 0, done.stderr
    assert "1 new entity, 1 gone; links +1 −1, 0 changed; " in done.stdout
    assert {EISEN, CARBON} <= subjects_of(run)
    assert [row["left"] for row in rows(run, "link lost")] == [CARBON]
    assert kgalign("update", run).stdout.startswith("Nothing to do")
    story.write()
    assert kgalign("update", run).returncode == 0
    assert [row["left"] for row in rows(run, "entity new")] == [CARBON]
    assert kgalign("verify", run).returncode == 0


def test_without_the_run_before_the_names_stay_and_the_changes_go(
    story: Story, tmp_path: Path, kgalign: Kgalign
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    story.run(one, without=[IRON])
    story.run(two, "--from", one, without=[CARBON])
    shutil.rmtree(one)
    done = kgalign("fuse", two, "--identity", "none")
    assert done.returncode == 0
    assert f"{one} is gone, or is another run now" in done.stderr
    assert {EISEN, CARBON} <= subjects_of(two)
    assert not (two / "changes.trig").exists()
    assert not (two / "changes.parquet").exists()
    assert kgalign("verify", two).returncode == 0


def test_damage_is_found_and_made_good(story: Story, tmp_path: Path, kgalign: Kgalign) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    story.run(one, without=[IRON])
    story.run(two, "--from", one)
    whole = {name: (two / name).read_bytes() for name in ("changes.trig", "changes.parquet")}
    for name in whole:
        (two / name).write_bytes(whole[name] + b"\n")
    done = kgalign("verify", two)
    assert done.returncode == 1
    assert {name for name in whole if name in done.stdout} == set(whole)
    story.run(two, "--from", one, "--check")
    assert {name: (two / name).read_bytes() for name in whole} == whole
    shutil.rmtree(two / "stages" / "names")
    shutil.rmtree(one)
    done = kgalign("fuse", two, "--identity", "none")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("Run the same `kgalign run` with --from again.")
