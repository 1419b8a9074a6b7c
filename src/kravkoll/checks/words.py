"""`@check` ties a function to the card that says what it asserts."""

import re
from collections.abc import Callable

CHECK_ID = re.compile(r"^(ENC|LOG|SCH|DAT|SEC|FLO|ROU)-[A-Z]{3}-\d{2}$")


def check[**P, R](identity: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a test function as the code of the check whose card has this id."""
    if not CHECK_ID.match(identity):
        raise ValueError(f"{identity!r} is no check id; ids look like ENC-TLS-02")

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        function.kravkoll_check = identity  # type: ignore[attr-defined]  # functions take attributes
        return function

    return mark
