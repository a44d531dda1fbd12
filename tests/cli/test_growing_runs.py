"""``kgalign run --from``: runs that grow from a finished one, on the countries of the examples."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest

from tests.cli.run_folders import files_of, links_of, subjects_of
from tests.commands import Kgalign, assert_one_line

EXAMPLES = Path(__file__).parents[2] / "examples" / "countries"
ATLAS = "https://example.org/atlas/country/"
OWL = "http://www.w3.org/2002/07/owl#"
LABEL = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
Quads = list[ox.Quad]


def _country(name: str) -> ox.NamedNode:
    return ox.NamedNode(ATLAS + name)


def _written(quads: Iterable[ox.Quad], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ox.serialize([quad.triple for quad in quads], output=str(path), format=ox.RdfFormat.N_TRIPLES)
    return path


def _about(quads: Quads, node: ox.NamedNode | ox.BlankNode) -> Callable[[ox.Quad], bool]:
    """Whether a statement is of a node, or of a blank one that only it mentions, or mentions it."""
    blank = {quad.object for quad in quads if quad.subject == node and isinstance(quad.object, ox.BlankNode)}
    return lambda quad: node in (quad.subject, quad.object) or quad.subject in blank


@pytest.fixture(scope="module")
def sides() -> tuple[Quads, Quads]:
    """All statements of both sides."""
    left, right = EXAMPLES / "left.ttl", EXAMPLES / "right.jsonld"
    return list(ox.parse(path=str(left))), list(ox.parse(path=str(right)))


@pytest.fixture(scope="module")
def files(sides: tuple[Quads, Quads], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both sides as they are."""
    folder = tmp_path_factory.mktemp("countries")
    return _written(sides[0], folder / "left.nt"), _written(sides[1], folder / "right.nt")


@pytest.fixture(scope="module")
def first(files: tuple[Path, Path], kgalign: Kgalign) -> Path:
    """A finished run of both sides, not to be changed."""
    out = files[0].parent / "first"
    assert kgalign("run", *files, "-o", out, "-q").returncode == 0
    return out


def _without(sides: tuple[Quads, Quads], gone: tuple[ox.NamedNode, ...], folder: Path) -> tuple[Path, Path]:
    """Both sides without some nodes."""
    kept = []
    for quads in sides:
        tests = [_about(quads, node) for node in gone]
        kept.append([quad for quad in quads if not any(test(quad) for test in tests)])
    return _written(kept[0], folder / "left.nt"), _written(kept[1], folder / "right.nt")


def _note(run: Path, name: str) -> str:
    record = json.loads((run / "run.json").read_text(encoding="utf8"))
    return str(record["steps"]["learn"]["notes"].get(name, ""))


def _taken_over(run: Path) -> dict[str, bytes]:
    """All files but those on the run before."""
    about_before = ("changes.", "stages/names/")
    return {name: each for name, each in files_of(run).items() if not name.startswith(about_before)}


def _outputs(run: Path) -> dict[str, bytes]:
    """The files for people."""
    return {name: each for name, each in _taken_over(run).items() if "/" not in name}


