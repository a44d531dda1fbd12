"""The page and what it asks of its server: all of it JSON, behind the guard."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kgalign.decisions import Decision, Relation, Verdict
from kgalign.errors import InputError, KgalignError
from kgalign.explain import PairExplanation
from kgalign.review.agreement import agreement
from kgalign.review.guard import App, Guard
from kgalign.review.questions import Filter, Question, Queue, Turn
from kgalign.review.record import Row, Shown, path_name
from kgalign.review.session import Review
from kgalign.review.told import estimate_lines, group_told, learning_told

Body = Mapping[str, Any]
_STATIC = {"aside.js": "text/javascript", "review.js": "text/javascript", "review.css": "text/css"}


def application(review: Review, *, port: int, token: str, by: str = "") -> App:
    """The guarded page of a review.

    :param port: at which it will be served.
    :param token: without which nothing is told.
    :param by: the name that the page begins with; empty to ask for it.
    """
    page = _page(review.path, by)
    routes = [
        Route("/", page),
        Route("/static/{name}", _static),
        *(
            Route(f"/api/{name}", _endpoint(review, answer), methods=["POST"])
            for name, answer in _ANSWERS.items()
        ),
    ]
    return Guard(Starlette(routes=routes), port=port, token=token)


def _page(run: Path, by: str) -> Callable[[Request], Any]:
    environment = Environment(
        loader=PackageLoader("kgalign.review"), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("page.html")

    async def page(request: Request) -> Response:
        text = template.render(run=run.resolve().name, by=by, nonce=request.scope["nonce"])
        return HTMLResponse(text)

    return page


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        return Response("not found\n", 404)
    text = (files("kgalign.review") / "static" / name).read_text(encoding="utf8")
    return Response(text, media_type=_STATIC[name])


def _endpoint(review: Review, answer: Callable[[Review, Body], Any]) -> Callable[[Request], Any]:
    """Requests are answered one after the other, in the order in which they come: the work is short."""

    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ClientDisconnect:
            return Response(status_code=413)
        except (ValueError, RecursionError):
            return JSONResponse({"error": "That is no JSON"}, 400)
        if not isinstance(body, dict):
            return JSONResponse({"error": "That is no object"}, 400)
        try:
            review.catch_up()
            found = answer(review, body)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 400)
        except KgalignError as error:
            return JSONResponse({"error": str(error)}, 500)
        return JSONResponse(found)

    return endpoint


def _begin(review: Review, body: Body) -> object:
    return {**review.opened.choices(), "votes": review.opened.has_votes, **_next(review, body)}


def _next(review: Review, body: Body) -> dict[str, object]:
    told = body.get("filter") or {}
    if not isinstance(told, dict):
        raise InputError("A filter is an object")
    queue = _queue(told)
    wanted = Filter(_text(told, "type"), _text(told, "property"), told.get("against") is True, queue)
    turn = _turn(review.turn(_text(body, "by"), wanted))
    looked = {"estimate": estimate_lines(review.estimate())} if queue is Queue.ESTIMATE else {}
    return {**turn, **looked, "learning": learning_told(review.catch_up())}


def _queue(body: Body) -> Queue:
    try:
        return Queue(_text(body, "queue") or Queue.DOUBT)
    except ValueError as error:
        raise InputError(f"{error}") from error


def _answer(review: Review, body: Body) -> object:
    try:
        verdict, relation = Verdict(_text(body, "verdict")), Relation(_text(body, "relation") or "exact")
    except ValueError as error:
        raise InputError(f"{error}") from error
    made, done = review.answer(
        _text(body, "by"),
        _text(body, "left"),
        _text(body, "right"),
        verdict,
        relation=relation,
        why=_text(body, "why"),
        queue=_queue(body),
    )
    return {"done": done, "probability": made.probability, "blind": made.blind, "id": made.id}


def _skip(review: Review, body: Body) -> object:
    review.skip(_text(body, "by"), _text(body, "left"))
    return {}


def _again(review: Review, body: Body) -> object:
    review.ask_again(_text(body, "by"))
    return {}


def _undo(review: Review, body: Body) -> object:
    by = _text(body, "by")
    iri = review.undo(by)
    return {"undone": iri, "question": _question(review.beside(by, iri, "")) if iri else None}


def _evidence(review: Review, body: Body) -> object:
    found = review.see(_text(body, "by"), _text(body, "left"), _text(body, "right"))
    return {"evidence": None if found is None else _explained(found)}


def _votes(review: Review, body: Body) -> object:
    found = review.see_votes(_text(body, "by"), _text(body, "left"))
    return {"votes": [asdict(each) for each in found]}


def _search(review: Review, body: Body) -> object:
    found = review.search(_text(body, "text"))
    return {"found": [{"iri": iri, "name": name} for _, name, iri in found]}


def _beside(review: Review, body: Body) -> object:
    return _question(
        review.beside(_text(body, "by"), _text(body, "left"), _text(body, "right"), _queue(body))
    )


def _estimate(review: Review, _: Body) -> object:
    return {"lines": estimate_lines(review.estimate())}


def _group(review: Review, body: Body) -> object:
    by, left = _text(body, "by"), _text(body, "left")
    found = review.see_group(by, left)
    return {"group": None if found is None else group_told(review, by, found)}


def _learn(review: Review, _: Body) -> object:
    review.learn()
    return learning_told(review.catch_up())


def _learning(review: Review, _: Body) -> object:
    return learning_told(review.catch_up())


def _agreement(review: Review, _: Body) -> object:
    found = agreement(review.answers.everything())
    return {
        "pairs": [asdict(each) for each in found.pairs],
        "disagreements": [[_said(each) for each in several] for several in found.disagreements],
    }


_ANSWERS: dict[str, Callable[[Review, Body], Any]] = {
    "begin": _begin,
    "next": _next,
    "answer": _answer,
    "skip": _skip,
    "again": _again,
    "undo": _undo,
    "evidence": _evidence,
    "votes": _votes,
    "search": _search,
    "beside": _beside,
    "agreement": _agreement,
    "estimate": _estimate,
    "group": _group,
    "learn": _learn,
    "learning": _learning,
}


def _text(body: Body, name: str) -> str:
    found = body.get(name, "")
    if not isinstance(found, str):
        raise InputError(f"{name} is no text")
    return found


def _turn(turn: Turn) -> dict[str, object]:
    return {
        "question": None if turn.question is None else _question(turn.question),
        "left": turn.left,
        "answered": turn.answered,
        "skipped": turn.skipped,
        "waiting": turn.waiting,
    }


def _question(question: Question) -> dict[str, object]:
    """What the page shows; of probabilities it holds none."""
    return {
        "iri": question.iri,
        "name": question.name,
        "type": path_name([question.type]) if question.type else "",
        "candidates": [
            {
                "iri": each.iri,
                "name": each.name,
                "type": path_name([each.type]) if each.type else "",
                "said": each.said,
                "rows": [_row(row) for row in each.rows],
            }
            for each in question.candidates
        ],
        "words": [asdict(each) for each in question.words],
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "left": {"name": path_name(row.left), "iri": " ".join(row.left)},
        "right": {"name": path_name(row.right), "iri": " ".join(row.right)},
        "leftValues": [_value(each) for each in row.left_values],
        "rightValues": [_value(each) for each in row.right_values],
        "note": row.note,
    }


def _value(shown: Shown) -> dict[str, object]:
    value = shown.value
    return {
        "pieces": shown.pieces,
        "language": value.language.partition("--")[0],
        "datatype": value.datatype,
        "iri": value.iri,
        "same": shown.same,
    }


def _explained(found: PairExplanation) -> dict[str, object]:
    return {
        "probability": found.probability,
        "headline": list(found.headline()),
        "lines": [list(each.cells()) for each in found.lines],
        "neighbours": [str(each) for each in found.neighbours],
        "forModels": [str(each) for each in found.for_models],
    }


def _said(each: Decision) -> dict[str, object]:
    return {"left": each.left, "right": each.right, "verdict": str(each.verdict), "by": each.by}
