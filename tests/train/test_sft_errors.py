"""What can't be trained is told in one sentence, before any library of training is looked for."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.train.data import Example, Split
from kgalign.train.recipes import DPO, SFT, recipe_of
from tests.conftest import write_elements
from tests.train.element_examples import about_templates, make_data, make_examples, relabelled, write_examples

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def examples(tmp_path: Path) -> dict[Split, list[Example]]:
    return make_examples(tmp_path / "graphs")


def _fails(tmp_path: Path, *arguments: object, out: str = "out") -> str:
    """The one line that a command says; it leaves nothing behind."""
    before = sorted(tmp_path.iterdir())
    result = CliRunner().invoke(
        main, ["train", *(str(each) for each in arguments), "-o", str(tmp_path / out)]
    )
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert sorted(tmp_path.iterdir()) == before
    return lines[0]


def _sft(tmp_path: Path, data: Path, base: object = "base", *more: object) -> str:
    return _fails(tmp_path, "sft", "--form", "json", "--base", base, "--data", data, *more)


def test_no_examples(tmp_path: Path, examples: dict[Split, list[Example]]) -> None:
    data = write_examples(tmp_path / "data", {**examples, "train": []})
    assert "has no examples to learn from. Make some with `kgalign train examples`" in _sft(tmp_path, data)


@pytest.mark.parametrize("none", [True, False])
def test_one_class_only(tmp_path: Path, examples: dict[Split, list[Example]], none: bool) -> None:
    same = [relabelled(each, each.labels[-1 if none else 0]) for each in examples["train"]]
    told = _sft(tmp_path, write_examples(tmp_path / "data", {**examples, "train": same}))
    assert f"All 32 examples to learn from in {tmp_path / 'data'} have" in told
    assert ("none of the options as their answer" if none else "an option as their answer") in told


def test_a_base_that_is_not_there(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    assert "There is no folder ./no/such/model" in _sft(tmp_path, data, "./no/such/model")
    (tmp_path / "empty").mkdir()
    assert "holds no model: it has no config.json" in _sft(tmp_path, data, tmp_path / "empty")


def test_examples_of_another_version_of_a_prompt(
    tmp_path: Path, examples: dict[Split, list[Example]]
) -> None:
    about = about_templates()
    templates = dict(about.templates)
    sha256 = templates.pop("select-1@2")
    for changed, told in (
        ({**templates, "select-1@2": "0" * 64}, "in other words"),
        ({**templates, "select-1@77": sha256}, "not at all"),
    ):
        data = write_examples(tmp_path / "data", examples, replace(about, templates=changed))
        assert f"which the installed prompts have {told}" in _sft(tmp_path, data)


def test_examples_that_leak(tmp_path: Path, examples: dict[Split, list[Example]]) -> None:
    leaking = {**examples, "valid": [*examples["valid"], examples["train"][0]]}
    assert "Split by entity" in _sft(tmp_path, write_examples(tmp_path / "data", leaking))


def test_examples_that_were_changed_or_are_none(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    with (data / "train.jsonl").open("a") as file:
        file.write("\n")
    assert "error: " in _sft(tmp_path, data)
    assert "is no finished folder of examples" in _sft(tmp_path, tmp_path)


def test_what_is_there_already(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    assert "is there already. Name another, or give --force" in _sft(tmp_path, data)
    # --force replaces adapters, never anything else.
    assert "is there already. Name another." in _sft(tmp_path, data, "base", "--force")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--lr", 0, "must be more than 0"),
        ("--epochs", 0, "must be more than 0"),
        ("--dropout", 1, "shares"),
    ],
)
def test_settings_that_can_not_be(tmp_path: Path, option: str, value: object, said: str) -> None:
    assert said in _sft(tmp_path, make_data(tmp_path), "base", option, value)


@pytest.mark.parametrize(("option", "value"), [("--lr", "nan"), ("--warmup", "inf")])
def test_settings_that_are_no_number(option: str, value: str) -> None:
    sft = ["train", "sft", "--base", "base", "--data", "data", "-o", "out"]
    result = CliRunner().invoke(main, [*sft, option, value])
    assert result.exit_code == 2
    assert f"{value} is no finite number" in result.stderr


def test_without_the_extra(tmp_path: Path) -> None:
    """In a process that finds no library of training."""
    data = make_data(tmp_path)
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    hides = (
        "import importlib.util as u, sys; find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name in ('trl', 'torch') else find(name, *more)\n"
        "from kgalign.cli import main; main(sys.argv[1:])"
    )
    command = ["train", "sft", "--base", model, "--data", data, "-o", tmp_path / "out"]
    result = subprocess.run(
        [sys.executable, "-c", hides, *(str(each) for each in command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr == (
        "error: Training an adapter needs the extra 'train'. Install it: pip install 'kgalign[train]'.\n"
    )
    assert not list(tmp_path.glob("out*"))


def test_votes_that_are_not_there(tmp_path: Path) -> None:
    assert "has no votes on record" in _fails(tmp_path, "dpo", tmp_path, "--base", "base")


def test_a_preset_is_as_its_paper_has_it_and_what_is_given_counts_more() -> None:
    distiller = SFT["gpu-24gb"]
    assert (distiller.rank, distiller.alpha, distiller.learning_rate, distiller.epochs) == (16, 16, 2e-4, 3)
    assert (distiller.batch, distiller.accumulate, distiller.four_bit) == (2, 4, True)
    tailormatch = SFT["tailormatch"]
    assert (tailormatch.rank, tailormatch.alpha, tailormatch.dropout, tailormatch.epochs) == (64, 16, 0.1, 10)
    assert tailormatch.questions_per_step == 40
    assert {preset.epochs for preset in DPO.values()} == {1}
    assert recipe_of("gpu-24gb", {"rank": 4, "four_bit": False, "epochs": None}) == replace(
        distiller, rank=4, four_bit=False
    )


def test_pairs_are_what_cases_came_to_against_votes(kgalign: Command, tmp_path: Path) -> None:
    from kgalign.ledger import FILE, Ledger
    from kgalign.records.votes import known_partner
    from kgalign.train.pairs import read_pairs

    pair = write_elements(tmp_path / "elements")
    flags = ("--judge", "scripted:accuracy=0.7,hallucination=0.1,seed=1", "--ask", "all", "--max-calls", 120,
             "--ask-anyway")  # fmt: skip
    assert kgalign("run", pair.left, pair.right, "-o", tmp_path / "run", *flags).returncode == 0
    found = read_pairs([tmp_path / "run"], sure=0.9)
    with Ledger.open(tmp_path / "run" / FILE, write=False) as ledger:
        votes = [vote for vote in ledger.votes() if known_partner(vote.question.case) is None]
        decisions = {each.case: each for each in ledger.decisions()}
    assert found.counts["votes"] == len(votes) > 50
    assert found.counts["votes_unusable"] > 0
    assert found.train
    by_text = {tuple(each.content for each in vote.question.messages): vote for vote in votes}
    for each in (*found.train, *found.valid):
        vote = by_text[tuple(message["content"] for message in each.question)]
        chosen, rejected = (json.loads(text) for text in (each.chosen, each.rejected))
        labels, options = vote.question.labels, (*vote.question.options, "")
        said = dict(zip(labels, options, strict=True))
        assert said[rejected.pop("choice")] == vote.answer.choice
        choice = said[chosen.pop("choice")]
        assert chosen == rejected
        decision = decisions[each.case]
        assert decision.outcome in ("match", "no_match")
        left = vote.question.case
        pair_said = {left, decision.chosen} if decision.outcome == "match" else {left}
        # It chooses the partner where it is there, and none of them where it is not.
        right_one = pair_said & set(vote.question.options)
        if vote.question.asker in pair_said and right_one:
            assert {choice} == right_one
        else:
            assert choice == ""
    # What is measured on is not learned from.
    assert not {e for each in found.train for e in each.entities} & {
        e for each in found.valid for e in each.entities
    }
    assert read_pairs([tmp_path / "run"], sure=0.9).digest == found.digest
