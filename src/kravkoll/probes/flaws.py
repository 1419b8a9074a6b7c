"""What is wrong with a file that was to be read: noted beside what could be read all the same."""

import re
from dataclasses import dataclass
from typing import Literal

type Kind = Literal["encoding", "truncated", "layout", "unsafe", "schema", "unpublished"]

CONTINUED = bytes(range(0x80, 0xC0))
"""Second bytes of UTF-8's Swedish letters, as one-byte encodings show them after the letter that 0xC3 is."""
GARBLED = re.compile(
    "[\x80-\x9f\ufffd]|\u00c3["
    + re.escape(CONTINUED.decode("iso-8859-1") + CONTINUED.decode("cp1252", errors="ignore"))
    + "]"
)
"""Control characters where letters of another code page stood, a sign that replaces what could not be read,
and UTF-8 that was taken for a one-byte encoding."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong: where, and what. `line` is 0 where it is the whole file."""

    kind: Kind
    file: str
    line: int = 0
    detail: str = ""


def garbled(text: str, file: str, first_line: int = 1) -> list[Flaw]:
    """Letters that an encoding has spoiled: one flaw for the file, with the first place and how many."""
    found = list(GARBLED.finditer(text))
    if not found:
        return []
    at = found[0].start()
    shown = text[max(0, at - 12) : at + 14].replace("\n", " ").strip()
    line = first_line + text.count("\n", 0, at)
    return [Flaw("encoding", file, line, f"{len(found)} garbled letters, such as {shown!r}")]
