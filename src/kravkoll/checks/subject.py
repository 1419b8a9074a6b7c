"""What a check is given to look at: one place of one supplier, as agreed and as found in the environment."""

import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from kravkoll.contracts.model import EvidenceDocument, Flow
from kravkoll.record.outcome import NotExercised, Unjudged

DEFAULT_PORTS = {"https": 443, "http": 80}


@cache
def verifying_context(trust: bytes, shown: bytes = b"") -> ssl.SSLContext:
    """A client context that trusts the platform's anchors (they take 35 ms to load) and these PEM ones.

    `shown` is a certificate chain and its key (PEM), for whoever demands one.
    """
    context = ssl.create_default_context()
    if trust:
        context.load_verify_locations(cadata=trust.decode("ascii"))
    if shown:
        # the ssl module reads files only; mode 0600, and closed because Windows opens no file twice
        with tempfile.NamedTemporaryFile(suffix=".pem", delete_on_close=False) as both:
            both.write(shown)
            both.close()
            context.load_cert_chain(both.name)
    return context


@dataclass(frozen=True, slots=True)
class Memo:
    """What was seen once and serves many rows; lives as long as the instance that was looked at."""

    values: dict[object, Any] = field(default_factory=dict)

    def once[T](self, key: object, look: Callable[[], T]) -> T:
        """The first look's value; what could not be seen once is not looked for again."""
        if key not in self.values:
            try:
                self.values[key] = look()
            except Unjudged as unseen:
                self.values[key] = unseen
        value: T | Unjudged = self.values[key]
        if isinstance(value, Unjudged):
            raise value
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """A place of a running system: its address, what it can do there, and how it is made to do it."""

    system: str
    address: str
    capabilities: Mapping[str, Mapping[str, Any]]
    trust: bytes
    hooks: Mapping[str, Callable[..., Any]]
    client_certificate: bytes = b""
    """The city's own with its key, PEM, for the interfaces that demand it."""

    def capability(self, name: str) -> Mapping[str, Any]:
        """Settings of a capability; NotExercised where it is missing."""
        if name not in self.capabilities:
            raise NotExercised("capability.missing", name)
        return self.capabilities[name]

    def ssl_context(self) -> ssl.SSLContext:
        """A client context that verifies against the environment's anchors."""
        return verifying_context(self.trust, self.client_certificate)

    def hook(self, name: str) -> Callable[..., Any]:
        """The environment's way to make the system do something; NotExercised where there is none."""
        if name not in self.hooks:
            raise NotExercised("hook.missing", name)
        return self.hooks[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Party(Reachable):
    """A running system of a supplier: its API's address and what it can do, from whichever interface."""

    places: Mapping[str, str] = field(default_factory=dict)
    """Kind of interface to base URL, for those that the environment has an address of."""

    @property
    def url(self) -> str:
        """Base URL of its API; NotExercised where the environment names none."""
        if not self.address:
            raise NotExercised("environment.no-address", self.system)
        return self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEnd:
    """A flow with both its parties running, seen from one end."""

    flow: Flow
    end: Literal["sender", "receiver"]
    sender: Party
    receiver: Party
    watching: Callable[[], AbstractContextManager[Any]]

    def watch(self) -> AbstractContextManager[Any]:
        """Lead the receiver to the sender through a proxy of ours that writes down the exchanges."""
        return self.watching()

    def trigger(self) -> object:
        """Make the receiver fetch, by its hook."""
        trigger = self.receiver.hook(str(self.receiver.capability("client.trigger").get("hook", "sync")))
        return trigger(source=self.sender.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject(Reachable):
    """One row's subject."""

    row: str
    supplier: str
    interface: str
    kind: str
    memo: Memo
    as_of: date
    timeout_seconds: float = 10.0
    flow: FlowEnd | None = None
    document: EvidenceDocument | None = None
    document_type: str = ""
    delivery: str = ""
    """Folder or archive of a delivered component."""
    parties: Mapping[str, Party] = field(default_factory=dict)
    """Every running system, by id."""
    feeds: tuple[FlowEnd, ...] = ()
    """The flows that bring data to this system, seen from it."""
    listeners: Mapping[str, Any] = field(default_factory=dict)
    """The city's own listeners at the addresses of parties that are to be sent nothing, by system."""
    notes: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Base URL without trailing slash; NotExercised where the environment names none."""
        if not self.address:
            raise NotExercised("environment.no-address", f"{self.system}/{self.interface}")
        return self.address

    def shows(self, resources: Iterable[str]) -> None:
        """NotExercised where it is agreed that this interface shows other resources than these."""
        agreed = self.capabilities.get("api.token", {}).get("resources")
        if agreed and not set(agreed) & set(resources):
            raise NotExercised("interface.other-resources", ", ".join(agreed))

    @property
    def host(self) -> str:
        """Host of the address, without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Port of the address."""
        parts = urlsplit(self.url)
        return parts.port or DEFAULT_PORTS[parts.scheme]

    def once[T](self, key: object, look: Callable[[], T]) -> T:
        """One look that serves all rows at the same running instance."""
        return self.memo.once((self.address, key), look)

    def note(self, seen: Any) -> None:
        """Add to the row's evidence what was seen: a sentence or JSON."""
        self.notes.append(seen)


def _told(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def command_hook(command: tuple[str, ...], timeout_seconds: float) -> Callable[..., Any]:
    """A hook of the environment file: a command whose failure is the configuration's, not the supplier's."""

    def run(**arguments: object) -> str:
        environment = {"PATH": os.environ.get("PATH", "")}
        environment |= {f"KRAVKOLL_{name.upper()}": _told(value) for name, value in arguments.items()}
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NotExercised("hook.failed", f"{command[0]}: {error}") from error
        return done.stdout

    return run
