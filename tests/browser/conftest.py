"""A real browser, and finished runs for it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from kgalign.config import as_config
from kgalign.run import start
from tests.review.served import Served

COUNTRIES = Path(__file__).parents[2] / "examples" / "countries"
Open = Callable[..., Page]
"""Opens a page of a served review under a name; more goes to the browser: colours, width."""

expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser that `make test-browser` names."""
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Pages, each with what it did wrong; nothing it does may be wrong, or leave this machine."""
    faults: list[str] = []
    with ExitStack() as closing:

        def open_one(served: Served, by: str | None = "Ada", **options: object) -> Page:
            context = browser.new_context(**options)
            closing.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.append(said.text) if _is_fault(said.text) else None)
            page.on("request", lambda asked: faults.append(asked.url) if _leaves(asked.url) else None)
            page.goto(served.address)
            if by is not None:
                page.get_by_label("A name or an ORCID").fill(by)
                page.keyboard.press("Enter")
                expect(page.locator("#progress")).not_to_be_empty()
            return page

        yield open_one
    assert faults == []


def _is_fault(text: str) -> bool:
    """What a browser says when a page breaks its policy; that a server was killed is meant."""
    return bool(re.search("Content Security Policy|Trusted|Uncaught|Refused to", text))


def _leaves(url: str) -> bool:
    return not re.match(r"http://127\.0\.0\.1:\d+/|data:", url)


@pytest.fixture(scope="session")
def countries_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the example, not to be changed."""
    out = tmp_path_factory.mktemp("countries") / "run"
    config = as_config(COUNTRIES / "config.toml")
    start.run(COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", out, config)
    return out


@pytest.fixture
def countries(countries_made: Path, tmp_path: Path) -> Path:
    """A copy of it for the test."""
    return Path(shutil.copytree(countries_made, tmp_path / "run"))
