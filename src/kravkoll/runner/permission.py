"""Whether a row may be run at all: secrets, effects, capabilities and the owner's permission."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from kravkoll.contracts.model import Capability, Environment
from kravkoll.record.outcome import NotExercised
from kravkoll.record.rows import Row

CAPABILITIES = frozenset(get_args(Capability.__value__))
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def require(
    row: Row, environment: Environment, address: str, capabilities: Mapping[str, Any], moment: datetime
) -> None:
    """Raise NotExercised where the row must not or cannot be run."""
    for need in row.needs:
        if need in CAPABILITIES and need not in capabilities:
            raise NotExercised("capability.missing", need)
    if row.effect != "read" and environment.kind == "production":
        raise NotExercised("effect.production", row.effect)
    host = urlsplit(address).hostname or ""
    if environment.kind == "simulated" or not host or host in LOOPBACK:
        return
    permission = environment.authorisation
    if permission is None:
        raise NotExercised("authorisation.missing", host)
    if host not in permission.hosts:
        raise NotExercised("authorisation.host", host)
    if not permission.valid_from <= moment <= permission.until:
        raise NotExercised("authorisation.time", f"{permission.valid_from} to {permission.until}")


def secret(reference: str, base: Path) -> str:
    """The secret that `env:NAME` or `file:PATH` points at; NotExercised where it is missing or empty."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name, "")
    else:
        file = base / name
        value = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    if not value:
        raise NotExercised("secret.missing", reference)
    return value
