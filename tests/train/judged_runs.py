"""Finished runs that a scripted judge had a say in, to make examples of."""

from pathlib import Path

from kgalign.config import Config
from kgalign.run import start
from tests.conftest import Pair
from tests.judge.generate import write_people

JUDGE = "scripted:accuracy=0.9,hallucination=0.1"


def people(folder: Path, count: int = 80) -> Pair:
    """People in two catalogues, of whom some 70 % have a partner and many are in doubt."""
    return write_people(folder, count, partnered=0.7, noise=0.6, seed=1)


def run(pair: Pair, out: Path, *, judge: str = JUDGE, **sections: dict[str, object]) -> Path:
    """A finished run folder."""
    data: dict[str, dict[str, object]] = {"judge": {"judge": judge}, "votes": {"controls": 0}}
    for name, values in sections.items():
        data.setdefault(name, {}).update(values)
    start.run(pair.left, pair.right, out, Config.model_validate(data))
    return out
