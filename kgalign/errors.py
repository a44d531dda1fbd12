"""The errors that a user can mend.

Each says what happened, where, and what to do; the command line shows them in one line and
exits with 2. The tree::

    KgalignError
    ├── InputError      a file, graph or link that can't be used as it is
    ├── ConfigError     a key or value of the configuration, all faults at once
    ├── RunError        a run folder: other inputs, another version, not writable
    └── MissingExtra    a part that is not installed
"""


class KgalignError(Exception):
    """What happened, where, and what to do about it.

    :param message: what happened and where, one sentence without a full stop.
    :param remedy: what to do, one sentence without a full stop.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}." if self.remedy else f"{self.message}."


class InputError(KgalignError):
    """An input file, graph or link can't be used as it is."""


class ConfigError(KgalignError):
    """The configuration has unknown keys or wrong values; ``faults`` lists them all."""

    def __init__(self, faults: list[str], source: str = "the configuration") -> None:
        self.faults = faults
        listed = "; ".join(faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{source} has {count}: {listed}", "Correct this and run again")


class RunError(KgalignError):
    """A run folder can't be used: it belongs to other inputs, or can't be written."""


class MissingExtra(KgalignError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}'", f"Install it: pip install 'kgalign[{extra}]'")
