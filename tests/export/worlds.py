"""Alignments with everything in them that files must survive."""

from hypothesis import strategies as st

from kgalign.records import Alignment, Outcome, Profile, Verdicts
from tests.evaluate.small import alignment, profile, verdicts

World = tuple[Profile, Profile, Alignment, Verdicts]

NASTY = [
    'a "quoted" name',
    "tab\there",
    "line\nbreak\r\n",
    "<b>not bold</b> &amp; [red]not red[/red]",
    "🦆 emoji",
    "שלום",
    "# not a comment",
    "back\\slash",
    "",
    "nul\x00byte\x1b[31m",
]
IRIS = [
    "http://l.example/plain",
    "http://l.example/Émile_Zola_(écrivain)",
    "http://l.example/a?b=c&d=é#f",
    "http://l.example/100%_sure/",
    "http://l.example/",
    "http://l.example",
    "urn:isbn:9780140449136",
    "tag:l.example,2024:🦆",
    "http://www.wikidata.org/entity/Q42",
    "http://l.example/it's,(all)*fine;here",
]
UNFIT = [
    "http://l.example/a b",
    "http://l.example/<a>",
    "http://l.example/a|b",
    "http://l.example/a\nb",
    "_:b1",
    "a",
]


def world(left: list[str], right: list[str], names: list[str] | None = None) -> World:
    """Every left entity linked with the right one in its place."""
    rows = list(range(len(left)))
    return (
        profile(left, names),
        profile(right, names),
        alignment([(row, row, 0.5 + row / 100, Outcome.MATCH) for row in rows]),
        verdicts([(row, row, 0.5 + row / 100) for row in rows]),
    )


def nasty() -> World:
    """Names and IRIs that break careless writers."""
    return world(IRIS, [iri.replace("l.example", "r.example") for iri in IRIS], NASTY)


fit = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"])
).map(
    lambda text: "http://x.example/" + text.translate({ord(mark): "_" for mark in '<>"{}|^`\\\ufffc\ufffd'})
)
any_text = st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any names over any writable IRIs."""
    left = draw(st.lists(fit, min_size=1, max_size=6, unique=True).map(sorted))
    right = [f"{iri}/r" for iri in left]
    return world(left, right, [draw(any_text) for _ in left])
