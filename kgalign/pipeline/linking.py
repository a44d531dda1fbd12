"""Which pairs are links, and which are left to people."""

import logging
from dataclasses import replace
from pathlib import Path

from kgalign.links.nodes import nodes_before_links
from kgalign.links.pairs import same_iris
from kgalign.links.unmerged import without_unmerged
from kgalign.pipeline.judging import ASK, JUDGE, STUDENT, said_of, verdicts_of
from kgalign.pipeline.sides import (
    READ_LEFT,
    READ_RIGHT,
    SELECT_LEFT,
    SELECT_RIGHT,
    graphs_of,
    profiles_of,
    table_file,
)
from kgalign.records import Alignment, Worklist
from kgalign.records.tables import verdicts_tables
from kgalign.run import reports, settings
from kgalign.run.steps import Report, Step, Work, one_file

log = logging.getLogger(__name__)


def _assign(work: Work) -> Alignment:
    """The links. What people took back comes last: it frees entities, and gives none another partner."""
    from kgalign.assign import assign, cut_to_size, cut_warnings, hold_back, with_expectation

    config, profiles, verdicts = work.config, profiles_of(work), verdicts_of(work)
    sizes = len(profiles[0]), len(profiles[1])
    alignment = assign(verdicts, *sizes, config.assign, config.judge, k=config.retrieve.k)
    if config.assign.cardinality == "auto":
        nodes = nodes_before_links(graphs_of(work), profiles, within=config.fuse.same_as_within)
        alignment = cut_to_size(alignment, verdicts, nodes, config.fuse.max_cluster)
    warnings = cut_warnings(alignment, verdicts, profiles, config.fuse.max_cluster)
    same = same_iris(*profiles, alignment.left, alignment.right)
    alignment = hold_back(replace(alignment, warnings=warnings, same_iri=same), config.assign.precision)
    for path in settings.gone(work.inputs):
        log.warning("%s is gone: what it refuses gets no link, but no Not in SSSOM either", path)
    said = [each for _, each in said_of(work)]
    apart = [pair for each in said for pair in each.taken] + [pair for each in said for pair in each.apart]
    alignment = without_unmerged(alignment, verdicts, profiles, apart)
    alignment = replace(alignment, same_iri=same_iris(*profiles, alignment.left, alignment.right))
    return with_expectation(alignment, verdicts, profiles[0])


ASSIGN = Step(
    name="assign",
    stage="assign",
    record=Alignment,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK),
    settings=settings.assign,
    run=_assign,
    report=reports.assign,
)


def _worklist(work: Work) -> Worklist:
    from kgalign.assign.worklist import worklist

    threshold = work.config.judge.match_probability
    return worklist(verdicts_of(work), work.get(ASSIGN), *profiles_of(work), threshold)


WORKLIST = Step(
    name="worklist",
    stage="assign",
    record=Worklist,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN),
    settings=settings.nothing,
    run=_worklist,
    report=reports.worklist,
    beside=True,
)


VERDICTS_FILE = table_file(
    "verdicts.parquet",
    (SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN),
    lambda work: verdicts_tables(verdicts_of(work), work.get(ASSIGN), *profiles_of(work)),
)


def _write_worklist(work: Work, path: Path) -> Report:
    from kgalign.export import write_worklist

    return Report({"rows": write_worklist(path, work.get(WORKLIST), *profiles_of(work))})


WORKLIST_FILE = one_file(
    "worklist.csv", "export", (SELECT_LEFT, SELECT_RIGHT, WORKLIST), _write_worklist, beside=True
)
