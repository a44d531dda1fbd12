"""What the page shows beside its questions, in a real browser: learning, the estimate, groups, disputes."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from kgalign.config import as_config
from kgalign.decisions import FILE, Verdict, read_all, standing
from kgalign.run import start
from kgalign.run.finished import Finished
from tests.browser.conftest import Open
from tests.review.served import serving

SLOW = 120_000


def faults(page: Page) -> list[tuple[str, str]]:
    """What keeps people out, and whether something has to be scrolled sideways."""
    page.wait_for_timeout(200)
    found = [(each["id"], each["nodes"][0]["html"]) for each in Axe().run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([("wide", str(wide))] if wide > 0 else [])


def ready(page: Page) -> None:
    expect(page.locator("body")).not_to_have_attribute("aria-busy", "true")


def choose(page: Page, queue: str) -> None:
    page.get_by_label("Queue").select_option(queue)
    expect(page.locator("#said")).to_contain_text("Queue:")
    ready(page)


def looks() -> Iterator[tuple[str, int]]:
    for scheme in ("light", "dark"):
        for width in (1200, 390):
            yield scheme, width


def test_the_run_learns_while_somebody_goes_on(countries: Path, open_page: Open) -> None:
    finished = Finished(countries)
    left, right = int(finished.alignment.left[0]), int(finished.alignment.right[0])
    wrong = {
        "left": finished.left.entity_iri[left].as_py(),
        "right": finished.right.entity_iri[right].as_py(),
        "verdict": "different",
    }
    with serving(countries) as served:
        page, other = open_page(served), open_page(served, "Grace")
        served.ask("answer", wrong)
        page.get_by_role("button", name="Learn now").press("Enter")
        expect(page.locator("#learning")).to_contain_text("The run learns")
        expect(page.get_by_role("button", name="Learn now")).to_be_disabled()
        assert faults(page) == []
        for _ in range(3):
            before = page.locator("#about").inner_text()
            page.keyboard.press("0")
            expect(page.locator("#about")).not_to_have_text(before)
        expect(page.locator("#learning")).to_contain_text("Learned: links +", timeout=SLOW)
        page.get_by_role("button", name="What changed").press("Enter")
        name = finished.left.entity_name[left].as_py()
        expect(page.locator("#learned")).to_contain_text(name)
        assert faults(page) == []
        page.keyboard.press("Escape")
        other.keyboard.press("0")
        expect(other.locator("#learning")).to_contain_text("Learned: links +", timeout=SLOW)
        page.keyboard.press("0")
        ready(page)
        expect(page.locator("#progress")).to_contain_text("4 answered by you")
    kept = standing(read_all(countries / FILE)).said
    assert [each.verdict for each in kept].count(Verdict.NOTHING) == 5, "nobody lost anything"


def test_a_learning_that_fails_is_told_and_the_page_goes_on(countries: Path, open_page: Open) -> None:
    with serving(countries) as served:
        page = open_page(served)
        page.keyboard.press("0")
        ready(page)
        (countries / "stages" / "retrieve").rename(countries / "elsewhere")
        page.get_by_role("button", name="Learn now").click()
        expect(page.locator("#learning")).to_contain_text("isn't finished", timeout=SLOW)
        assert faults(page) == []
        before = page.locator("#about").inner_text()
        page.keyboard.press("0")
        expect(page.locator("#about")).not_to_have_text(before)
        (countries / "elsewhere").rename(countries / "stages" / "retrieve")
        page.get_by_role("button", name="Learn now").click()
        expect(page.locator("#learning")).to_contain_text("Learned:", timeout=SLOW)


@pytest.mark.parametrize(("scheme", "width"), list(looks()))
def test_the_estimate_has_a_queue_and_says_how_far_it_is(
    countries: Path, open_page: Open, scheme: str, width: int
) -> None:
    with serving(countries) as served:
        page = open_page(served, color_scheme=scheme, viewport={"width": width, "height": 800})
        choose(page, "estimate")
        expect(page.locator("#looked")).to_contain_text("after 0 looks")
        expect(page.get_by_role("button", name="Filter")).to_be_disabled()
        assert "0." not in page.locator("main").inner_text().split("May be the same as")[0]
        for number in range(1, 4):
            page.keyboard.press("0" if number == 2 else "u")
            expect(page.locator("#looked")).to_contain_text(f"after {number} look")
        assert faults(page) == []
        page.keyboard.press("z")
        expect(page.locator("#looked")).to_contain_text("after 2 looks")
        page.get_by_role("button", name="Estimate").press("Enter")
        expect(page.locator("#estimate")).to_contain_text("Not certified")
        assert faults(page) == []
        page.keyboard.press("Escape")
        choose(page, "doubt")
        expect(page.locator("#looked")).to_be_hidden()
        expect(page.get_by_role("button", name="Filter")).to_be_enabled()


@pytest.fixture(scope="session")
def shops_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which each left thing is there twice on the right, and one more is in doubt."""
    folder = tmp_path_factory.mktemp("shops")
    for side, copies in (("left", 1), ("right", 2)):
        space = f"http://{side}.example/"
        rows = [
            f'<{space}{n}-{copy}> <{space}name> "Thing {n * 7919} <b>of</b> {n * n}" .\n'
            for n in range(30)
            for copy in range(copies)
        ]
        (folder / f"{side}.nt").write_text("".join(rows), encoding="utf8")
    config = as_config({"assign": {"cardinality": "many-to-many"}})
    start.run(folder / "left.nt", folder / "right.nt", folder / "run", config)
    return folder / "run"


