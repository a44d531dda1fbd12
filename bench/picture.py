"""The picture of the first page: two records of one country, why they were linked, what was made of both."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import rdflib

EXAMPLE = Path(__file__).parents[1] / "examples" / "countries"
COUNTRY = "https://example.org/atlas/country/finland"
_ROWS = 8
_REASONS = 7
_WIDTH, _CARD, _LINE = 1000, 300, 22
_STYLE = (
    "text{font:13px ui-sans-serif,system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2933}"
    ".h{font-weight:600;font-size:14px}.k{fill:#52606d}.s{fill:#7b8794;font-size:12px}"
    ".card{fill:#ffffff;stroke:#cbd2d9}.for{fill:#2f855a}.against{fill:#c05621}.page{fill:#f5f7fa}"
    ".line{stroke:#9aa5b1;fill:none}"
)


def picture() -> str:
    """The picture as SVG, made from a run of the example."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run = Path(folder) / "run"
        sides = [EXAMPLE / "left.ttl", EXAMPLE / "right.jsonld"]
        _kgalign("run", *map(str, sides), "--config", str(EXAMPLE / "config.toml"), "-o", str(run), "--quiet")
        told = json.loads(_kgalign("explain", str(run), COUNTRY, "--json"))["pairs"][0]
        fused = _record(rdflib.Graph().parse(run / "fused.ttl"), COUNTRY)
        left, right = (
            _record(rdflib.Graph().parse(path), told[side]["iri"])
            for path, side in zip(sides, ("left", "right"), strict=True)
        )
    return _drawn(told, left, right, fused)


def _kgalign(*args: str) -> str:
    command = [sys.executable, "-m", "kgalign", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf8").stdout


def _record(graph: rdflib.Graph, iri: str) -> list[tuple[str, str]]:
    """Property and values of an entity, by local names, those with fewest characters first."""
    found: dict[str, list[str]] = {}
    for _, predicate, value in sorted(graph.triples((rdflib.URIRef(iri), None, None))):
        if isinstance(value, rdflib.Literal):
            found.setdefault(_local(str(predicate)), []).append(str(value))
    return sorted((name, ", ".join(dict.fromkeys(values))) for name, values in found.items())


def _local(iri: str) -> str:
    return iri.rstrip("/").rpartition("#")[2].rpartition("/")[2]


def _drawn(told: dict[str, Any], *records: Sequence[tuple[str, str]]) -> str:
    left, right, fused = records
    reasons = sorted(
        (line for line in told["lines"] if line["kind"] not in ("prior", "rivals") and line["contribution"]),
        key=lambda line: -abs(line["contribution"]),
    )[:_REASONS]
    compared = {name for line in told["lines"] for name in line["feature"].split(" = ")}

    def chosen(record: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        return sorted(sorted(record, key=lambda row: row[0] not in compared)[:_ROWS])

    out = [f'<rect class="page" width="{_WIDTH}" height="560" rx="12"/>']
    out += _card(20, 20, told["left"]["name"], "left graph", chosen(left))
    out += _card(_WIDTH - 20 - _CARD, 20, told["right"]["name"], "right graph", chosen(right))
    middle = (20 + _CARD + _WIDTH - 20 - _CARD) / 2
    out.append(f'<text class="h" x="{middle}" y="46" text-anchor="middle">the same: {_percent(told)}</text>')
    out.append(
        f'<text class="s" x="{middle}" y="64" text-anchor="middle">what speaks for it, in log-odds</text>'
    )
    longest = max((abs(line["contribution"]) for line in reasons), default=1.0)
    for place, line in enumerate(reasons):
        y = 92 + place * 27
        value = line["contribution"]
        width = 85 * abs(value) / longest
        kind = "for" if value > 0 else "against"
        out.append(f'<text class="k" x="336" y="{y}">{_short(line["feature"], 30)}</text>')
        out.append(f'<rect class="{kind}" x="545" y="{y - 11}" width="{width:.0f}" height="13" rx="2"/>')
        out.append(f'<text class="s" x="{550 + width:.0f}" y="{y}">{value:+.1f}</text>')
    for x in (20 + _CARD / 2, _WIDTH - 20 - _CARD / 2):
        out.append(f'<path class="line" d="M{x},{64 + _ROWS * _LINE} V276 H{middle} V296"/>')
    out += _card(
        middle - 330, 296, f"{told['left']['name']}, fused", "one node, both names", fused[:18], 660, 2
    )
    body = "\n".join(out)
    label = "Two records of one country, why they were linked, and the one record that is made of both"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} 560" role="img" '
        f'aria-label="{label}">\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
    )


def _percent(told: dict[str, Any]) -> str:
    return "more than 99.9 %" if told["probability"] > 0.999 else f"{told['probability']:.1%}"


def _card(
    x: float,
    y: float,
    title: str,
    about: str,
    rows: Sequence[tuple[str, str]],
    width: float = _CARD,
    columns: int = 1,
) -> list[str]:
    height = 44 + -(-len(rows) // columns) * _LINE
    out = [f'<rect class="card" x="{x:g}" y="{y}" width="{width:g}" height="{height}" rx="8"/>']
    out.append(f'<text class="h" x="{x + 14:g}" y="{y + 25}">{escape(title)}</text>')
    out.append(
        f'<text class="s" x="{x + width - 14:g}" y="{y + 25}" text-anchor="end">{escape(about)}</text>'
    )
    for place, (name, value) in enumerate(rows):
        column, row = divmod(place, -(-len(rows) // columns))
        at, line = x + 14 + column * width / columns, y + 48 + row * _LINE
        out.append(f'<text class="k" x="{at:g}" y="{line}">{_short(name, 22)}</text>')
        out.append(f'<text x="{at + 150:g}" y="{line}">{_short(value, 18)}</text>')
    return out


def _short(text: str, most: int) -> str:
    return escape(text if len(text) <= most else f"{text[: most - 1]}…")
