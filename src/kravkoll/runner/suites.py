"""How our command line calls pytest: nothing but what we name, from the workspace's own settings."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kravkoll.contracts.layout import Layout, packaged


def arguments(layout: Layout, files: Iterable[Path] = ()) -> list[str]:
    """pytest's arguments for these suite files, or for all."""
    root = layout.root if (layout.root / "suites").is_dir() else packaged()
    chosen = [str(path) for path in files] or [str(path) for path in layout.shared("suites", "*/test_*.py")]
    return [
        "-c", str(layout.file("pytest.toml")),
        "--rootdir", str(root),
        "--confcutdir", str(root),
        "-p", "kravkoll.runner.plugin",
        "-p", "no:terminal",
        "-p", "no:cacheprovider",
        *chosen,
    ]  # fmt: skip


@contextmanager
def quiet_environment() -> Iterator[None]:
    """pytest as we call it: no plugin that happens to be installed, no options from outside."""
    kept = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": before}.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
