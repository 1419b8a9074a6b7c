"""Which files make up a workspace: the city's own, and the package's where the city has none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kravkoll.contracts.errors import ConfigurationError

PACKAGE = Path(__file__).resolve().parents[1]

OWN: Mapping[str, str] = {
    "requirements": "contracts/requirements/*.yaml",
    "seed": "contracts/requirements/seed/*.yaml",
    "agreements": "contracts/agreements/*.yaml",
    "supplier": "contracts/suppliers/*.yaml",
    "flows": "contracts/flows.yaml",
    "acceptance": "contracts/acceptance.yaml",
    "waivers": "contracts/waivers.yaml",
    "evidence": "contracts/evidence/*.yaml",
    "environment": "contracts/environments/*.yaml",
}
"""Where the kinds of file stand that only the city itself can write."""

SHARED: Mapping[str, tuple[str, str]] = {
    "profile": ("contracts/profiles", "*.yaml"),
    "checks": ("suites", "*/checks.yaml"),
    "faults": ("mocks/faults", "*.yaml"),
}
"""Where the kinds of file stand that the package also has."""


def packaged() -> Path:
    """The workspace that comes with the package: inside the wheel, or the checkout it is installed from."""
    inside = PACKAGE / "workspace"
    return inside if inside.is_dir() else PACKAGE.parents[1]


@dataclass(frozen=True, slots=True)
class Layout:
    """A workspace root laid over the package's. Only `contracts/` must be the root's own."""

    root: Path

    @classmethod
    def find(cls, given: Path | None = None) -> Self:
        """The given folder, else the nearest folder upwards with contracts/, else the packaged workspace."""
        if given is not None:
            root = given.resolve()
            if not (root / "contracts").is_dir():
                raise ConfigurationError(
                    f"{given} is no workspace: it has no folder contracts/; name the folder above it"
                )
            return cls(root)
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / "contracts" / "environments").is_dir():
                return cls(folder)
        return cls(packaged())

    def file(self, *parts: str) -> Path:
        """The root's file, or the package's of the same name."""
        own = self.root.joinpath(*parts)
        return own if own.exists() else packaged().joinpath(*parts)

    def files(self, kind: str) -> list[Path]:
        """Every file of a kind, such as `requirements`, sorted."""
        if kind in SHARED:
            return self.shared(*SHARED[kind])
        return sorted(self.root.glob(OWN[kind]))

    def shared(self, folder: str, pattern: str = "*.yaml") -> list[Path]:
        """The package's files in a folder, a same-named file of the root's instead, and the root's others."""
        found = {path.relative_to(packaged() / folder): path for path in (packaged() / folder).glob(pattern)}
        found |= {path.relative_to(self.root / folder): path for path in (self.root / folder).glob(pattern)}
        return [found[name] for name in sorted(found)]

    def shown(self, path: Path) -> str:
        """The path as messages show it: relative to the workspace it belongs to."""
        for base in self._bases():
            if path.is_relative_to(base):
                return path.relative_to(base).as_posix()
        return path.as_posix()

    def _bases(self) -> Iterator[Path]:
        yield self.root
        yield packaged()

    @property
    def environments(self) -> Path:
        """Where environment files stand, and what they name beside themselves."""
        return self.root / "contracts" / "environments"

    @property
    def output(self) -> Path:
        """Where runs are written: in the workspace; here, if that is the one inside an installed package."""
        root = Path.cwd() if self.root.is_relative_to(PACKAGE) else self.root
        return root / "reports" / "out"
