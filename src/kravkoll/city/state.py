"""What the city keeps between runs, so that a real supplier can register against it once."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STATE_VARIABLE = "KRAVKOLL_STATE"


@dataclass(frozen=True, slots=True)
class CityState:
    """A directory that only its owner can read; each thing in it is made once."""

    directory: Path

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)

    def keep(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What is kept under `name`, made and stored the first time."""
        kept = self.read(name)
        if kept is None:
            kept = make()
            self.write(name, kept)
        return kept

    def read(self, name: str) -> bytes | None:
        path = self.directory / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        path = self.directory / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    def names(self, folder: str) -> tuple[str, ...]:
        """Names kept under `folder`, in order."""
        return tuple(f"{folder}/{path.name}" for path in sorted((self.directory / folder).glob("[!.]*")))

    def port(self, party: str) -> int:
        """The port that this party had last time; 0 the first time."""
        return int(self._ports().get(party, 0))

    def parties(self) -> tuple[str, ...]:
        """Those that have answered at a port, in order."""
        return tuple(sorted(self._ports()))

    def remember_port(self, party: str, port: int) -> None:
        ports = self._ports()
        if ports.get(party) != port:
            self.write("ports.json", json.dumps(ports | {party: port}, sort_keys=True).encode())

    def _ports(self) -> dict[str, int]:
        kept: dict[str, int] = json.loads(self.read("ports.json") or b"{}")
        return kept


def state_of(environment_id: str) -> Path:
    """`${KRAVKOLL_STATE}/<environment>`; by default under the user's own state directory."""
    root = os.environ.get(STATE_VARIABLE)
    if not root:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        root = str(Path(home) / "kravkoll")
    return Path(root) / environment_id


@contextmanager
def throwaway() -> Iterator[Path]:
    """A state directory that is gone afterwards: the demo's."""
    with tempfile.TemporaryDirectory(prefix="kravkoll-city-") as directory:
        yield Path(directory)
