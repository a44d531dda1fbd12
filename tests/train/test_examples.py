"""Examples of whole runs: whose answers they have, how they are split, and what is refused."""

import json
import shutil
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from kgalign.config import Config
from kgalign.decisions import Decision, Decisions, Verdict
from kgalign.errors import InputError, KgalignError, RunError
from kgalign.ledger import FILE, Ledger
from kgalign.records.votes import QuestionKind, Status, known_partner
from kgalign.run import again, start
from kgalign.train.data import ABOUT, SPLITS, Example, Split, read_data
from kgalign.train.examples import make_examples
from kgalign.train.settings import Settings
from tests.conftest import Pair
from tests.judge.generate import LEFT, write_people
from tests.train import judged_runs


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return judged_runs.people(tmp_path_factory.mktemp("examples") / "people", 120)


@pytest.fixture(scope="module")
def run(pair: Pair) -> Path:
    return judged_runs.run(pair, pair.left.parent / "run")


def made(run: Path, out: Path, *, gold: tuple[Path, ...] = (), **settings: Any) -> dict[Split, list[Example]]:  # noqa: ANN401
    """The examples of a run, as they are read again."""
    make_examples([run], out, Settings(**settings), gold=gold)
    return read_data(out)[1]


def every(splits: dict[Split, list[Example]]) -> list[Example]:
    return [each for split in SPLITS for each in splits[split]]


def test_gold_is_what_the_answers_say(run: Path, pair: Pair, tmp_path: Path) -> None:
    splits = made(run, tmp_path / "data", gold=(pair.gold,), sources=("gold",))
    examples = every(splits)
    assert {each.origin for each in examples} == {"gold"}
    assert {each.weight for each in examples} == {1.0}
    left_asked = [
        each
        for each in examples
        if each.kind == "select" and sum(iri.startswith(LEFT) for iri in each.entities) == 1
    ]
    assert len(left_asked) > 40
    for each in left_asked:
        same = [
            name
            for iri, name in zip(each.entities[1:], each.labels, strict=False)
            if (each.case, iri) in pair.links
        ]
        assert each.answer == (same[0] if same else "none")
    for split in SPLITS:
        none = [each.answer == each.labels[-1] for each in splits[split]]
        assert none
        assert abs(sum(none) / len(none) - 0.25) < 0.13
    assert len({each.id for each in examples}) == len(examples)
    assert {len(each.options) for each in examples if each.kind == "verify"} == {1}
    assert all(len(each.options) == len(each.labels) - 1 for each in examples)
    for each in examples:
        assert each.asker in each.messages[1]["content"]
        assert all(option in each.messages[1]["content"] for option in each.options)


def test_votes_are_distilled_with_their_probability(run: Path, tmp_path: Path) -> None:
    examples = every(made(run, tmp_path / "data", sources=("votes",)))
    with Ledger.open(run / FILE, write=False) as ledger:
        decisions = {each.case: each for each in ledger.decisions()}
        statuses = Counter(vote.answer.status for vote in ledger.votes())
    assert {each.origin for each in examples} == {"votes"}
    for each in examples:
        decision = decisions[each.case]
        assert decision.outcome in ("match", "no_match")
        assert each.weight == pytest.approx(decision.probability, abs=1e-6)
        if decision.outcome == "no_match":
            assert each.answer == each.labels[-1]
        elif each.answer != each.labels[-1]:
            assert decision.chosen in each.entities
    figures = json.loads((tmp_path / "data" / ABOUT).read_text(encoding="utf8"))["figures"]
    assert statuses[Status.INVENTED] > 0
    assert figures["votes_invented_left_out"] == statuses[Status.INVENTED]
    sure = every(made(run, tmp_path / "sure", sources=("votes",), min_confidence=0.96))
    assert 0 < len(sure) < len(examples)
    assert min(each.weight for each in sure) >= 0.96


def test_what_was_known_before_it_was_asked_teaches_nothing(pair: Pair, tmp_path: Path) -> None:
    asks = {"controls": 24, "ask_anyway": True, "ask": "all"}
    out = judged_runs.run(pair, tmp_path / "run", judge="scripted:accuracy=1", votes=asks)
    with Ledger.open(out / FILE, write=False) as ledger:
        controls = [vote for vote in ledger.votes() if known_partner(vote.question.case) is not None]
        cases = {each.case for each in ledger.decisions()}
    assert len(controls) == 24
    for target in ("answer", "explained"):
        examples = every(made(out, tmp_path / target, sources=("votes",), target=target))
        assert examples
        assert {each.case for each in examples} <= cases


