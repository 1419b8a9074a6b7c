"""Which account each test person has in a supplier's system: a list to fill in, and the filled list read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from kravkoll.cast.company import Cast
from kravkoll.cast.people import Person, Role
from kravkoll.cast.selection import Selected
from kravkoll.record.personal_numbers import NotATestNumber, guard

PURPOSES = Path(__file__).with_name("purposes.yaml")
LOGS_IN = frozenset({Role.CHILD, Role.GUARDIAN, Role.CONTACT, Role.STAFF})


@cache
def purposes() -> Mapping[str, Mapping[str, str]]:
    """Who each test person is and what they are for, by language."""
    written: Mapping[str, Mapping[str, str]] = yaml.safe_load(PURPOSES.read_text(encoding="utf-8"))
    return written


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One test person of the list."""

    persona: str
    purpose: str
    name: str


def listed(cast: Cast, selected: Selected, language: str) -> tuple[AccountLine, ...]:
    """The named test people among the records that a system is to hold."""
    held = {str(record["id"]) for record in selected.get("persons", ())}
    people: Iterable[Person] = (p for p in cast.people.values() if p.id in held and p.role in LOGS_IN)
    return tuple(AccountLine(p.persona, purposes()[p.persona][language], p.display_name) for p in people)


def filled(rows: Iterable[tuple[int, str, str]], known: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Person to user name from (row, person, user name), and what is wrong; rows without name are left."""
    accounts: dict[str, str] = {}
    faults: list[str] = []
    for row, persona, user in rows:
        if not user:
            continue
        faults += list(_faults(row, persona, user, accounts, set(known)))
        accounts[persona] = user
    return accounts, faults


def _faults(row: int, persona: str, user: str, accounts: Mapping[str, str], known: set[str]) -> Iterator[str]:
    if persona not in known:
        yield f"row {row}: {persona!r} is none of the test people; keep the first column as it was handed out"
    if persona in accounts:
        yield f"row {row}: {persona!r} stands twice; remove one"
    elif user in accounts.values():
        yield f"row {row}: the user name stands with another test person already; give each one of their own"
    try:
        guard(user)
    except NotATestNumber:
        yield f"row {row}: the user name holds a personal number that may be a real person's; use another"
