"""Votes as RDF: the vocabulary of ``ontologies/kgalign.ttl``, with PROV-O underneath.

Nothing that a graph or a model said becomes markup: texts are literals, and the name of an entity becomes an
IRI only if it is a valid one. What else names an entity (a blank node, a text that IRIs can't be, a term of
our own vocabulary) gets an IRI made from it, and ``kg:identifier`` has the name as a literal. Entities of the
graphs are objects only: nothing is said of them that a graph could have said. A lone surrogate, which UTF-8
has no bytes for, becomes U+FFFD.

The IRIs of our own nodes are UUIDs made from their contents (RFC 9562, version 5), and their parts fragments
of these: the same ledger gives the same IRIs.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import IO

import pyoxigraph as ox

from kgalign.ledger.keys import digest
from kgalign.ledger.stance import Side, left_of, sides, stance
from kgalign.records.votes import NONE, Decision, Judging, Question, QuestionKind, Status, Vote

KG = "https://w3id.org/kgalign#"
PROV = "http://www.w3.org/ns/prov#"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = {"kg": KG, "prov": PROV, "xsd": XSD}

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, KG)
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_INTEGER, _DOUBLE, _TIME = (ox.NamedNode(XSD + name) for name in ("integer", "double", "dateTime"))
STATUS = {
    Status.OK: "Ok",
    Status.NOT_OFFERED: "NotOffered",
    Status.INVENTED: "Invented",
    Status.CUT_OFF: "CutOff",
    Status.UNREADABLE: "Unreadable",
    Status.FAILED: "Unanswered",
}
"""Names of the statuses in the vocabulary, where ``Failed`` is an outcome."""
_KIND = {QuestionKind.SELECT: "SelectQuestion", QuestionKind.VERIFY: "VerifyQuestion"}

Value = ox.NamedNode | ox.Literal
About = list[tuple[str, object]]
"""What is said of a node: predicates as CURIEs, and their values, nodes or what becomes a literal."""


def write(triples: Iterable[ox.Triple], file: IO[bytes]) -> None:
    """Write triples as Turtle, one by one, in their order."""
    ox.serialize(triples, file, format=ox.RdfFormat.TURTLE, prefixes=PREFIXES)


def judging_triples(
    judging: Judging, decisions: Iterable[Decision], votes: Iterable[Vote]
) -> Iterator[ox.Triple]:
    """All that is on record of one judging: itself, its decisions, its votes."""
    node, agent = judging_node(judging.name), _model_node(judging.model, judging.adapter)
    about: About = [
        ("kg:name", judging.name),
        ("kg:settings", judging.settings),
        ("prov:startedAtTime", _time(judging.begun_at)),
        ("prov:wasAssociatedWith", agent),
    ]
    yield from _described(node, ("kg:Judging", "prov:Activity"), about)
    yield from _model(judging.model, judging.adapter)
    decided: set[bytes] = set()
    for decision in decisions:
        decided.add(_case_mark(decision.case))
        yield from _decision(decision)
    templates: set[tuple[str, str]] = set()
    for vote in votes:
        template = vote.question.template, vote.question.template_hash
        if template not in templates:
            templates.add(template)
            yield from _template(node, agent, *template)
        yield from _vote(vote)
        if vote.answer.status is Status.OK and _case_mark(vote.question.case) in decided:
            made = decision_node(vote.judging, vote.question.case)
            yield ox.Triple(made, _name("prov:wasDerivedFrom"), vote_node(vote))


def judging_node(name: str) -> ox.NamedNode:
    """The IRI of a judging."""
    return _node("judging", name)


def decision_node(judging: str, case: str) -> ox.NamedNode:
    """The IRI of the decision on a case."""
    return _node("decision", judging, case)


def vote_node(vote: Vote) -> ox.NamedNode:
    """The IRI of a vote: a question that failed and was asked again is another vote."""
    question = vote.question
    return _node("vote", vote.judging, question.case, question.number, vote.key, vote.asked_at)


def entity_node(iri: str, side: Side) -> ox.NamedNode:
    """What stands for an entity: its own IRI if that is a valid one, otherwise one made from its name.

    Blank nodes of the two graphs may be called the same and are not the same.
    """
    if iri == NONE:
        return _name("kg:NoneOfThem")
    return _own_iri(iri) or _node("entity", side, iri)


def question_node(question: Question, key: str) -> ox.NamedNode:
    """The IRI of a question, the same in every judging that asked it."""
    parts = question.case, question.number, question.kind, question.direction, question.view, question.asker
    return _node("question", *parts, list(question.options), key)


def _vote(vote: Vote) -> Iterator[ox.Triple]:
    node, question = vote_node(vote), question_node(vote.question, vote.key)
    answer, (_, options) = vote.answer, sides(vote.question)
    about: About = [
        ("kg:key", vote.key),
        ("kg:case", entity_node(left_of(vote.question.case), "left")),
        ("kg:question", question),
        ("prov:wasGeneratedBy", judging_node(vote.judging)),
        ("prov:wasAttributedTo", _model_node(vote.model, vote.adapter)),
        ("prov:generatedAtTime", _time(vote.asked_at)),
        ("kg:status", _name(f"kg:{STATUS[answer.status]}")),
        ("kg:place", answer.place),
    ]
    if answer.choice is not None:
        about.append(("kg:choice", entity_node(answer.choice, options)))
    if (said := stance(vote)) is not None:
        about.append(("kg:speaksFor", entity_node(said.speaks_for, "right")))
        about += [("kg:speaksAgainst", entity_node(each, "right")) for each in said.speaks_against]
    about += [
        ("kg:reason", answer.reason),
        *_plain(vote, "reply finish prompt_tokens completion_tokens cached_tokens seconds attempts"),
        *_plain(vote.sampling, "temperature top_p max_tokens seed logprobs"),
    ]
    citations: list[About] = [
        [("kg:value", each.value), ("kg:found", each.found)] for each in answer.citations
    ]
    estimates = _estimates((*vote.question.options, NONE), options, answer.probabilities or ())
    about += _links(node, "kg:citation", citations) + _links(node, "kg:estimate", estimates)
    yield from _described(node, ("kg:Vote", "prov:Entity"), about)
    yield from _parts(node, "kg:citation", "kg:Citation", citations)
    yield from _parts(node, "kg:estimate", "kg:Estimate", estimates)
    yield from _question(question, vote.question)
    yield from _identified((answer.choice or NONE,), options)


def _question(node: ox.NamedNode, question: Question) -> Iterator[ox.Triple]:
    left, (asker, options) = left_of(question.case), sides(question)
    about: About = [
        ("kg:case", entity_node(left, "left")),
        ("kg:number", question.number),
        ("kg:direction", question.direction.value),
        ("kg:view", question.view.value),
        ("kg:asker", entity_node(question.asker, asker)),
        ("kg:template", _node("template", question.template, question.template_hash)),
        ("kg:shortened", question.shortened),
        *(("kg:shows", value) for value in dict.fromkeys(question.values)),
    ]
    shown: list[About] = [
        [
            ("kg:place", place if iri != NONE else 0),
            ("kg:entity", entity_node(iri, options)),
            ("kg:label", label),
        ]
        for place, (iri, label) in enumerate(zip((*question.options, NONE), question.labels, strict=False), 1)
    ]
    messages: list[About] = [
        [("kg:place", place), ("kg:role", each.role), ("kg:content", each.content)]
        for place, each in enumerate(question.messages, 1)
    ]
    about += _links(node, "kg:option", shown) + _links(node, "kg:message", messages)
    yield from _described(node, ("kg:Question", f"kg:{_KIND[question.kind]}", "prov:Entity"), about)
    yield from _parts(node, "kg:option", "kg:Option", shown)
    yield from _parts(node, "kg:message", "kg:Message", messages)
    yield from _identified((left,), "left")
    yield from _identified((question.asker,), asker)
    yield from _identified(question.options, options)


def _decision(decision: Decision) -> Iterator[ox.Triple]:
    node, left = decision_node(decision.judging, decision.case), left_of(decision.case)
    about: About = [
        ("kg:case", entity_node(left, "left")),
        ("prov:wasGeneratedBy", judging_node(decision.judging)),
        ("kg:outcome", _name(f"kg:{decision.outcome.title().replace('_', '')}")),
        ("kg:choice", entity_node(decision.chosen, "right")),
        ("kg:probability", decision.probability),
        ("kg:evidenceChoice", entity_node(decision.evidence_choice, "right")),
        ("kg:evidenceProbability", decision.evidence_probability),
        *_plain(decision, "asked counted most stopped"),
    ]
    estimates = _estimates((NONE, *decision.options), "right", decision.probabilities, ranked=True)
    about += _links(node, "kg:estimate", estimates)
    yield from _described(node, ("kg:Decision", "prov:Entity"), about)
    yield from _parts(node, "kg:estimate", "kg:Estimate", estimates)
    yield from _identified((left,), "left")
    yield from _identified((decision.chosen, decision.evidence_choice, *decision.options), "right")


def _estimates(
    order: Sequence[str], side: Side, probabilities: Sequence[float], *, ranked: bool = False
) -> list[About]:
    """The probability of each entity; where ``ranked`` they stand best first, after none of them."""
    found: list[About] = []
    for number, (iri, probability) in enumerate(zip(order, probabilities, strict=False)):
        about: About = [("kg:entity", entity_node(iri, side)), ("kg:probability", probability)]
        if ranked and iri != NONE:
            about.append(("kg:rank", number))
        found.append(about)
    return found


def _model(model: str, adapter: str) -> Iterator[ox.Triple]:
    about: About = [("kg:name", model)]
    if adapter:
        about.append(("kg:adapter", adapter))
    yield from _described(_model_node(model, adapter), ("kg:Model", "prov:SoftwareAgent"), about)


def _template(judging: ox.NamedNode, agent: ox.NamedNode, name: str, sha256: str) -> Iterator[ox.Triple]:
    """A template, and that the judging's model asked by it."""
    node = _node("template", name, sha256)
    about: About = [("kg:name", name), ("kg:sha256", sha256)]
    yield from _described(node, ("kg:Template", "prov:Plan"), about)
    association = ox.NamedNode(f"{judging.value}#by-{node.value.rpartition(':')[2]}")
    yield ox.Triple(judging, _name("prov:qualifiedAssociation"), association)
    yield from _described(association, ("prov:Association",), [("prov:agent", agent), ("prov:hadPlan", node)])