def test_the_evidence_speaks_where_it_is_sure(run: Path, tmp_path: Path) -> None:
    examples = every(made(run, tmp_path / "data", sources=("evidence",)))
    assert {each.origin for each in examples} == {"evidence"}
    assert min(each.weight for each in examples) >= 0.9
    with pytest.raises(InputError, match="too easy"):
        made(run, tmp_path / "none", sources=("evidence",), drop_easy=True)


def test_by_default_the_best_source_of_each_entity(run: Path, pair: Pair, tmp_path: Path) -> None:
    half = tmp_path / "half.tsv"
    lines = pair.gold.read_text(encoding="utf8").splitlines(keepends=True)
    half.write_text("".join(lines[::2]), encoding="utf8")
    known = {line.split("\t")[0] for line in lines[::2]}
    examples = every(made(run, tmp_path / "data", gold=(half,)))
    assert {each.origin for each in examples} == {"gold", "votes", "evidence"}
    assert {each.case for each in examples if each.origin == "gold"} <= known
    assert not {each.case for each in examples if each.origin != "gold"} & known
    hard = every(made(run, tmp_path / "hard", gold=(half,), drop_easy=True))
    assert "evidence" not in {each.origin for each in hard}
    assert 0 < len(hard) < len(examples)


def test_decisions_on_a_run_are_labels(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    judged_runs.run(pair, out, judge="evidence")
    lines = (out / "links.nt").read_text(encoding="utf8").splitlines()
    links = [(words[0].strip("<>"), words[2].strip("<>")) for words in map(str.split, lines)]
    with Decisions.open(out / "decisions.sqlite") as store:
        store.add(Decision(*link, Verdict.DIFFERENT) for link in links[:12])
        store.add(Decision(*link, Verdict.SAME) for link in links[12:24])
        store.add(Decision(left, "", Verdict.NOTHING) for left, _ in links[24:30])
    examples = every(made(out, tmp_path / "data", sources=("person",), valid=0.0, test=0.0))
    said = {each.case: set[tuple[str, str]]() for each in examples}
    for each in examples:
        said[each.case].add((each.kind, each.answer))
    assert {
        frozenset(each.entities) for each in examples if (each.kind, each.answer) == ("verify", "yes")
    } <= {frozenset(link) for link in links[12:24]}
    assert all(("verify", "no") in said[left] for left, _ in links[:12] if left in said)
    assert {left for left, _ in links[24:30]} & said.keys()
    for left, _ in links[24:30]:
        assert all(answer in ("none", "no") for _, answer in said.get(left, ()))


def test_people_are_believed_about_links_and_merges_taken_back(pair: Pair, tmp_path: Path) -> None:
    known = tmp_path / "known.tsv"
    lines = pair.gold.read_text(encoding="utf8").splitlines(keepends=True)
    known.write_text("".join(lines[:40]), encoding="utf8")
    out = tmp_path / "run"
    judged_runs.run(pair, out, judge="evidence")
    links = [tuple(line.split()) for line in (out / "links.nt").read_text(encoding="utf8").splitlines()]
    taken = [(a.strip("<>"), b.strip("<>")) for a, _, b, _ in links][:12]
    for left, right in taken:
        again.take_back(out, left, right)
    config = Config.model_validate({"judge": {"known": [str(known)]}})
    start.run(pair.left, pair.right, out, config)
    examples = every(made(out, tmp_path / "data", sources=("person",), valid=0.0, test=0.0))
    links_said = {frozenset(line.split()) for line in lines[:40]} - {frozenset(each) for each in taken}
    said_of = {iri for each in links_said for iri in each}
    for each in examples:
        if each.kind == "verify" and each.answer == "yes":
            assert frozenset(each.entities) in links_said
    apart = [each for each in examples if each.case in dict(taken) and each.case not in said_of]
    assert apart
    assert {(each.kind, each.answer) for each in apart} == {("verify", "no")}
    assert {frozenset(each.entities) for each in apart} <= {frozenset(each) for each in taken}


def test_the_same_again_and_nothing_else_depends_on_the_place(run: Path, pair: Pair, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / run.name
    shutil.copytree(run, moved)
    for number, each in enumerate((run, moved)):
        settings = Settings(target="structured", synthetic=0.5, choose="blocking-max", share=0.7, seed=3)
        make_examples([each], tmp_path / str(number), settings, gold=[pair.gold])
    for name in (*(f"{split}.jsonl" for split in SPLITS), ABOUT):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
    make_examples([run], tmp_path / "0", Settings(seed=4), gold=[pair.gold])
    assert (tmp_path / "0" / "train.jsonl").read_bytes() != (tmp_path / "1" / "train.jsonl").read_bytes()


def test_sizes_are_kept(run: Path, pair: Pair, tmp_path: Path) -> None:
    splits = made(run, tmp_path / "data", gold=(pair.gold,), size=50, valid=0.2, test=0.1, synthetic=0.25)
    train, valid, test = (len(splits[split]) for split in SPLITS)
    assert (train, test) == (35, 5)
    # No entity is on two sides: what is left for a split may be a little less than was asked for.
    assert 7 <= valid <= 10
    assert Counter(each.origin for each in splits["train"])["synthetic"] == 7
    one = every(made(run, tmp_path / "one", gold=(pair.gold,), kinds=(QuestionKind.SELECT,), share=0.5))
    assert {each.kind for each in one} == {"select"}


def test_synthetic_negatives_say_none_and_show_no_new_entity(run: Path, pair: Pair, tmp_path: Path) -> None:
    splits = made(run, tmp_path / "data", gold=(pair.gold,), synthetic=0.5, target="structured")
    synthetic = [each for each in splits["train"] if each.origin == "synthetic"]
    assert {each.kind for each in synthetic} == {"select", "verify"}
    assert all(each.answer == each.labels[-1] for each in synthetic)
    assert not any(each.origin == "synthetic" for split in ("valid", "test") for each in splits[split])
    for each in synthetic:
        old, new = json.loads(each.messages[-1]["content"])["values"]
        assert old in each.messages[1]["content"]
        assert new in each.messages[1]["content"]
    entities = {iri for each in splits["train"] if each.origin != "synthetic" for iri in each.entities}
    assert {each.case for each in synthetic} <= entities


def test_the_teacher_explains_with_what_it_was_shown(run: Path, tmp_path: Path) -> None:
    examples = every(made(run, tmp_path / "data", sources=("votes",), target="explained"))
    figures = json.loads((tmp_path / "data" / ABOUT).read_text(encoding="utf8"))["figures"]
    with Ledger.open(run / FILE, write=False) as ledger:
        votes = {json.dumps([m.content for m in vote.question.messages]): vote for vote in ledger.votes()}
        decisions = {each.case: each for each in ledger.decisions()}
    assert examples
    for each in examples:
        vote = votes[json.dumps([m["content"] for m in each.question])]
        answer = json.loads(each.messages[-1]["content"])
        assert vote.answer.status is Status.OK
        assert answer["reason"] == vote.answer.reason
        assert answer["values"] == [citation.value for citation in vote.answer.citations][:4]
        chosen = decisions[each.case].chosen
        said = vote.question.options[vote.question.labels.index(each.answer)] if each.answer not in (
            "none", "no") else ""  # fmt: skip
        assert said in ("", chosen, each.case)
    assert 0 < figures["explanations_dropped_share"] < 0.3


def test_several_runs_give_one_folder(run: Path, tmp_path: Path) -> None:
    other = judged_runs.people(tmp_path / "others", 60)
    second = judged_runs.run(other, tmp_path / "second", judge="evidence")
    about = make_examples([run, second], tmp_path / "data", Settings())
    assert [each["name"] for each in about.settings["runs"]] == ["run", "second"]
    alone = make_examples([second], tmp_path / "alone", Settings())
    assert about.counts["train"] > alone.counts["train"]
    read_data(tmp_path / "data")


def test_gold_to_test_with_is_kept_apart(run: Path, pair: Pair, tmp_path: Path) -> None:
    lines = pair.gold.read_text(encoding="utf8").splitlines(keepends=True)
    learn, kept = tmp_path / "learn.tsv", tmp_path / "kept.tsv"
    learn.write_text("".join(lines[20:]), encoding="utf8")
    kept.write_text("".join(lines[:20]), encoding="utf8")
    make_examples([run], tmp_path / "data", Settings(), gold=[learn], test_gold=[kept])
    splits = read_data(tmp_path / "data")[1]
    held_out = {iri for line in lines[:20] for iri in line.split()}
    assert {each.case for each in splits["test"]} <= held_out
    others = [*splits["train"], *splits["valid"]]
    assert not held_out & {iri for each in others for iri in each.entities}
    kept.write_text("".join(lines[:25]), encoding="utf8")
    with pytest.raises(InputError, match="links to learn from and in those to test with"):
        make_examples([run], tmp_path / "leak", Settings(), gold=[learn], test_gold=[kept])
    assert not (tmp_path / "leak").exists()


def test_errors_of_the_validation_split_choose(run: Path, pair: Pair, tmp_path: Path) -> None:
    about = make_examples(
        [run], tmp_path / "data", Settings(choose="errors", share=0.3, valid=0.3), gold=[pair.gold]
    )
    assert about.figures["validation_errors"] > 0
    every_one = make_examples([run], tmp_path / "all", Settings(valid=0.3), gold=[pair.gold])
    assert about.counts["train"] < every_one.counts["train"] / 2
    with pytest.raises(InputError, match="no gold links"):
        make_examples([run], tmp_path / "none", Settings(choose="errors"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"none_share": 0.0}, "one class only"),
        ({"sources": ("gold",)}, "gold links were not given"),
        ({"sources": ("person",)}, "no run has known links"),
        ({"sources": ("votes",), "min_confidence": 1.0}, "less sure than 1"),
    ],
)
def test_what_teaches_nothing_is_refused(
    run: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_examples([run], tmp_path / "data", Settings(**settings))
    assert not (tmp_path / "data").exists()


def test_gold_of_other_graphs_is_refused(run: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.tsv"
    gold.write_text("http://a/1\thttp://b/1\n", encoding="utf8")
    with pytest.raises(InputError, match="None of the gold links"):
        make_examples([run], tmp_path / "data", Settings(), gold=[gold])


def test_votes_on_other_prompts_are_refused(pair: Pair, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    plain = files("kgalign.judge.asking") / "prompts" / "select-1.txt"
    (prompts / "select-1.txt").write_text(plain.read_text(encoding="utf8"), encoding="utf8")
    out = judged_runs.run(pair, tmp_path / "run", votes={"templates": str(prompts)})
    make_examples([out], tmp_path / "data", Settings())
    before = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    text = plain.read_text(encoding="utf8").replace("version: 2", "version: 3")
    (prompts / "select-1.txt").write_text(text, encoding="utf8")
    with pytest.raises(RunError, match=r"cast on other prompts: select-1@2, select-1@3 changed"):
        make_examples([out], tmp_path / "data", Settings())
    assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before


def test_failed_votes_are_left_out_and_counted(pair: Pair, tmp_path: Path) -> None:
    out = judged_runs.run(pair, tmp_path / "run", judge="scripted:closed=0.7", llm={"retries": 0})
    with Ledger.open(out / FILE, write=False) as ledger:
        failed = sum(vote.answer.status is Status.FAILED for vote in ledger.votes())
    assert failed > 5
    about = make_examples([out], tmp_path / "data", Settings())
    assert about.figures["votes_failed_left_out"] == failed
    assert about.figures["cases_failed_left_out"] > 0
    dead = judged_runs.run(pair, tmp_path / "dead", judge="scripted:closed=1", llm={"retries": 0})
    with pytest.raises(InputError, match=r"nothing sure comes from votes; \d+ votes failed"):
        make_examples([dead], tmp_path / "none", Settings(sources=("votes",)))


@pytest.mark.parametrize("what", ["run", "foreign", "file"])
def test_other_folders_are_not_written_to(run: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "run":
        shutil.copytree(run, out)
    elif what == "file":
        out.write_text("mine", encoding="utf8")
    else:
        out.mkdir()
        (out / "mine.txt").write_text("mine", encoding="utf8")
    with pytest.raises(KgalignError):
        make_examples([run], out, Settings())
    if what == "foreign":
        assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_where_entities_have_several_partners_pairs_alone_are_asked_about(tmp_path: Path) -> None:
    several = write_people(tmp_path / "people", 60, right_copies=(1, 2), noise=0.6, seed=2)
    out = judged_runs.run(
        several, tmp_path / "run", assign={"cardinality": "one-to-many"}, votes={"ask": "all"}
    )
    splits = made(out, tmp_path / "data", gold=(several.gold,))
    examples = every(splits)
    assert {each.kind for each in examples} == {"verify"}
    assert {"gold", "votes"} & {each.origin for each in examples}
    for each in examples:
        if each.origin == "gold":
            assert (each.answer == "yes") == any({a, b} == set(each.entities) for a, b in several.links)
    by_votes = every(made(out, tmp_path / "votes", sources=("votes",)))
    with Ledger.open(out / FILE, write=False) as ledger:
        decided = {each.case: each.outcome for each in ledger.decisions()}
    assert by_votes
    for each in by_votes:
        asked = [outcome for case, outcome in decided.items() if set(case.split(" ")) == set(each.entities)]
        assert asked == ["match" if each.answer == "yes" else "no_match"]
