"""Evidence by content: what is stored is redacted, and the digest is of what is stored."""

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from kravkoll.record.redaction import Redactor

JSON = "application/json"
PREFIX = "sha256:"


class EvidenceClass(StrEnum):
    """Who may see it."""

    SUPPLIER = "supplier"
    """The city and that supplier."""
    SECURITY = "security"
    """Working attack payloads: those who test, and the supplier's security contact."""
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was kept: the digest of the redacted bytes, and their size in bytes."""

    digest: str
    media_type: str
    klass: EvidenceClass
    size: int

    def as_json(self) -> dict[str, object]:
        """As it stands in the record, where the class is called `class`."""
        fields = asdict(self)
        return {"digest": fields["digest"], "mediaType": fields["media_type"]} | {
            "class": self.klass.value,
            "size": self.size,
        }


class DamagedEvidence(ValueError):
    """What lies under a digest is not what it says."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"the evidence under {digest} has been changed or damaged since it was stored")


class EvidenceStore:
    """A folder of redacted payloads, each under its digest, shared by all who run beside each other."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder = folder
        self._redactor = redactor

    def put(
        self, payload: object, media_type: str = JSON, klass: str | EvidenceClass = EvidenceClass.SUPPLIER
    ) -> Evidence:
        """Redact and store bytes, text or a JSON value; storing the same again is free."""
        kept = self._redacted(payload)
        digest = PREFIX + sha256(kept).hexdigest()
        path = self.path(digest)
        if not path.exists():
            _write_whole(path, kept)
        return Evidence(digest, media_type, EvidenceClass(klass), len(kept))

    def get(self, digest: str) -> bytes:
        """The redacted bytes; raises KeyError if there are none and DamagedEvidence if they were changed."""
        try:
            kept = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None
        if PREFIX + sha256(kept).hexdigest() != digest:
            raise DamagedEvidence(digest)
        return kept

    def path(self, digest: str) -> Path:
        """Where the bytes lie; raises ValueError for what is no digest, such as a path."""
        letters = digest.removeprefix(PREFIX)
        if len(letters) != 64 or set(letters) - set("0123456789abcdef"):
            raise ValueError(f"{digest!r} is no digest; one is written sha256: and 64 hexadecimal digits")
        return self._folder / letters[:2] / letters

    def _redacted(self, payload: object) -> bytes:
        if isinstance(payload, bytes | bytearray | memoryview):
            return self._redactor.redact_bytes(bytes(payload))
        if isinstance(payload, str):
            return self._redactor.redact_text(payload).encode("utf-8", "surrogateescape")
        redacted = self._redactor.redact_json(payload)
        text = json.dumps(redacted, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape")


def _write_whole(path: Path, content: bytes) -> None:
    """Either all of it or nothing stands under the name, even after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        unfinished = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
