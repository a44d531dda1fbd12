"""A few of the hostile documents of ``python -m tests.torture.documents``."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.hostile import ENDINGS, document


@pytest.mark.slow
def test_hostile_documents_end_with_files_or_a_sentence() -> None:
    command = [sys.executable, "-m", "tests.torture.documents", "--count", "15", "--seed", "7", "--small"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "documents: 15, faults: 0" in done.stdout
    assert "exit 0" in done.stdout
    assert "exit 2" in done.stdout


def test_a_number_is_always_the_same_document() -> None:
    for number in range(20):
        assert document(3, number, small=True) == document(3, number, small=True)
    names = {document(3, number, small=True).name.split(".")[1] for number in range(200)}
    assert names == set(ENDINGS)
