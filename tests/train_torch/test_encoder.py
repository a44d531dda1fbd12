"""An encoder is trained, stopped, saved and used, with models made in the test."""

import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
import torch

from kgalign.errors import KgalignError, RunError
from kgalign.links.gold import read_pairs
from kgalign.records import Candidates
from kgalign.retrieve.embedders import open_embedder
from kgalign.retrieve.llm2vec import Reading, load_decoder
from kgalign.run.folder import RunFolder
from kgalign.train.encoder import ranks, train_encoder
from kgalign.train.encoder_loop import EncoderSettings, contrast
from kgalign.train.encoder_models import MASKED, How, masked_loss, open_learner
from kgalign.train.encoder_pairs import HARD, Sought
from kgalign.train.encoder_pairs import Pair as Texts
from kgalign.train.labels import Gold
from tests.conftest import Pair, Watcher
from tests.train import judged_runs
from tests.train.ciphered import write_ciphered
from tests.train_torch.tiny_encoder import write_encoder
from tests.vllm.tiny import make_model

# torch and what lies upon it warn of what they themselves use.
pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]

Command = Callable[..., CompletedProcess[str]]
KINDS = ("sentence-transformers", "llm2vec")
HOWS: tuple[How, ...] = ("mntp", "simcse", "links")
"""The steps of LLM2Vec."""
LEARNS = {"sentence-transformers": (20, 3e-3), "llm2vec": (10, 5e-3)}
"""Kind → epochs and rate at which models so small learn."""


def settings_of(
    kind: str, *, how: How = "links", epochs: int | None = None, seed: int = 0
) -> EncoderSettings:
    usual, rate = LEARNS[kind]
    return EncoderSettings(how=how, epochs=epochs or usual, batch=16, rate=rate, seed=seed)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_ciphered(tmp_path_factory.mktemp("graphs") / "ciphered")


@pytest.fixture(scope="module")
def run(pair: Pair) -> Path:
    return judged_runs.run(pair, pair.left.parent / "run", judge="evidence")


