"""Swedish personal numbers: find every form in a text, and let only published test numbers be sent.

What counts as one. A number that we miss is worse than a masked order id, but evidence must stay readable:

- [CC]YYMMDD, a separator or none, and NNNC that passes the Luhn test; coordination numbers (day + 60, month
  and day may be unknown); interim numbers, whose serial begins with a letter, without a check digit.
- Never inside a longer run of digits: a timestamp of 14 digits or an order number of 11 is none.
- With century, letters may stand next to it (`pnr199001012385`): twelve random hexadecimal digits are
  mistaken for one less than once in a million times. Without century and separator only where those ten are
  all the digits of the word, so that hexadecimal and base64 ids survive; never in UUIDs and digests.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from unicodedata import category, decimal

COORDINATION_DAYS = 60
"""Added to the day of birth in a coordination number."""

LINE = 13
"""Bytes in a line of the list: twelve digits and a newline."""

DIGITS = re.compile("[0-9]{6,}|(?<![0-9])(?:[0-9]{4}|[0-9]{2})[-./ ](?=[01][0-9][-./ ])")
"""Where a number can begin: at its date, written in one or as groups of digits."""
NUMBER = re.compile(
    r"""(?P<century>18|19|20)?(?P<year>\d\d)
        (?P<split>[-./ ]?)(?P<month>0\d|1[0-2])(?P=split)(?P<day>[0-36-9]\d)
        (?P<separator>[-+./_\ \t]{0,3})(?P<serial>\d|[A-Za-z])(?P<rest>\d{3})(?!\d)
        (?!:\d\d|[-/.]\d\d[-/.]\d\d)  # else the four digits are the hour or the year of a second date""",
    re.VERBOSE | re.ASCII,
)
INTERIM_LETTERS = frozenset("TRSUWXJKLMN")
OPAQUE = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|(?=\d*[a-fA-F]\d*[a-fA-F])(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{96}|[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32}))"
    r"(?![0-9A-Za-z])"
)
LONGEST_ID = 200
WORD_END = re.compile(r"[0-9A-Za-z]+\Z")
WORD_START = re.compile(r"[0-9A-Za-z]{1,200}")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """Where a number stands in a text. `value` has twelve digits; interim numbers keep their letter."""

    start: int
    end: int
    value: str

    @property
    def is_test_number(self) -> bool:
        """Whether it is on the published list: the only proof that it is nobody's."""
        return _is_published(self.value)


class NotATestNumber(ValueError):
    """A number that is not on the published list was about to be sent; it is not repeated here."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"{place or 'the value'} holds a personal number that is not a published test number: "
            "nothing was sent; take numbers from the cast"
        )


def find(text: str) -> Iterator[PersonalNumber]:
    """Every personal number in plain text; encodings such as `%31` or base64 are the redactor's business."""
    for folded, places in _readings(text):
        done = 0
        for digits in DIGITS.finditer(folded):
            found = NUMBER.match(folded, digits.start()) if digits.start() >= done else None
            if found is None or not _is_number(found) or _is_part_of_id(found):
                continue
            start, done = found.span()
            place = (places[start], places[done - 1] + 1) if places else (start, done)
            yield PersonalNumber(*place, _value(found))


def is_test_number(text: str) -> bool:
    """Whether the text is one number, in any form, that is on the published list."""
    text = text.strip()
    number = next(find(text), None)
    return number is not None and (number.start, number.end) == (0, len(text)) and number.is_test_number


