"""The fusion benchmark, on a small folder that the test makes up."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import fuse
from bench.__main__ import main
from bench.geo import kilometres
from tests.fusion.made_claims import XSD

PLACES = {"country": fuse.COUNTRY, "people": fuse.POPULATION, "lat": fuse.LATITUDE, "long": fuse.LONGITUDE}
LAND, OTHER = "<http://example.org/Land>", "<http://example.org/Other>"


def line(subject: str, property: str, value: str, host: str = "") -> str:
    graph = f" <http://{host}/wiki/{subject}:{property}:1>" if host else ""
    return f"<http://example.org/{subject}> <{PLACES[property]}> {value}{graph} ."


def number(value: float) -> str:
    return f'"{value!r}"^^<{XSD}double>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty places by three sources: one right, one of whole degrees, one turned round and often wrong."""
    random = np.random.default_rng(7)
    data: list[str] = []
    gold: list[str] = []
    dates: list[str] = []
    for each in range(40):
        name, lat, long = f"c{each}", float(random.uniform(45, 54)), float(random.uniform(3, 12))
        people = int(np.exp(random.normal(9, 1.5))) + 100
        wrong = each % 4 == 0
        said = {
            "good.example.com": (LAND, people, lat, long),
            "whole.example.com": (LAND, people, float(int(lat)), float(int(long))),
            "turned.example.com": (OTHER if wrong else LAND, people * (3 if wrong else 1), long, lat),
        }
        for host, (land, count, a, b) in said.items():
            values = (land, f'"{count}"^^<{XSD}integer>', number(a), number(b))
            for property, value in zip(PLACES, values, strict=True):
                data.append(line(name, property, value, host))
                graph = data[-1].rsplit(" ", 2)[1]
                dates.append(
                    f'{graph} <http://example.org/lastedit> "2013-01-01"^^<{XSD}date> <urn:x:meta> .'
                )
        for property, value in zip(
            PLACES, (LAND, f'"{people}"^^<{XSD}integer>', number(lat), number(long)), strict=True
        ):
            gold.append(line(name, property, value))
    made = tmp_path / "places"
    made.mkdir()
    for file, lines in ((fuse.DATA, data), (fuse.METADATA, dates), (fuse.GOLD, gold)):
        (made / file).write_bytes(gzip.compress("\n".join(lines).encode()))
    return made


def test_command_scores_and_names_the_faults(folder: Path, tmp_path: Path) -> None:
    results, figures = tmp_path / "RESULTS.md", tmp_path / "figures.json"
    arguments = ["fuse", "--data", str(folder), "--json", str(figures), "--results", str(results)]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(figures.read_text(encoding="utf8"))
    rows = {row["system"]: row for row in found["rows"]}
    assert rows[fuse.DEFAULT] == {"system": fuse.DEFAULT} | dict.fromkeys(fuse.MEASURES, 1.0)
    assert rows[fuse.ORACLE]["pair_1"] == rows["best single source"]["pair_1"] == 1.0
    assert rows["Average"]["country"] is None
    assert rows["Average"]["pair_5"] < 0.2
    assert set(rows) == {*fuse.SIMPLE, fuse.DEFAULT, fuse.ORACLE, "best single source"}
    assert found["cities"] == {"country": 40, "population": 40, "pair": 40}
    assert any("turned.example.com" in fault and "swapped" in fault for fault in found["faults"])
    assert any("whole.example.com" in fault and "whole numbers" in fault for fault in found["faults"])
    text = results.read_text(encoding="utf8")
    assert "## Fusion: places" in text
    assert "swapped" in done.output
    assert "| default policy | 1.000 |" in text


def test_what_decides_sees_no_gold(folder: Path) -> None:
    before = fuse.measure(folder, lambda row: None)
    gold = gzip.decompress((folder / fuse.GOLD).read_bytes()).decode().replace(LAND, OTHER)
    (folder / fuse.GOLD).write_bytes(gzip.compress(gold.encode()))
    after = fuse.measure(folder, lambda row: None)
    assert before.faults == after.faults
    assert before.sources == after.sources
    assert after.rows[0].country == 0.0


@pytest.mark.parametrize("name", [fuse.DATA, fuse.METADATA, fuse.GOLD])
def test_a_missing_file_is_said_in_one_line(folder: Path, name: str) -> None:
    (folder / name).unlink()
    done = CliRunner().invoke(main, ["fuse", "--data", str(folder)])
    assert done.exit_code == 2
    assert f"holds no {name}" in done.output


def test_gold_of_other_things_is_said(folder: Path) -> None:
    gold = gzip.decompress((folder / fuse.GOLD).read_bytes()).decode().replace("org/c", "org/d")
    (folder / fuse.GOLD).write_bytes(gzip.compress(gold.encode()))
    done = CliRunner().invoke(main, ["fuse", "--data", str(folder)])
    assert done.exit_code == 2
    assert "share no city" in done.output


def test_distances() -> None:
    assert kilometres((0, 0), (0, 1)) == pytest.approx(111.195, abs=0.001)
    assert kilometres((52.3, 4.9), (52.3, 4.9)) == 0
    assert kilometres((90, 0), (-90, 77)) == pytest.approx(20015.1, abs=0.1)
    assert kilometres((0, 179.5), (0, -179.5)) == pytest.approx(111.195, abs=0.001)
