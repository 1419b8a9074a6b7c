"""Which suite file holds which check, read as text: a module that does not import is found all the same."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kravkoll.contracts.layout import Layout

MARK = re.compile(r"""^@check\(\s*["']([A-Z0-9-]+)["']\s*\)""", re.MULTILINE)


def functions(layout: Layout) -> Mapping[str, tuple[Path, ...]]:
    """Check id to the files that mark a function with it; more than one is a fault that `validate` names."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in layout.shared("suites", "*/test_*.py"):
        for identity in MARK.findall(path.read_text(encoding="utf-8")):
            found[identity] = (*found.get(identity, ()), path)
    return found


def below(layout: Layout, arguments: Iterable[str], invoked_from: Path) -> frozenset[str] | None:
    """The checks in the files that pytest's path arguments name; None where they name all of the suites."""
    places = [(invoked_from / argument.partition("::")[0]).resolve() for argument in arguments]
    marked = functions(layout)
    chosen = {
        identity
        for identity, paths in marked.items()
        if any(path.is_relative_to(place) for path in paths for place in places)
    }
    return None if not places or chosen == set(marked) else frozenset(chosen)