@pytest.mark.parametrize(("scheme", "width"), list(looks()))
def test_a_link_of_a_group_is_cut_by_keys_alone(
    shops_made: Path, tmp_path: Path, open_page: Open, scheme: str, width: int
) -> None:
    import shutil

    run = Path(shutil.copytree(shops_made, tmp_path / "run"))
    with serving(run, "--random", "0.9") as served:
        page = open_page(served, color_scheme=scheme, viewport={"width": width, "height": 800})
        choose(page, "estimate")
        assert page.locator("#group svg").count() == 0, "what the run links is hidden until it is asked for"
        page.keyboard.press("g")
        links = page.locator("#group .network button")
        expect(links).to_have_count(2)
        assert page.locator("#group svg circle").count() == 3
        assert page.locator("#group b").count() == 0, "names are text"
        assert "<b>of</b>" in str(links.first.get_attribute("aria-label"))
        assert faults(page) == []
        links.first.focus()
        expect(page.locator("#group .caption")).to_contain_text(" — ")
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("are different")
        expect(links.first).to_be_disabled()
        expect(links.nth(1)).to_be_focused()
        assert faults(page) == []
        [made] = read_all(run / FILE)
        assert (made.verdict, made.blind) == (Verdict.DIFFERENT, False)
        page.keyboard.press("z")
        expect(page.locator("#said")).to_contain_text("Undone")
    assert standing(read_all(run / FILE)).said == ()


def test_who_disagrees_is_asked_again_with_the_words_of_both(countries: Path, open_page: Open) -> None:
    with serving(countries, "--overlap", "1") as served:
        ada, grace = open_page(served), open_page(served, "Grace")
        ada.keyboard.press("c")
        ada.get_by_label("Goes with the next answer").fill("the <b>same</b> coast")
        ada.keyboard.press("Tab")
        ada.keyboard.press("Enter")
        ada.keyboard.press("1")
        grace.keyboard.press("0")
        ready(ada)
        ready(grace)
        choose(grace, "disagreements")
        expect(grace.locator("#end")).to_have_text("Nobody disagrees with you")
        choose(ada, "disagreements")
        expect(ada.locator("#words")).to_contain_text("Grace: nothing")
        expect(ada.locator("#words")).to_contain_text("the <b>same</b> coast")
        assert faults(ada) == []
        ada.keyboard.press("n")
        ready(ada)
        ada.keyboard.press("0")
        expect(ada.locator("#end")).to_be_visible()
    last = {each.verdict for each in standing(read_all(countries / FILE)).said}
    assert Verdict.SAME not in last


def test_a_server_that_is_killed_while_it_learns_leaves_the_page_as_it_is(
    countries: Path, open_page: Open
) -> None:
    with serving(countries) as served:
        page = open_page(served)
        page.keyboard.press("0")
        ready(page)
        page.get_by_role("button", name="Learn now").click()
        expect(page.locator("#learning")).to_contain_text("The run learns")
        asked = page.locator("#about").inner_text()
        served.stop(signal.SIGKILL)
        expect(page.locator("#fault")).to_contain_text("does not answer")
        assert page.locator("#about").inner_text() == asked
    assert len(read_all(countries / FILE)) == 1
