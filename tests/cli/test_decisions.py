"""``kgalign decisions``: what people decided comes in, is held to, is learned from, and goes out again."""

import json
import re
from pathlib import Path

import pytest

from kgalign.decisions import FILE
from kgalign.records import Outcome
from kgalign.run.finished import Finished
from tests.commands import Kgalign, assert_one_line
from tests.conftest import Pair
from tests.llm_runs import runs


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    (tmp_path / "inputs").mkdir()
    return runs.doubtful(tmp_path / "inputs")


@pytest.fixture
def out(pair: Pair, kgalign: Kgalign, tmp_path: Path) -> Path:
    done = kgalign("run", pair.left, pair.right, "-o", tmp_path / "run", "-q")
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


def _again(kgalign: Kgalign, pair: Pair, out: Path, *more: object) -> None:
    done = kgalign("run", pair.left, pair.right, "-o", out, "-q", *more)
    assert done.returncode == 0, done.stderr


def _links(out: Path) -> set[tuple[str, str]]:
    lines = (out / "links.nt").read_text(encoding="utf8").splitlines()
    return {(words[0].strip("<>"), words[2].strip("<>")) for words in map(str.split, lines)}


def _outcome(out: Path, pair: tuple[str, str]) -> Outcome | None:
    run = Finished(out)
    left, right = run.left.entity_iri.to_pylist(), run.right.entity_iri.to_pylist()
    found = run.alignment
    rows = zip(found.left.tolist(), found.right.tolist(), found.outcome.tolist(), strict=True)
    return next((Outcome(each) for a, b, each in rows if (left[a], right[b]) == pair), None)


def test_a_link_that_is_refused_is_gone_and_stays_gone(pair: Pair, kgalign: Kgalign, out: Path) -> None:
    first = min(_links(out))
    done = kgalign("decisions", "add", out, *first, "--different", "--by", "Ada", "--why", "other birth date")
    assert done.returncode == 0, done.stderr
    for more in ((), ("--force",)):
        _again(kgalign, pair, out, *more)
        assert first not in _links(out)
        assert _outcome(out, first) is Outcome.REJECTED
    listed = [json.loads(line) for line in kgalign("decisions", "list", out, "--json").stdout.splitlines()]
    assert [(each["left"], each["right"], each["verdict"], each["by"], each["why"]) for each in listed] == [
        (*first, "different", "Ada", "other birth date")
    ]
    assert 0.5 < listed[0]["probability"] <= 1


def test_what_is_said_to_be_one_is_linked_and_an_undo_takes_it_back(
    pair: Pair, kgalign: Kgalign, out: Path
) -> None:
    before, links = (out / "links.nt").read_bytes(), _links(out)
    linked = {left for left, _ in links}
    run = Finished(out)
    left = next(iri for iri in run.left.entity_iri.to_pylist() if iri not in linked)
    right = next(iri for iri in run.right.entity_iri.to_pylist() if iri not in {b for _, b in links})
    assert kgalign("decisions", "add", out, left, right, "--same").returncode == 0
    _again(kgalign, pair, out)
    assert (left, right) in _links(out)
    assert _outcome(out, (left, right)) is Outcome.CONFIRMED
    shown = kgalign("decisions", "list", out).stdout.split()[0]
    assert kgalign("decisions", "undo", out, shown).returncode == 0
    _again(kgalign, pair, out)
    assert (out / "links.nt").read_bytes() == before


def _listed(kgalign: Kgalign, out: Path, *words: str) -> list[list[str]]:
    return [told.split("  ") for told in kgalign("decisions", "list", out, *words).stdout.splitlines()]


def test_an_undo_is_named_listed_and_can_be_undone(kgalign: Kgalign, out: Path) -> None:
    first = min(_links(out))
    assert kgalign("decisions", "add", out, *first, "--different", "--by", "Ada").returncode == 0
    [[made, *_]] = _listed(kgalign, out)
    ids = [made]
    for _ in range(3):  # taken back, given back, taken back again: each undo is one of its own
        done = kgalign("decisions", "undo", out, ids[-1], "--by", "Bob")
        [said] = [told for told in done.stdout.splitlines() if told.startswith("The undo is ")]
        ids.append(said.removeprefix("The undo is "))
        holds = len(ids) % 2 == 1
        said = "Nothing holds any more; --all shows what did"
        assert [each[0] for each in _listed(kgalign, out)] == [made if holds else said]
        listed = _listed(kgalign, out, "--all")
        assert [each[0] for each in listed] == ids
        assert ("[holds no more]" in listed[0]) is not holds
        assert listed[-1][1:2] == [f"undo of {ids[-2]}"]
    rows = [
        json.loads(each) for each in kgalign("decisions", "list", out, "--all", "--json").stdout.splitlines()
    ]
    assert [each["holds"] for each in rows] == [False, True, False, True]
    assert [each["undoes"][:8] for each in rows] == ["", *ids[:-1]]
    assert_one_line(kgalign("decisions", "undo", out, "abc" * 30), "no decision")


