"""``report.html``: one file, true to the run, harmless whatever the graphs hold, and never large."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kgalign.config import Config
from kgalign.judge import no_hearing
from kgalign.records import Feature, Outcome, Worklist
from kgalign.report import Besides, Findings, Source, Spent, compare, report_page
from kgalign.report.findings import fates
from kgalign.report.page import MOST_BYTES, Section, page, paragraph, table
from kgalign.run import start
from kgalign.run.finished import Finished
from tests.conftest import Pair
from tests.evaluate.small import alignment, candidates, profile, verdicts
from tests.export.finished_runs import hostile_run
from tests.export.small_fusion import VOCABULARIES, small_fusion
from tests.report.pages import harmless

NASTY = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)><!--\u202e\u2066\x00\x1b[31m&lt;'


def test_a_run_writes_its_report_and_the_same_one_again(elements: Pair, tmp_path: Path) -> None:
    for name in ("one", "two"):
        start.run(elements.left, elements.right, tmp_path / name)
    first, second = ((tmp_path / name / "report.html").read_bytes() for name in ("one", "two"))
    assert first == second
    text = first.decode("utf8")
    harmless(text)
    assert str(tmp_path) not in text
    assert "seconds" not in text
    for title in (
        "Entities and links",
        "How sure it is",
        "What agreement is worth",
        "Examples",
        "A usual link",
    ):
        assert title in text
    assert "Votes of a language model" not in text


def test_hostile_values_stay_text(tmp_path: Path) -> None:
    run = hostile_run(tmp_path / "hostile")
    harmless((run / "report.html").read_text(encoding="utf8"))


def test_a_literal_of_a_megabyte_and_names_that_turn_the_page_round(tmp_path: Path) -> None:
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    for side in ("left", "right"):
        rows = [f'<http://{side}/{n}> {label} "Record {n} of {n * 7919}" .' for n in range(12)]
        rows += [f'<http://{side}/{n}> <http://{side}/note> "{"<b>x" * 200_000}{n}" .' for n in range(12)]
        rows += [f'<http://{side}/{n}> <http://{side}/<b> "{n}" .'.replace("/<b>", "/b>") for n in range(12)]
        rows += [f'<http://{side}/{n}> <http://{side}/odd> "\\u202E\\u0007</script>{n}" .' for n in range(12)]
        (tmp_path / f"{side}.nt").write_text("\n".join(rows) + "\n", encoding="utf8")
    start.run(tmp_path / "left.nt", tmp_path / "right.nt", tmp_path / "run", Config())
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf8")
    harmless(text)
    assert "&lt;b&gt;x" in text
    assert len(text) < 200_000


def found_by(folder: Path, size: int, *, name: str = "entity", features: int = 3) -> Findings:
    """A run of so many links, each between two entities of this name, with as many comparisons as wanted."""
    iris = [[f"http://{side}/{number}/{name}" for number in range(size)] for side in ("l", "r")]
    values = {n: {f"http://{name}/{p}": [f"{name} {p}"] for p in range(30)} for n in range(0, size, 997)}
    left, right = (profile(each, [name] * size, values=values) for each in iris)
    rows = [(number, number, 0.5 + 0.49 * number / size) for number in range(size)]
    named = tuple(
        Feature(f"{name} {n}", name, (name, f"{name} too"), (-1.0 - n, 2.0 + n)) for n in range(features)
    )
    ids, nothing = np.arange(size, dtype=np.int32), np.zeros(size, np.float32)
    one_each = np.ones((size, 2), np.int16)
    fusion = small_fusion(folder)
    outcomes = (Outcome.UNDECIDED, *[Outcome.MATCH] * 8)
    return Findings(
        left=left,
        right=right,
        candidates=replace(candidates([]), left=ids, right=ids, rank=ids * 0 + 1, channel_rank=one_each),
        verdicts=verdicts(
            rows, features=named, contributions=np.tile(np.linspace(-1, 2, features), (size, 1)).tolist()
        ),
        alignment=alignment([(*row, outcomes[row[0] % 9]) for row in rows]),
        worklist=Worklist(ids, ids, ids % 9 > 0, nothing + 0.5, ids - 1, nothing, nothing),
        vocabularies=VOCABULARIES,
        fusion=replace(fusion, left_term=np.full(size, -1, np.int32), warnings=(name,) * 50),
        hearing=no_hearing(),
        match_probability=0.5,
        undecided_probability=0.2,
        target="left",
    )


def test_many_links_make_no_large_page(tmp_path: Path) -> None:
    found = found_by(tmp_path, 50_000)
    text = report_page(found)
    read = harmless(text)
    assert len(text) < 200_000
    told = " ".join(read.texts)
    assert "44,444 links between 50,000 left and 50,000 right entities, 5,556 pairs undecided" in told
    assert report_page(found) == text


def test_hostile_records_and_what_stands_beside_them_are_text(tmp_path: Path) -> None:
    found = found_by(tmp_path, 40, name=NASTY, features=90)
    spent = tuple(Spent(NASTY, f"{NASTY}{n}", n / 7, n) for n in range(30))
    besides = Besides((Source("left", NASTY, 3),), spent, changes=compare(found, lost(found)))
    harmless(report_page(found, besides))


def lost(found: Findings) -> Findings:
    """The same with another outcome for each link."""
    outcome = np.where(found.linked, Outcome.UNDECIDED, Outcome.MATCH).astype(np.uint8)
    return replace(found, alignment=replace(found.alignment, outcome=outcome))


def test_what_is_too_much_is_left_out_and_named() -> None:
    rows = [["\U0001f9d1\u200d\U0001f680" * 40] * 9 for _ in range(300)]
    sections = [Section(name, f"part {name}", table(name, ["x"] * 9, rows)) for name in "abcd"]
    text = page("large", paragraph("intro"), [*sections, Section("e", "part e", paragraph("small"))])
    assert len(text.encode()) < MOST_BYTES
    assert "Left out, since the page would become too large: part" in text
    assert "<h2>part e</h2>" in text


def test_what_became_of_entities_adds_up(elements: Pair, tmp_path: Path) -> None:
    start.run(elements.left, elements.right, tmp_path / "run")
    run = Finished(tmp_path / "run")
    counts = fates(run.left, run.right, run.verdicts, run.alignment)
    assert [sum(each[side] for each in counts.values()) for side in (0, 1)] == [len(run.left), len(run.right)]
    assert counts["linked"] == (len(elements.links), len(elements.links))
