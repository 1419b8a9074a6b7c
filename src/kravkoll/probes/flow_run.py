"""Runs a flow once and looks on: what the receiver asked for, what it was sent, what it shows afterwards."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from kravkoll.contracts.model import Flow
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.probes.traffic import DELETED_ENTITIES, Exchange, Record, digest, sent_records
from kravkoll.record.outcome import Inconclusive

POLL_SECONDS = 0.05
QUIET_SECONDS = 0.3
"""A fetch that has asked for nothing this long is taken to be over."""
DEFAULT_WAIT_SECONDS = 10.0


class Watched(Protocol):
    """Exchanges so far, in order."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]: ...


class Party(Protocol):
    """One end of a flow, as its supplier file describes it; `url` is the base of its API."""

    @property
    def system(self) -> str: ...

    @property
    def url(self) -> str: ...

    def capability(self, name: str) -> Mapping[str, Any]:
        """Settings, from whichever of the system's interfaces has them; NotExercised if none has."""
        ...

    def ssl_context(self) -> ssl.SSLContext: ...


class FlowEnd(Protocol):
    """A flow with both its parties running, seen from one end."""

    @property
    def flow(self) -> Flow: ...

    @property
    def end(self) -> Literal["sender", "receiver"]: ...

    @property
    def sender(self) -> Party: ...

    @property
    def receiver(self) -> Party: ...

    def watch(self) -> AbstractContextManager[Watched]:
        """Lead the receiver to the sender through a proxy of ours that writes down the exchanges."""
        ...

    def trigger(self) -> object:
        """Make the receiver fetch, by its hook; NotExercised where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class FlowRun:
    """One fetch: the exchanges, and what the receiver's own API shows after it, by resource."""

    exchanges: tuple[Exchange, ...]
    shown: Mapping[str, tuple[Record, ...]]
    unreadable: Mapping[str, str]
    """Resources that the receiver's API did not show, and why (it need not have them all)."""
    failure: str = ""
    """Why the trigger says that the fetch failed, where something was asked all the same."""

    @property
    def sent(self) -> dict[str, tuple[Record, ...]]:
        return sent_records(self.exchanges)

    @property
    def digest(self) -> str:
        return digest(self.exchanges)


def as_client(client: str, issue: Callable[[str, str, str], str]) -> Callable[[Party], str]:
    """Makes tokens for a client by what each party says that a token for its API must carry."""

    def token(party: Party) -> str:
        settings = party.capability("api.token")
        return issue(client, str(settings["audience"]), str(settings["scope"]))

    return token


def run_flow(flow: FlowEnd, token_for: Callable[[Party], str], resources: Sequence[str]) -> FlowRun:
    """Trigger the fetch, wait until it is over, then read the receiver's own API with its token."""
    failure = ""
    with flow.watch() as watched:
        try:
            flow.trigger()
        except Inconclusive as reason:
            if not watched.exchanges:
                raise
            failure = str(reason.reason)
        if flow.receiver.capability("client.trigger").get("returns") != "done":
            _wait(watched, _patience(flow.receiver))
        exchanges = watched.exchanges
    shown, unreadable = _shown(flow.receiver, token_for(flow.receiver), resources)
    return FlowRun(exchanges, shown, unreadable, failure)


def _patience(receiver: Party) -> float:
    return float(receiver.capability("client.waiting").get("seconds", DEFAULT_WAIT_SECONDS))


def _wait(watched: Watched, seconds: float) -> None:
    """Until something was asked and then nothing more for a while; no longer than `seconds`."""
    deadline = time.monotonic() + seconds
    seen, last = 0, time.monotonic()
    while time.monotonic() < deadline:
        now = len(watched.exchanges)
        if now != seen:
            seen, last = now, time.monotonic()
        elif seen and time.monotonic() - last > QUIET_SECONDS:
            return
        time.sleep(POLL_SECONDS)


def _shown(
    receiver: Party, token: str, resources: Sequence[str]
) -> tuple[dict[str, tuple[Record, ...]], dict[str, str]]:
    shown: dict[str, tuple[Record, ...]] = {}
    unreadable: dict[str, str] = {}
    with Ss12000(receiver.url, token, ssl_context=receiver.ssl_context()) as api:
        for resource in resources:
            if resource == DELETED_ENTITIES:
                continue
            try:
                shown[resource] = tuple(api.walk(resource))
            except Inconclusive as reason:
                unreadable[resource] = str(reason.reason)
    return shown, unreadable
