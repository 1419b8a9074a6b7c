"""Swedish personal numbers: the published test numbers, and the guard before anything is sent."""

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

COORDINATION_DAYS = 60
"""Added to the day of birth in a coordination number."""

LINE = 13
"""Bytes in a line of the list: twelve digits and a newline."""


@cache
def _published() -> bytes:
    text = files(__package__).joinpath("test_numbers.txt").read_bytes()
    while text.startswith(b"#"):
        text = text[text.index(b"\n") + 1 :]
    return text


def _position(prefix: bytes) -> int:
    body = _published()
    lines = range(len(body) // LINE)
    return bisect_left(lines, prefix, key=lambda line: body[line * LINE : line * LINE + 12])


def published_test_numbers(first_year: int, last_year: int) -> Iterator[str]:
    """Published numbers with twelve digits, born in these years inclusive, in order."""
    body = _published()
    for line in range(_position(b"%04d" % first_year), _position(b"%04d" % (last_year + 1))):
        yield body[line * LINE : line * LINE + 12].decode("ascii")


def is_male(number: str) -> bool:
    """Whether the last digit but one is odd, which says the sex in the register."""
    return int(number[-2]) % 2 == 1
