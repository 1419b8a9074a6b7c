"""One fetch looked on: finished at once, finished later, failed, or never begun."""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from kravkoll.contracts.model import Flow
from kravkoll.probes.flow_run import FlowRun, as_client, run_flow
from kravkoll.probes.traffic import Exchange
from kravkoll.record.outcome import Inconclusive, NotExercised

ASKED = Exchange("GET", "h", "/persons", status=200, response_body='{"data": [{"id": "1"}]}')


@dataclass(frozen=True)
class Party:
    """Its API answers nobody: what a receiver shows is another matter."""

    capabilities: Mapping[str, Mapping[str, Any]]
    system: str = "tempus"
    url: str = "http://127.0.0.1:9"

    def capability(self, name: str) -> Mapping[str, Any]:
        if name not in self.capabilities:
            raise NotExercised("capability.missing", name)
        return self.capabilities[name]

    def ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


@dataclass
class Capture:
    exchanges: tuple[Exchange, ...] = ()

    def add(self) -> None:
        self.exchanges += (ASKED,)


@dataclass
class End:
    """A flow whose fetch is `act`."""

    receiver: Party
    act: Callable[[Capture], object]
    capture: Capture = field(default_factory=Capture)
    end: Literal["sender", "receiver"] = "receiver"

    @property
    def flow(self) -> Flow:
        raise NotImplementedError

    @property
    def sender(self) -> Party:
        return self.receiver

    @contextlib.contextmanager
    def watch(self) -> Iterator[Capture]:
        yield self.capture

    def trigger(self) -> object:
        return self.act(self.capture)


def run(act: Callable[[Capture], object], **trigger: str) -> FlowRun:
    capabilities: dict[str, dict[str, Any]] = {
        "api.token": {"audience": "urn:x", "scope": "read"},
        "client.trigger": {"hook": "sync", **trigger},
        "client.waiting": {"seconds": 1},
    }
    reader = as_client("city", lambda *claims: "/".join(claims))
    return run_flow(End(Party(capabilities), act), reader, ["persons", "deletedEntities"])


def test_a_trigger_that_returns_when_all_is_done_is_not_waited_for() -> None:
    started = time.monotonic()
    seen = run(lambda capture: capture.add(), returns="done")
    assert time.monotonic() - started < 0.5
    assert seen.sent == {"persons": ({"id": "1"},)}
    assert list(seen.unreadable) == ["persons"]


def test_a_fetch_that_goes_on_is_waited_for() -> None:
    def later(capture: Capture) -> None:
        for seconds in (0.1, 0.3):
            threading.Timer(seconds, capture.add).start()

    assert len(run(later).exchanges) == 2


def test_silence_is_waited_for_and_told() -> None:
    assert run(lambda _: None).exchanges == ()


def _fail(capture: Capture, *, asks: bool) -> None:
    if asks:
        capture.add()
    raise Inconclusive("hook.failed", "502")


def test_a_fetch_that_failed_after_asking_is_still_seen() -> None:
    seen = run(lambda capture: _fail(capture, asks=True), returns="done")
    assert (len(seen.exchanges), seen.failure) == (1, "hook.failed:502")


def test_a_fetch_that_failed_before_asking_is_unseen() -> None:
    with pytest.raises(Inconclusive, match=r"hook\.failed"):
        run(lambda capture: _fail(capture, asks=False), returns="done")


def test_tokens_are_what_the_party_asks_for() -> None:
    party = Party({"api.token": {"audience": "urn:x", "scope": "read"}})
    assert as_client("city", lambda *claims: "/".join(claims))(party) == "city/urn:x/read"
