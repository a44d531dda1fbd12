"""Make the links of README.md absolute, for a package index, which shows that page alone.

``python scripts/absolute_links.py ADDRESS TAG`` rewrites README.md where it lies: run it in a checkout that
is made for the release, not in the one you work in (CONTRIBUTING.md, "A release").
"""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z][a-z0-9+.-]*:|#)([^)\s]+)\)")


def absolute(text: str, address: str, tag: str) -> str:
    """A page whose relative links lead to a tag of the repository at an address; pictures to their bytes."""

    def led(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        return f"{mark}[{words}]({address.rstrip('/')}/{'raw' if mark else 'blob'}/{tag}/{target})"

    return _LINK.sub(led, text)


def main(arguments: list[str]) -> None:
    """Rewrite README.md."""
    if len(arguments) != 2 or not re.fullmatch(r"https?://[^\s()]+", arguments[0]):
        sys.exit("Give the address of the repository and a tag, such as https://HOST/OWNER/kgalign v0.1.0")
    text = absolute(README.read_text(encoding="utf8"), *arguments)
    README.write_text(text, encoding="utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
