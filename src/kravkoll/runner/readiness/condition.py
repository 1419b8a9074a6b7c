"""What a preflight tells: one thing, whether it is ready, and whose it is to mend."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kravkoll.runner.preflight import Whose


class State(StrEnum):
    """Could not see is neither ready nor not ready; a note hinders nothing."""

    READY = "ready"
    NOTED = "noted"
    NOT_READY = "not-ready"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line; `code` has its words in words.yaml, and `facts` are what they are filled with."""

    code: str
    state: State
    whose: Whose
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hinders(self) -> bool:
        return self.state in {State.NOT_READY, State.UNSEEN}


def ready(code: str, whose: Whose, **facts: Any) -> Condition:
    return Condition(code, State.READY, whose, facts)


def noted(code: str, whose: Whose, **facts: Any) -> Condition:
    return Condition(code, State.NOTED, whose, facts)


def not_ready(code: str, whose: Whose, **facts: Any) -> Condition:
    return Condition(code, State.NOT_READY, whose, facts)


def unseen(code: str, whose: Whose, **facts: Any) -> Condition:
    return Condition(code, State.UNSEEN, whose, facts)
