"""Stay until somebody says that it is enough: Ctrl-C, or a polite end from whoever started us."""

import contextlib
import signal
import threading
from collections.abc import Iterator

GLANCE_SECONDS = 1.0
"""Between looks; on Windows a wait without an end hears no Ctrl-C."""


@contextlib.contextmanager
def until_told() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, from now on: also while what is to be waited for still starts."""
    enough = threading.Event()

    def stop(*_: object) -> None:
        enough.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield enough
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait(enough: threading.Event) -> None:
    while not enough.wait(GLANCE_SECONDS):
        pass