def guard(value: object, place: str = "") -> None:
    """Raise NotATestNumber if any text within the value holds a number that may be a real person's."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            guard(str(key), f"a key of {place or 'the value'}")
            guard(inner, f"{place}.{key}" if place and not any(find(str(key))) else str(key))
    elif isinstance(value, list | tuple | set | frozenset):
        for index, inner in enumerate(value):
            guard(inner, f"{place}[{index}]")
    elif isinstance(value, bytes | bytearray):
        guard(value.decode("utf-8", "replace"), place)
    elif isinstance(value, str | int) and any(not number.is_test_number for number in find(str(value))):
        raise NotATestNumber(place)


def published_test_numbers(first_year: int, last_year: int) -> list[str]:
    """Published numbers with twelve digits, born in these years inclusive, in order."""
    first, after = _position(b"%04d" % first_year), _position(b"%04d" % (last_year + 1))
    return _published()[first * LINE : after * LINE].decode("ascii").split()


def is_male(number: str) -> bool:
    """Whether the last digit but one is odd, which says the sex in the register."""
    return int(number[-2]) % 2 == 1


def check_digit(nine_digits: str) -> int:
    """The tenth digit, by the Luhn formula."""
    doubled = (int(digit) * (2 - index % 2) for index, digit in enumerate(nine_digits))
    return -sum(product - 9 * (product > 9) for product in doubled) % 10


def _is_number(found: re.Match[str]) -> bool:
    month, day, serial = int(found["month"]), int(found["day"]), found["serial"]
    if day >= COORDINATION_DAYS:
        day -= COORDINATION_DAYS
    elif 0 in {month, day}:
        return False
    if day > 31:
        return False
    if serial.isalpha():
        return serial.upper() in INTERIM_LETTERS and not found.string[found.end() : found.end() + 1].isalpha()
    digits = f"{found['year']}{found['month']}{found['day']}{serial}{found['rest']}"
    return check_digit(digits[:9]) == int(digits[9])


def _is_part_of_id(found: re.Match[str]) -> bool:
    text, (start, end) = found.string, found.span()
    for token in OPAQUE.finditer(text, max(0, start - LONGEST_ID), end + LONGEST_ID):
        if token.start() <= start and end <= token.end():
            return not found["century"] or "-" not in token[0]
    if found["century"] or found["separator"] or found["split"]:
        return False
    before = WORD_END.search(text, max(0, start - LONGEST_ID), start)
    after = WORD_START.match(text, end)
    return any(any(map(str.isdigit, rest[0])) for rest in (before, after) if rest)


def _value(found: re.Match[str]) -> str:
    century = found["century"]
    if not century:
        now = datetime.now(UTC).year
        year = now - (now - int(found["year"])) % 100
        century = str((year - 100 * ("+" in found["separator"])) // 100)
    return f"{century}{found['year']}{found['month']}{found['day']}{found['serial']}{found['rest']}"


def _readings(text: str) -> Iterator[tuple[str, list[int]]]:
    """The text in ASCII digits, hyphens and spaces, and where each character stood if any were left out."""
    if text.isascii():
        yield text, []
        return
    if INVISIBLE.search(text):
        places = [place for place, character in enumerate(text) if not INVISIBLE.match(character)]
        yield INVISIBLE.sub("", text).translate(_FOLDING), places
    yield text.translate(_FOLDING), []


class _Folding(dict[int, str]):
    """One character for one, so that places stay: any digit, hyphen, plus or space of Unicode."""

    def __missing__(self, code: int) -> str:
        # bytes that are no UTF-8 are read as surrogates: there, 0xA0 is a space of ISO-8859-1
        character = chr(code - 0xDC00) if 0xDC80 <= code <= 0xDCFF else chr(code)
        kind = category(character)
        if kind == "Nd":
            character = str(decimal(character))
        elif kind in {"Zs", "Pd"} or character == "\u2212":
            character = " " if kind == "Zs" else "-"
        elif character in "\uff0b\ufe62":
            character = "+"
        self[code] = character
        return character


_FOLDING = _Folding()


@cache
def _published() -> bytes:
    text = Path(__file__).with_name("test_numbers.txt").read_bytes()
    while text.startswith(b"#"):
        text = text[text.index(b"\n") + 1 :]
    return text


def _position(prefix: bytes) -> int:
    body = _published()
    lines = range(len(body) // LINE)
    return bisect_left(lines, prefix, key=lambda line: body[line * LINE : line * LINE + 12])


def _is_published(value: str) -> bool:
    wanted = value.encode("ascii")
    place = _position(wanted) * LINE
    return _published()[place : place + 12] == wanted
