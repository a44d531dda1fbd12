"""A ledger as a file: everything is in it, nothing is lost or becomes markup, and the bytes are the same."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF

from kgalign.errors import RunError
from kgalign.ledger import FILE, Ledger
from kgalign.ledger.export import FORMATS, SCHEMAS, Exported, Format, Table, export
from kgalign.ledger.rows import VOTE_COLUMNS, row_digest
from kgalign.ledger.stance import stance
from kgalign.records.votes import NONE, Direction, Judging, QuestionKind, Status, Vote
from tests.ledger.small_ledger import (
    ADVERSE,
    BERLIN,
    BLANK,
    HOSTILE,
    LIMA,
    PARIS,
    R1,
    R2,
    ROME,
    TEXT,
    answer,
    question,
    vote,
    write,
)

KG = rdflib.Namespace("https://w3id.org/kgalign#")
PROV = rdflib.Namespace("http://www.w3.org/ns/prov#")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "run")


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder / FILE, write=False) as ledger:
        yield ledger


def every_vote(ledger: Ledger) -> list[Vote]:
    return [vote for judging in ledger.judgings() for vote in ledger.votes(judging.name)]


def as_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def unescaped(text: str) -> str:
    return text.removeprefix("'")


def utf8(text: str) -> str:
    """What UTF-8 can hold of a text."""
    return "".join("\ufffd" if "\ud800" <= each <= "\udfff" else each for each in text)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_ledger_gives_the_same_bytes_in_another_process(
    ledger: Ledger, folder: Path, tmp_path: Path, form: Format
) -> None:
    export(ledger, tmp_path / "here", form)
    program = (
        "import sys; from pathlib import Path; from kgalign.ledger import Ledger\n"
        "from kgalign.ledger.export import export\n"
        "with Ledger.open(Path(sys.argv[1]), write=False) as ledger:\n"
        "    export(ledger, Path(sys.argv[2]), sys.argv[3])"
    )
    arguments = [str(folder / FILE), str(tmp_path / "there"), form]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, env={"PYTHONHASHSEED": "7"})
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


def test_json_lines_hold_everything(ledger: Ledger, tmp_path: Path) -> None:
    written = export(ledger, tmp_path / "votes.jsonl", "jsonl")
    lines = (tmp_path / "votes.jsonl").read_text(encoding="utf8").splitlines()
    records = [json.loads(line) for line in lines]
    by_kind = {
        kind: [each for each in records if each["record"] == kind] for kind in ("judging", "decision", "vote")
    }
    assert written == Exported(2, 8, 18)
    assert [len(each) for each in by_kind.values()] == [2, 8, 18]
    assert by_kind["judging"][1]["settings"] == {"reducer": "adaptive", "seed": 3}
    for record, kept in zip(by_kind["vote"], every_vote(ledger), strict=True):
        asked, answered = kept.question, kept.answer
        assert record["case"] == asked.case
        assert record["options"] == list(asked.options)
        assert [each["content"] for each in record["messages"]] == [each.content for each in asked.messages]
        assert record["status"] == answered.status.value
        assert record["choice"] == (None if answered.choice is None else answered.choice or "none")
        assert record["reply"] == utf8(kept.reply)
        assert record["seconds"] == kept.seconds
    chosen = {each["case"]: each["chosen"] for each in by_kind["decision"]}
    assert chosen[ROME] == "none"
    assert chosen[BLANK] == HOSTILE


def test_parquet_has_the_types_and_the_values_of_json_lines(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "votes.jsonl", "jsonl")
    lines = (tmp_path / "votes.jsonl").read_text(encoding="utf8").splitlines()
    tables: tuple[Table, ...] = ("votes", "decisions")
    for table in tables:
        export(ledger, tmp_path / "table.parquet", "parquet", table=table)
        found = pq.read_table(tmp_path / "table.parquet")
        assert found.schema.equals(SCHEMAS[table])
        records = [json.loads(line) for line in lines]
        assert found.to_pylist() == [each for each in records if each.pop("record") == table[:-1]]


def test_csv_comes_back_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    assert export(ledger, tmp_path / "votes.csv", "csv") == Exported(2, 0, 18)
    rows, kept = as_csv(tmp_path / "votes.csv"), every_vote(ledger)
    assert len(rows) == len(kept)
    for row, each in zip(rows, kept, strict=True):
        assert tuple(json.loads(row["options"])) == each.question.options
        assert tuple(json.loads(row["values"])) == each.question.values
        assert unescaped(row["reason"]) == each.answer.reason
        assert unescaped(row["reply"]) == utf8(each.reply)
        assert float(row["seconds"]) == each.seconds
        assert row["shortened"] == ("true" if each.question.shortened else "false")
    assert export(ledger, tmp_path / "decisions.csv", "csv", table="decisions") == Exported(2, 8, 0)
    assert [row["case"] for row in as_csv(tmp_path / "decisions.csv")].count(LIMA) == 1


def test_no_cell_of_a_csv_file_is_a_formula(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "votes.csv", "csv")
    cells = [cell for row in as_csv(tmp_path / "votes.csv") for cell in row.values()]
    assert f"'{ADVERSE}" in cells
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")]


def test_one_judging_alone(ledger: Ledger, tmp_path: Path) -> None:
    older = ledger.judgings()[0].name
    assert export(ledger, tmp_path / "votes.jsonl", "jsonl", judging=older) == Exported(1, 1, 1)
    assert export(ledger, tmp_path / "votes.csv", "csv", judging=older) == Exported(1, 0, 1)


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_ledger_gives_an_empty_file_that_can_be_read(tmp_path: Path, form: Format) -> None:
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        assert export(ledger, tmp_path / "out", form) == Exported()
    if form == "parquet":
        assert pq.read_table(tmp_path / "out").num_rows == 0
    elif form == "ttl":
        assert not len(rdflib.Graph().parse(tmp_path / "out", format="turtle"))
    else:
        assert len((tmp_path / "out").read_text(encoding="utf8").splitlines()) == (form == "csv")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_complete_or_not_there(folder: Path, tmp_path: Path, form: Format) -> None:
    path = tmp_path / "out"
    path.write_text("what was there before")
    with Ledger.open(folder / FILE, write=True) as ledger:
        # A row that can't be read, with a digest as if it had been written so: no writer of ours makes one,
        # and so the trigger has to go first.
        ledger.connection.execute("DROP TRIGGER vote_not_changed")
        number, key = ledger.connection.execute(
            "SELECT vote.id, key FROM vote JOIN call ON call.id = vote.call WHERE case_iri = ?", (ROME,)
        ).fetchone()
        ledger.connection.execute("UPDATE vote SET status = 'perhaps' WHERE id = ?", (number,))
        columns = ", ".join(VOTE_COLUMNS)
        row = ledger.connection.execute(f"SELECT {columns} FROM vote WHERE id = ?", (number,)).fetchone()
        mark = row_digest(row, key, "answered")
        ledger.connection.execute("UPDATE vote SET digest = ? WHERE id = ?", (mark, number))
        with pytest.raises(RunError, match="damaged"):
            export(ledger, path, form)
    assert path.read_text() == "what was there before"
    assert {each.name for each in tmp_path.iterdir()} == {"out", "run"}


def test_a_place_that_can_not_be_written_is_an_error_for_people(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="can't be written"):
        export(ledger, tmp_path / "no" / "folder" / "votes.csv", "csv")


# --- Turtle


@pytest.fixture
def graph(ledger: Ledger, tmp_path: Path) -> rdflib.Graph:
    export(ledger, tmp_path / "votes.ttl", "ttl")
    return rdflib.Graph().parse(tmp_path / "votes.ttl")


def test_two_parsers_read_the_same_statements(graph: rdflib.Graph, tmp_path: Path) -> None:
    read = pyoxigraph.parse(path=tmp_path / "votes.ttl", format=pyoxigraph.RdfFormat.TURTLE)
    statements = {str(quad) for quad in read}
    assert len(statements) == len(graph)


def test_turtle_says_of_each_vote_what_the_ledger_says(graph: rdflib.Graph, ledger: Ledger) -> None:
    nodes = {
        (str(graph.value(node, KG.key)), str(name)): node
        for node in graph.subjects(RDF.type, KG.Vote)
        for name in graph.objects(node, PROV.wasGeneratedBy / KG.name)
    }
    kept = every_vote(ledger)
    assert len(nodes) == len(kept)
    for each in kept:
        node = nodes[each.key, each.judging]
        assert str(graph.value(node, KG.reply)) == utf8(each.reply)
        assert int(str(graph.value(node, KG.promptTokens))) == each.prompt_tokens
        options = sorted(
            (int(str(graph.value(option, KG.place))) or 99, str(graph.value(option, KG.label)))
            for option in graph.objects(node, KG.question / KG.option)
        )
        assert tuple(label for _, label in options) == each.question.labels
        messages = {str(text) for text in graph.objects(node, KG.question / KG.message / KG.content)}
        assert messages == {message.content for message in each.question.messages}
        assert {str(value) for value in graph.objects(node, KG.question / KG.shows)} == set(
            each.question.values
        )


def test_a_decision_is_derived_from_the_votes_that_count(graph: rdflib.Graph, ledger: Ledger) -> None:
    judging = ledger.judgings()[1].name
    derived = {
        str(graph.value(node, KG.key))
        for decision in graph.subjects(KG.case, rdflib.URIRef(ROME))
        for node in graph.objects(decision, PROV.wasDerivedFrom)
    }
    counted = {each.key for each in ledger.votes(judging, cases=[ROME], status=[Status.OK])}
    assert derived == counted
    assert len(counted) == 2


def test_a_name_that_is_no_iri_is_a_literal(graph: rdflib.Graph, tmp_path: Path) -> None:
    text = (tmp_path / "votes.ttl").read_text(encoding="utf8")
    assert "\x1b" not in text
    assert "<http://r/evil>" not in text.replace(HOSTILE.replace('"', '\\"').split("\x1b")[0], "")
    assert not list(graph.triples((None, rdflib.URIRef("http://r/p"), None)))
    named = {str(name) for name in graph.objects(None, KG.identifier)}
    assert named == {BLANK, HOSTILE}
    # The left and the right graph each have a blank node of this name.
    assert len(list(graph.subjects(KG.identifier, rdflib.Literal(BLANK)))) == 2
    for node in graph.subjects(RDF.type, KG.Entity):
        assert str(node).startswith("urn:uuid:")


def test_no_node_is_blank_and_nothing_is_said_of_an_entity_of_the_graphs(graph: rdflib.Graph) -> None:
    nodes = set(graph.subjects()) | set(graph.objects())
    assert not [node for node in nodes if isinstance(node, rdflib.BNode)]
    assert all(str(node).startswith("urn:uuid:") for node in graph.subjects())


def test_an_entity_can_not_pass_for_a_term_of_the_vocabulary(tmp_path: Path) -> None:
    posing = str(KG.NoneOfThem)
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        judging = ledger.begin("model", "", {})
        asked = question(BERLIN, 0, [posing, R1])
        ledger.keep(vote(judging, asked, answer(asked, posing)))
        export(ledger, tmp_path / "votes.ttl", "ttl")
    graph = rdflib.Graph().parse(tmp_path / "votes.ttl")
    (node,) = graph.subjects(KG.identifier, rdflib.Literal(posing))
    assert list(graph.objects(None, KG.choice)) == [node]


# --- Any text

TEXTS = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["", "'=1", "=1", "\ud800", 'a"b\\\r\n', TEXT]
)


@settings(max_examples=40)
@given(case=TEXTS, option=TEXTS, shown=TEXTS, reason=TEXTS, reply=TEXTS, model=TEXTS)
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    case: str,
    option: str,
    shown: str,
    reason: str,
    reply: str,
    model: str,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    asked = question(f"http://l/{case}", 0, [option or "x", R1], text=shown)
    with Ledger.open(folder / FILE, write=True) as ledger:
        judging = ledger.begin(model, "", {"text": utf8(shown)})
        ledger.keep(vote(judging, asked, answer(asked, R1, reason=reason), reply))
        for form in FORMATS:
            export(ledger, folder / form, form)
    (record,) = (
        each
        for line in (folder / "jsonl").read_bytes().decode().split("\n")[:-1]
        if (each := json.loads(line))["record"] == "vote"
    )
    (row,) = as_csv(folder / "csv")
    (stored,) = pq.read_table(folder / "parquet").to_pylist()
    graph = rdflib.Graph().parse(folder / "ttl", format="turtle")
    (node,) = graph.subjects(RDF.type, KG.Vote)
    for name, predicate, text in (
        ("model", PROV.wasAttributedTo / KG.name, model),
        ("reason", KG.reason, reason),
        ("reply", KG.reply, reply),
    ):
        expected = utf8(text)
        assert record[name] == expected
        assert unescaped(row[name]) == expected
        assert stored[name] == expected
        (literal,) = graph.objects(node, predicate)
        assert str(literal) == expected
    assert record["options"] == stored["options"] == json.loads(row["options"]) == [utf8(option or "x"), R1]


# --- What a vote says


def said(judging: Judging, choice: str | None, **changes: object) -> tuple[str, set[str]] | None:
    options = changes.pop("options", [R1, R2])
    assert isinstance(options, list)
    asked = question(BERLIN, 0, options, **changes)  # type: ignore[arg-type]
    found = stance(vote(judging, asked, answer(asked, choice)))
    return None if found is None else (found.speaks_for, set(found.speaks_against))


def test_a_vote_says_the_same_whichever_side_was_asked() -> None:
    judging = Judging("0" * 16, "model", "", "{}", "2025-01-01T00:00:00Z")
    right, verify = Direction.RIGHT_ASKS, QuestionKind.VERIFY
    assert said(judging, R1) == (R1, {R2})
    assert said(judging, NONE) == (NONE, {R1, R2})
    assert said(judging, None) is None
    assert said(judging, BERLIN, options=[PARIS, BERLIN], asker=R1, direction=right) == (R1, set())
    assert said(judging, PARIS, options=[PARIS, BERLIN], asker=R1, direction=right) == (NONE, {R1})
    assert said(judging, NONE, options=[PARIS, BERLIN], asker=R1, direction=right) == (NONE, {R1})
    assert said(judging, R1, options=[R1], kind=verify) == (R1, set())
    assert said(judging, NONE, options=[R1], kind=verify) == (NONE, {R1})
    assert said(judging, BERLIN, options=[BERLIN], asker=R1, direction=right, kind=verify) == (R1, set())
    asked = question(BERLIN, 0, [R1])
    kept = vote(judging, asked, answer(asked, R1))
    assert stance(replace(kept, answer=replace(kept.answer, status=Status.INVENTED))) is None