@pytest.fixture(scope="module")
def gold(pair: Pair) -> Gold:
    return Gold(tuple(sorted(read_pairs(pair.gold))))


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Kind → the embedder to begin from."""
    folder = tmp_path_factory.mktemp("models")
    made = {KINDS[0]: write_encoder(folder / "encoder"), KINDS[1]: make_model(folder / "decoder")}
    return {kind: f"{kind}:{path}" for kind, path in made.items()}


@pytest.fixture(scope="module")
def trained(
    run: Path, gold: Gold, bases: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Kind → a folder that was trained."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in KINDS:
        train_encoder([run], bases[kind], folder / kind, settings_of(kind), gold=gold)
    return {kind: folder / kind for kind in KINDS}


def _card(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "encoder.json").read_text(encoding="utf8")))


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_and_held_out_partners_are_found(trained: dict[str, Path], kind: str) -> None:
    card = _card(trained[kind])
    losses = [card["losses"][f"loss of epoch {epoch + 1}"] for epoch in range(LEARNS[kind][0])]
    assert losses[-1] < 0.5 * losses[0], losses
    before, after = card["scores"]["before"], card["scores"]["after"]
    assert before["recall@1"] < 0.2, "by chance"
    assert after["recall@1"] > 0.7, (before, after)
    assert after["MRR"] <= after["MRR among held-out"]
    assert card["counts"]["held-out entities"] == 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_is_whole_and_an_embedder(
    kgalign: Command, trained: dict[str, Path], bases: dict[str, str], pair: Pair, tmp_path: Path, kind: str
) -> None:
    names = {each.name for each in trained[kind].iterdir()}
    assert {"model.safetensors", "config.json", "encoder.json", "README.md", "tokenizer.json"} <= names
    assert not any(name.startswith("adapter") for name in names), "it needs no peft"
    assert not list(trained[kind].parent.glob(".*")), "nothing is left beside it"
    readme = (trained[kind] / "README.md").read_text(encoding="utf8")
    assert f"--embedder {kind}:FOLDER" in readme
    spec = f"{kind}:{trained[kind]}"
    texts = ["a b c", "n o p"]
    one, other = open_embedder(bases[kind]).embed(texts), open_embedder(spec).embed(texts)
    assert one.shape == other.shape
    assert np.abs(one - other).max() > 1e-3
    result = kgalign("run", pair.left, pair.right, "-o", tmp_path / "run", "--embedder", spec)
    assert result.returncode == 0, result.stderr
    assert "dense" in RunFolder(tmp_path / "run").load("retrieve", Candidates).channels


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_and_another_one_another(
    trained: dict[str, Path], run: Path, gold: Gold, bases: dict[str, str], tmp_path: Path, kind: str
) -> None:
    train_encoder([run], bases[kind], tmp_path / "again", settings_of(kind), gold=gold)
    for path in trained[kind].rglob("*"):
        if path.is_file():
            again = tmp_path / "again" / path.relative_to(trained[kind])
            assert again.read_bytes() == path.read_bytes(), path.name
    train_encoder([run], bases[kind], tmp_path / "other", settings_of(kind, epochs=1, seed=1), gold=gold)
    name = "model.safetensors"
    assert (tmp_path / "other" / name).read_bytes() != (trained[kind] / name).read_bytes()


_TRAIN = """
import sys
from pathlib import Path
from kgalign.links.gold import read_pairs
from kgalign.train.encoder import train_encoder
from kgalign.train.labels import Gold
from tests.train_torch.test_encoder import settings_of
run, links, base, out, kind = sys.argv[1:]
gold = Gold(tuple(sorted(read_pairs(Path(links)))))
train_encoder([Path(run)], base, Path(out), settings_of(kind), gold=gold, threads=1, checkpoint_seconds=0.2)
"""


class Counter(Watcher):
    """Remembers how far a training was when it began."""

    first = -1
    training = False

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Watcher]:
        self.training = name == "training the encoder"
        yield self

    def advance(self, amount: int = 1) -> None:
        if self.training and self.first < 0:
            self.first = amount


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_killed_goes_on_and_comes_out_the_same(
    trained: dict[str, Path],
    run: Path,
    pair: Pair,
    gold: Gold,
    bases: dict[str, str],
    tmp_path: Path,
    kind: str,
) -> None:
    out = tmp_path / "encoder"
    words = [sys.executable, "-c", _TRAIN, *map(str, (run, pair.gold, bases[kind], out, kind))]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) as process:
        kept = tmp_path / ".encoder.partial" / "checkpoint.pt"
        until = time.monotonic() + 60
        while not kept.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert kept.exists()
    assert not out.exists(), "nothing unfinished has the name"
    watched = Counter()
    train_encoder([run], bases[kind], out, settings_of(kind), gold=gold, progress=watched)
    assert watched.first > 0, "it did not begin again"
    name = "model.safetensors"
    assert (out / name).read_bytes() == (trained[kind] / name).read_bytes()
    assert _card(out) == _card(trained[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_learns_to_find_itself(
    run: Path, gold: Gold, bases: dict[str, str], tmp_path: Path, kind: str
) -> None:
    """SimCSE learns from texts alone; links are only measured on."""
    settings = settings_of(kind, how="simcse", epochs=3)
    card = train_encoder([run], bases[kind], tmp_path / "out", settings, gold=gold)
    losses = list(card.losses.values())
    assert card.how == "simcse"
    assert losses[-1] < losses[0], losses
    assert card.counts["pairs to learn from"] == 160, (
        "the texts of 20 entities and their partners are not shown"
    )
    assert card.scores["after"].keys() == card.scores["before"].keys()
    if kind == "llm2vec":
        config = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf8"))
        assert config["attention_dropout"] == 0.0, "dropout is of the training alone"


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_tells_two_readings_of_a_text_apart(bases: dict[str, str], kind: str) -> None:
    learner = open_learner(bases[kind], seed=0, how="simcse")
    for learns in (True, False):
        learner.train(learns)
        with torch.no_grad():
            one, other = learner(["a b c", "a b c"])
        assert torch.allclose(one, other, atol=1e-6) != learns


def test_it_goes_on_from_one_that_was_trained_and_needs_no_links_for_the_first_step(
    run: Path, gold: Gold, bases: dict[str, str], tmp_path: Path
) -> None:
    """As LLM2Vec has it: masked words, SimCSE, links; the instruction stays what it was."""
    spec = f"{bases['llm2vec']}#Retrieve the same person"
    for how in HOWS:
        links = gold if how == "links" else None
        out = tmp_path / how
        card = train_encoder([run], spec, out, settings_of("llm2vec", how=how, epochs=1), gold=links)
        assert bool(card.scores) == (how == "links")
        spec = f"llm2vec:{out}"
    assert card.base == "simcse"
    told = json.loads((tmp_path / "links" / "llm2vec.json").read_text(encoding="utf8"))
    assert told["instruction"] == "Retrieve the same person"
    with pytest.raises(KgalignError, match="nothing that predicts words"):
        train_encoder([run], spec, tmp_path / "out", settings_of("llm2vec", how="mntp"))


def test_masked_words_are_learned(run: Path, bases: dict[str, str], tmp_path: Path) -> None:
    card = train_encoder(
        [run], bases["llm2vec"], tmp_path / "out", settings_of("llm2vec", how="mntp", epochs=4)
    )
    losses = list(card.losses.values())
    assert losses[-1] < 0.6 * losses[0], losses
    with pytest.raises(KgalignError, match="Only decoders"):
        train_encoder([run], bases[KINDS[0]], tmp_path / "other", EncoderSettings(how="mntp"))


def test_a_masked_word_is_guessed_where_the_one_before_it_stands(bases: dict[str, str]) -> None:
    name = bases["llm2vec"].partition(":")[2]
    decoder = load_decoder(name, Reading("Guess"), words=True)
    texts = ["a b c d e f", "g h"]
    with torch.inference_mode():
        torch.manual_seed(3)
        found = float(masked_loss(decoder, texts))
        torch.manual_seed(3)
        ids, there, own = decoder.cut(texts)
        drawn = torch.rand(ids.shape).masked_fill(~own, 2.0)
        (blank,) = decoder.tokenizer("_")["input_ids"]
        least = drawn.argmin(1)
        wanted = [
            (row, place)
            for row, place in own.nonzero().tolist()
            if drawn[row, place] < MASKED or place == least[row]
        ]
        seen = ids.clone()
        for row, place in wanted:
            seen[row, place] = blank
        said = decoder.words(decoder.hidden(seen, there)).log_softmax(-1)
        losses = [-float(said[row, place - 1, ids[row, place]]) for row, place in wanted]
    assert len(wanted) >= 2
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_a_model_that_is_not_there(
    run: Path, gold: Gold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for scheme in KINDS:
        with pytest.raises(KgalignError, match="can't be loaded"):
            train_encoder([run], f"{scheme}:{tmp_path / 'nowhere'}", tmp_path / "out", gold=gold)
    assert not list(tmp_path.glob("*out*"))


_LITTLE = """
import resource, sys
from pathlib import Path
from kgalign.errors import KgalignError
from kgalign.train.encoder import train_encoder
from kgalign.train.encoder_loop import EncoderSettings
from kgalign.train.labels import read_gold
run, links, base, out = sys.argv[1:]
gold = read_gold([Path(links)], [], complete=False)
few = EncoderSettings(batch=2, max_pairs=2, epochs=1)
train_encoder([Path(run)], base, Path(out + "-few"), few, gold=gold, threads=1)  # all is loaded and warm
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
# What is loaded anew fits into 200 MB; a step of all pairs takes 420.
resource.setrlimit(resource.RLIMIT_AS, (held + 200_000_000, -1))
try:
    train_encoder([Path(run)], base, Path(out), EncoderSettings(batch=400), gold=gold, threads=1)
