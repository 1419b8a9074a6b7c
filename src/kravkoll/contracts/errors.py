"""What is wrong with a workspace, told so that a person can mend it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a workspace file: where, what, and the likely fix."""

    file: str
    line: int
    key: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{place}:{key} {self.message}{fix}"


class ConfigurationError(Exception):
    """The workspace, the environment or the command line is wrong: exit code 4."""

    def __init__(self, message: str = "", *, faults: Iterable[Fault] = ()) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__(message or "\n".join(str(fault) for fault in self.faults))


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` where something close is known, else what may be chosen."""
    choices = sorted(set(known))
    cutoff = 0.6 if len(word) < 6 else 0.75  # ids of one kind are alike by themselves
    close = difflib.get_close_matches(word, choices, n=1, cutoff=cutoff)
    if close:
        return f"did you mean {close[0]!r}?"
    if 0 < len(choices) <= 12:
        return f"known: {', '.join(choices)}"
    return ""
