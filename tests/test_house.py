"""The layout: each floor uses what lies below it, stages know nothing of each other, there is no circle."""

from pathlib import Path

import pytest

from bench.house import as_text, faults, modules, picture, ways


def test_nothing_runs_back() -> None:
    assert faults(picture()) == []


def test_every_module_is_looked_at() -> None:
    root = Path(__file__).parents[1]
    files = [*(root / "kgalign").rglob("*.py"), *(root / "cli").rglob("*.py")]
    assert len(modules()) == len(files) - 1, "all but kgalign/__init__.py, which names what is public"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "assign/x.py",
            "from kgalign.fusion.y import z",
            "assign.x imports fusion.y: a stage knows no other stage",
        ),
        (
            "fusion/y.py",
            "def f():\n    import kgalign.pipeline",
            "fusion.y imports pipeline, which lies above it",
        ),
        ("base/a.py", "from kgalign.base import b", "base.a, base.b import each other"),
        ("lost.py", "", "lost lies on no floor"),
    ],
)
def test_what_runs_back_is_found(tmp_path: Path, file: str, text: str, said: str) -> None:
    for name, content in {
        "pipeline.py": "",
        "fusion/y.py": "z = 1",
        "base/b.py": "from kgalign.base.a import c",
        file: text,
    }.items():
        path = tmp_path / "kgalign" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf8")
    assert any(each.startswith(said) for each in faults(picture(tmp_path)))
    assert said in as_text(tmp_path)


def test_the_ways_through_the_house_are_counted() -> None:
    found = ways()
    assert 50 < found["an entity"] < found["a vote"] <= len(modules())
