"""``kgalign vocabularies`` on the example of the repository."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "countries"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabularies") / "run"
    sides = [str(EXAMPLE / "left.ttl"), str(EXAMPLE / "right.jsonld")]
    assert _call("run", *sides, "--config", str(EXAMPLE / "config.toml"), "-o", str(folder), "-q")[0] == 0
    return folder


def _call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


def test_the_table_names_what_corresponds_and_the_unit_that_differs(run: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in run.iterdir())
    code, text = _call("vocabularies", str(run))
    assert code == 0
    lines = text.splitlines()
    assert any("capital" in line and "capitale" in line for line in lines)
    assert any("area" in line.lower() and "superficie" in line for line in lines)
    assert "mile" in text
    assert sorted((path.name, path.stat().st_mtime_ns) for path in run.iterdir()) == before


def test_json_holds_everything_and_is_the_same_twice(run: Path) -> None:
    code, text = _call("vocabularies", str(run), "--json")
    assert code == 0
    assert _call("vocabularies", str(run), "--json") == (code, text)
    found = json.loads(text)
    pairs = {(each["left"].rsplit("#")[-1], each["right"].rsplit("#")[-1]) for each in found["properties"]}
    assert ("capital", "capitale") in pairs
    assert all(0 <= each["score"] <= 1 for each in found["properties"])
    chosen = [each["left"] for each in found["properties"] if each["chosen"]]
    assert len(chosen) == len(set(chosen))
    assert len(_call("vocabularies", str(run), "--all")[1]) >= len(_call("vocabularies", str(run))[1])


def test_what_is_renamed_is_marked_and_what_is_not_has_a_reason(run: Path) -> None:
    found = json.loads(_call("vocabularies", str(run), "--json")[1])
    fates = {each["left"].rsplit("#")[-1]: each for each in found["properties"] if each["chosen"]}
    assert found["vocabulary"] == "left"
    assert fates["capital"]["renamed"]
    assert fates["areaKm2"]["objection"].startswith("another unit: right = left × 0.3861: square kilometres")
    assert fates["population2020"]["objection"].startswith("other numbers in the names: 2020 left, 2015")
    assert not fates["population2020"]["renamed"]
    screen = " ".join(_call("vocabularies", str(run))[1].split())
    assert "renamed" in screen
    assert "two names:" in screen


def test_the_run_has_what_the_command_says(run: Path) -> None:
    fused = (run / "fused.ttl").read_text(encoding="utf8")
    assert "population2020" in fused
    assert "population2015" in fused
    assert "superficieMillesCarres" in fused
    assert "capitale" not in fused
    mappings = (run / "mappings.sssom.tsv").read_text(encoding="utf8")
    assert "owl:equivalentProperty" in mappings
    assert "owl:equivalentClass" in mappings
    assert "not renamed: another unit: right = left × 0.3861" in mappings
    notes = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]["vocabularies"]["notes"]
    assert notes["unit 1"].startswith("areaKm2 and superficieMillesCarres: right = left × 0.3861")


TERMS = "https://example.org/atlas/terms#"
TERMES = "https://example.net/atlas-du-monde/termes#"


def _run_with(folder: Path, toml: str) -> tuple[int, str]:
    config = folder / "config.toml"
    config.write_text(toml, encoding="utf8")
    sides = [str(EXAMPLE / "left.ttl"), str(EXAMPLE / "right.jsonld")]
    return _call("run", *sides, "--config", str(config), "-o", str(folder / "run"), "-q")


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        (
            f'[fuse]\nmapping = {{ "{TERMS}capital" = "{TERMES}nom", "{TERMS}name" = "{TERMES}nom" }}',
            f"{TERMES}nom is mapped to {TERMS}capital and to {TERMS}name",
        ),
        (
            f'[fuse]\nkeep = ["{TERMS}capital"]\nmapping = {{ "{TERMS}capital" = "{TERMES}nom" }}',
            f"{TERMS}capital is mapped to {TERMES}nom and shall stay as it is",
        ),
    ],
)
def test_a_contradiction_is_one_sentence(tmp_path: Path, toml: str, fault: str) -> None:
    code, text = _run_with(tmp_path, toml)
    assert code == 2
    assert fault in " ".join(text.split())
    assert text.count("\n") == 1
    assert not (tmp_path / "run" / "fused.ttl").exists()


def test_the_user_decides_what_is_renamed(tmp_path: Path) -> None:
    code, text = _run_with(
        tmp_path,
        f"""[fuse]
keep = ["{TERMES}frontalierDe"]
[fuse.mapping]
"{TERMS}population2020" = "{TERMES}population2015"
"{TERMS}callingCode" = ""
"{TERMS}capital" = "http://schema.example/capital"
"{TERMS}founded" = "{TERMES}annéeFondation"
""",
    )
    assert code == 0, text
    fused = (tmp_path / "run" / "fused.ttl").read_text(encoding="utf8")
    kept = (
        "population2020",
        "frontalierDe",
        "borders",
        "indicatif",
        "callingCode",
        "founded",
        "anneeFondation",
    )
    assert all(name in fused for name in kept)
    assert "http://schema.example/" in fused
    assert not any(name in fused for name in ("population2015", "capitale", "terms#capital"))
    screen = " ".join(_call("vocabularies", str(tmp_path / "run"))[1].split())
    assert f"{TERMES}frontalierDe stays as it is" in screen
    assert f"{TERMS}callingCode stays as it is" in screen
    assert f"{TERMS}capital is called http://schema.example/capital" in screen
    assert f"did you mean {TERMES}anneeFondation?" in screen


def test_what_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    code, text = _call("vocabularies", str(tmp_path))
    assert code == 2
    assert text.count("\n") == 1
    assert text.startswith("error: ")
