"""The frame of a report: one file that needs no network and no script, light or dark, at any width.

What graphs and models hold is escaped in one place, :func:`kgalign.base.notebook.html`, and cut; here it is
given a direction of writing of its own, so that it turns nothing around it. Should all of it be too much in
spite of that, sections are left out, and the page says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kgalign.base.notebook import Html, html
from kgalign.base.version import __version__

MOST_BYTES = 900_000
"""A page is not larger."""
SHOWN = 80
"""Characters of a value that are shown."""
_LONG = 24
"""Characters from which on a text may be broken within its words."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--text:#1f2933;--soft:#52606d;--line:#d9dfe5;--card:#f4f6f9}
@media(prefers-color-scheme:dark){
:root{--ground:#12161b;--text:#e4e8ec;--soft:#9fb0bf;--line:#343e49;--card:#1b2128}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--ground);color:var(--text);
font:16px/1.5 ui-sans-serif,system-ui,'Segoe UI','DejaVu Sans',sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:0 0 .5rem}
h3{font-size:1.05rem;margin:0 0 .3rem}
p{margin:.3rem 0 .7rem;max-width:75ch}.soft{color:var(--soft);font-size:.875rem}
nav ul{list-style:none;padding:0;margin:.5rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
a{color:inherit}
section{border-top:1px solid var(--line);padding:1.1rem 0}
article{background:var(--card);border-radius:.5rem;padding:.9rem;margin:.8rem 0}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:.5rem 2rem}
.wide{overflow-x:auto;position:relative}
table{border-collapse:collapse;min-width:min(100%,34rem);font-size:.875rem;margin:0 0 .8rem}
article table,.beside table{width:100%}
caption,figcaption,h3{overflow-wrap:anywhere}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{padding:.2rem .7rem .2rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500}.l{overflow-wrap:anywhere}
td .l{display:inline-block;min-width:8rem}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td>svg{display:block;min-width:7rem}
figure{margin:0 0 .8rem}figcaption{font-weight:600;padding:.3rem 0}
@media(max-width:40rem){body{padding:.7rem}article{padding:.6rem}table{font-size:.8125rem}}
@media print{article{break-inside:avoid}}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report."""

    name: str
    """Where links within the page lead."""
    title: str
    body: Html


class Figure(str):
    """A number in a spelling of its own, such as ``+2.50``."""

    __slots__ = ()


def page(title: str, intro: Html, sections: Iterable[Section]) -> str:
    """A whole page of HTML; sections that would make it larger than :data:`MOST_BYTES` are left out."""
    kept: list[Section] = []
    left_out: list[str] = []
    size = len(intro.encode()) + 10_000
    for each in sections:
        more = len(each.body.encode()) + 400
        if size + more > MOST_BYTES:
            left_out.append(each.title)
            continue
        size += more
        kept.append(each)
    missing = (
        paragraph(f"Left out, since the page would become too large: {', '.join(left_out)}")
        if left_out
        else ""
    )
    links = "".join(f'<li><a href="#{html(each.name)}">{html(each.title)}</a></li>' for each in kept)
    body = "".join(
        f'<section id="{html(each.name)}"><h2>{html(each.title)}</h2>{each.body}</section>\n' for each in kept
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html(_POLICY, 200)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><header><h1>{html(title)}</h1>\n"
        f'{intro}{missing}</header>\n<nav aria-label="Contents"><ul>{links}</ul></nav>\n'
        f"<main>\n{body}</main>\n"
        f'<footer class="soft"><p>Made by kgalign {html(__version__)}.</p></footer></body></html>\n'
    )


def value(text: object, limit: int = SHOWN) -> Html:
    """Text from a graph or a model, with a direction of writing of its own."""
    if isinstance(text, Html):
        return text
    long = " class=l" if len(str(text)) > _LONG else ""
    return Html(f"<bdi{long}>{html(text, limit)}</bdi>")


def paragraph(text: object, *, soft: bool = False) -> Html:
    """A paragraph; text is cut where it is long."""
    return Html(f"<p{' class=soft' if soft else ''}>{html(text, 600)}</p>")


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]], limit: int = SHOWN
) -> Html:
    """A table with a caption that scrolls where it is wider than the page; numbers to the right.

    :param limit: characters of a cell that are shown.
    """
    listed = [[_cell(each, limit) for each in row] for row in rows]
    numbers = [bool(listed) and all(row[place][1] for row in listed) for place in range(len(headings))]
    head = "".join(
        f'<th scope="col"{" class=n" if number else ""}>{html(name)}</th>'
        for name, number in zip(headings, numbers, strict=True)
    )
    body = "".join(f"<tr>{''.join(cell for cell, _ in row)}</tr>\n" for row in listed)
    name = html(caption)
    return Html(
        f'<div class="wide" role="region" tabindex="0" aria-label="{name}"><table>'
        f"<caption>{name}</caption><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>"
    )


def _cell(content: object, limit: int) -> tuple[str, bool]:
    """A cell, and whether it holds a number."""
    number = content is None or isinstance(content, int | float | Figure)
    shown = html(f"{content:,}") if isinstance(content, int) else value(content, limit)
    return f"<td{' class=n' if number else ''}>{shown}</td>", number


def figure(caption: str, chart: Html) -> Html:
    """A chart with a caption."""
    return Html(f"<figure><figcaption>{html(caption)}</figcaption>{chart}</figure>")


def beside(*parts: Html) -> Html:
    """Parts next to each other, where there is room."""
    return Html(f'<div class="beside">{"".join(f"<div>{each}</div>" for each in parts if each)}</div>')


def joined(parts: Iterable[Html]) -> Html:
    """Parts one after another."""
    return Html("".join(parts))
