"""How hard a subject may be asked: requests a second and in all, for each origin, in this process."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from kravkoll.record.outcome import NotExercised


@dataclass(slots=True)
class _Pace:
    """What holds at the moment; no limit outside `paced`."""

    requests: int | None = None
    per_second: float | None = None
    asked: Counter[str] = field(default_factory=Counter)
    free_at: dict[str, float] = field(default_factory=dict)


_PACE = _Pace()


@contextmanager
def paced(requests: int, per_second: float) -> Iterator[None]:
    """Until the block ends, no origin gets more than this."""
    _PACE.requests, _PACE.per_second = requests, per_second
    try:
        yield
    finally:
        _PACE.requests = _PACE.per_second = None
        _PACE.asked.clear()
        _PACE.free_at.clear()


def per_second() -> float | None:
    """The limit of the moment, for engines that pace themselves."""
    return _PACE.per_second


def before(request: httpx.Request) -> None:
    """httpx's request hook: wait for the turn, or raise NotExercised where the budget is spent."""
    take(f"{request.url.host}:{request.url.port or ''}")


def take(origin: str, requests: int = 1) -> None:
    """Count requests to an origin, and wait until the last of them may be made."""
    if _PACE.requests is None or _PACE.per_second is None:
        return
    _PACE.asked[origin] += requests
    if _PACE.asked[origin] > _PACE.requests:
        raise NotExercised("budget.spent", f"{origin}: {_PACE.requests} requests")
    now = time.monotonic()
    start = max(_PACE.free_at.get(origin, now), now)
    _PACE.free_at[origin] = start + requests / _PACE.per_second
    time.sleep(start - now)
