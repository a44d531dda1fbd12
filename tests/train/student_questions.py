"""Questions that a small model can learn: which record has the code of the given one, or none of them."""

import json
import random
from pathlib import Path

from kgalign.train.data import About, Example, Split, example_id, write_data

WORDS = (
    "amber bison cedar delta ember fjord grove heron inlet jetty kelp linen maple north ochre pearl".split()
)


def question(number: int, *, none: bool = False, options: int = 3) -> Example:
    """One question; no two of different numbers show the same entity."""
    chance = random.Random(number)
    names = chance.sample(WORDS, options + 1)
    asker = {"name": names[0], "code": str(number)}
    place = chance.randrange(options)
    records = [{"title": name, "made": "here"} for name in names[1:]]
    if not none:
        records[place] = {"title": names[0], "made": "here"}
    labels = (*"ABCDEFGH"[:options], "none")
    answer = "none" if none else labels[place]
    asked = [{"role": "user", "content": json.dumps([asker, records])}]
    return Example(
        id=example_id(asked),
        kind="select",
        case=f"http://left.example/{number}",
        entities=(
            f"http://left.example/{number}",
            *(f"http://right.example/{number}/{k}" for k in range(options)),
        ),
        origin="gold",
        messages=(*asked, {"role": "assistant", "content": json.dumps({"choice": answer})}),
        labels=labels,
        answer=answer,
        weight=0.9,
        asker=json.dumps(asker),
        options=tuple(map(json.dumps, records)),
        template="select-1@1",
    )


def questions(numbers: range) -> list[Example]:
    """Questions of which every third has no right option."""
    return [question(number, none=number % 3 == 0) for number in numbers]


def write_questions(folder: Path, train: list[Example] | None = None) -> Path:
    """A folder with 20 examples to learn from and 10 to calibrate and measure on."""
    splits: dict[Split, list[Example]] = {
        "train": questions(range(20)) if train is None else train,
        "valid": questions(range(100, 110)),
        "test": questions(range(200, 210)),
    }
    write_data(folder, splits, About({}, {}, {}))
    return folder
