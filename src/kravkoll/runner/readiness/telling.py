"""A condition in a person's words, from words.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from kravkoll.runner.preflight import MEND
from kravkoll.runner.readiness.condition import Condition, State

SWEDISH = {
    State.READY: "klart",
    State.NOTED: "notera",
    State.NOT_READY: "inte klart",
    State.UNSEEN: "kunde inte se",
}
ENGLISH = {
    State.READY: "ready",
    State.NOTED: "note",
    State.NOT_READY: "not ready",
    State.UNSEEN: "could not see",
}
STATES = {"sv": SWEDISH, "en": ENGLISH}
WHOSE = {
    "sv": {
        "configuration": "er konfiguration",
        "harness": "Kravkoll och dess maskin",
        "network": "nätet",
        "supplier": "leverantörens system",
    },
    "en": MEND,
}
OWNERS = {
    "sv": {
        "configuration": "Den som ansvarar för miljöfilen",
        "harness": "Den som sköter denna maskin",
        "network": "Nätavdelningen",
        "supplier": "Leverantören",
    },
    "en": {
        "configuration": "Whoever owns the environment file",
        "harness": "Whoever looks after this machine",
        "network": "The network department",
        "supplier": "The supplier",
    },
}


@dataclass(frozen=True, slots=True)
class Told:
    """One line: what, how it stands, whose it is, and who does what next (empty where nothing is to do)."""

    code: str
    state: str
    whose: str
    says: str
    owner: str
    does: str


@cache
def words() -> Mapping[str, Any]:
    """Code to its sentences."""
    text = files("kravkoll.runner.readiness").joinpath("words.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def told(condition: Condition, language: str) -> Told:
    """The condition in `sv` or `en`."""
    entry = words()[condition.code]
    sentence = entry.get(str(condition.state)) or entry["says"]
    todo = entry.get("next") if condition.state is not State.READY else None
    return Told(
        code=condition.code,
        state=STATES[language][condition.state],
        whose=WHOSE[language][condition.whose],
        says=sentence[language].format(**condition.facts),
        owner=OWNERS[language][condition.whose] if todo else "",
        does=todo[language].format(**condition.facts) if todo else "",
    )
