"""Reads what a text means, whatever it is written in, and says where each part stands in the original."""

import re
import zlib
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5

ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});?"
    r"|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\\\(?=[\\ux])"
)
MOST_LAYERS = 5
"""Nobody escapes six times by accident."""

BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
"""The shortest that can hold ten digits is 14 characters, of which two may be an unaligned start."""
WRAPPED_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{40,76}\r?\n)+[A-Za-z0-9+/]{1,76}")
_LARGE = re.compile("[A-Z]")
"""Ids in small hexadecimal digits are no base64."""
_STARTS = re.compile(r"\A|[+/](?=[A-Za-z0-9+/]{16})").finditer
LONGEST_PATH = 200
"""What was deflated can be read from its beginning only: that of the run, or after a slash or hyphen."""
_URL_ALPHABET = str.maketrans("-_", "+/")
_PRINTABLE = bytes((*range(0x20, 0x7F), *b"\t\r\n", *range(0x80, 0x100)))
CONTAINERS = (
    b"PK\x03\x04",
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"7z\xbc\xaf",
    b"\x28\xb5\x2f\xfd",
)
SHORTEST_CUT_OFF = 60
MOST_INFLATED = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layer:
    """A text, and for each piece of it where it begins here, where in the original, and how long it is there.

    A length of 0 marks a piece that stands there letter by letter.
    """

    text: str
    begins: tuple[int, ...] = (0,)
    sources: tuple[tuple[int, int], ...] = ((0, 0),)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text that this layer was read from."""
        return self._source(start)[0], self._source(end - 1)[1]

    def _source(self, place: int) -> tuple[int, int]:
        piece = bisect_right(self.begins, place) - 1
        source, length = self.sources[piece]
        if length:
            return source, source + length
        start = source + place - self.begins[piece]
        return start, start + 1


def layers(text: str) -> Iterator[tuple[str, list[Layer]]]:
    """The text itself, then what it says once its escapes are read, and so on; with the way back."""
    way: list[Layer] = []
    yield text, way
    for _ in range(MOST_LAYERS):
        if not ESCAPE.search(text):
            return
        layer = _unescape(text)
        if layer.text == text:
            return
        text = layer.text
        way = [*way, layer]
        yield text, way


def back(way: list[Layer], start: int, end: int) -> tuple[int, int]:
    """Where a span of the last layer stands in the first text."""
    for layer in reversed(way):
        start, end = layer.origin(start, end)
    return start, end


def decoded(run: str) -> Iterator[bytes]:
    """What a run of base64 or base64url letters may hold, at each alignment, also deflated."""
    letters = run.translate(_URL_ALPHABET)
    if not _LARGE.search(letters):
        return
    for offset in range(4):
        yield _decode(letters[offset:])
    for start in _STARTS(letters[:LONGEST_PATH]):
        yield from _inflated(_decode(letters[start.end() :]))


def is_printable(data: bytes) -> bool:
    """Whether the bytes may be text in an encoding of one byte or UTF-8: no control characters."""
    return not data.translate(None, _PRINTABLE)


def is_readable(data: bytes) -> bool:
    """Whether what it says can be looked through: no archive, picture or document of its own format."""
    controls = len(data.translate(None, _PRINTABLE))
    return not data.startswith(CONTAINERS) and controls * 20 <= len(data)


def readings(data: bytes) -> Iterator[str]:
    """What bytes from within something else may say; UTF-16 may begin at any byte, after a rest of that."""
    yield data.decode("utf-8", "surrogateescape")
    if b"\x00" in data or b"\xff" in data:
        for start in (0, 1):
            yield (data[start:] + b"\x00").decode("utf-16-le", "replace")


def encoding_of(data: bytes) -> str:
    """UTF-16 shows by its mark, or by a zero in most of every other place."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    head = data[:4096]
    if len(head) >= 4:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if odd * 5 > len(head) and odd > 4 * even:
            return "utf-16-le"
        if even * 5 > len(head) and even > 4 * odd:
            return "utf-16-be"
    return "utf-8"


def _decode(letters: str) -> bytes:
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return a2b_base64(whole + "=" * (-len(whole) % 4))


def _inflated(data: bytes) -> Iterator[bytes]:
    for window in (-zlib.MAX_WBITS, zlib.MAX_WBITS | 32):
        stream = zlib.decompressobj(window)
        try:
            inflated = stream.decompress(data, MOST_INFLATED)
            inflated.decode()
        except (zlib.error, UnicodeDecodeError):
            continue
        # a dozen letters can inflate to as many digits by chance, but then do not end where the stream ends
        if stream.eof or len(inflated) > SHORTEST_CUT_OFF:
            yield inflated


def _unescape(text: str) -> Layer:
    written: list[str] = []
    begins: list[int] = []
    sources: list[tuple[int, int]] = []
    at = length = 0
    for escape in ESCAPE.finditer(text):
        for piece, source, size in ((text[at : escape.start()], at, 0), *_read(escape)):
            if piece:
                begins.append(length)
                sources.append((source, size))
                written.append(piece)
                length += len(piece)
        at = escape.end()
    begins.append(length)
    sources.append((at, 0))
    written.append(text[at:])
    return Layer("".join(written), tuple(begins), tuple(sources))


def _read(escape: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """What an escape says, with where it stands and its length in the text."""
    text, start = escape[0], escape.start()
    if text[0] == "%":
        for character in bytes.fromhex(text.replace("%", "")).decode("utf-8", "surrogateescape"):
            size = 3 * len(character.encode("utf-8", "surrogateescape"))
            yield character, start, size
            start += size
        return
    yield _character(text), start, len(text)


def _character(escape: str) -> str:
    if escape[0] == "\\":
        return chr(int(f"0x{escape[2:]}", 0)) if escape[1] != "\\" else "\\"
    name = escape[1:].rstrip(";")
    if name[0] != "#":
        return html5.get(f"{name};", escape)
    code = int(f"0{name[1:]}", 0) if name[1] in "xX" else int(name[1:])
    return chr(code) if 0 < code < 0x110000 else escape
