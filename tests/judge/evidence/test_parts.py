"""Parts of any size, on any number of cores, give the same verdicts."""

from pathlib import Path

import numpy as np
import pytest

from kgalign.base import cores, scratch
from kgalign.config import JudgeConfig, RetrieveConfig
from kgalign.judge import judge
from kgalign.judge.evidence import parts
from kgalign.records import Profile, Verdicts
from kgalign.retrieve import retrieve
from kgalign.values import text
from tests.judge.generate import profiles, write_people

NONE = np.zeros(0, dtype=np.int32)


def verdicts(sides: tuple[Profile, Profile]) -> Verdicts:
    return judge(*sides, retrieve(*sides, RetrieveConfig()), (NONE, NONE), JudgeConfig())


@pytest.mark.parametrize(("rows", "threads"), [(37, 2), (1000, 1)])
def test_parts_of_any_size_give_the_same_verdicts(
    tmp_path: Path, rows: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = profiles(write_people(tmp_path, 60, partnered=0.8))
    whole = verdicts(sides)
    monkeypatch.setattr(parts, "PART", rows)
    monkeypatch.setattr(parts, "_HELD", 2)
    # The right side in stretches of eight entities, one after the other.
    monkeypatch.setattr(parts, "_STRETCH", 3)
    monkeypatch.setattr(text, "_ENTRIES", rows)
    monkeypatch.setattr(cores, "cores", lambda: threads)
    # Each column of more than a few rows lies in a file.
    monkeypatch.setattr(scratch, "SMALL", 64)
    found = verdicts(sides)
    for name in ("contribution", "level", "log_odds", "probability"):
        assert getattr(found, name).tobytes() == getattr(whole, name).tobytes(), name
    for one, other in zip(found.features, whole.features, strict=True):
        assert one.weights == pytest.approx(other.weights, abs=1e-5)