def _identified(iris: Iterable[str], side: Side) -> Iterator[ox.Triple]:
    """The names, as literals, of the entities among these whose name is no IRI."""
    for iri in dict.fromkeys(iris):
        if iri != NONE and _own_iri(iri) is None:
            yield from _described(entity_node(iri, side), ("kg:Entity",), [("kg:identifier", iri)])


def _described(node: ox.NamedNode, types: Sequence[str], about: About) -> Iterator[ox.Triple]:
    for each in types:
        yield ox.Triple(node, _TYPE, _name(each))
    for predicate, value in about:
        yield ox.Triple(node, _name(predicate), _value(value))


def _links(node: ox.NamedNode, predicate: str, parts: Sequence[object]) -> About:
    """What leads from a node to its parts, which are named by fragments of its IRI."""
    return [(predicate, _part(node, predicate, number)) for number in range(len(parts))]


def _parts(node: ox.NamedNode, predicate: str, kind: str, parts: Sequence[About]) -> Iterator[ox.Triple]:
    for number, about in enumerate(parts):
        yield from _described(_part(node, predicate, number), (kind,), about)


def _part(node: ox.NamedNode, predicate: str, number: int) -> ox.NamedNode:
    return ox.NamedNode(f"{node.value}#{predicate.rpartition(':')[2]}-{number + 1}")


