"""Laws of parts: graphs are read, fused and written to the same bytes however the work is cut."""

import tempfile
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given, settings

from kgalign.base import scratch
from kgalign.export import provenance
from kgalign.fusion import claims
from kgalign.fusion.vocabulary import rewriting
from kgalign.rdf import columns, write
from kgalign.records.vocabularies import Vocabularies
from kgalign.values import readings
from tests.laws.test_provenance_laws import forms, fused_by, graph_in, graphs, options, picks, vocabularies

CUTS = (
    (scratch, "SMALL", 8),
    (scratch, "_PICKED", 2),
    (columns, "_ROWS", 2),
    (rewriting, "_ROWS", 2),
    (claims, "_PART", 1),
    (readings, "_ROWS", 1),
    (write, "_ROWS", 3),
    (write, "_BATCH_BYTES", 40),
    (provenance, "_TOLD", 1),
)


@settings(max_examples=40)
@given(a=graphs, b=graphs, links=picks, config=options, found=vocabularies, form=forms)
def test_the_fused_graph_is_the_same_however_the_work_is_cut(
    a: list[ox.Quad],
    b: list[ox.Quad],
    links: list[tuple[int, int]],
    config: dict[str, str],
    found: Vocabularies,
    form: str,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)

        def written() -> bytes:
            left, right = graph_in(here, "a.nq", a), graph_in(here, "b.nq", b)
            fusion = fused_by(left, right, links, config, found)
            provenance.write_provenance(fusion, here / "fused.trig", form=form)
            return (here / "fused.trig").read_bytes()

        whole = written()
        with pytest.MonkeyPatch.context() as patch:
            for module, constant, value in CUTS:
                patch.setattr(module, constant, value)
            assert written() == whole
