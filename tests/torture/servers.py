"""Servers that lie, break off, are slow and like one place: what must hold whatever they do."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

from kgalign.ledger import FILE, Ledger
from kgalign.llm.scripted import CONTENT, TRANSPORT, ScriptedSettings
from kgalign.llm.scripted.server import running
from tests import commands
from tests.llm_runs import runs
from tests.torture.tally import Tally, called, unreadable

_WAYS = ("json", "choice", "auto")


def ask_hostile(folder: Path, count: int, seed: int) -> Tally:
    """Ask servers of every kind, with and without a limit.

    :param folder: for what is made.
    :param count: servers.
    """
    dice = random.Random(seed)
    tally = Tally("servers")
    pair = runs.doubtful(folder)
    evidence = folder / "evidence"
    commands.call(["run", pair.left, pair.right, "-o", evidence, "-q"])
    short = folder / "short.toml"
    short.write_text("[llm]\ntimeout = 3\n", encoding="utf8")
    for number in range(count):
        settings, limit = _drawn(dice), dice.choice((None, dice.randrange(0, 120)))
        way, anyway = dice.choice(_WAYS), dice.random() < 0.5
        out = Path(shutil.copytree(evidence, folder / f"asked {number}"))
        options = ["--judge", "llm", "--answer", way, "--config", short, "-q"]
        options += ["--ask-anyway"] if anyway else []
        options += [] if limit is None else ["--max-calls", limit]
        broken: list[str] = []
        with running(settings) as server:
            url = ("--llm-url", server.url)
            for _ in range(2):  # the second time nothing that was answered is asked again
                done, wrong = called(["run", pair.left, pair.right, "-o", out, *options, *url])
                broken += wrong
            answered, twice = sum(server.answered.values()), runs.answered_again(server)
        name = f"server {number}, {way}, limit {limit}, {_told(settings)}"
        if limit is not None and (kept := _calls(out)) > limit:
            broken.append(f"{kept} answers are kept, {answered} were given")
        if twice:
            broken.append(f"{twice} questions were answered twice")
        if done.returncode not in (0, 2):
            broken.append(f"exit code {done.returncode}")
        if (out / FILE).exists() and commands.call(["votes", "verify", out]).returncode:
            broken.append("its ledger is not sound")
        refused = done.stderr.strip().removeprefix("error: ").partition(". ")[0].partition(":")[0][:90]
        tally.add(name, f"refused: {refused}" if done.returncode else "asked", broken + unreadable(out))
        shutil.rmtree(out)
    return tally


def _drawn(dice: random.Random) -> ScriptedSettings:
    """A server that is bad in a way of its own."""
    settings = ScriptedSettings(
        accuracy=dice.choice((0.0, 0.3, 0.6, 0.9)),
        bias=dice.choice((0.0, 0.0, 0.5, 1.0)),
        hallucination=dice.choice((0.0, 0.0, 0.3, 1.0)),
        insight=dice.choice((0.0, 1.0)),
        seed=dice.randrange(1000),
        silence=4.5,
        structure=dice.random() < 0.8,
        logprobs=dice.random() < 0.8,
        context=dice.choice((32768, 32768, 32768, 2048, 300)),
    )
    faults = {each: dice.uniform(0.0, 0.1) for each in TRANSPORT if dice.random() < 0.4}
    faults |= {each: dice.uniform(0.0, 0.4) for each in CONTENT if dice.random() < 0.3}
    return replace(settings, faults=faults)


def _told(settings: ScriptedSettings) -> str:
    faults = ", ".join(f"{name} {share:.2f}" for name, share in settings.faults.items())
    return (
        f"accuracy {settings.accuracy:g}, bias {settings.bias:g}, hallucination {settings.hallucination:g}, "
        f"structure {settings.structure}, context {settings.context}, seed {settings.seed}, "
        f"{faults or 'no fault'}"
    )


def _calls(out: Path) -> int:
    if not (out / FILE).exists():
        return 0
    with Ledger.open(out / FILE, write=False) as ledger:
        found = ledger.connection.execute("SELECT count(*) FROM call").fetchone()
    return int(found[0])
