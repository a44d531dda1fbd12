"""``RESULTS.md``: each benchmark writes its own section and leaves the others as they are."""

import datetime
import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from kgalign.base import files

RESULTS = Path(__file__).parent / "RESULTS.md"

_HEAD = """# Results

Measured with the commands that stand above each table; `python -m bench --help` says what they do.
Each command writes its own section.
"""
_LIBRARIES = ("faiss-cpu", "numpy", "pyarrow", "pyoxigraph", "rapidfuzz", "scikit-learn", "scipy")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table; the first ``words`` columns hold text, the others numbers."""
    rule = ["---" if column < words else "---:" for column in range(len(head))]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in ([*head], rule, *escaped))


def write_section(path: Path, name: str, title: str, command: str, body: str) -> None:
    """Put a section into the file in place of the one of the same name, or at its end."""
    text = path.read_text(encoding="utf8") if path.exists() else _HEAD
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n## {title}\n\n    {command}\n\n{_machine()}\n\n{body}\n{end}"
    old = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    if old.search(text):
        text = old.sub(lambda _: section, text, count=1)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    files.write_text(path, text)


def _machine() -> str:
    """One sentence on the machine, the date and the versions."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return (
        f"{today}, {os.cpu_count()} cores ({_processor()}), {memory:.0f} GB memory, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"kgalign {_kgalign()}; {', '.join(_versions())}."
    )


def _kgalign() -> str:
    import kgalign

    return kgalign.__version__


def _versions() -> list[str]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def relative(path: Path) -> str:
    """A path as it is best repeated: relative to the folder in which the command is run."""
    return Path(os.path.relpath(path)).as_posix()
