"""Stages that a small pair of graphs gives little to do, made large by themselves: what the tests run.

``python -m tests.ray.large FOLDER [ADDRESS]`` says of each ``begins``, and then ``made``, the digest of
what came out, and in how many tasks.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

from kgalign.assign import assign
from kgalign.base.cores import told
from kgalign.config import AssignConfig, JudgeConfig
from kgalign.config.engine import EngineConfig
from kgalign.engine import opened
from kgalign.export.curies import Prefixes
from kgalign.export.in_parts import write_parts
from kgalign.rdf import read_graph
from kgalign.records import Verdicts


def rivals(_: Path) -> bytes:
    """Groups of four to four rivals, and some of ten thousand."""
    dice = np.random.default_rng(7)
    size, k = 100_000, 5
    one = np.repeat(np.arange(size, dtype=np.int64), k)
    group = np.where(one < 40_000, 10_000, 4)
    key = np.unique(one << 32 | (one // group * group + dice.integers(0, group)))
    left, right = (key >> 32).astype(np.int32), (key & 0xFFFFFFFF).astype(np.int32)
    probability = dice.random(len(left)).astype(np.float32)
    nothing = np.zeros((len(left), 0), np.float32)
    judged = Verdicts(
        left=left,
        right=right,
        probability=probability,
        log_odds=np.log(probability / (1 - probability)),
        features=(),
        contribution=nothing,
        level=nothing.astype(np.int8),
        given=np.zeros(len(left), bool),
        voted=np.full(len(left), -1, np.int8),
    )
    found = assign(judged, size, size, AssignConfig(cardinality="one-to-one"), JudgeConfig())
    return b"".join(each.tobytes() for each in (found.left, found.right, found.probability))


def packed(folder: Path) -> bytes:
    """The fused graph in several files."""
    parts = folder / f"parts{os.getpid()}"
    write_parts(read_graph(folder / "graph.nt"), parts, 12, named=False)
    return b"".join(path.read_bytes() for path in sorted(parts.iterdir()))


def prefixes(_: Path) -> bytes:
    """Namespaces of many IRIs."""
    iris = [f"http://{number % 977}.example/{number % 31}/{number}" for number in range(900_000)]
    return json.dumps(Prefixes.for_iris(iris).names).encode()


if __name__ == "__main__":
    folder, *address = sys.argv[1:]
    with opened(EngineConfig(name="ray", address=address[0]) if address else EngineConfig()):
        for made in (rivals, packed, prefixes):
            print("begins", flush=True)
            digest = hashlib.sha256(made(Path(folder))).hexdigest()
            print("made", digest, told().get("ray tasks", "0"), flush=True)
