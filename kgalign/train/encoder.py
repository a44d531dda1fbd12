"""Train the encoder of the dense channel: from links, or from texts alone.

What is learned from are the words of a run's entities, as the dense channel has them. Links come from gold,
from people, from votes, or from evidence that is sure of them. From texts alone, a decoder learns to guess
masked words (MNTP), then any encoder to find a text again (SimCSE): LLM2Vec's steps before links. A share of
the linked entities is held out, never shown, and how well their partners are found among the right entities
is measured before and after.

What comes out is a folder for ``--embedder sentence-transformers:FOLDER`` or ``--embedder llm2vec:FOLDER``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kgalign.arrays import Doubles
from kgalign.base import files
from kgalign.base.progress import NoProgress, Progress
from kgalign.rdf.text import shorten
from kgalign.train.checkpoints import Checkpoints, check_place, finished
from kgalign.train.encoder_loop import EncoderSettings, Learning
from kgalign.train.encoder_models import How, Learner, open_learner, spec_of, vectors_of
from kgalign.train.encoder_pairs import HELD_OUT_BY, Material, Sought, check_runs, gather, sources_of
from kgalign.train.labels import Gold

CARD = "encoder.json"
FORMAT = 1
"""Version of the card's layout."""
_TOP = (1, 10)
_HOW = {"links": "links", "simcse": "texts alone (SimCSE)", "mntp": "masked words (MNTP)"}
_ROWS = 512
"""Left entities whose ranks are computed at once."""


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What is known of a trained encoder."""

    base: str
    """The model that it began from."""
    base_identity: str
    """What that is known by."""
    how: How
    """``links``, ``simcse`` or ``mntp``."""
    data_digest: str
    """SHA-256 of the texts and links."""
    settings: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """``before`` and ``after`` → measure → value, on the held-out part; empty where nothing was held out."""
    format: int = FORMAT


def train_encoder(
    runs: Sequence[Path],
    encoder: str,
    out: Path,
    settings: EncoderSettings | None = None,
    *,
    gold: Gold | None = None,
    threads: int | None = None,
    checkpoint_seconds: float = 60.0,
    progress: Progress | None = None,
) -> EncoderCard:
    """Train an encoder and write it to a folder, which gets its name when all is in it.

    Args:
        runs: folders of finished runs.
        encoder: ``sentence-transformers:MODEL``, ``llm2vec:MODEL``, ``llm2vec:MODEL#INSTRUCTION``, or a
            model of sentence-transformers.
        out: folder for the encoder; it must not be there yet. What was learned of one that was stopped lies
            beside it, hidden, and is gone on with.
        settings: how it is trained.
        gold: links that are known to be right, to learn from or to test with.
        threads: of the processor; None for as many as PyTorch takes.
        checkpoint_seconds: how often what was learned is kept.
        progress: where it reports how far it is.

    Raises:
        InputError: there are no runs, or too few links or texts.
        MissingExtra: PyTorch, sentence-transformers or peft is not installed.
        RunError: there is something under that name already, or it can't be written; a run is not finished.
        KgalignError: the model can't be loaded, there is not enough memory, or what comes out are no numbers.
    """
    settings, progress, gold = settings or EncoderSettings(), progress or NoProgress(), gold or Gold()
    check_place(out)
    spec = spec_of(encoder)
    opened = check_runs(runs)
    sources = sources_of(settings.sources, gold)
    material = gather(
        opened, sources, gold, test=settings.test, seed=settings.seed, alone=settings.how != "links"
    )
    learner = open_learner(spec, seed=settings.seed, how=settings.how, threads=threads)
    settings = replace(settings.settled(spec), sources=sources)
    kept = [asdict(settings), material.digest, learner.identity]
    with Checkpoints(out, kept, every=checkpoint_seconds) as checkpoints:
        card = _trained(learner, material, settings, checkpoints, progress)
        _save(learner, card, spec, checkpoints.folder, out)
    return card


def _trained(
    learner: Learner,
    material: Material,
    settings: EncoderSettings,
    checkpoints: Checkpoints,
    progress: Progress,
) -> EncoderCard:
    """Train, and measure before and after."""
    before = _measured(learner, material, progress, "measure what it was")
    learning = Learning(learner, material.pairs, settings)
    losses = learning.run(checkpoints, progress)
    learner.finish()
    after = _measured(learner, material, progress, "measure what it is")
    return EncoderCard(
        base=learner.name,
        base_identity=learner.identity,
        how=settings.how,
        data_digest=material.digest,
        settings=asdict(settings),
        counts=material.counts | learning.counts,
        losses=losses,
        scores={"before": before, "after": after} if before else {},
    )


def _measured(learner: Learner, material: Material, progress: Progress, what: str) -> dict[str, float]:
    """How well the held-out partners are found, over all runs; each left entity counts once."""
    if not material.sought:
        return {}
    whole, apart = [], []
    with progress.task(what, len(material.sought), "runs") as task:
        for sought in material.sought:
            both = vectors_of(learner, [*sought.lefts, *sought.rights])
            scores = both[: len(sought.lefts)], both[len(sought.lefts) :]
            whole.append(ranks(*scores, sought, np.ones(len(sought.rights), bool)))
            apart.append(ranks(*scores, sought, sought.held_out))
            task.advance()
    found = _figures(np.concatenate(whole))
    return found | {
        f"{name} among held-out": value for name, value in _figures(np.concatenate(apart)).items()
    }


def ranks(lefts: Any, rights: Any, sought: Sought, among: Any) -> Doubles:  # noqa: ANN401 - arrays
    """(lefts,) rank of the first of each left entity's partners by cosine; those that tie come before it.

    :param lefts: (lefts, dimensions) of unit length.
    :param rights: (rights, dimensions) likewise.
    :param among: (rights,) which of them count; partners always do.
    """
    found = np.zeros(len(lefts))
    for start in range(0, len(lefts), _ROWS):
        cosine = lefts[start : start + _ROWS] @ rights.T
        for row, scores in enumerate(cosine):
            partners = sought.partners[start + row]
            others = among.copy()
            others[partners] = False
            # What is no number is not found.
            found[start + row] = 1 + int((~(scores[others] < scores[partners].max())).sum())
    return found


def _figures(found: Doubles) -> dict[str, float]:
    at = {f"recall@{top}": float((found <= top).mean()) for top in _TOP}
    return at | {"MRR": float((1 / found).mean())}


def _save(learner: Learner, card: EncoderCard, spec: str, folder: Path, out: Path) -> None:
    """Write model, card and description beside the place, and move them there."""
    with finished(folder, out) as place:
        learner.save(place)
        files.write_text(place / "README.md", describe(card, spec))
        text = json.dumps(asdict(card), indent=1, sort_keys=True, ensure_ascii=False)
        files.write_text(place / CARD, text + "\n")


def describe(card: EncoderCard, spec: str) -> str:
    """The model card, in Markdown."""
    scheme = spec.partition(":")[0]
    counts = ", ".join(f"{name} {count:,}" for name, count in card.counts.items())
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in card.losses.items())
    return (
        f"---\nlibrary_name: {'transformers' if scheme == 'llm2vec' else scheme}\n"
        "pipeline_tag: sentence-similarity\n---\n\n"
        "# An encoder of kgalign\n\n"
        "It turns records into vectors: those of the same thing lie close together.\n"
        f"Use it with `kgalign run … --embedder {scheme}:FOLDER`.\n\n"
        f"- Base: `{card.base}`, known as `{shorten(card.base_identity)}`\n"
        f"- Learned from {_HOW[card.how]}: {counts}; SHA-256 `{card.data_digest}`\n"
        f"- Settings: `{json.dumps(card.settings)}`\n\n"
        f"| loss | value |\n| --- | ---: |\n{rows}\n"
        + _table(card.scores)
        + (f"\n{said}\n" if (said := copied(card)) else "")
    )


def copied(card: EncoderCard) -> str:
    """A sentence on held-out partners that only the runs themselves speak for; empty where there are none."""
    by = {each: card.counts.get(f"{HELD_OUT_BY}{each}", 0) for each in ("votes", "evidence")}
    who = " and ".join(name for name, count in by.items() if count)
    return who and (
        f"The partners of {sum(by.values()):,} held-out entities come from {who}: it is measured how well "
        "they are copied, not how right they are."
    )


def _table(scores: Mapping[str, Mapping[str, float]]) -> str:
    if not scores:
        return "\nNothing was held out to measure it on.\n"
    rows = "\n".join(
        f"| {name} | {value:.3f} | {scores['after'][name]:.3f} |" for name, value in scores["before"].items()
    )
    return (
        "\nPartners of held-out entities, sought among all right entities of their run, and among the "
        f"held-out ones alone:\n\n| measure | before | after |\n| --- | ---: | ---: |\n{rows}\n"
    )
