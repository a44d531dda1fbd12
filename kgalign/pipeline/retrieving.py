"""Which pairs are looked at, and what is new among them since the run that this one grows from."""

from kgalign.evaluate import read_pairs, recall_at
from kgalign.pipeline import room
from kgalign.pipeline.room import Size
from kgalign.pipeline.sides import READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, profiles_of, table_file
from kgalign.records import Candidates, Recall
from kgalign.records.growth import Growth, growth_of
from kgalign.records.tables import candidates_tables
from kgalign.run import reports, settings
from kgalign.run.room import Room
from kgalign.run.steps import Step, Work


def _held_against(work: Work) -> tuple[Growth, Growth]:
    """What is new on both sides since the run that this one grows from."""
    before = work.before or work
    left, right = (growth_of(before.get(step), work.get(step)) for step in (SELECT_LEFT, SELECT_RIGHT))
    return left, right


def growth_since(work: Work) -> tuple[Growth, Growth]:
    """What is new on each side since the run that this one grows from."""
    return work.made(_held_against, SELECT_LEFT, SELECT_RIGHT)


def _retrieve(work: Work) -> Candidates:
    from kgalign.retrieve import retrieve
    from kgalign.retrieve.growing import can_grow, grow

    before = work.before
    if before is not None and can_grow(before.get(RETRIEVE), work.config.retrieve):
        sizes = len(before.get(SELECT_LEFT)), len(before.get(SELECT_RIGHT))
        config, old = work.config.retrieve, before.get(RETRIEVE)
        return grow(*profiles_of(work), config, old, sizes, growth_since(work), work.progress)
    return retrieve(
        *profiles_of(work),
        work.config.retrieve,
        seed=work.config.seed,
        cache=work.cache,
        model=next(iter(work.inputs.paths("embedder")), None),
        progress=work.progress,
    )


def _room(work: Work) -> Room:
    folder = work.folder
    sides = [(READ_LEFT, SELECT_LEFT), (READ_RIGHT, SELECT_RIGHT)]
    # Read for their sizes alone: what is looked at is mapped, and let go with the graphs.
    graphs = [folder.load(read.name, read.record) if folder else work.get(read) for read, _ in sides]
    entities = [len(work.get(select)) for _, select in sides]
    return room.estimate(Size.of(graphs, entities, work.config.retrieve.k))


RETRIEVE = Step(
    name="retrieve",
    stage="retrieve",
    record=Candidates,
    needs=(SELECT_LEFT, SELECT_RIGHT),
    settings=settings.retrieve,
    run=_retrieve,
    room=_room,
    report=reports.retrieve,
)


def _recall(work: Work) -> Recall:
    gold = sorted({pair for path in work.inputs.paths("gold") for pair in read_pairs(path)})
    return Recall(recall_at(work.get(RETRIEVE), *profiles_of(work), gold))


RECALL = Step(
    name="recall",
    stage="retrieve",
    record=Recall,
    needs=(SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    settings=settings.recall,
    run=_recall,
    report=reports.recall,
    beside=True,
)
"""Only with gold; nothing depends on it."""


CANDIDATES_FILE = table_file(
    "candidates.parquet",
    (SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    lambda work: candidates_tables(work.get(RETRIEVE), *profiles_of(work)),
)
