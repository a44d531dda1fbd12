"""Questions about chemical elements, as the judge asks them, with their answers: a folder to learn from."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kgalign.config import SelectConfig
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.templates import load_templates
from kgalign.rdf.read import read_graph
from kgalign.records.votes import Direction, Question, QuestionKind, View
from kgalign.select import select
from kgalign.train.data import About, Example, Split, example_id, write_data
from tests.conftest import write_elements

OPTIONS = 3


def answer_text(label: str) -> str:
    """An answer that says its choice alone."""
    return json.dumps({"choice": label, "values": [], "reason": ""})


def make_examples(folder: Path) -> dict[Split, list[Example]]:
    """Select and verify questions, some of them with none or no as the answer; no entity in two splits."""
    pair = write_elements(folder)
    config = SelectConfig()
    left = select(read_graph([pair.left], side="left"), config, side="left")
    right = select(read_graph([pair.right], side="right"), config, side="right")
    questions = Questions(left, right, templates=load_templates(), budget_tokens=1500, seed=0)
    ids = {iri: number for number, iri in enumerate(left.entity_iri.to_pylist())}
    others = {iri: number for number, iri in enumerate(right.entity_iri.to_pylist())}
    links = [(ids[one], others[two]) for one, two in sorted(pair.links)]
    splits: dict[Split, list[tuple[int, int]]] = {
        "train": links[:16],
        "valid": links[16:20],
        "test": links[20:],
    }
    return {split: list(_examples(questions, pairs)) for split, pairs in splits.items()}


def _examples(questions: Questions, pairs: list[tuple[int, int]]) -> Iterable[Example]:
    for turn, (one, two) in enumerate(pairs):
        near = [pairs[(turn + step) % len(pairs)][1] for step in range(1, OPTIONS + 1)]
        place = turn % OPTIONS
        select_options = near if turn % 4 == 3 else [*near[:place], two, *near[place : OPTIONS - 1]]
        asked = _ask(questions, one, QuestionKind.SELECT, select_options, turn)
        answer = asked.labels[select_options.index(two)] if two in select_options else asked.labels[-1]
        yield as_example(asked, answer)
        option = two if turn % 2 else near[0]
        asked = _ask(questions, one, QuestionKind.VERIFY, [option], turn)
        yield as_example(asked, asked.labels[0 if option == two else 1])


def _ask(questions: Questions, asker: int, kind: QuestionKind, options: list[int], turn: int) -> Question:
    return questions.question(
        case=asker,
        number=turn,
        kind=kind,
        direction=Direction.LEFT_ASKS,
        view=View.ATTRIBUTES,
        turn=turn,
        asker=asker,
        options=options,
    )


def as_example(question: Question, answer: str) -> Example:
    """A question and its answer as an example; what is shown is left as messages alone."""
    messages = tuple({"role": each.role, "content": each.content} for each in question.messages)
    wanted = {"role": "assistant", "content": answer_text(answer)}
    return Example(
        id=example_id(messages),
        kind="select" if question.kind is QuestionKind.SELECT else "verify",
        case=question.case,
        entities=(question.asker, *question.options),
        origin="gold",
        messages=(*messages, wanted),
        labels=question.labels,
        answer=answer,
        weight=1.0,
        asker="{}",
        options=("{}",) * len(question.options),
        template=question.template,
    )


def about_templates() -> About:
    """What is said of examples that ask by the package's prompts."""
    loaded = load_templates()
    return About({each.label: each.sha256 for each in (*loaded.select, *loaded.verify)}, {}, {})


def write_examples(folder: Path, examples: dict[Split, list[Example]], about: About | None = None) -> Path:
    """Write them as a folder of examples and return it."""
    write_data(folder, examples, about or about_templates())
    return folder


def make_data(folder: Path, *, short: bool = False, most: int = 32) -> Path:
    """A folder of examples about elements.

    :param short: whether what all questions share is left out: a third of the tokens, for tests that train.
    :param most: examples to learn from.
    """
    examples = make_examples(folder / "graphs")
    examples["train"] = examples["train"][:most]
    if short:
        examples = {split: [shortened(each) for each in found] for split, found in examples.items()}
    return write_examples(folder / "data", examples)


def shortened(example: Example) -> Example:
    """The same question with next to no instructions."""
    system, *others = example.messages
    messages = ({**system, "content": "Answer in JSON."}, *others)
    return replace(example, messages=messages, id=example_id(messages[:-1]))


def relabelled(example: Example, answer: str) -> Example:
    """The same question with another answer."""
    messages = (*example.question, {"role": "assistant", "content": answer_text(answer)})
    return replace(example, messages=messages, answer=answer)
