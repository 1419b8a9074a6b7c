"""Paging that neither loses nor doubles what stays put while others come and go."""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import fault
from kravkoll.standins.records import Record, Row
from kravkoll.standins.resources import SORT_KEYS

NONCE = 12

type Cursor = Sequence[Any]
"""Where the next page starts: the sort value and the place of the last row sent."""
type Slice = tuple[Sequence[Row], Cursor | None]


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by; without a field, by the order of arrival alone."""

    field: str = ""
    descending: bool = False

    def value(self, record: Record) -> str:
        """The sort value; what is missing sorts first."""
        return " ".join(_dotted(record, path) for path in self.field.split())

    def sorted(self, rows: Sequence[Row]) -> Sequence[Row]:
        """By value, and by place among equals."""
        by_place = sorted(rows, key=lambda row: row.place)
        return sorted(by_place, key=lambda row: self.value(row.record), reverse=self.descending)

    def cursor(self, row: Row) -> Cursor:
        return (self.value(row.record), row.place)

    def follows(self, row: Row, cursor: Cursor) -> bool:
        """Whether a row comes after the cursor, wherever the cursor's own row has gone."""
        value, (last, place) = self.value(row.record), cursor
        if value == last:
            return bool(row.place > place)
        return bool(value < last if self.descending else value > last)


def order_of(resource: str, sort_key: str | None) -> Order:
    return Order(*SORT_KEYS[resource][sort_key]) if sort_key else Order()


def page(rows: Sequence[Row], order: Order, cursor: Cursor | None, limit: int) -> Slice:
    """The rows after the cursor, at most `limit`, and the cursor of the next page if there is one."""
    waiting = [row for row in order.sorted(rows) if cursor is None or order.follows(row, cursor)]
    taken = waiting[:limit]
    return taken, order.cursor(taken[-1]) if len(waiting) > limit else None


@fault("api.paging.offset", replaces=page)
def page_by_offset(rows: Sequence[Row], order: Order, cursor: Cursor | None, limit: int) -> Slice:
    start = cursor[0] if cursor else 0
    end = start + limit
    return order.sorted(rows)[start:end], (end,) if len(rows) > end else None


@fault("api.paging.doubles", replaces=page)
def page_from_the_last_row(rows: Sequence[Row], order: Order, cursor: Cursor | None, limit: int) -> Slice:
    taken, following = page(rows, order, cursor, limit)
    if following is not None and len(taken) > 1:  # a page of one would never come to an end
        following = order.cursor(taken[-2])
    return taken, following


class PageTokens:
    """Opaque tokens that carry their query; encrypted, since a query may hold a personal number."""

    def __init__(self) -> None:
        self._cipher = AESGCM(AESGCM.generate_key(128))

    def seal(self, query: Mapping[str, Any], cursor: Cursor) -> str:
        nonce = secrets.token_bytes(NONCE)
        sealed = self._cipher.encrypt(nonce, orjson.dumps([query, list(cursor)]), None)
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, token: str) -> tuple[dict[str, Any], Cursor]:
        """The query and the cursor; 400 for a token that was not given here."""
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            query, cursor = orjson.loads(self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], None))
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise _unknown_token() from error
        return query, cursor


def _unknown_token() -> ApiError:
    return ApiError(400, "pageToken.unknown", "pageToken was not given by this list")


def _dotted(record: Record, path: str) -> str:
    value: Any = record
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return str(value)
