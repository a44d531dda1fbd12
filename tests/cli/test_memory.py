"""--memory on the command line: the same bytes with little, and sentences for what is no size."""

import json
import re
from pathlib import Path

import pytest

from tests.commands import Kgalign
from tests.conftest import Pair

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


@pytest.mark.parametrize(
    ("given", "bytes_"), [("4GB", 4_000_000_000), ("2 GiB", 2 << 30), ("900000000", 900_000_000)]
)
def test_sizes_are_read_as_people_write_them(
    given: str, bytes_: int, elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--memory", given)
    assert done.returncode == 0
    record = json.loads((tmp_path / "run/run.json").read_text(encoding="utf8"))
    assert record["config"]["limits"]["memory"] == bytes_


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a lot", "--memory must be a size such as 4GB, not 'a lot'"),
        ("4 elephants", "--memory must be a size such as 4GB, not '4 elephants'"),
        ("1MB", "--memory must be greater than or equal to 200000000, not '1MB'"),
    ],
)
def test_what_is_no_size_or_too_little_is_told(
    given: str, said: str, elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--memory", given)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "run").exists()


def test_who_holds_more_than_was_asked_is_told(tmp_path: Path, kgalign: Kgalign) -> None:
    # Python and its libraries take nearly that; what is needed is an estimate, and in doubt it goes on.
    left, right = crowd(tmp_path, "l", 8_000), crowd(tmp_path, "r", 8_000)
    done = kgalign("run", left, right, "-o", tmp_path / "little", "-q", "--memory", "200MB")
    assert done.returncode == 0
    assert re.search(r"warning: [a-z.]+: held \d+ MB, more than the 200 MB of --memory", done.stderr)
    done = kgalign("run", left, right, "-o", tmp_path / "much", "-q", "--memory", "4GB")
    assert done.stderr == ""
    assert (tmp_path / "little/links.nt").read_bytes() == (tmp_path / "much/links.nt").read_bytes()


def test_too_little_memory_is_told_with_what_is_needed_before_the_long_steps(
    tmp_path: Path, kgalign: Kgalign
) -> None:
    left, right = crowd(tmp_path, "l", 8_000, 15), crowd(tmp_path, "r", 8_000, 15)
    out = tmp_path / "run"
    done = kgalign("run", left, right, "-o", out, "-q", "--memory", "200MB")
    assert done.returncode == 2
    said = re.search(r"--memory 200 MB is too little for these graphs: some (\d+) MB are needed", done.stderr)
    assert said is not None
    assert not (out / "links.nt").exists()
    # With what was said it goes through, keeps what was read, and says first what it takes.
    done = kgalign("run", left, right, "-o", out, "--log-level", "info", "--memory", f"{said[1]}MB")
    assert done.returncode == 0
    steps = json.loads((out / "run.json").read_text(encoding="utf8"))["steps"]
    assert re.fullmatch(
        rf"some {said[1]} MB of memory and \d+ MB of disk", steps["retrieve"]["notes"]["room"]
    )
    assert f"retrieve and all after it take {steps['retrieve']['notes']['room']}" in done.stderr
    assert "read-left: begins" not in done.stderr
    assert max(step["peak_bytes"] for step in steps.values()) < 1.25e6 * int(said[1])


def test_words_that_all_have_are_named_at_the_end(tmp_path: Path, kgalign: Kgalign) -> None:
    """Of 10,000 entities on each side half have nothing but a colour that they share."""
    paths = [tmp_path / f"{name}.nt" for name in "lr"]
    for path in paths:
        lines = (
            f"<http://{path.stem}.example/e{n}> <http://{path.stem}.example/colour> "
            f'"{"green" if n % 2 else f"shade {n}"}" .\n'
            for n in range(10_000)
        )
        path.write_text("".join(lines), encoding="utf8")
    done = kgalign("run", *paths, "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Warning: 5,000 left entities have only words that over" in done.stdout
    assert "“green”" in done.stdout


def crowd(folder: Path, name: str, count: int, types: int = 0) -> Path:
    """Entities with a label each that is like some others, and so many types."""
    path = folder / f"{name}.nt"
    lines = (
        f"<http://{name}.example/e{n}> <http://www.w3.org/2000/01/rdf-schema#label> "
        f'"thing {n * 7919 % 10007} of {n % 97} and {n % 89}" .\n'
        + "".join(
            f"<http://{name}.example/e{n}> <{TYPE}> <http://types.example/{t}> .\n" for t in range(types)
        )
        for n in range(count)
    )
    path.write_text("".join(lines), encoding="utf8")
    return path
