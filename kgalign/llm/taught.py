"""What the record beside a model or an adapter says of how it was taught here, as far as asking it goes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECORD = "adapter.json"
"""What training leaves in the folder of what it made."""


def taught_pairs(folder: Path) -> bool:
    """Whether a model or an adapter was taught to say yes or no to pairs, and nothing else.

    :param folder: of either; one without a record was not.
    """
    return _settings(folder).get("form") == "pair"


def temperature_of(folder: Path) -> float:
    """By what the log-odds of a judge of pairs are divided, as its record says; 1 where it says nothing.

    :param folder: of the model or the adapter.
    """
    try:
        value = float(_settings(folder)["temperature"])
    except (ValueError, KeyError, TypeError):
        return 1.0
    return value if math.isfinite(value) and value > 0 else 1.0


def _settings(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf8"))["settings"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
