"""Unique tokens in every free-text field of the cast: one found elsewhere is a leak, and says whose."""

from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

LETTERS = "bcdfghjkmnpqrstvwxz"
"""Consonants only: a token spells no word, and holds no digit that could look like a personal number."""
_LETTER_OF_BYTE = bytes(ord(LETTERS[byte % len(LETTERS)]) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Canary:
    """Where a token was put; two records share one only where two people share a name."""

    token: str
    resource: str
    field: str
    records: tuple[str, ...]
    personas: tuple[str, ...] = ()

    @property
    def record(self) -> str:
        """Id of the (first) record that holds it."""
        return self.records[0]

    @property
    def persona(self) -> str | None:
        """Whose it is, for records of one person."""
        return self.personas[0] if self.personas else None


@dataclass(frozen=True, slots=True)
class Owner:
    """The record that a field belongs to, and the person it is about, if it is about one."""

    resource: str
    record: str
    persona: str | None = None


class Mint:
    """Makes ids and tokens from the seed and the place where they stand, so order never matters."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.canaries: dict[str, Canary] = {}

    def number(self, place: str) -> int:
        """A number of 64 bits."""
        return int.from_bytes(self._digest(place, 8))

    def nonce(self, place: str) -> str:
        """Ten letters that stand nowhere else."""
        return self._digest(place, 10).translate(_LETTER_OF_BYTE).decode("ascii")

    def uuid(self, place: str) -> str:
        """An id of the shape of UUID version 4."""
        return str(UUID(bytes=self._digest(place, 16), version=4))

    def token(self, owner: Owner, field: str, place: str | None = None) -> str:
        """`cny-<type>-<field>-<nonce>` for a free-text field; people who share a name share `place`."""
        leaf = field.rpartition(".")[2]
        nonce = self.nonce(f"{place or owner.record}/{field}")
        return self.mark(f"cny-{owner.resource.removesuffix('s')}-{leaf}-{nonce}", owner, field)

    def mark(self, value: str, owner: Owner, field: str) -> str:
        """Note whose a value of a typed field is, such as an e-mail address."""
        before = self.canaries.get(value)
        records, personas = (before.records, before.personas) if before else ((), ())
        if owner.record not in records:
            records += (owner.record,)
            personas += (owner.persona,) if owner.persona else ()
        self.canaries[value] = Canary(value, owner.resource, field, records, personas)
        return value

    def _digest(self, place: str, size: int) -> bytes:
        return blake2b(f"{self.seed}/{place}".encode(), digest_size=size).digest()
