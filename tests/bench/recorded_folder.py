"""A folder of recorded answers, as tests make it up."""

import gzip
import json
from pathlib import Path
from typing import Any


def write(folder: Path, rows: list[Any]) -> Path:
    """Write the rows as a folder of recorded answers."""
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / "select_recorded.jsonl.gz", "wt", encoding="utf8") as file:
        file.writelines(json.dumps(each) + "\n" for each in rows)
    return folder
