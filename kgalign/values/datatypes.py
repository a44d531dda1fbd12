"""Datatypes of XML Schema by what their values are (XML Schema 1.1 part 2, section 3)."""

from kgalign.rdf.vocabulary import XSD

NUMERIC = frozenset(
    XSD + name
    for name in (
        "integer int long short byte decimal double float nonNegativeInteger positiveInteger "
        "negativeInteger nonPositiveInteger unsignedInt unsignedLong unsignedShort unsignedByte"
    ).split()
)
"""Datatypes of numbers."""
DATES = frozenset(XSD + name for name in "date dateTime dateTimeStamp gYear gYearMonth".split())
"""Datatypes of points in time."""
