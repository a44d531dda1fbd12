"""The page in a real browser: a whole session by keys, what is hidden, who reads along, what is refused."""

import re
import signal
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from kgalign.decisions import FILE, Relation, Verdict, read_all, standing
from kgalign.run import start
from tests.browser.conftest import Open
from tests.review.served import serving

SAID = "#said"


def press(page: Page, key: str) -> None:
    """Press a key and wait until what it does is done."""
    before = page.locator(SAID).inner_text()
    page.keyboard.press(key)
    expect(page.locator("body")).not_to_have_attribute("aria-busy", "true")
    if key in "123456789n0usz":
        expect(page.locator(SAID)).not_to_have_text(before)


def asked(page: Page) -> str:
    """IRI of what is asked."""
    return str(page.locator("#about span[dir]").inner_text())


def test_a_whole_session_by_keys(countries: Path, open_page: Open) -> None:
    with serving(countries) as served:
        page = open_page(served)
        first = asked(page)
        press(page, "n")
        expect(page.locator("#candidates li.different")).to_have_count(1)
        expect(page.locator("#candidates [aria-pressed=true]")).to_contain_text("2")
        assert asked(page) == first, "the other candidates are still open"
        press(page, "0")
        second = asked(page)
        assert second != first
        press(page, "c")
        page.get_by_label("Goes with the next answer").fill("other island, n and 0 are no answers here")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        press(page, "r")
        press(page, "1")
        expect(page.locator(SAID)).to_contain_text("The run gave it")
        third = asked(page)
        press(page, "z")
        assert asked(page) == second
        press(page, "u")
        assert asked(page) == third
        while page.locator("#end").count() == 0:
            press(page, "s" if page.locator("#progress").inner_text().startswith("3 ") else "u")
        expect(page.locator("#end")).to_have_text("Nothing is left")
        expect(page.locator("#end")).to_be_focused()
        page.get_by_role("button", name=re.compile("skipped again")).click()
        expect(page.locator("#case")).to_be_visible()
        while page.locator("#end").count() == 0 or page.locator("#case").is_visible():
            press(page, "0")
    said = standing(read_all(countries / FILE)).said
    lefts = {each.left for each in said}
    assert len(lefts) == 45
    assert {each.by for each in said} == {"Ada"}
    undone = [each for each in read_all(countries / FILE) if each.left == second and not each.undoes]
    assert (undone[0].verdict, undone[0].relation) == (Verdict.SAME, Relation.CLOSE)
    assert undone[0].why == "other island, n and 0 are no answers here"
    assert undone[0].blind


def test_nothing_that_was_kept_is_lost_when_the_server_is_killed(countries: Path, open_page: Open) -> None:
    with serving(countries) as served:
        page = open_page(served)
        for _ in range(5):
            press(page, "u")
        pending = asked(page)
        served.stop(signal.SIGKILL)
        page.keyboard.press("u")
        expect(page.locator("#fault")).to_contain_text("this was not kept")
        assert asked(page) == pending
    assert len(read_all(countries / FILE)) == 5
    with serving(countries) as served:
        page = open_page(served)
        assert asked(page) == pending
        expect(page.locator("#progress")).to_contain_text("5 answered by you")
        press(page, "z")
        assert len(standing(read_all(countries / FILE)).said) == 4


def test_two_people_at_once(countries: Path, open_page: Open) -> None:
    with serving(countries, "--overlap", "1") as served:
        ada, grace = open_page(served), open_page(served, "Grace")
        for key in "10u1":
            assert asked(ada) == asked(grace), "where all overlap both are asked the same"
            press(ada, key)
            press(grace, "u" if key == "u" else "1")
        grace.get_by_role("button", name="Agreement").click()
        expect(grace.locator("#agreement")).to_contain_text("Ada and Grace: 3 of 3 the same")
    with serving(countries) as served:
        ada, grace = open_page(served), open_page(served, "Grace")
        assert asked(ada) != asked(grace), "else nobody is asked what lies before another"


def test_what_the_run_thinks_is_hidden_until_it_is_asked_for(countries: Path, open_page: Open) -> None:
    with serving(countries) as served:
        page = open_page(served)
        text = page.locator("main").inner_text().lower()
        assert "probability" not in text
        assert not re.search(r"0\.\d{3}", text)
        page.keyboard.press("e")
        expect(page.locator("#evidence")).to_contain_text("Probability 0.")
        page.keyboard.press("v")
        expect(page.locator("#votes")).to_contain_text("No model was asked")
        press(page, "u")
        expect(page.locator("#evidence")).to_be_hidden()
        press(page, "u")
    first, second = read_all(countries / FILE)
    assert (first.blind, second.blind) == (False, True)
    assert first.source.endswith("evidence seen, votes seen")


