"""Files of a run folder that are damaged: one bit, a piece cut off, all of it gone, other bytes."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests import commands
from tests.llm_runs import runs
from tests.torture.tally import Tally, called, unreadable

_RESULTS = (*runs.RESULTS, "fused.ttl")
_HOLDING_NOTHING = (".lock", ".partial")
"""Endings of files that hold nothing."""


def damage(folder: Path, count: int, seed: int) -> Tally:
    """Damage files of a finished run; each is to be noticed, and no damaged file is to be believed.

    :param folder: for what is made.
    :param count: files.
    """
    dice = random.Random(seed)
    tally = Tally("damage")
    pair = runs.doubtful(folder)
    whole = folder / "whole"
    with running(ScriptedSettings()) as server:
        words: list[object] = ["run", pair.left, pair.right, *runs.asking(server.url), "-q"]
        commands.call([*words, "-o", whole])
        expected = runs.results(whole) | {"fused.ttl": (whole / "fused.ttl").read_bytes()}
        names = sorted(
            str(path.relative_to(whole))
            for path in whole.rglob("*")
            if path.is_file() and not path.name.endswith(_HOLDING_NOTHING) and path.stat().st_size
        )
        for number in range(count):
            name = names[number % len(names)]
            out = Path(shutil.copytree(whole, folder / f"damaged {number}"))
            how = _damaged(out / name, dice)
            checked, broken = called(["verify", out])
            noticed = checked.returncode in (1, 2) and Path(name).name in checked.stdout + checked.stderr
            empty = not noticed and _same_rows(whole / name, out / name)
            if not noticed and not empty:
                broken.append(f"not noticed, exit code {checked.returncode}")
            done, wrong = called([*words, "-o", out, "--check"])
            broken += wrong
            if done.returncode not in (0, 2):
                broken.append(f"exit code {done.returncode}")
            if not done.returncode:
                now = {each: (out / each).read_bytes() for each in _RESULTS}
                broken += [f"other contents of {each}" for each in _RESULTS if now[each] != expected[each]]
                broken += unreadable(out)
            told = "noticed and made again" if not done.returncode else "noticed and refused"
            if not noticed:
                told = "in bytes of a database that hold nothing" if empty else "not noticed"
            tally.add(f"{name}, {how}", told, broken)
            shutil.rmtree(out)
    return tally


def _same_rows(whole: Path, damaged: Path) -> bool:
    """Whether both are databases with the same rows: pages have room in which nothing lies."""
    try:
        return whole.suffix == ".sqlite" and list(_rows(whole)) == list(_rows(damaged))
    except sqlite3.DatabaseError:
        return False


def _rows(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    try:
        yield from connection.iterdump()
    finally:
        connection.close()


def _damaged(path: Path, dice: random.Random) -> str:
    """Damage a file; how, in words."""
    data = bytearray(path.read_bytes())
    how = dice.choice(("a bit", "a bit", "cut off", "emptied", "other bytes"))
    place = dice.randrange(len(data))
    if how == "a bit":
        data[place] ^= 1 << dice.randrange(8)
    elif how == "cut off":
        del data[place:]
    elif how == "emptied":
        data.clear()
    else:
        data[place : place + 512] = dice.randbytes(min(512, len(data) - place))
    path.write_bytes(data)
    return f"{how} at {place:,}"
