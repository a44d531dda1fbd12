"""A model in training, asked: how often it is right, whether its answers stop, whether they can be read."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from kgalign.base.progress import NoProgress, Progress
from kgalign.judge.asking.answers import read_answer
from kgalign.llm.protocol import Message, Reply, Role
from kgalign.records.votes import NONE, Direction, Question, QuestionKind, View
from kgalign.train.base import Base
from kgalign.train.data import Example

_MORE = 64
"""Tokens that an answer may have beyond the longest one that was wanted."""


def ask(
    model: Any,  # noqa: ANN401 - a model of transformers or peft
    base: Base,
    examples: Sequence[Example],
    *,
    batch: int,
    progress: Progress | None = None,
    name: str = "ask",
) -> dict[str, float]:
    """Let a model answer the questions freely, nothing holding it to a form, always the likeliest token next.

    :returns: ``questions``; ``accuracy``, the share whose choice is the wanted one; ``stopped``, the share
        that ended with a token at which servers stop; ``readable``, the share in which a choice can be read;
        ``accuracy_none`` and ``accuracy_some``, apart for questions with none and with an option as answer.
    """
    right: list[bool] = []
    stopped = readable = 0
    longest = max(len(base.spell(each.question, each.messages[-1]["content"]).answer) for each in examples)
    with (progress or NoProgress()).task(name, len(examples), "questions") as task:
        for start in range(0, len(examples), batch):
            part = examples[start : start + batch]
            for example, ids in zip(part, answers(model, base, part, longest + _MORE), strict=True):
                ends = any(each in base.stops for each in ids)
                text = text_of(base, ids)
                choice = read_choice(example, text, "stop" if ends else "length")
                stopped += ends
                readable += choice is not None
                right.append(choice == example.answer)
            task.advance(len(part))
    of_none = [each.answer == each.labels[-1] for each in examples]
    scores = {"questions": float(len(examples)), "stopped": stopped / len(examples)}
    scores |= {"readable": readable / len(examples), "accuracy": sum(right) / len(examples)}
    for word, wanted in (("accuracy_none", True), ("accuracy_some", False)):
        kept = [hit for hit, none in zip(right, of_none, strict=True) if none is wanted]
        if kept:
            scores[word] = sum(kept) / len(kept)
    return scores


def read_choice(example: Example, text: str, finish: str = "stop") -> str | None:
    """The label that an answer chooses, read as the judge reads it; None where it can't be read."""
    choice = read_answer(question_of(example), Reply(text, finish)).choice
    return example.labels[-1] if choice == NONE else choice


def question_of(example: Example) -> Question:
    """An example as the question that it was made of, as far as reading an answer needs it."""
    return Question(
        case=example.case,
        number=0,
        kind=QuestionKind(example.kind),
        direction=Direction.LEFT_ASKS,
        view=View.BOTH,
        asker=example.case,
        options=example.labels[:-1],
        labels=example.labels,
        template=example.template,
        template_hash="",
        messages=tuple(Message(cast(Role, each["role"]), each["content"]) for each in example.question),
        values=tuple(dict.fromkeys(value for record in (example.asker, *example.options)
                                   for value in _values(record))),
    )  # fmt: skip


def _values(record: str) -> Iterator[str]:
    """All that a record shows."""
    try:
        content = json.loads(record)
    except ValueError:
        return
    yield from _leaves(content)


def _leaves(content: object) -> Iterator[str]:
    if isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from _leaves(each)
    elif isinstance(content, str):
        yield content


def answers(model: Any, base: Base, part: Sequence[Example], most: int) -> list[list[int]]:  # noqa: ANN401
    """What the model writes to each question, up to a stop or ``most`` tokens."""
    import torch

    prompts = [base.prompt(each.question) for each in part]
    width = max(map(len, prompts))
    pad = base.tokenizer.pad_token_id
    ids = torch.full((len(part), width), pad if pad is not None else 0)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    with torch.inference_mode():
        written = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            max_new_tokens=most,
            eos_token_id=list(base.stops),
            pad_token_id=pad,
            use_cache=True,
        )
    return [list(row) for row in written[:, width:].tolist()]


def text_of(base: Base, ids: Sequence[int]) -> str:
    """What a server gives of the tokens that were written: up to the first at which it stops."""
    end = next((place for place, each in enumerate(ids) if each in base.stops), len(ids))
    return str(base.tokenizer.decode(ids[:end], skip_special_tokens=True))
