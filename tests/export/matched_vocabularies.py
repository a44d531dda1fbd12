"""Correspondences of properties and classes, one of each sort."""

from dataclasses import replace

from kgalign.records.vocabularies import ClassMatch, Conversion, PropertyMatch, Vocabularies
from tests.matched_properties import matched


def match(left: str, right: str) -> PropertyMatch:
    """A correspondence that is acted on."""
    return matched(f"http://l/v#{left}", f"http://r/v#{right}")


def vocabularies() -> Vocabularies:
    """One correspondence of each sort, and one whose IRI is none."""
    miles = Conversion(0.62, 0.0, "kilometres → miles")
    sure = ClassMatch("http://l/v#A", "http://r/v#B", "exact", 0.9, 50, 1.0, 1.0, True)
    return Vocabularies(
        properties=(
            match("p", "q"),
            replace(match("km", "miles"), conversion=miles, notes=("kilometres → miles", "a\tb")),
            replace(match("narrow", "wide"), relation="narrower", chosen=False),
            replace(match("wide", "narrow"), relation="broader"),
            replace(match("y2020", "y2015"), relation="close", doubts=("other numbers",)),
            replace(match("up", "down"), inverse=True),
            replace(match("off", "on"), inverse=True, relation="close"),
            replace(match("told", "so"), given=True, score=1.0),
            replace(match("p", "alternative"), chosen=False),
            replace(match("same", "same"), right="http://l/v#same"),
            replace(match("bad", "x"), right="no iri"),
        ),
        classes=(
            sure,
            replace(sure, left="http://l/v#C", relation="narrower"),
            replace(sure, left="http://l/v#D", relation="broader", chosen=False),
            replace(sure, left="http://l/v#E", relation="close"),
        ),
        standard=(("http://l/v#s", "http://schema.example/s"),),
        standard_classes=(("http://r/v#S", "http://schema.example/S"),),
    )
