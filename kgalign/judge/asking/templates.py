"""The prompts: text files that people can read, replace and add to.

A template is a header, an empty line and two parts::

    name: select-1
    version: 1
    kind: select
    phrasing: plain

    [system]
    What all questions share: the task, the rules, the form of the answer.

    [user]
    {record}

    Options
    {options}

    Which option is the same thing as the record? Choose one of: {labels}.

``name`` is the file's name; ``version`` goes up with every change, since votes are known by it; ``phrasing``
says in a few words how this one asks. Fields stand in the part ``[user]`` alone, so that the part
``[system]`` is the same in all questions and a server reads it once: ``{record}``, the record that asks,
and after it ``{options}``, each on a line of its own, and ``{labels}``, the words that may be chosen.
The paragraph of ``[system]`` that begins "Answer with one JSON object" describes the form of
the answer; where a label is answered alone it is left out.
``{{word}}`` is a ``{word}`` that is no field. What is put in is not looked at again: braces in a value
stay what they are.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from kgalign.errors import KgalignError
from kgalign.rdf.text import shorten
from kgalign.records.votes import QuestionKind

FIELDS = ("record", "options", "labels")
"""What is put into a template, in this order of first use."""
KEYS = ("name", "version", "kind", "phrasing")
_LONGEST = 40_000
"""Most characters of a template."""
_ANSWER = "\n\nAnswer with one JSON object"
"""What the last paragraph of the part ``[system]`` begins with, which describes the form of the answer."""
_LABEL_ALONE = "\n\nAnswer with the label alone and nothing else."
_NAME = re.compile(r"(select|verify)-[1-9][0-9]?")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_FIELD = re.compile(r"\{(\{[^{}\n]*\})\}|\{([^{}\"\n]*\w[^{}\"\n]*)\}")
"""``{{literal}}`` and ``{field}``; the braces of JSON have a quote or nothing in them."""
_PART = re.compile(r"^\[(\w+)\][ \t]*$", re.MULTILINE)
_LIKE_RECORD = re.compile(r"^\w+: \{.*", re.MULTILINE)
_ALLOWED = "Allowed fields: " + ", ".join(f"{{{field}}}" for field in FIELDS)


@dataclass(frozen=True, slots=True)
class Template:
    """One way to ask a question of one kind."""

    name: str
    version: int
    kind: QuestionKind
    phrasing: str
    system: str
    """The first message, as it is sent."""
    pieces: tuple[str, ...]
    """The second message in pieces: text and the name of a field in turn, text first and last."""
    sha256: str
    """Of the whole file's text."""

    @property
    def brief(self) -> str:
        """The first message where the answer is a label alone: without what it says of the answer's form."""
        return self.system.partition(_ANSWER)[0] + _LABEL_ALONE

    @property
    def label(self) -> str:
        """Name and version, as votes record them: ``select-1@1``."""
        return f"{self.name}@{self.version}"

    @property
    def fixed(self) -> str:
        """All of the second message but the fields."""
        return "".join(self.pieces[::2])

    def fill(self, fields: Mapping[str, str]) -> str:
        """The second message. Each field is put in once; what is in it is not looked at."""
        texts = list(self.pieces)
        texts[1::2] = [fields[name] for name in self.pieces[1::2]]
        return "".join(texts)


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of a run, those of each kind in the order of their numbers; none of them is empty."""

    select: tuple[Template, ...]
    verify: tuple[Template, ...]

    def of(self, kind: QuestionKind) -> tuple[Template, ...]:
        """The templates of one kind."""
        return self.select if kind is QuestionKind.SELECT else self.verify

    @property
    def digest(self) -> str:
        """SHA-256 over all templates, for what depends on every one of them."""
        lines = [f"{each.name} {each.sha256}\n" for each in (*self.select, *self.verify)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_templates(folder: Path | None = None) -> Templates:
    """The package's templates, with those of a folder in place of them, file by file.

    A file of the folder whose number the package does not use, such as ``select-4.txt``, is a further
    phrasing. Files that do not end in ``.txt`` are left alone.

    :raises KgalignError: the folder can't be read or holds no template; a template has an unknown name, a
        broken header, an unknown field, or lacks a field.
    """
    texts = {each.name: each.read_text("utf8") for each in sorted(_package(), key=lambda each: each.name)}
    sources = dict.fromkeys(texts, "The package's template ")
    if folder is not None:
        own = _read_folder(folder)
        texts.update(own)
        sources.update(dict.fromkeys(own, f"Template {shorten(str(folder))}/"))
    read = [parse_template(text, name, f"{sources[name]}{name}") for name, text in texts.items()]
    read.sort(key=lambda each: int(each.name.partition("-")[2]))
    return Templates(
        select=tuple(each for each in read if each.kind is QuestionKind.SELECT),
        verify=tuple(each for each in read if each.kind is QuestionKind.VERIFY),
    )


def _package() -> list[Path]:
    """The files of the package; an installed package is a folder, not an archive."""
    return list(Path(str(files("kgalign.judge.asking"))).joinpath("prompts").glob("*.txt"))


def _read_folder(folder: Path) -> dict[str, str]:
    """Name → text of the templates in a user's folder."""
    texts: dict[str, str] = {}
    shown = shorten(str(folder))
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix == ".txt":
                # An encoding with a signature reads texts without one, too.
                texts[path.name] = path.read_text("utf-8-sig")
    except OSError as error:
        raise KgalignError(
            f"The folder of templates {shown} can't be read: {error.strerror or error}",
            "Give votes.templates a folder with files such as select-1.txt",
        ) from error
    except UnicodeDecodeError as error:
        raise KgalignError(
            f"A template in {shown} is not UTF-8 text: {shorten(path.name)}", "Save it as UTF-8"
        ) from error
    if not texts:
        raise KgalignError(
            f"The folder of templates {shown} holds none",
            "Put files such as select-1.txt or verify-1.txt there, or leave votes.templates out",
        )
    return texts


