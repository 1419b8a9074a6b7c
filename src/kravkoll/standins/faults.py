"""Named defects: each is a function that takes the place of one honest function, in one instance only."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

FAULTS: dict[str, dict[Callable[..., Any], Callable[..., Any]]] = {}
"""Fault id -> what it replaces -> with what. Complete once `kravkoll.standins` is imported."""

SILENT: set[str] = set()
"""Faults under which there is nothing to be seen, and so no finding to expect."""


@dataclass(frozen=True)
class UnknownFault(Exception):
    """Asked for a defect that nobody wrote."""

    name: str

    def __str__(self) -> str:
        near = difflib.get_close_matches(self.name, FAULTS, n=3)
        return f"no fault {self.name!r}" + (f"; did you mean {' or '.join(map(repr, near))}?" if near else "")


def fault[*Given, R](
    name: str, *, replaces: Callable[[*Given], R], silent: bool = False
) -> Callable[[Callable[[*Given], R]], Callable[[*Given], R]]:
    """Register the decorated function as what stands in for `replaces` under that fault.

    `silent`: no check may say no, since nothing can be seen; it has no card, and tests hold it instead.
    """

    def register(replacement: Callable[[*Given], R]) -> Callable[[*Given], R]:
        if replacement is replaces:
            raise ValueError(f"fault {name!r} replaces {replaces.__name__} by itself")
        FAULTS.setdefault(name, {})[replaces] = replacement
        if silent:
            SILENT.add(name)
        return replacement

    return register


class Behaviour:
    """How one instance behaves: `behave(page)(...)` is `page`, or what its fault put in the place of it."""

    __slots__ = ("_replaced", "fault")

    def __init__(self, name: str | None = None) -> None:
        if name is not None and name not in FAULTS:
            raise UnknownFault(name)
        self.fault = name
        self._replaced = FAULTS[name] if name else {}

    def __call__[*Given, R](self, honest: Callable[[*Given], R]) -> Callable[[*Given], R]:
        return cast("Callable[[*Given], R]", self._replaced.get(honest, honest))
