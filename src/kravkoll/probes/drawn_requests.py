"""Requests drawn by schemathesis from the agreed document; its engine asks, we judge what came back."""

import json
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from kravkoll.probes.counterexamples import printer_restored
from kravkoll.probes.pacing import per_second

with printer_restored():
    import schemathesis  # noqa: F401  fills its registries of checks
    from schemathesis import engine, openapi
    from schemathesis.config import SchemathesisConfig
    from schemathesis.engine import events
    from schemathesis.engine.errors import ServerUnavailable, UnhealthyAPIError, UnresponsiveOperationError

from kravkoll.probes.conformance import Call, Contract, Drawn
from kravkoll.probes.openapi import Document
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.record.outcome import Inconclusive

if TYPE_CHECKING:
    from schemathesis.engine.recorder import Interaction, ScenarioRecorder

ON: dict[str, Any] = {"enabled": True}
OFF: dict[str, Any] = {"enabled": False}
NOT_SEEN: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.SSLError,), "transport.untrusted"),
    ((requests.Timeout, UnresponsiveOperationError), "subject.timeout"),
    ((requests.ConnectionError, ServerUnavailable, UnhealthyAPIError), "subject.unreachable"),
    ((requests.RequestException,), "subject.garbage"),
)
JUDGED_BY_US = frozenset(
    {
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    }
)


def draw(  # noqa: PLR0913  all but the first three are settings
    api: Ss12000,
    document: Document,
    contract: Contract,
    *,
    trust: bytes | None,
    seed: int,
    examples: int,
) -> Drawn:
    """Calls that were made, and what the engine objected to while our own judgement of the answer did not.

    The engine ends a run against a dead server as completed; here that is told as trouble.
    """
    if not document["paths"]:
        return Drawn(())
    calls: list[Call] = []
    advisory: list[str] = []
    trouble: list[Inconclusive] = []
    with _anchors(trust) as anchors, printer_restored():
        schema = openapi.from_dict(document, config=_configuration(api, anchors, seed, examples))
        identities = _identities(document)
        for recorder in _scenarios(engine.from_schema(schema).execute(), trouble):
            if recorder.label in identities:
                made = _calls(identities[recorder.label], recorder)
                calls += made.values()
                advisory += _objections(recorder, made, contract)
    return Drawn(tuple(calls), tuple(dict.fromkeys(advisory)), trouble[0] if trouble else None)


def _identities(document: Document) -> dict[str, str]:
    """The engine's labels, `GET /persons`, to operationIds."""
    return {
        f"{method.upper()} {path}": definition["operationId"]
        for path, item in document["paths"].items()
        for method, definition in item.items()
    }


def _scenarios(stream: Iterable[object], trouble: list[Inconclusive]) -> Iterator["ScenarioRecorder"]:
    for event in stream:
        if isinstance(event, events.NonFatalError):
            trouble.append(_could_not_see(event.value, event.label))
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.ScenarioFinished):
            yield event.recorder


def _could_not_see(error: Exception, label: str) -> Inconclusive:
    """A failure of the network is a reason; any other is a fault of ours and is raised as it is."""
    detail = f"{label}: {type(error).__name__}"
    for kinds, code in NOT_SEEN:
        if isinstance(error, kinds):
            return Inconclusive(code, detail)
    raise error


def _calls(identity: str, recorder: "ScenarioRecorder") -> dict[str, Call]:
    return {
        case: _call(identity, interaction)
        for case, interaction in recorder.interactions.items()
        if interaction.response is not None
    }


def _call(identity: str, interaction: "Interaction") -> Call:
    request, response = interaction.request, interaction.response
    assert response is not None  # noqa: S101  the caller left the others out
    content = response.content or b""
    try:
        document, is_json = json.loads(content), True
    except ValueError:
        document, is_json = None, False
    kind = response.headers.get("content-type", [""])[0]
    body = (request.body or b"").decode(errors="replace")
    return Call(identity, request.method, request.uri, response.status_code, kind, document, is_json, body)


def _objections(recorder: "ScenarioRecorder", made: dict[str, Call], contract: Contract) -> Iterator[str]:
    for case, nodes in recorder.checks.items():
        ours = case in made and any(contract.deviations(made[case]))
        for node in nodes:
            if node.failure_info and not (ours and node.name in JUDGED_BY_US):
                yield f"{recorder.label}: {node.name}: {node.failure_info.failure.title}"


def _configuration(api: Ss12000, anchors: str | None, seed: int, examples: int) -> SchemathesisConfig:
    """Valid data only, nothing written to disk, no method that the document does not name."""
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": api.base_url,
            "headers": {"Authorization": f"Bearer {api.token}"} if api.token else {},
            "tls-verify": anchors or True,
            "request-timeout": api.timeout,
            **({"rate-limit": f"{max(1, int(limit))}/s"} if (limit := per_second()) else {}),
            "max-redirects": 0,
            "cache": OFF,
            "phases": {
                "examples": OFF,
                "stateful": OFF,
                "coverage": {"enabled": True, "unexpected-methods": []},
                "fuzzing": {
                    "enabled": examples > 0,
                    "operation-ordering": "none",
                    "extra-data-sources": {"responses": False},
                    "error-feedback": OFF,
                },
            },
            "generation": {
                "mode": "positive",
                "max-examples": max(examples, 1),
                "deterministic": True,
                "database": "none",
                "allow-x00": False,
                "allow-extra-parameters": False,
                "with-security-parameters": False,
            },
            "checks": OFF | dict.fromkeys(sorted(JUDGED_BY_US), ON),
        }
    )


@contextmanager
def _anchors(trust: bytes | None) -> Iterator[str | None]:
    """requests reads trust anchors from a file only; the platform's stay in force beside ours."""
    if not trust:
        yield None
        return
    platform = ssl.get_default_verify_paths().cafile
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(trust + b"\n")
        if platform:
            file.write(Path(platform).read_bytes())
        file.flush()
        yield file.name
