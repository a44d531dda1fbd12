"""What is built and installed: everything that is needed, and nothing under a foreign name."""

import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _settings() -> dict[str, object]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["tool"]["setuptools"]
    assert isinstance(settings, dict)
    return settings


def test_every_folder_with_modules_is_packaged() -> None:
    folders = {
        "kgalign.cli": ROOT / "cli",
        "kgalign.ontologies": ROOT / "ontologies",
        "kgalign": ROOT / "kgalign",
    }
    expected = {
        ".".join([name, *init.parent.relative_to(folder).parts])
        for name, folder in folders.items()
        for init in folder.rglob("__init__.py")
    }
    modules = {path.parent for path in (ROOT / "kgalign").rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in modules)
    assert _settings()["packages"] == sorted(expected), "complete `packages` in pyproject.toml"


def _run(*command: object, cwd: Path | None = None) -> str:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, encoding="utf8", cwd=cwd, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def _wheel(folder: Path) -> Path:
    """Build from a copy, so that nothing is left in the checkout and no other build is met there."""
    source = folder / "source"
    for name in ("kgalign", "cli", "ontologies"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("kgalign-*.whl")
    return wheel


@pytest.mark.slow
def test_a_wheel_in_an_empty_environment_runs_the_demo(tmp_path: Path) -> None:
    wheel = _wheel(tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].removesuffix(".dist-info") for name in names} == {"kgalign", wheel.name[:13]}
    assert {"kgalign/py.typed", "kgalign/ontologies/kgalign.ttl", "kgalign/cli/run.py"} <= set(names)
    page = {"templates/page.html", "static/review.js", "static/review.css"}
    assert {f"kgalign/review/{name}" for name in page} <= set(names)

    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python, command = environment / "bin" / "python", environment / "bin" / "kgalign"
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    installed = {line.split("==")[0].lower() for line in _run(python, "-m", "pip", "freeze").splitlines()}
    assert "pyoxigraph" in installed
    assert not installed & {"starlette", "uvicorn", "torch", "sentence-transformers", "transformers", "vllm"}
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    assert not {"cli", "ontologies", "tests", "bench", "examples"} & {path.stem for path in site.iterdir()}

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    example = ROOT / "examples" / "countries"
    inputs = example / "left.ttl", example / "right.jsonld"
    _run(command, "run", *inputs, "--config", example / "config.toml", "-o", "demo", cwd=elsewhere)
    assert (elsewhere / "demo" / "fused.ttl").stat().st_size > 0
    assert "Usage" in _run(python, "-m", "kgalign", "--help", cwd=elsewhere)

    plugin = ROOT / "examples" / "plugin"
    source = shutil.copytree(plugin, tmp_path / "plugin")
    _run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source)
    _run(python, "-m", "pip", "install", "--quiet", "--no-deps", *tmp_path.glob("kgalign_plugin*.whl"))
    books = plugin / "left.ttl", plugin / "right.ttl"
    _run(command, "run", *books, "--config", plugin / "config.toml", "-o", "books", cwd=elsewhere)
    links = _run(command, "export", "books", "--format", "named-links", "-o", "-", cwd=elsewhere)
    assert "\tSolaris\tSolaris: a novel\n" in links


@pytest.mark.slow
def test_an_editable_install_adds_no_top_level_modules(tmp_path: Path) -> None:
    code = """
import importlib.util, kgalign.cli, kgalign.ontologies
from importlib.resources import files
assert importlib.util.find_spec("cli") is None and importlib.util.find_spec("ontologies") is None
assert (files("kgalign.ontologies") / "kgalign.ttl").is_file()
"""
    _run(sys.executable, "-c", code, cwd=tmp_path)