def parse_template(text: str, filename: str, source: str = "Template") -> Template:
    """Read and check one template.

    :param text: what the file holds.
    :param filename: such as ``select-1.txt``; the header's name must be the same.
    :param source: what the file is called in messages.
    :raises KgalignError: it can't be used; the message names the file, the field and what is allowed.
    """
    if len(text) > _LONGEST:
        raise KgalignError(f"{source} has more than {_LONGEST} characters", "Shorten it")
    text = text.replace("\r\n", "\n").lstrip("\n")
    head, _, body = text.partition("\n\n")
    header = _header(head, filename.removesuffix(".txt"), source)
    system, user = _parts(body, source)
    shared = _pieces(system, source)
    if len(shared) > 1:
        raise KgalignError(
            f"{source} has the field {{{shared[1]}}} in its part [system], which all questions share",
            "Move it to the part [user]; only there are fields allowed",
        )
    pieces = _pieces(user, source)
    _check_layout(pieces, source)
    return Template(
        name=header["name"],
        version=int(header["version"]),
        kind=QuestionKind(header["kind"]),
        phrasing=header["phrasing"],
        system=shared[0],
        pieces=pieces,
        sha256=hashlib.sha256(text.encode("utf8", "surrogatepass")).hexdigest(),
    )


def _header(head: str, stem: str, source: str) -> dict[str, str]:
    """The header's keys and values, each there and each of an allowed form."""
    header: dict[str, str] = {}
    for line in head.split("\n"):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if line.startswith("#"):
            continue
        if not colon or key not in KEYS or key in header or not value:
            raise KgalignError(
                f"{source} has a broken header at the line '{shorten(line, 60)}'",
                f"It needs one line each, such as version: 1, for {', '.join(KEYS)}, then an empty line",
            )
        header[key] = value
    if missing := [key for key in KEYS if key not in header]:
        raise KgalignError(
            f"{source} lacks {', '.join(missing)} in its header", f"It must have {', '.join(KEYS)}"
        )
    if not _NAME.fullmatch(stem):
        raise KgalignError(
            f"{source} has a name that no template has",
            "Call it select-N.txt or verify-N.txt, N from 1 to 99",
        )
    wanted = {"name": stem, "kind": stem.partition("-")[0]}
    if wrong := [key for key, value in wanted.items() if header[key] != value]:
        raise KgalignError(
            f"{source} has the {wrong[0]} '{shorten(header[wrong[0]], 60)}' in its header",
            f"In a file of this name it must be '{wanted[wrong[0]]}'",
        )
    if not _VERSION.fullmatch(header["version"]):
        raise KgalignError(
            f"{source} has the version '{shorten(header['version'], 60)}'", "It must be a number from 1 up"
        )
    return header


def _parts(body: str, source: str) -> tuple[str, str]:
    """The texts of the parts [system] and [user]."""
    split = _PART.split(body)
    names, texts = split[1::2], [text.strip("\n") for text in split[2::2]]
    if split[0].strip() or names != ["system", "user"] or not all(text.strip() for text in texts):
        raise KgalignError(
            f"{source} does not consist of a part [system] and a part [user] after its header",
            "Begin each with its name in brackets on a line of its own, and leave neither empty",
        )
    return texts[0], texts[1]


def _pieces(text: str, source: str) -> tuple[str, ...]:
    """Text and names of fields in turn."""
    pieces, end = [""], 0
    for match in _FIELD.finditer(text):
        pieces[-1] += text[end : match.start()]
        end = match.end()
        literal, field = match.groups()
        if literal:
            pieces[-1] += literal
        elif field in FIELDS:
            pieces += [field, ""]
        else:
            raise KgalignError(
                f"{source} has the unknown field {{{shorten(field, 60)}}}",
                f"{_ALLOWED}; words that are to stay in braces are written in double braces",
            )
    pieces[-1] += text[end:]
    return tuple(pieces)


def _check_layout(pieces: tuple[str, ...], source: str) -> None:
    """Records are whole lines, in a fixed order: what reads a question relies on it."""
    used = pieces[1::2]
    if missing := [f"{{{field}}}" for field in FIELDS if field not in used]:
        raise KgalignError(f"{source} lacks the field {', '.join(missing)}", f"{_ALLOWED}; each is needed")
    records = [each for each in used if each != "labels"]
    own_line = all(
        (before.endswith("\n") or (not before and number == 0))
        and (after.startswith("\n") or (not after and number == len(used) - 1))
        for number, (before, field, after) in enumerate(zip(pieces[:-1:2], used, pieces[2::2], strict=True))
        if field != "labels"
    )
    if records != ["record", "options"] or not own_line:
        raise KgalignError(
            f"{source} must hold {{record}} and then {{options}}, each once and on a line of its own",
            _ALLOWED,
        )
    if match := _LIKE_RECORD.search("".join(pieces[::2])):
        raise KgalignError(
            f"{source} has a line in its part [user] that reads like a record: '{shorten(match[0], 60)}'",
            "Move examples to the part [system]",
        )
