"""Runs a flow once and looks on: what the receiver asked for, what it was sent, what it shows afterwards."""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from kravkoll.contracts.dialects import Dialect
from kravkoll.contracts.model import Flow
from kravkoll.probes.dialect_rows import Gathering
from kravkoll.probes.dialect_text import read_decoded
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.probes.traffic import DELETED_ENTITIES, Exchange, Record, digest, sent_records
from kravkoll.record.outcome import Inconclusive, NotExercised

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
    files: Dialect | None = None
    """The files that carry the flow, where it is no interface that the receiver reads."""

    @property
    def sent(self) -> dict[str, tuple[Record, ...]]:
        by_interface = sent_records(self.exchanges)
        return by_interface | sent_in_files(self.exchanges, self.files) if self.files else by_interface

    @property
    def digest(self) -> str:
        return digest(self.exchanges)


def as_client(client: str, issue: Callable[[str, str, str], str]) -> Callable[[Party], str]:
    """Makes tokens for a client by what each party says that a token for its API must carry."""

    def token(party: Party) -> str:
        settings = party.capability("api.token")
        return issue(client, str(settings["audience"]), str(settings["scope"]))

    return token


def run_flow(
    flow: FlowEnd,
    token_for: Callable[[Party], str],
    resources: Sequence[str],
    *,
    files: Dialect | None = None,
    exported: Callable[[], Mapping[str, tuple[Record, ...]]] | None = None,
) -> FlowRun:
    """Trigger the fetch, wait until it is over, then read the receiver's own API with its token.

    `exported` gives what comes out of the receiver, for one that has no API, or none that shows these.
    """
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
    shown, unreadable = _seen_at(flow.receiver, token_for, resources, exported)
    return FlowRun(exchanges, shown, unreadable, failure, files)


def sent_in_files(exchanges: Iterable[Exchange], files: Dialect) -> dict[str, tuple[Record, ...]]:
    """The records in the agreed files of successful answers."""
    gathering = Gathering()
    for exchange in exchanges:
        table = files.table_of(exchange.path) if exchange.succeeded else None
        if table:
            rows, _ = read_decoded(table, exchange.response_body, [])
            gathering.take(table, rows)
    return dict(gathering.whole())


def _seen_at(
    receiver: Party,
    token_for: Callable[[Party], str],
    resources: Sequence[str],
    exported: Callable[[], Mapping[str, tuple[Record, ...]]] | None,
) -> tuple[Mapping[str, tuple[Record, ...]], Mapping[str, str]]:
    try:
        shown, unreadable = _shown(receiver, token_for(receiver), resources)
    except NotExercised:
        if exported is None:
            raise
        shown, unreadable = {}, {}
    if shown or exported is None:
        return shown, unreadable
    found = exported()
    return {name: found[name] for name in resources if name in found}, unreadable


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
