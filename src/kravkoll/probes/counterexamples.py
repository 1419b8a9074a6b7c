"""Keeps Hypothesis' counterexamples readable although schemathesis has been imported."""

from collections.abc import Iterator
from contextlib import contextmanager

import hypothesis.core
from hypothesis.vendor import pretty


def restore_printer() -> None:
    """Give Hypothesis its own printer back.

    schemathesis swaps the class for one that prints nothing, to save minutes in its coverage phase; every
    later counterexample of ours would read `x=,`. It swaps once, so once restored it stays so.
    """
    hypothesis.core.RepresentationPrinter = pretty.RepresentationPrinter  # type: ignore[attr-defined]


@contextmanager
def printer_restored() -> Iterator[None]:
    """Around whatever imports or runs schemathesis."""
    try:
        yield
    finally:
        restore_printer()