def test_an_entity_to_which_nothing_corresponds_gets_no_link(pair: Pair, kgalign: Kgalign, out: Path) -> None:
    left, right = min(_links(out))
    for alone in (left, right):
        assert kgalign("decisions", "add", out, alone, "--nothing").returncode == 0
    _again(kgalign, pair, out)
    assert not {left, right} & {iri for link in _links(out) for iri in link}


def test_what_was_refused_teaches_the_weights(pair: Pair, kgalign: Kgalign, out: Path) -> None:
    before = Finished(out).evidence.log_odds
    for link in sorted(_links(out))[:8]:
        assert kgalign("decisions", "add", out, *link, "--different").returncode == 0
    _again(kgalign, pair, out)
    after = Finished(out).evidence.log_odds
    changed = abs(after - before) > 0.01
    assert changed.sum() > 8


def test_a_decision_to_which_nothing_changes_leaves_the_links_as_they_are(
    pair: Pair, kgalign: Kgalign, out: Path
) -> None:
    before = runs.results(out)
    first = min(_links(out))
    assert kgalign("decisions", "add", out, *first, "--unsure").returncode == 0
    done = kgalign("run", pair.left, pair.right, "-o", out)
    assert "nothing to do" in done.stdout.lower(), done.stdout
    assert runs.results(out) == before


def test_out_and_in_again_is_the_same_and_own_files_come_back(
    pair: Pair, kgalign: Kgalign, out: Path, tmp_path: Path
) -> None:
    links = sorted(_links(out))
    assert kgalign("decisions", "add", out, *links[0], "--different", "--by", "Ada").returncode == 0
    assert kgalign("decisions", "add", out, *links[1], "--same", "--relation", "narrow").returncode == 0
    _again(kgalign, pair, out)
    told = tmp_path / "told.sssom.tsv"
    assert kgalign("decisions", "export", out, "-o", told).returncode == 0
    other = tmp_path / "other"
    _again(kgalign, pair, other)
    done = kgalign("decisions", "import", told, other)
    assert "2 decisions" in done.stdout, done.stdout + done.stderr
    assert "0 of them new" in kgalign("decisions", "import", told, other).stdout
    _again(kgalign, pair, other)
    assert runs.results(other)["links.nt"] == runs.results(out)["links.nt"]
    third = tmp_path / "third"
    _again(kgalign, pair, third, "--known", told)
    assert links[0] not in _links(third)
    for name, form in (("all.sssom.tsv", "sssom"), ("all.csv", "csv")):
        assert kgalign("export", out, "--format", form, "-o", tmp_path / name).returncode == 0
        fourth = tmp_path / f"with {form}"
        _again(kgalign, pair, fourth, "--known", tmp_path / name)
        assert _links(fourth) >= _links(out), form


def _prefixes(text: str, form: str) -> dict[str, str]:
    return {found[1]: found[2] for found in re.finditer(form, text, re.MULTILINE)}


def _mapped(text: str) -> set[tuple[str, str]]:
    lines = [told.split("\t") for told in text.splitlines() if not told.startswith("#")]
    places = [lines[0].index(column) for column in ("subject_id", "object_id")]
    return {(row[places[0]], row[places[1]]) for row in lines[1:]}


