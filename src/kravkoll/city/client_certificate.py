"""The certificate that the city shows where a supplier's interface demands one, kept from run to run."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

from cryptography import x509

from kravkoll.city.certificate_authority import CertificateAuthority, KeyPair
from kravkoll.city.state import CityState

FILE = "client.json"
NAME = "client.kravkoll.example.invalid"


def client_pair(authority: CertificateAuthority, state: CityState) -> KeyPair:
    """The city's own as a client, from its own authority; a new one once the last has expired."""
    kept = _read(state.keep(FILE, lambda: _made(authority)))
    if x509.load_pem_x509_certificate(kept.certificate_pem).not_valid_after_utc <= datetime.now(UTC):
        state.write(FILE, _made(authority))
        return client_pair(authority, state)
    return kept


def _made(authority: CertificateAuthority) -> bytes:
    pair = asdict(authority.issue((NAME,)))
    return json.dumps({name: pem.decode() for name, pem in pair.items()}).encode()


def _read(kept: bytes) -> KeyPair:
    return KeyPair(**{name: pem.encode() for name, pem in json.loads(kept).items()})
