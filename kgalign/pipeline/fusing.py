"""Both graphs as one, along the links, and what is written of it."""

from dataclasses import replace
from pathlib import Path

from kgalign.decisions.people import said_in_stores, words_in_stores
from kgalign.errors import RunError
from kgalign.links.nodes import linked_terms, one_within
from kgalign.pipeline.judging import ASK, JUDGE, STUDENT, verdicts_of
from kgalign.pipeline.linking import ASSIGN
from kgalign.pipeline.sides import READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, graphs_of, profiles_of
from kgalign.rdf.write import write_turtle
from kgalign.records.fused import Fusion, fused_graph
from kgalign.records.names import Names, names_of, no_names
from kgalign.records.vocabularies import Vocabularies
from kgalign.run import reports, settings
from kgalign.run.steps import Output, Report, Step, Work, one_file


def _vocabularies(work: Work) -> Vocabularies:
    from kgalign.fusion import align_vocabularies

    config = work.config.fuse
    return align_vocabularies(
        *graphs_of(work),
        *linked_terms(work.get(ASSIGN), *profiles_of(work)),
        overrides=config.mapping.items(),
        class_overrides=config.classes.items(),
        keep=config.keep,
    )


VOCABULARIES = Step(
    name="vocabularies",
    stage="fuse",
    record=Vocabularies,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, ASSIGN),
    settings=settings.vocabularies,
    run=_vocabularies,
    report=reports.vocabularies,
)


def _links(work: Work, paths: tuple[Path, ...]) -> Report:
    from kgalign.export import write_link_files

    written = write_link_files(
        (paths[0], paths[1], paths[2]),
        profiles_of(work),
        work.get(ASSIGN),
        verdicts_of(work),
        work.get(JUDGE),
        work.get(VOCABULARIES),
        work.config,
        words_in_stores(work.inputs.paths("decisions")),
    )
    return Report({"links": written.links, "left_out": written.left_out})


LINKS_FILES = Output(
    name="links",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN, VOCABULARIES),
    settings=settings.links,
    files=("links.nt", "mappings.sssom.tsv", "alignment.rdf"),
    write=_links,
    beside=True,
)


def _names(work: Work) -> Names:
    """What the run that this one grows from calls things; kept here, since that run may go away."""
    if work.before is None:
        for source in work.inputs.files.get("from", ()):
            raise RunError(f"What {source.path} calls things is gone from {work.folder}", FROM_AGAIN)
        return no_names()
    left, right = profiles_of(work.before)
    return names_of(work.before.get(FUSE), left.entity_iri, right.entity_iri)


FROM_AGAIN = "Run the same `kgalign run` with --from again"

NAMES = Step(
    name="names",
    stage="fuse",
    record=Names,
    needs=(),
    settings=settings.before,
    run=_names,
    about_before=True,
)


def _fuse(work: Work) -> Fusion:
    """Both graphs as one, along the links; where these join what was held to be different, it is said."""
    from kgalign.fusion import NOTHING_WITHIN, cluster_warnings, fuse, has_clusters, held_apart

    graphs = graphs_of(work)
    apart = set(said_in_stores(work.inputs.paths("decisions")).taken)
    within = one_within(graphs, apart) if work.config.fuse.same_as_within else NOTHING_WITHIN
    links = linked_terms(work.get(ASSIGN), *profiles_of(work))
    fusion = fuse(
        *graphs, *links, work.config.fuse, work.get(VOCABULARIES), within=within, names=work.get(NAMES)
    )
    if not has_clusters(fusion):
        return fusion
    threshold = work.config.judge.match_probability
    different = held_apart(work.get(ASSIGN), verdicts_of(work), *profiles_of(work), threshold)
    warnings = cluster_warnings(fusion, graphs, different, within)
    return replace(fusion, warnings=(*fusion.warnings, *warnings))


FUSE = Step(
    name="fuse",
    stage="fuse",
    record=Fusion,
    needs=(
        READ_LEFT,
        READ_RIGHT,
        SELECT_LEFT,
        SELECT_RIGHT,
        JUDGE,
        STUDENT,
        ASK,
        ASSIGN,
        NAMES,
        VOCABULARIES,
    ),
    settings=settings.fuse,
    run=_fuse,
    report=reports.fuse,
)

FUSED_FILE = one_file(
    "fused.ttl",
    "fuse",
    (FUSE,),
    lambda work, path: Report({"written": write_turtle(fused_graph(work.get(FUSE)), path)}),
    beside=True,
)


def _provenance(work: Work, path: Path) -> Report:
    from kgalign.export import write_provenance

    return Report({"written": write_provenance(work.get(FUSE), path, form=work.config.fuse.provenance)})


def _conflicts(work: Work, path: Path) -> Report:
    from kgalign.export import write_conflicts

    return Report({"rows": write_conflicts(work.get(FUSE), path)})


PROVENANCE_FILE = one_file("fused.trig", "fuse", (FUSE,), _provenance, settings.provenance, beside=True)
CONFLICTS_FILE = one_file("conflicts.parquet", "fuse", (FUSE,), _conflicts, beside=True)


def _check_shapes(work: Work, path: Path) -> Report:
    from kgalign.fusion.shapes import check_shapes, read_shapes, write_violations

    shapes = read_shapes(work.inputs.paths("shapes"))
    found = check_shapes(*graphs_of(work), work.get(FUSE), shapes)
    write_violations(found, path)
    return reports.shapes(found)


VIOLATIONS_FILE = one_file(
    "violations.json", "fuse", (READ_LEFT, READ_RIGHT, FUSE), _check_shapes, settings.shapes, beside=True
)
"""Only with shapes."""