def test_who_is_found_by_search_is_a_candidate(countries: Path, open_page: Open) -> None:
    with serving(countries) as served:
        page = open_page(served)
        page.keyboard.press("/")
        page.get_by_label("Name or IRI").fill("luxembourg")
        page.locator("#found button").first.wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#candidates [aria-pressed=true]")).to_contain_text("Luxembourg")
        number = page.locator("#candidates li").count()
        press(page, str(number))
    [made] = read_all(countries / FILE)
    assert made.verdict is Verdict.SAME
    assert made.probability is None or made.probability < 0.5


HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "{{ 7*7 }} ${7*7} </textarea><svg onload=alert(3)>",
    "javascript:alert(4)",
    "مرحبا <b>بالعالم</b>",
)


def test_what_graphs_hold_is_text(tmp_path: Path, open_page: Open) -> None:
    sides = []
    for side, own in (("a", "one"), ("b", "two")):
        space, lines = f"http://{side}.example/", []
        for n, text in enumerate(HOSTILE * 5):
            lines.append(f'<{space}{own}{n}> <{space}name> "{text} {n % 3}" .\n')
            lines.append(f'<{space}{own}{n}> <{space}note> "{"word " * 200}"@en .\n')
            lines.append(f"<{space}{own}{n}> <{space}picture> <https://evil.example/{n}.png> .\n")
        sides.append(tmp_path / f"{side}.nt")
        sides[-1].write_text("".join(lines), encoding="utf8")
    start.run(sides[0], sides[1], tmp_path / "run")
    with serving(tmp_path / "run") as served:
        page = open_page(served)
        seen = ""
        while page.locator("#end").count() == 0:
            seen += page.locator("h1").first.inner_text()
            assert page.locator("main script, main img, main svg, main b").count() == 0
            if "مرحبا" in page.locator("#name").inner_text():
                assert page.locator("#name").evaluate("each => getComputedStyle(each).direction") == "rtl"
            long = page.locator("#records details").first
            assert "characters" in long.inner_text()
            assert not long.evaluate("each => each.open")
            press(page, "u")
        assert "onerror" in seen
    # What it did wrong is looked at by the fixture: no script ran, and nothing was asked for elsewhere.


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_it_can_be_used_without_sight_and_on_a_phone(
    countries: Path, open_page: Open, scheme: str, width: int
) -> None:
    with serving(countries) as served:
        page = open_page(served, color_scheme=scheme, viewport={"width": width, "height": 800})
        states: dict[str, Callable[[], object]] = {
            "question": lambda: press(page, "n"),
            "evidence": lambda: page.keyboard.press("e"),
            "votes": lambda: page.keyboard.press("v"),
            "help": lambda: page.keyboard.press("?"),
        }
        for name, reach in states.items():
            reach()
            page.wait_for_timeout(200)
            found = Axe().run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], name
        page.keyboard.press("Escape")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "nothing has to be scrolled sideways"
        for key in ("/", "c"):
            page.keyboard.press(key)
            assert [each["id"] for each in Axe().run(page).response["violations"]] == []
            page.keyboard.press("Escape")


class _Other(BaseHTTPRequestHandler):
    """A page of another program on this machine."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>other</title>")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


_FETCH = """async ([url, token, type]) => {
  try {
    const headers = type ? {"content-type": type, ...(token ? {"x-kgalign-token": token} : {})} : {};
    const body = type ? JSON.stringify({by: "Eve"}) : undefined;
    const mode = token ? "cors" : "no-cors";
    const answer = await fetch(url, {method: type ? "POST" : "GET", headers, body, mode});
    return answer.type === "opaque" ? "opaque" : await answer.text();
  } catch (error) { return "refused"; }
}"""


def test_a_page_at_another_port_gets_and_does_nothing(countries: Path, browser: Browser) -> None:
    other = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Other))
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        with serving(countries) as served:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{other.server_port}/")
            at = f"http://127.0.0.1:{served.port}"
            question = served.ask("next")["question"]["iri"]
            for url, token, kind in (
                (f"{at}/api/next", served.token, "application/json"),
                (f"{at}/api/next", "", "text/plain"),
                (f"{at}/api/undo", "", "text/plain"),
                (f"{at}/", "", ""),
                (f"{at}/static/review.js", "", ""),
            ):
                assert page.evaluate(_FETCH, [url, token, kind]) in ("refused", "opaque")
            page.set_content(f'<iframe src="{at}/"></iframe><script src="{at}/static/review.js"></script>')
            page.wait_for_timeout(300)
            assert "Who answers" not in page.frames[-1].content()
            assert served.ask("next")["question"]["iri"] == question
            page.close()
    finally:
        other.shutdown()
        other.server_close()
    assert read_all(countries / FILE) == []


def test_without_the_start_address_it_tells_nothing(countries: Path, browser: Browser) -> None:
    with serving(countries) as served:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{served.port}/")
        expect(page.locator("#fault")).to_contain_text("Open the address that the terminal shows")
        assert "Saint" not in page.content()
        page.goto(served.address)
        page.reload()
        assert "token" not in page.url, "it does not stay in the address"
        page.close()
