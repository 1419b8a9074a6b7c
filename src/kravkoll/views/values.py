"""Values that came from a subject, as text that cannot hide, move or break anything."""

import json
import re
import unicodedata

TRICKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters: terminal sequences, forbidden in XML
    "\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or turning text
    "\ud800-\udfff\ufffe\uffff]"  # lone surrogates and noncharacters: forbidden in UTF-8 and XML
)
LONGEST = 4000
"""Characters of one value that a report shows; the record holds the whole."""


def visible(text: str) -> str:
    """The text with every character that could hide, move or break something written as an escape."""
    return text if text.isprintable() else TRICKS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shown(value: object) -> str:
    """A JSON value as a person reads it: plain text as it is, a list of plain values with commas."""
    if isinstance(value, str):
        return visible(value) if value else '""'
    if isinstance(value, list | tuple) and value and all(_plain(item) for item in value):
        return visible(", ".join(shown(item) for item in value))
    return visible(json.dumps(value, ensure_ascii=False, indent=2 if _deep(value) else None, default=str))


def cut(text: str, ending: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and the sentence that says so; never within a combined character."""
    if len(text) <= longest:
        return text
    end = longest
    while end > longest - 32 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end] + ending


def _plain(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= 80)


def _deep(value: object) -> bool:
    return isinstance(value, dict | list | tuple) and len(json.dumps(value, default=str)) > 60