except KgalignError as error:
    print(error)
"""


def test_too_little_memory_names_a_smaller_batch(bases: dict[str, str], tmp_path: Path) -> None:
    people = judged_runs.people(tmp_path / "people", 120)
    run = judged_runs.run(people, tmp_path / "run", judge="evidence")
    words = [sys.executable, "-c", _LITTLE, *map(str, (run, people.gold, bases[KINDS[0]], tmp_path / "out"))]
    said = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    told = re.search(r"not enough memory for (\d+) pairs at once\. Try --batch (\d+)\.", said.stdout)
    assert told is not None, said
    assert int(told[2]) == int(told[1]) // 2 > 20
    assert not (tmp_path / "out").exists()


def test_the_command_tells_what_came_of_it(
    kgalign: Command, run: Path, pair: Pair, bases: dict[str, str], tmp_path: Path
) -> None:
    model = bases[KINDS[0]].partition(":")[2]
    flags = ("--links", pair.gold, "--epochs", 1, "--threads", 1)
    result = kgalign("train", "encoder", run, "--encoder", model, "-o", tmp_path / "out", *flags)
    assert result.returncode == 0, result.stderr
    assert "20 held-out entities: recall@1 0." in result.stdout
    assert "copied" not in result.stdout
    assert f"--embedder sentence-transformers:{tmp_path / 'out'}" in result.stdout


def test_the_command_tells_of_few_pairs_and_of_partners_that_the_run_itself_gave(
    kgalign: Command, bases: dict[str, str], tmp_path: Path
) -> None:
    people = judged_runs.people(tmp_path / "people", 120)
    run = judged_runs.run(people, tmp_path / "run", judge="evidence")
    flags = ("--max-pairs", 4, "--batch", 2, "--epochs", 1, "--threads", 1)
    out = tmp_path / "out"
    result = kgalign("train", "encoder", run, "--encoder", bases[KINDS[0]], "-o", out, *flags)
    assert result.returncode == 0, result.stderr
    counts = _card(out)["counts"]
    assert ", of 4 links." in result.stdout
    assert counts["pairs to learn from"] == 4 < counts["links"]
    assert counts["hard negatives"] <= 4 * HARD
    told = (
        f"The partners of {counts['held-out entities']} held-out entities come from evidence: it is measured"
    )
    assert told in result.stdout
    assert told in (out / "README.md").read_text(encoding="utf8")


@pytest.mark.parametrize(
    ("epochs", "batch", "words"),
    [
        (2, 32, r"loss is no number any more in step 2 of \d+\. Try a lower --lr than 1e\+30"),
        (1, 400, r"vectors that are no numbers\. Try a lower --lr"),
    ],
)
@pytest.mark.parametrize("how", ["links", "simcse"])
def test_a_training_that_diverged_is_told_and_not_saved(
    run: Path,
    gold: Gold,
    bases: dict[str, str],
    tmp_path: Path,
    how: How,
    epochs: int,
    batch: int,
    words: str,
) -> None:
    settings = EncoderSettings(how=how, rate=1e30, epochs=epochs, batch=batch)
    with pytest.raises(KgalignError, match=words):
        train_encoder([run], bases[KINDS[0]], tmp_path / "out", settings, gold=gold)
    assert not (tmp_path / "out").exists()


class Full(Watcher):
    """Lets no more than a few bytes into a file once the training is done."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Watcher]:
        if name == "measure what it is":
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        yield self


