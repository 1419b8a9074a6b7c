"""Unpacks a delivered archive without trusting it: no paths outside, no links, no bombs."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from kravkoll.record.outcome import Inconclusive

CHUNK = 1 << 16
DAMAGED = (zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, *DAMAGED)
"""What the libraries raise for damaged or encrypted contents; RuntimeError is zipfile's for a password."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold once it is unpacked."""

    files: int = 20_000
    bytes: int = 500_000_000
    ratio: int = 200
    """Unpacked bytes for each packed one. Source code packs to about a tenth; a bomb to a thousandth."""


def unpack(archive: Path, into: Path, limits: Limits | None = None) -> None:
    """Write the archive's plain files below a folder. Raises Inconclusive where it is damaged or unsafe."""
    allowed = limits or Limits()
    budget = min(allowed.bytes, max(archive.stat().st_size, CHUNK) * allowed.ratio)
    try:
        for name, stream in _counted(_members(archive), allowed.files):
            budget -= _write(stream, _inside(into, name), budget)
    except UNREADABLE as error:
        raise Inconclusive("delivery.damaged", f"{archive.name}: {error}") from error


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and contents of each plain file; anything but files and folders makes the archive unsafe."""
    if zipfile.is_zipfile(archive):
        yield from _of_zip(archive)
    elif tarfile.is_tarfile(archive):
        yield from _of_tar(archive)
    else:
        raise Inconclusive("delivery.damaged", f"{archive.name} is neither a folder nor an archive")


def _counted[T](members: Iterator[T], most: int) -> Iterator[T]:
    for number, member in enumerate(members):
        if number >= most:
            raise Inconclusive("delivery.bomb", f"more than {most} files")
        yield member


def _of_zip(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            mode = member.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Inconclusive("delivery.unsafe", f"{member.filename} is no plain file")
            if not member.is_dir():
                with opened.open(member) as stream:
                    yield member.filename, stream


def _of_tar(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive) as opened:
        for member in opened:
            if not (member.isreg() or member.isdir()):
                raise Inconclusive("delivery.unsafe", f"{member.name} is no plain file")
            if member.isreg():
                yield member.name, cast("IO[bytes]", opened.extractfile(member))


def _inside(folder: Path, name: str) -> Path:
    """The place of a member below the folder; a name that leads elsewhere is refused, not mended."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or "\0" in name or parts[0].startswith("/") or ".." in parts or ":" in parts[0]:
        raise Inconclusive("delivery.unsafe", f"{name!r} leads out of the archive")
    return folder.joinpath(*parts)


def _write(stream: IO[bytes], path: Path, budget: int) -> int:
    """Bytes written, counted as they come: sizes in an archive's directory are its maker's word."""
    if path.exists():
        raise Inconclusive("delivery.unsafe", f"{path.name} stands twice in the archive")
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("xb") as file:
        while chunk := stream.read(CHUNK):
            written += len(chunk)
            if written > budget:
                raise Inconclusive("delivery.bomb", "the contents are far larger than the archive")
            file.write(chunk)
    return written
