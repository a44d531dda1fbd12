"""Who may talk to the page's server: the page, and nobody else."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.run_folders import CARBON, KOHLENSTOFF
from tests.review.served import Served, serving

HEADERS: dict[str, tuple[dict[str, str | None], int]] = {
    "another site": ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
    "another site without Sec-Fetch": ({"origin": "https://evil.example", "sec-fetch-site": None}, 403),
    "another local port": ({"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"}, 403),
    "another local port, no origin": ({"origin": None, "sec-fetch-site": "same-site"}, 403),
    "typed into the address bar": ({"origin": None, "sec-fetch-site": "none"}, 403),
    "a page of no origin": ({"origin": "null"}, 403),
    "the other name of ours as origin": ({"origin": "http://localhost:{port}"}, 403),
    "DNS rebinding": ({"host": "evil.example", "origin": "http://evil.example"}, 421),
    "DNS rebinding with the port": ({"host": "evil.example:{port}", "origin": None}, 421),
    "no port": ({"host": "127.0.0.1", "origin": None}, 421),
    "no host": ({"host": "", "origin": None}, 421),
    "no token": ({"x-kgalign-token": None}, 401),
    "another token": ({"x-kgalign-token": "0" * 32}, 401),
    "a token that is no ASCII": ({"x-kgalign-token": "\xe9"}, 401),
    "a form": ({"content-type": "application/x-www-form-urlencoded"}, 415),
    "plain text": ({"content-type": "text/plain"}, 415),
    "no content type": ({"content-type": None}, 415),
    "too long": ({"content-length": str(2**30)}, 413),
    "a length that is none": ({"content-length": "-1"}, 411),
}


@pytest.fixture(scope="module")
def served(elements_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    copy = shutil.copytree(elements_made, tmp_path_factory.mktemp("guarded") / "run")
    with serving(copy) as up:
        yield up


@pytest.mark.parametrize("name", HEADERS)
def test_what_is_not_the_page_is_refused(served: Served, name: str) -> None:
    told, status = HEADERS[name]
    headers = {key: None if value is None else value.format(port=served.port) for key, value in told.items()}
    body = json.dumps({"by": "Ada"})
    refused = served.request("POST", "/api/next", body, headers)
    # A length that can't be read is refused by what parses HTTP.
    assert refused[0] in ({status, 400} if status == 411 else {status}), refused
    assert "question" not in refused[2]


def test_the_page_itself_is_let_in(served: Served) -> None:
    assert served.ask("next")["question"]["candidates"]
    by_name = {"host": f"localhost:{served.port}", "origin": f"http://localhost:{served.port}"}
    status, _, text = served.request("POST", "/api/next", json.dumps({"by": "Ada"}), by_name)
    assert status == 200
    assert json.loads(text)["question"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_but_post_asks(served: Served, method: str) -> None:
    status, headers, _ = served.request(method, "/api/next")
    assert status == 405
    assert not [name for name in headers if name.startswith("access-control")]


def test_the_page_tells_nothing_and_may_do_nothing_else(served: Served) -> None:
    arriving = {"origin": None, "sec-fetch-site": "none", "x-kgalign-token": None, "content-type": None}
    status, headers, text = served.request("GET", "/", headers=arriving)
    assert status == 200
    assert served.token not in text, "it is in the address alone, behind #"
    assert "Carbon" not in text
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert text.count(f'nonce="{nonce}"') == 3
    assert "http://" not in text
    assert "https://" not in text
    again = served.request("GET", "/", headers=arriving)[1]["content-security-policy"]
    assert again != policy, "a nonce is used once"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "set-cookie" not in headers


def test_no_other_page_may_load_its_parts(served: Served) -> None:
    for site in ("cross-site", "same-site"):
        refused = served.request("GET", "/static/review.js", headers={"sec-fetch-site": site, "origin": None})
        assert refused[0] == 403
    status, headers, _ = served.request("GET", "/static/review.js", headers={"origin": None})
    assert (status, headers["cross-origin-resource-policy"]) == (200, "same-origin")


@pytest.mark.parametrize(
    "path", ["/static/..%2fapp.py", "/static/../app.py", "/static/%2e%2e/app.py", "/run.json"]
)
def test_no_other_file_is_given(served: Served, path: str) -> None:
    assert served.request("GET", path)[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"by": 1}',
        '{"by": "a\\nb"}',
        json.dumps({"by": "x" * 201}),
        '{"filter": 3}',
        '{"filter": {"type": "http://nowhere.example/"}}',
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(served: Served, body: str) -> None:
    status, _, text = served.request("POST", "/api/next", body)
    assert status == 400
    assert json.loads(text)["error"]
    assert served.ask("next")["question"], "and the server goes on"


@pytest.mark.parametrize(
    "content",
    [
        {"left": "http://nowhere.example/", "right": "", "verdict": "nothing"},
        {"left": "", "right": "", "verdict": "nothing"},
        {"left": CARBON, "right": "", "verdict": "same"},
        {"left": CARBON, "right": "http://nowhere.example/", "verdict": "same"},
        {"left": CARBON, "right": KOHLENSTOFF, "verdict": "maybe"},
        {"left": CARBON, "right": KOHLENSTOFF, "verdict": "same", "relation": "x"},
        {"left": CARBON, "right": "", "verdict": "nothing", "why": "x" * 10_001},
    ],
)
def test_an_answer_that_makes_no_sense_is_not_kept(served: Served, content: dict[str, str]) -> None:
    before = served.ask("agreement"), served.ask("next")["answered"]
    assert served.request("POST", "/api/answer", json.dumps({"by": "Ada", **content}))[0] == 400
    assert (served.ask("agreement"), served.ask("next")["answered"]) == before
