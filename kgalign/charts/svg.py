"""The parts of a chart: a picture with a name and a description, texts, rectangles, axes.

A chart has no style sheet and no script, so that it is the same in a page, in a notebook and in a file of
its own: lines and texts take the colour of the text around them, and the other colours can be told apart
on a light and on a dark ground.
"""

from collections.abc import Iterable

from kgalign.base.notebook import Html, html

WIDTH = 480
"""Units of a chart's width: at a phone's width its texts are still to be read."""
FOR, OPEN, AGAINST, NEUTRAL, OTHER = "#2a9d4a", "#d08a00", "#d0503f", "#8a94a0", "#3d7fc4"
"""Colours: a link, what is left to people, what speaks against, what is alone, a second line."""
_FONT = "ui-sans-serif,system-ui,'Segoe UI','DejaVu Sans',sans-serif"


def picture(width: float, height: float, name: str, description: str, parts: Iterable[Html]) -> Html:
    """A chart as SVG that is as wide as its place, with a title and a description for who can't see it."""
    body = "".join(parts)
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{html(name)}" font-family="{_FONT}" font-size="12" fill="currentColor" '
        f'style="width:100%;max-width:{width * 1.25:g}px;height:auto">'
        f"<title>{html(name)}</title><desc>{html(description or 'Nothing to show', 600)}</desc>{body}</svg>"
    )


def label(
    x: float, y: float, text: object, anchor: str = "start", *, limit: int = 60, soft: bool = False
) -> Html:
    """Text that ends, begins or has its middle at a place; a soft one is paler."""
    pale = ' fill-opacity="0.7"' if soft else ""
    return Html(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{pale}>{html(text, limit)}</text>')


def box(x: float, y: float, width: float, height: float, colour: str, told: str = "") -> Html:
    """A filled rectangle; what it tells appears where one points at it."""
    inner = f"<title>{html(told, 200)}</title>" if told else ""
    return Html(
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'fill="{colour}">{inner}</rect>'
    )


def rule(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False, strong: bool = False) -> Html:
    """A thin line."""
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    opacity = 0.8 if strong else 0.25
    return Html(
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        f'stroke-opacity="{opacity}"{dashes}/>'
    )


def dot(x: float, y: float, radius: float, colour: str, told: str = "") -> Html:
    """A filled circle; what it tells appears where one points at it."""
    inner = f"<title>{html(told, 200)}</title>" if told else ""
    return Html(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}">{inner}</circle>')


def legend(x: float, y: float, entries: Iterable[tuple[str, str]]) -> Html:
    """Names with their colours, side by side."""
    parts: list[str] = []
    for name, colour in entries:
        parts += [box(x, y - 9, 10, 10, colour), label(x + 14, y, name)]
        x += 26 + 6.4 * len(name)
    return Html("".join(parts))
