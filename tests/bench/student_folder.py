"""A folder of recorded questions on goods, with further questions to test on."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

WORDS = "amber basalt cobalt dune ember fjord granite harbour indigo juniper kelp larch maple nettle".split()
SETS = ("D2", "D4")
MODELS = {"qwen_32": 0.95, "llama_8": 0.75}


def _row(
    number: int, random: np.random.Generator, name: str, key: str, models: dict[str, float]
) -> dict[str, Any]:
    # The sets have no word in common.
    words = WORDS[:7] if name == SETS[0] else WORDS[7:]
    good = " ".join(random.choice(words, 3))
    gold = 0 if random.random() < 0.3 else int(random.integers(1, 4))
    candidates = [{"title": " ".join(random.choice(words, 3)), "price": float(k)} for k in range(3)]
    if gold:
        candidates[gold - 1]["title"] = f"the {good}"
    answers = {
        model: gold if random.random() < share else int(random.integers(0, 4))
        for model, share in models.items()
    }
    return {
        "set": name,
        "query": {"name": good, "note": None},
        "candidates": candidates,
        # Two questions in a row share a candidate.
        "candidate_ids": [number // 2 * 3 if k == 0 else number * 10 + 1000 + k for k in range(3)],
        "gold": gold,
        key: {model: {"answer": answer} for model, answer in answers.items()},
    }


def write_folder(folder: Path, count: int = 60) -> Path:
    """Write both files."""
    random = np.random.default_rng(5)
    folder.mkdir(parents=True)
    recorded = [_row(n, random, SETS[n % 2], "teachers", MODELS) for n in range(count)]
    test = [_row(n + count, random, SETS[0], "recorded", {"qwen2.5:32b": 0.9}) for n in range(count // 2)]
    for name, rows in (("select_recorded", recorded), ("select_test_abt_buy", test)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf8") as file:
            file.writelines(json.dumps(each) + "\n" for each in rows)
    return folder
