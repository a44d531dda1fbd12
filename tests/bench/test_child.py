import subprocess
import sys

from bench import child


def test_measures_a_process() -> None:
    cost = child.run([sys.executable, "-c", "import time; block = b'x' * 200_000_000; time.sleep(0.1)"])
    assert cost.status == 0
    assert cost.seconds >= 0.1
    assert cost.cpu_seconds > 0
    assert cost.peak_bytes >= 200_000_000


def _peak_of(script: str) -> int:
    """Bytes that a script holds with all that it starts, measured by a process that holds little itself."""
    words = f"from bench import child; print(child.run([{sys.executable!r}, '-c', {script!r}]).peak_bytes)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_counts_what_a_process_starts() -> None:
    block = "import time; block = b'x' * 100_000_000; time.sleep(0.5)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {block!r}]); {block}"
    assert 100_000_000 <= _peak_of(script) < 200_000_000, "one after the other"
    begun = f"import subprocess, sys; other = subprocess.Popen([sys.executable, '-c', {block!r}])"
    assert _peak_of(f"{begun}; {block}; other.wait()") >= 200_000_000


def test_keeps_the_exit_code_and_the_last_line_of_a_failure() -> None:
    script = "import sys; print('noise'); print('first\\nlast', file=sys.stderr); sys.exit(3)"
    cost = child.run([sys.executable, "-c", script])
    assert (cost.status, cost.error) == (3, "last")


def test_a_signal_is_a_negative_status() -> None:
    assert child.run([sys.executable, "-c", "import os; os.abort()"]).status < 0