@lru_cache(maxsize=256)
def _name(curie: str) -> ox.NamedNode:
    prefix, _, local = curie.partition(":")
    return ox.NamedNode(PREFIXES[prefix] + local)


def _node(*parts: object) -> ox.NamedNode:
    return ox.NamedNode(f"urn:uuid:{uuid.uuid5(_SPACE, digest(parts))}")


def _model_node(model: str, adapter: str) -> ox.NamedNode:
    return _node("model", model, adapter)


@lru_cache(maxsize=1024)
def _own_iri(iri: str) -> ox.NamedNode | None:
    """The IRI as a term; None where it is none, or one that would be taken for a term of ours."""
    if iri.startswith(KG):
        return None
    try:
        return ox.NamedNode(iri)
    except ValueError:
        return None


def _case_mark(case: str) -> bytes:
    """A case in 16 bytes: all of them are held in memory while a judging is written."""
    return bytes.fromhex(digest(case))[:16]


def _plain(record: object, names: str) -> About:
    """Fields of a record, each under the term of its name: ``top_p`` is ``kg:topP``."""
    words = ((name, name.split("_")) for name in names.split())
    return [
        (f"kg:{first}{''.join(map(str.title, rest))}", getattr(record, name))
        for name, (first, *rest) in words
    ]


def _value(value: object) -> Value:
    """What a plain value is written as; nodes and literals as they are."""
    if isinstance(value, Value):
        return value
    if isinstance(value, bool):
        return ox.Literal(value)
    if isinstance(value, int):
        return ox.Literal(str(value), datatype=_INTEGER)
    if isinstance(value, float):
        return ox.Literal(repr(value), datatype=_DOUBLE)
    return ox.Literal(storable(str(value)))


def _time(value: str) -> ox.Literal:
    return ox.Literal(value, datatype=_TIME)


def storable(text: str) -> str:
    """A text that has bytes in UTF-8: lone surrogates become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
