"""Both sides: their statements, and the entities that stand out in them."""

from collections.abc import Callable, Iterable
from functools import partial

import pyarrow as pa

from kgalign.pipeline import room
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph
from kgalign.records import Profile
from kgalign.records.tables import profile_table, write_parquet
from kgalign.run import reports, settings
from kgalign.run.steps import AnyStep, Output, Report, Step, Work, one_file


def _read_step(side: str) -> Step[Graph]:
    return Step(
        name=f"read-{side}",
        stage="read",
        record=Graph,
        needs=(),
        settings=partial(settings.read, side=side),
        run=lambda work: read_graph(
            work.inputs.paths(side),
            side=side,
            progress=work.progress,
            limits=work.config.limits,
            read=work.config.read,
        ),
        report=reports.read,
        beside=side == "right",
        holds=partial(room.of_side, side=side),
    )


READ_LEFT, READ_RIGHT = _read_step("left"), _read_step("right")


def _select_step(side: str, read: Step[Graph]) -> Step[Profile]:
    return Step(
        name=f"select-{side}",
        stage="select",
        record=Profile,
        needs=(read,),
        settings=partial(settings.select, side=side),
        run=lambda work: _select(work, side, read),
        report=reports.select,
        beside=side == "right",
        holds=partial(room.of_side, side=side),
    )


def _select(work: Work, side: str, read: Step[Graph]) -> Profile:
    from kgalign.select import select

    config = work.config.select
    types = config.left_types if side == "left" else config.right_types
    return select(work.get(read), config, types=types, side=side, progress=work.progress)


SELECT_LEFT, SELECT_RIGHT = _select_step("left", READ_LEFT), _select_step("right", READ_RIGHT)


def graphs_of(work: Work) -> tuple[Graph, Graph]:
    """Both graphs."""
    return work.get(READ_LEFT), work.get(READ_RIGHT)


def profiles_of(work: Work) -> tuple[Profile, Profile]:
    """What is known of the entities of both."""
    return work.get(SELECT_LEFT), work.get(SELECT_RIGHT)


def table_file(name: str, needs: tuple[AnyStep, ...], tables: Callable[[Work], Iterable[pa.Table]]) -> Output:
    """A Parquet file of tables that are made of what some steps gave, one after the other."""
    return one_file(
        name,
        "export",
        needs,
        lambda work, path: Report({"rows": write_parquet(tables(work), path)}),
        beside=True,
    )


PROFILE_FILE = table_file(
    "profile.parquet", (SELECT_LEFT, SELECT_RIGHT), lambda work: [profile_table(*profiles_of(work))]
)
