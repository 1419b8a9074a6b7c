"""What an API gives out under one token: its status, and which data came."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from kravkoll.probes.http import Answer, Visitor, without_query

SHORTEST_TELLING_VALUE = 6
"""Shorter texts, such as codes and words of a status, occur in answers that give nothing out."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One answer of a protected operation, unjudged."""

    operation: str
    status: int
    media_type: str
    challenge: str
    """WWW-Authenticate."""
    redirected_to: str | None
    """Where it leads out of the API, without the query; None if it does not."""
    records: int
    """Objects in lists, at any depth."""
    values: frozenset[str] = field(repr=False)
    """Texts and large numbers of a JSON body that can tell whose data it is."""
    shape: frozenset[str] = field(repr=False)
    """Paths of the JSON members that hold something; `[]` stands for any place of a list."""
    size: int

    def described(self) -> dict[str, object]:
        """For the record: nothing of what was given out."""
        seen: dict[str, object] = {
            "operation": self.operation,
            "status": self.status,
            "media_type": self.media_type,
            "records": self.records,
            "bytes": self.size,
        }
        seen |= {"challenge": self.challenge} if self.challenge else {}
        return seen | ({"redirected_to": self.redirected_to} if self.redirected_to else {})


def ask_with(visitor: Visitor, url: str, token: str | None) -> ApiAnswer:
    """GET a protected operation with a bearer token, or with none; Inconclusive if nothing came back."""
    headers = {"Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return read_answer(visitor.follow("GET", url, headers=headers)[-1])


def read_answer(answer: Answer) -> ApiAnswer:
    document = _json(answer.body)
    leaves = list(_leaves(document, ""))
    address = unquote(answer.url)
    return ApiAnswer(
        operation=f"{answer.method} {without_query(answer.url)}",
        status=answer.status,
        media_type=answer.media_type,
        challenge=answer.headers.get("www-authenticate", ""),
        redirected_to=without_query(answer.location) if answer.location else None,
        records=sum(1 for _ in _records(document)),
        # an error may well repeat the address that was asked for
        values=frozenset(value for _, value in leaves if _telling(value) and value not in address),
        shape=frozenset(path for path, value in leaves if value),
        size=len(answer.body),
    )


def _telling(value: str) -> bool:
    return len(value) >= SHORTEST_TELLING_VALUE


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}")
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member, f"{path}[]")
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)


def _records(value: object) -> Iterator[object]:
    if isinstance(value, list):
        yield from (member for member in value if isinstance(member, dict) and member)
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from _records(member)
