"""What the names of two properties say against their being one: other years, other numbers, opposites.

Values can't tell the populations of two censuses, or the two halves of a name that are mostly alike. Names
can, where they are words; of names that are codes, such as ``P57``, nothing is read.
"""

import re

from kgalign.rdf.names import local_name
from kgalign.values.text import fold

_UNIT = re.compile(
    r"(?:(?<![A-Za-z])[KkCcDd]?[Mm]|(?<=[a-z])[KCD]?M|(?<=[a-z])[KCD]m)[23](?![0-9a-z])"
    r"|(?:CO|(?<![A-Za-z])co)2(?![0-9])|H2O"
)
"""Numbers that are part of a unit or a substance."""
_DIGITS = re.compile(r"\d+")
_CODE = re.compile(r"[^\W\d_]{0,2}[\W_]*\d+[\W_]*[^\W\d_]{0,2}")
_CORNER = re.compile(r"(nord|north|sud|south)(est|ost|east|ouest|west)")
_WORDS = re.compile(r"[^\W\d_]+")
_HUMPS = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")

_OPPOSITES: tuple[tuple[str, str], ...] = (
    ("min minimum minimal lowest", "max maximum maximal highest"),
    ("birth born naissance geburt nacimiento nascita", "death died deces mort tod muerte morte"),
    ("start begin beginning debut anfang beginn inicio inizio", "end ending fin ende finish fine"),
    ("first given prenom vorname", "last family surname"),
    ("from", "to until"),
    ("source origin departure depart", "target destination arrival arrivee"),
    ("previous prev predecessor precedent precedente before", "next successor suivant suivante after"),
    ("north nord norte", "south sud sur"),
    ("east est ost este", "west ouest oeste"),
    ("parent father mother pere mere vater mutter", "child children son daughter enfant enfants kind kinder"),
    ("father pere vater padre", "mother mere mutter madre"),
    ("male men man homme hommes", "female women woman femme femmes"),
    ("home domicile", "away visitor exterieur"),
    ("left gauche links", "right droite rechts"),
    ("upper top", "lower bottom"),
    ("winner vainqueur sieger", "loser perdant verlierer"),
    ("buyer", "seller"),
    ("import imports", "export exports"),
    ("inner inside", "outer outside"),
)
"""Words that exclude each other, in some languages, folded."""


def name_doubts(left: str, right: str, *, inverse: bool) -> tuple[str, ...]:
    """Why two properties with these IRIs are hardly one, whatever their values say.

    :param inverse: whether the one is the other read backwards: opposites are to be expected then.
    """
    names = local_name(left), local_name(right)
    found = [_number_doubt(*names)]
    if not inverse:
        found.append(_opposite_doubt(*names))
    return tuple(doubt for doubt in found if doubt)


def _number_doubt(left: str, right: str) -> str:
    """Other numbers in both names, or a year in one of them alone."""
    a, b = _numbers(left), _numbers(right)
    years = {number for number in a ^ b if 1000 <= number <= 2100}
    if years or (a and b and a != b):
        said = [" and ".join(map(str, sorted(numbers))) or "none" for numbers in (a, b)]
        return f"other numbers in the names: {said[0]} left, {said[1]} right"
    return ""


def _numbers(name: str) -> set[int]:
    if _CODE.fullmatch(name):
        return set()
    return {int(digits[:18]) for digits in _DIGITS.findall(_UNIT.sub(" ", name))}


def _opposite_doubt(left: str, right: str) -> str:
    a, b = _words(left), _words(right)
    for one, other in _OPPOSITES:
        poles = frozenset(one.split()), frozenset(other.split())
        for first, second in (poles, poles[::-1]):
            # A name with both poles, such as birthAndDeath, is neither.
            if a & first and b & second and not a & second and not b & first:
                said = sorted(a & first)[0], sorted(b & second)[0]
                return f"opposites in the names: {said[0]} left, {said[1]} right"
    return ""


def _words(name: str) -> frozenset[str]:
    parts = (
        _CORNER.sub(r"\1 \2", fold(word)) for part in _WORDS.findall(name) for word in _HUMPS.split(part)
    )
    return frozenset(word for part in parts for word in part.split())
