"""Walks JSON text and masks by the names of fields; layout, order and double keys stay as they were."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from kravkoll.record import personal_numbers
from kravkoll.record.masks import NUMBER
from kravkoll.record.sensitive_fields import (
    COOKIE_ATTRIBUTES,
    HOLDS_THE_VALUE,
    MARKS_A_PERSON,
    PEOPLE,
    SECRET_HEADERS,
    TIMES,
    Kind,
    kind_of,
    plain,
)

LEXEME = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+|\s+')

type MaskField = Callable[[Kind, str, str], str]


@dataclass(slots=True)
class _Frame:
    """An object or array that is open."""

    is_object: bool
    kind: Kind | None = None
    """What the field that holds it is about."""
    holds_people: bool = False
    key: str = ""
    awaits_key: bool = True
    named: str = ""
    """In `{name: Cookie, value: ..}` and `[Cookie, ..]`: the name."""
    is_person: bool = False
    names: list[tuple[int, str, str]] = field(default_factory=list)
    """Places of names, to be masked if the object turns out to be a person."""


def mask_fields(text: str, redact: Callable[[list[str]], list[str]], mask: MaskField) -> str:
    """Redact all strings with `redact`, then mask the values of sensitive fields with `mask`."""
    lexemes = LEXEME.findall(text)
    places = [place for place, lexeme in enumerate(lexemes) if lexeme[0] == '"']
    before = [_read(lexemes[place]) for place in places]
    for place, old, new in zip(places, before, redact(before), strict=True):
        if old != new:
            lexemes[place] = _write(new)
    _Walk(lexemes, mask).walk()
    return "".join(lexemes)


class _Walk:
    def __init__(self, lexemes: list[str], mask: MaskField) -> None:
        self._lexemes = lexemes
        self._mask = mask
        self._frames = [_Frame(is_object=False)]

    def walk(self) -> None:
        for place, lexeme in enumerate(self._lexemes):
            first = lexeme[0]
            if first in "{[":
                self._open(first == "{")
            elif first in "}]":
                self._close()
            elif first == ",":
                self._frames[-1].awaits_key = True
            elif first == ":":
                self._frames[-1].awaits_key = False
            elif first == '"':
                self._string(place, lexeme)
            elif first.isdigit() or first == "-":
                self._number(place, lexeme)

    def _open(self, is_object: bool) -> None:
        kind, holder = self._kind(), self._frames[-1]
        people = plain(holder.key) in PEOPLE if holder.is_object else holder.holds_people
        # a secret that is an object is a schema or a list of settings, not a secret
        inherited = kind if kind in {Kind.PERSONAL, Kind.COOKIE} else None
        self._frames.append(_Frame(is_object, inherited, people, "" if is_object else holder.key))

    def _close(self) -> None:
        if len(self._frames) == 1:
            return
        frame = self._frames.pop()
        if frame.is_person or frame.holds_people:
            for place, key, value in frame.names:
                self._put(place, Kind.PERSONAL, key, value)

    def _string(self, place: int, lexeme: str) -> None:
        frame = self._frames[-1]
        value = _read(lexeme)
        if frame.is_object and frame.awaits_key:
            frame.key = value
            frame.is_person |= plain(value) in MARKS_A_PERSON
            return
        kind = self._kind()
        if kind is Kind.NAME:
            frame.names.append((place, frame.key, value))
        elif kind:
            self._put(place, kind, frame.named or frame.key, value)
        if self._names_the_next(frame, value):
            frame.named = value

    @staticmethod
    def _names_the_next(frame: _Frame, value: str) -> bool:
        """A list is a header with its value only where it begins with such a name."""
        if frame.is_object:
            return plain(frame.key) == "name" and kind_of(value) is not None
        return not frame.named and plain(value) in SECRET_HEADERS

    def _number(self, place: int, lexeme: str) -> None:
        frame = self._frames[-1]
        if self._kind() is Kind.PERSONAL:
            self._put(place, Kind.PERSONAL, frame.key, lexeme)
        elif plain(frame.key) not in TIMES and any(
            not n.is_test_number for n in personal_numbers.find(lexeme)
        ):
            self._lexemes[place] = _write(NUMBER)

    def _put(self, place: int, kind: Kind, key: str, value: str) -> None:
        masked = self._mask(kind, key, value)
        if masked != value:
            self._lexemes[place] = _write(masked)

    def _kind(self) -> Kind | None:
        """What the value that comes next is about."""
        frame = self._frames[-1]
        if not frame.is_object:
            return kind_of(frame.named) if frame.named else frame.kind
        name = plain(frame.key)
        if frame.named and name == "value":
            return kind_of(frame.named)
        if frame.kind is Kind.COOKIE and name not in COOKIE_ATTRIBUTES:
            return frame.kind
        if frame.kind and name in HOLDS_THE_VALUE:
            return frame.kind
        return kind_of(frame.key)


def _read(lexeme: str) -> str:
    if "\\" not in lexeme:
        return lexeme[1:-1]
    text: str = json.loads(lexeme, strict=False)
    return text


def _write(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
