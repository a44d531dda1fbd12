"""What the site has beyond the pages in this folder: made from commands and code, or lying elsewhere."""

import re
from pathlib import Path
from posixpath import join, normpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[1]
_BESIDE = {
    "bench/RESULTS.md": "measured.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Files of the repository that are pages of the site as well."""
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def _options() -> str:
    """Every command with every option, from the commands themselves."""
    options = ("module: kgalign.cli", "command: main", "prog_name: kgalign", "style: table", "depth: 1")
    return "\n".join(["# Every option", "", "::: mkdocs-click", *(f"    :{each}" for each in options), ""])


def _reference() -> str:
    """The public names, from their docstrings."""
    names = (
        "align",
        "fuse",
        "open",
        "AlignmentResult",
        "Table",
        "load_config",
        "KgalignError",
        "InputError",
        "ConfigError",
        "RunError",
    )
    homes = dict.fromkeys(("align", "fuse", "open", "AlignmentResult"), "api") | {"Table": "base.notebook"}
    homes["load_config"] = "config"
    lines = ["# Python reference", ""]
    lines += [f"::: kgalign.{homes.get(name, 'errors')}.{name}\n" for name in names]
    lines += ["## Settings", ""]
    sections = ("SelectConfig", "RetrieveConfig", "JudgeConfig", "LlmConfig", "VotesConfig", "AssignConfig")
    lines += [f"::: kgalign.config.{name}\n" for name in sections]
    return "\n".join(lines)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put all decisions into the navigation."""
    pages = sorted(path.name for path in (_ROOT / "docs" / "decisions").glob("*.md"))
    for entry in config.nav or []:
        if isinstance(entry, dict) and entry.get("Decisions") == "DECISIONS":
            entry["Decisions"] = [f"decisions/{name}" for name in pages]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere or are made."""
    for source, name in _BESIDE.items():
        content = (_ROOT / source).read_text(encoding="utf8")
        files.append(File.generated(config, name, content=content))
    files.append(File.generated(config, "options.md", content=_options()))
    files.append(File.generated(config, "api.md", content=_reference()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files, **_: Any) -> str:  # noqa: ANN401
    """Links to what is no page of the site become plain text; those to pages from elsewhere lead there."""
    at = {target: source for source, target in _BESIDE.items()}.get(
        page.file.src_uri, f"docs/{page.file.src_uri}"
    )
    folder = at.rpartition("/")[0]

    def relinked(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        there = normpath(join(folder, target))
        if there in _BESIDE:
            there = f"docs/{_BESIDE[there]}"
        inside = there.removeprefix("docs/")
        if there == inside or files.get_file_from_path(inside) is None:
            return text
        up = "../" * page.file.src_uri.count("/")
        return f"[{text}]({up}{inside}{anchor})"

    return _LINK.sub(relinked, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """What click has for "no default" says nothing to a reader, nor do the roles of docstrings."""
    html = re.sub(r":(?:func|class|meth|mod|data):(<code>)~?(?:kgalign\.(?:\w+\.)*)?", r"\1", html)
    return html.replace("<code>Sentinel.UNSET</code>", "–").replace("Sentinel.UNSET", "–")
