"""The files of a zip, read without trusting it: no ways out, no links, no bombs. Nothing touches the disk."""

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from kravkoll.probes.flaws import Flaw

MOST_FILES = 10_000
LARGEST_BYTES = 512 * 1024 * 1024
LARGEST_RATIO = 200
"""Unpacked bytes for each packed one: rows of text pack to about a tenth, a bomb to a thousandth."""
CHUNK = 1 << 16
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What zipfile raises for damaged, encrypted or unknown contents; RuntimeError is a password's."""


def unpacked(content: bytes) -> tuple[dict[str, bytes], list[Flaw]]:
    """Name to contents; an archive that is unsafe or cut off gives no files and says why."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unsafe = [flaw for member in archive.infolist() if (flaw := _unsafe(member))]
            if len(archive.infolist()) > MOST_FILES:
                unsafe.append(Flaw("unsafe", "", detail=f"more than {MOST_FILES} files"))
            if unsafe:
                return {}, unsafe
            return _contents(archive, min(LARGEST_BYTES, max(len(content), CHUNK) * LARGEST_RATIO))
    except DAMAGED as error:
        cut = content.startswith(b"PK")
        return {}, [Flaw("truncated" if cut else "layout", "", detail=f"no whole zip: {error}")]


def _contents(archive: zipfile.ZipFile, budget: int) -> tuple[dict[str, bytes], list[Flaw]]:
    """Bytes are counted as they come: sizes in an archive's directory are its maker's word."""
    found: dict[str, bytes] = {}
    for member in archive.infolist():
        if member.is_dir():
            continue
        whole = bytearray()
        with archive.open(member) as stream:
            while chunk := stream.read(CHUNK):
                whole += chunk
                budget -= len(chunk)
                if budget < 0:
                    detail = "the contents are far larger than the archive"
                    return {}, [Flaw("unsafe", member.filename, detail=detail)]
        found[member.filename] = bytes(whole)
    return found, []


def _unsafe(member: zipfile.ZipInfo) -> Flaw | None:
    """A name that leads out of the folder that it is unpacked in, or something else than a plain file."""
    # zipfile cuts names at a null; orig_filename is what the archive says
    name = member.orig_filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or parts[0].startswith("/") or ".." in parts or ":" in parts[0]:
        return Flaw("unsafe", member.orig_filename, detail="leads out of the archive")
    mode = member.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return Flaw("unsafe", member.filename, detail="is no plain file")
    return None