def test_where_nothing_changed_every_file_is_the_same(
    files: tuple[Path, Path], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", *files, "-o", tmp_path / "second", "--from", first, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert _taken_over(tmp_path / "second") == _taken_over(first)
    again = kgalign("run", *files, "-o", tmp_path / "second", "--from", first)
    assert "Nothing to do" in again.stdout


def test_statements_in_another_order_change_nothing(
    sides: tuple[Quads, Quads], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    turned = [_written(reversed(side), tmp_path / f"{n}.nt") for n, side in enumerate(sides)]
    done = kgalign("run", *turned, "-o", tmp_path / "second", "--from", first)
    assert done.returncode == 0, done.stderr
    assert "0 new, 0 changed and 0 gone on the left" in done.stdout
    assert _outputs(tmp_path / "second") == _outputs(first)


def test_who_is_new_finds_a_partner_and_the_links_of_others_stay(
    sides: tuple[Quads, Quads], files: tuple[Path, Path], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    partner = next(b for a, b in links_of(first) if a == f"{ATLAS}kenya")
    less = _without(sides, (_country("kenya"), ox.NamedNode(partner)), tmp_path / "less")
    assert kgalign("run", *less, "-o", tmp_path / "one", "-q").returncode == 0
    before = links_of(tmp_path / "one")
    assert f"{ATLAS}kenya" not in {a for a, _ in before}
    done = kgalign("run", *files, "-o", tmp_path / "two", "--from", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    assert "Grown: 1 new" in done.stdout
    assert links_of(tmp_path / "two") == before | {(f"{ATLAS}kenya", partner)}
    assert _note(tmp_path / "two", "weights").startswith("those of the run before")
    was, now = _verdicts(tmp_path / "one"), _verdicts(tmp_path / "two")
    assert len(was & now) > 0.95 * len(was)


def _verdicts(run: Path) -> set[tuple[str, str, float]]:
    """The pairs that were judged, with their probabilities to the last digit."""
    table = pq.read_table(run / "verdicts.parquet", columns=["left", "right", "probability"])
    return set(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def test_who_is_gone_leaves_but_a_name(
    sides: tuple[Quads, Quads], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    partner = next(b for a, b in links_of(first) if a == f"{ATLAS}kenya")
    less = _without(sides, (_country("kenya"),), tmp_path / "less")
    done = kgalign("run", *less, "-o", tmp_path / "two", "--from", first)
    assert done.returncode == 0, done.stderr
    assert "1 gone on the left" in done.stdout
    assert links_of(tmp_path / "two") == links_of(first) - {(f"{ATLAS}kenya", partner)}
    # What is left of the thing goes on under the name that it had.
    fused = {
        (quad.subject, quad.predicate, quad.object) for quad in ox.parse(path=tmp_path / "two" / "fused.ttl")
    }
    assert (_country("kenya"), ox.NamedNode(f"{OWL}sameAs"), ox.NamedNode(partner)) in fused
    assert partner not in subjects_of(tmp_path / "two")
    assert f"{ATLAS}kenya" not in set(
        pq.read_table(tmp_path / "two" / "candidates.parquet")["left"].to_pylist()
    )


def test_two_that_change_places_change_their_links(
    sides: tuple[Quads, Quads], files: tuple[Path, Path], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    kenya, peru = _country("kenya"), _country("peru")
    other: dict[object, ox.NamedNode] = {kenya: peru, peru: kenya}
    turned = [
        ox.Quad(other.get(quad.subject, quad.subject), quad.predicate, other.get(quad.object, quad.object))
        for quad in sides[0]
    ]
    left = _written(turned, tmp_path / "left.nt")
    done = kgalign("run", left, files[1], "-o", tmp_path / "two", "--from", first)
    assert done.returncode == 0, done.stderr
    assert "0 new, 2 changed and 0 gone on the left" in done.stdout
    was, now = dict(links_of(first)), dict(links_of(tmp_path / "two"))
    assert (now[kenya.value], now[peru.value]) == (was[peru.value], was[kenya.value])
    rest = {kenya.value, peru.value}
    assert {a: b for a, b in now.items() if a not in rest} == {a: b for a, b in was.items() if a not in rest}


def test_a_run_grows_from_one_that_grew(
    sides: tuple[Quads, Quads], files: tuple[Path, Path], tmp_path: Path, kgalign: Kgalign
) -> None:
    names = ("kenya", "peru", "norway")
    for number in range(3):
        gone = tuple(_country(name) for name in names[number + 1 :])
        less = _without(sides, gone, tmp_path / str(number)) if gone else files
        since = ("--from", tmp_path / f"run{number - 1}") if number else ()
        assert kgalign("run", *less, "-o", tmp_path / f"run{number}", "-q", *since).returncode == 0
    linked = {a for a, _ in links_of(tmp_path / "run2")}
    assert {ATLAS + name for name in names} <= linked


def test_what_people_decided_stays_decided(
    files: tuple[Path, Path], sides: tuple[Quads, Quads], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    decided = Path(shutil.copytree(first, tmp_path / "decided"))
    assert kgalign("unmerge", decided, f"{ATLAS}kenya", "--reason", "another one", "-q").returncode == 0
    less = _without(sides, (_country("peru"),), tmp_path / "less")
    assert kgalign("run", *less, "-o", tmp_path / "two", "--from", decided, "-q").returncode == 0
    assert f"{ATLAS}kenya" not in {a for a, _ in links_of(tmp_path / "two")}
    assert "another one" in kgalign("unmerge", tmp_path / "two", "--list").stdout


def test_votes_are_not_asked_for_twice(
    sides: tuple[Quads, Quads], files: tuple[Path, Path], tmp_path: Path, kgalign: Kgalign
) -> None:
    options = ("--judge", "scripted", "--ask", "all")
    less = _without(sides, (_country("kenya"),), tmp_path / "less")
    assert kgalign("run", *less, "-o", tmp_path / "one", "-q", *options).returncode == 0
    done = kgalign("run", *files, "-o", tmp_path / "two", "--from", tmp_path / "one", "-q", *options)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "two" / "run.json").read_text(encoding="utf8"))
    figures = record["steps"]["ask"]["figures"]
    assert figures["calls"] > 0
    assert figures["calls_now"] < figures["calls"] / 2


def test_where_most_is_new_all_is_learned_anew(
    sides: tuple[Quads, Quads], files: tuple[Path, Path], tmp_path: Path, kgalign: Kgalign
) -> None:
    names = sorted({q.subject for q in sides[0] if isinstance(q.subject, ox.NamedNode)}, key=str)
    gone = set(names[: len(names) * 6 // 10])
    left = _written([q for q in sides[0] if not {q.subject, q.object} & gone], tmp_path / "left.nt")
    assert kgalign("run", left, files[1], "-o", tmp_path / "one", "-q").returncode == 0
    done = kgalign("run", *files, "-o", tmp_path / "two", "--from", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    assert "Weights: learned anew: " in done.stdout
    assert "of the left entities are new or changed" in done.stdout


def test_a_property_that_most_have_now_asks_for_learning_anew(
    sides: tuple[Quads, Quads], files: tuple[Path, Path], first: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    more = ox.NamedNode("http://new.example/code")
    codes = [
        ox.Quad(quad.subject, more, ox.Literal(f"Q{number}"))
        for number, quad in enumerate(sides[0])
        if quad.predicate == LABEL and number % 3 == 0
    ]
    left = _written([*sides[0], *codes], tmp_path / "left.nt")
    done = kgalign("run", left, files[1], "-o", tmp_path / "two", "--from", first)
    assert done.returncode == 0, done.stderr
    assert "Weights: learned anew: the left side has a new attribute, http://new.example/code" in done.stdout


def _unfinished(run: Path) -> None:
    shutil.rmtree(run / "stages" / "fuse")


def _damaged(run: Path) -> None:
    file = run / "stages" / "read-right" / "subject.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    file.write_bytes(content)


def _of_another_version(run: Path) -> None:
    text = (run / "run.json").read_text(encoding="utf8")
    record = json.loads(text)
    del record["digest"]
    record["version"] = "0.0.1"
    (run / "run.json").write_text(json.dumps(record), encoding="utf8")


@pytest.mark.parametrize(
    ("spoil", "options", "said"),
    [
        (_unfinished, (), "isn't finished: it has no 'fuse' yet"),
        (_damaged, (), "subject.npy is damaged"),
        (_of_another_version, (), "was made by kgalign 0.0.1"),
        (lambda run: (run / "run.json").unlink(), (), "is not a run folder"),
        (lambda run: None, ("-k", "5"), "was run with another retrieve.k: "),
        (lambda run: None, ("--cardinality", "one-to-one"), "was run with another assign.cardinality"),
    ],
)
def test_from_what_nothing_can_grow(
    sides: tuple[Quads, Quads],
    first: Path,
    tmp_path: Path,
    kgalign: Kgalign,
    spoil: Callable[[Path], None],
    options: tuple[str, ...],
    said: str,
) -> None:
    old = Path(shutil.copytree(first, tmp_path / "old"))
    spoil(old)
    less = _without(sides, (_country("peru"),), tmp_path / "less")
    done = kgalign("run", *less, "-o", tmp_path / "two", "--from", old, *options)
    assert_one_line(done, said)


def test_nothing_grows_from_itself(files: tuple[Path, Path], first: Path, kgalign: Kgalign) -> None:
    done = kgalign("run", *files, "-o", first, "--from", first)
    assert_one_line(done, "can't grow from itself")