def test_a_prefix_is_the_same_in_all_that_is_given_out(
    pair: Pair, kgalign: Kgalign, out: Path, tmp_path: Path
) -> None:
    first, second, third = sorted(_links(out))[:3]
    # Who decides has namespaces that come before all others, and are named after the same words.
    people = ("http://a.example/left/1", "http://b.example/right/2", "https://orcid.org/0000-0001")
    words = ("--different", "--unsure", "--same")
    for link, by, word in zip((first, second, third), people, words, strict=True):
        assert kgalign("decisions", "add", out, *link, word, "--by", by).returncode == 0
    _again(kgalign, pair, out)
    files = {name: tmp_path / f"{name}.sssom.tsv" for name in ("decided", "exported", "undecided")}
    assert kgalign("decisions", "export", out, "-o", files["decided"]).returncode == 0
    for name, more in (("exported", ()), ("undecided", ("--undecided",))):
        done = kgalign("export", out, "--format", "sssom", "-o", files[name], *more)
        assert done.returncode == 0, done.stderr
    texts = [path.read_text(encoding="utf8") for path in (out / "mappings.sssom.tsv", *files.values())]
    assert texts[0] == texts[2]
    maps = [_prefixes(text, r'^#   ([a-z0-9]+): "(.*)"$') for text in texts]
    maps.append(_prefixes((out / "fused.ttl").read_text("utf8"), r"^@prefix ([a-z0-9]+): <(.*)> \.$"))
    every = {item for each in maps for item in each.items()}
    assert len(every) == len({name for name, _ in every}) == len({space for _, space in every})
    assert {name for name, _ in every} >= {"orcid", "left", "left2", "right", "right2"}
    decided, mapped = _mapped(texts[1]), _mapped(texts[0])
    assert len(decided) == 3
    assert len(decided & mapped) >= 2, "what is refused and what is confirmed is in both"


def test_a_decision_turned_round_counts_for_the_pair(
    pair: Pair, kgalign: Kgalign, out: Path, tmp_path: Path
) -> None:
    left, right = min(_links(out))
    file = tmp_path / "turned.nt"
    file.write_text(f"<{right}> <http://www.w3.org/2002/07/owl#differentFrom> <{left}> .\n", encoding="utf8")
    assert kgalign("decisions", "import", file, out).returncode == 0
    _again(kgalign, pair, out)
    assert (left, right) not in _links(out)


def test_contradictions_are_named(pair: Pair, kgalign: Kgalign, out: Path, tmp_path: Path) -> None:
    run = Finished(out)
    (a, b), (x, y) = run.left.entity_iri.to_pylist()[:2], run.right.entity_iri.to_pylist()[:2]
    for link in ((a, x), (b, x), (b, y)):
        assert kgalign("decisions", "add", out, *link, "--same").returncode == 0
    assert kgalign("decisions", "add", out, a, y, "--different").returncode == 0
    assert "said to be different, and are one by" in kgalign("decisions", "list", out).stdout
    done = kgalign("run", pair.left, pair.right, "-o", out)
    assert "are said to be different, and are one by 3 other decisions" in done.stderr


def test_predictions_are_counted_and_passed_over(kgalign: Kgalign, out: Path, tmp_path: Path) -> None:
    assert_one_line(kgalign("decisions", "import", out / "mappings.sssom.tsv", out), "predictions of tools")
    told = tmp_path / "told.sssom.tsv"
    assert kgalign("decisions", "add", out, *min(_links(out)), "--different", "--by", "Ada").returncode == 0
    assert kgalign("decisions", "export", out, "-o", told).returncode == 0
    text = told.read_text(encoding="utf8")
    [row] = [each for each in text.splitlines(keepends=True) if "ManualMappingCuration" in each]
    told.write_text(text + row.replace("ManualMappingCuration", "LexicalMatching"), encoding="utf8")
    done = kgalign("decisions", "import", told, out)
    assert "1 decision in" in done.stdout
    assert "1 prediction that nobody looked at" in done.stdout


def test_bad_input_is_told_in_a_line(kgalign: Kgalign, out: Path, tmp_path: Path) -> None:
    left, right = min(_links(out))
    strange = tmp_path / "strange.tsv"
    strange.write_text("http://nowhere/1\thttp://nowhere/2\n", encoding="utf8")
    assert_one_line(kgalign("decisions", "import", strange, out), "about these graphs")
    assert_one_line(kgalign("decisions", "import", tmp_path / "none.tsv", out), "does not exist")
    assert_one_line(kgalign("decisions", "add", out, left, "http://nowhere/2", "--same"), "no such entity")
    assert_one_line(kgalign("decisions", "undo", out, "abc"), "no decision")
    broken = b"\xff".decode("utf8", "surrogateescape")
    assert_one_line(kgalign("decisions", "add", out, broken, "--nothing"), "no such entity")
    assert (
        kgalign("decisions", "add", out, left, "--nothing", "--by", broken, "--why", broken).returncode == 0
    )
    assert "  ? " in kgalign("decisions", "list", out).stdout
    assert_one_line(kgalign("decisions", "list", tmp_path), "")
    for words in (
        ("add", out, left, right),
        ("add", out, left, right, "--nothing"),
        ("add", out, left, "--same"),
    ):
        assert kgalign("decisions", *words).returncode == 2
    (out / FILE).write_bytes(b"nothing of the kind" * 400)
    assert_one_line(kgalign("decisions", "list", out), "damaged")
