"""Reading a report: every page has to be harmless, whatever it shows."""

import re
from html.parser import HTMLParser

VOID = {"meta", "rect", "line", "circle", "path", "polyline", "br"}


class Reader(HTMLParser):
    """Reads a page: its elements, with attributes, in a tree that must close as it opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def harmless(text: str) -> Reader:
    """The page, held against what every report has to be."""
    assert len(text.encode()) < 1_000_000
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\u200e\u200f]", text)
    read = Reader(text)
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "image", "use"}
    for tag, attributes in read.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not {"src", "srcset", "xlink:href", "action"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(a["content"] for t, a in read.tags if t == "meta" and a.get("http-equiv"))
    assert (policy or "").startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "url(" not in text
    drawn = [(tag, attributes) for tag, attributes in read.tags if tag == "svg"]
    assert all(attributes.get("role") == "img" for _, attributes in drawn)
    assert text.count("<desc>") == len(drawn)
    assert len(re.findall("<svg[^>]*><title>[^<]+</title><desc>[^<]+</desc>", text)) == len(drawn)
    assert text.count("<table>") == text.count("<caption>")
    headings = [int(tag[1]) for tag, _ in read.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in zip([0, *headings], headings, strict=False))
    return read