def test_a_disk_that_is_full_is_told_in_a_sentence(
    run: Path, gold: Gold, bases: dict[str, str], tmp_path: Path
) -> None:
    settings = EncoderSettings(epochs=1)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(RunError, match=r"can't be written: .*File too large"):
            train_encoder([run], bases[KINDS[0]], tmp_path / "out", settings, gold=gold, progress=Full())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not (tmp_path / "out").exists()


# --- The loss and the measure


def test_the_loss_is_that_of_its_definition() -> None:
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn((5, 8), generator=generator)
    pairs = [
        Texts(0, "a", "A", frozenset({"a", "A"}), ("N",), 0.5),
        Texts(0, "b", "B", frozenset({"b", "B", "N"}), (), 1.0),
    ]
    found = float(contrast(vectors, pairs, ["N"], 0.1))
    unit = (vectors / vectors.norm(dim=1, keepdim=True)).double().numpy()
    scores = np.exp(unit[:2] @ unit[2:].T / 0.1)
    forth = [-np.log(scores[0, 0] / scores[0].sum()), -np.log(scores[1, 1] / scores[1, :2].sum())]
    back = [-np.log(scores[k, k] / scores[:, k].sum()) for k in (0, 1)]
    each = [(forth[k] + back[k]) / 2 for k in (0, 1)]
    assert found == pytest.approx((0.5 * each[0] + each[1]) / 1.5, rel=1e-5)


def test_what_may_be_the_same_is_not_pushed_apart() -> None:
    vectors = torch.randn((4, 8), generator=torch.Generator().manual_seed(2), requires_grad=True)
    both = frozenset({"a", "A", "B"})
    contrast(vectors, [Texts(0, "a", "A", both), Texts(0, "a", "B", both)], [], 0.05).backward()
    assert vectors.grad is not None
    assert vectors.grad.abs().max() < 1e-6, "there is nothing else to tell them from"


def test_ranks_are_of_the_best_partner_and_ties_count_against_it() -> None:
    lefts = np.eye(3, dtype=np.float32)
    rights = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.5, 1], [0, 0, 0.5]], np.float32)
    held_out = np.array([True, False, True, True, True])
    partners = tuple(np.array(each, np.int32) for each in ([0], [2, 3], [4]))
    sought = Sought(("a", "b", "c"), ("A", "B", "C", "D", "E"), partners, held_out)
    assert ranks(lefts, rights, sought, np.ones(5, bool)).tolist() == [2, 1, 2]
    assert ranks(lefts, rights, sought, held_out).tolist() == [1, 1, 2]
    lost = np.full((3, 3), np.nan, np.float32)
    assert ranks(lost, rights, sought, np.ones(5, bool)).tolist() == [5, 4, 5], "it is not found"
