"""What could not be seen is neither met nor not met, and the reason says whose it is to mend."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.runner import subjects
from tests.runner.workspaces import Run, Workspace, copied

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.record.outcome import Verdict
from kravkoll.serving.loopback import Loopback

LOOKING = "ENC- or LOG- or SCH- or SEC-PRO or FLO-DIR"
"""The rows that look at an interface of the register."""
FAR = "far.kravkoll.invalid"
SAID = {"met", "not-met"}


@pytest.fixture(autouse=True)
def _city_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One city for all tests: its keys take a while."""
    monkeypatch.setenv("KRAVKOLL_STATE", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return copied(tmp_path)


def look(workspace: Workspace, url: str, keyword: str = LOOKING, **facts: Any) -> Run:
    """Assess the register's supplier at this address."""
    workspace.environment("hostile", {"ber": {"api": {"url": url, **facts.pop("place", {})}}}, **facts)
    return workspace.assess("hostile", "ber-supplier", keyword=keyword)


def verdicts(run: Run) -> set[Verdict]:
    """Of the requirements that the planned rows concern."""
    return {item.verdict for item in run.assessment.requirements.values() if item.rows}


HOSTILE: dict[str, tuple[Callable[[], AbstractContextManager[str]], set[str]]] = {
    "down": (subjects.down, {"subject.unreachable"}),
    "silent": (subjects.silent, {"subject.timeout"}),
    "resets": (lambda: subjects.answering(subjects.reset), {"subject.reset", "subject.unreachable"}),
    "noise": (lambda: subjects.answering(subjects.noise), {"subject.garbage", "transport.no-tls"}),
    "another protocol": (lambda: subjects.answering(subjects.ssh), {"subject.garbage", "transport.no-tls"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_said_of_a_subject_that_was_not_seen(workspace: Workspace, name: str) -> None:
    subject, codes = HOSTILE[name]
    with subject() as url:
        patience: dict[str, Any] = {"timeout": 0.2} if name == "silent" else {}
        run = look(workspace, url, **patience)
    assert not SAID & set(run.outcomes.values())
    assert set(run.reasons.values()) <= codes | {"control.failed"}
    assert codes & set(run.reasons.values())
    assert verdicts(run) == {Verdict.NOT_TESTED}
    assert run.exit == 5


def test_a_name_that_does_not_resolve_is_the_network(workspace: Workspace) -> None:
    run = look(workspace, f"https://{FAR}", authorisation=permission(FAR))
    assert set(run.outcomes.values()) == {"inconclusive"}
    assert set(run.reasons.values()) == {"network.dns"}
    assert run.exit == 5


def test_a_connection_that_nobody_takes_or_refuses_is_the_network(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dropped(*_: object, **__: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr("kravkoll.runner.preflight.socket.create_connection", dropped)
    with subjects.silent() as url:
        run = look(workspace, url, "ENC-")
    assert set(run.reasons.values()) == {"network.timeout"}


def test_missing_anchors_are_the_configuration(workspace: Workspace) -> None:
    """Else the supplier would be blamed for a certificate that we cannot know."""
    with pytest.raises(ConfigurationError, match=r"anchors\.pem is no file of PEM certificates"):
        look(workspace, "https://127.0.0.1:1", trust="anchors.pem")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_secret_is_the_configuration(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("KRAVKOLL_TRIED", raising=False)
    if value is not None:
        monkeypatch.setenv("KRAVKOLL_TRIED", value)
    with subjects.unknown_authority() as url:
        run = look(workspace, url, "ENC- or LOG-", place={"secret": "env:KRAVKOLL_TRIED"})
    assert set(run.outcomes.values()) == {"not-exercised"}
    assert set(run.reasons.values()) == {"secret.missing"}
    assert run.exit == 5


def test_plain_http_is_a_finding_of_one_row_alone(workspace: Workspace) -> None:
    with subjects.plain_http() as url:
        run = look(workspace, url)
    said = {row: result for row, result in run.results.items() if str(result.outcome) in SAID}
    assert list(said) == ["ENC-TLS-04@ber/api"]
    assert [finding.code for finding in said["ENC-TLS-04@ber/api"].findings] == ["transport.plaintext"]
    assert run.reasons["LOG-API-01@ber/api"] == "transport.no-tls"


def test_an_unknown_authority_is_a_finding_of_the_certificate_alone(workspace: Workspace) -> None:
    """What the handshake itself shows is seen all the same; what lies inside it is not."""
    with subjects.unknown_authority() as url:
        run = look(workspace, url)
    said = {row for row, outcome in run.outcomes.items() if outcome in SAID}
    assert said == {f"ENC-TLS-0{number}@ber/api" for number in range(1, 5)}
    assert run.outcomes["ENC-TLS-01@ber/api"] == "not-met"
    assert [f.code for f in run.results["ENC-TLS-01@ber/api"].findings] == ["cert.untrusted_ca"]
    assert run.reasons["LOG-API-01@ber/api"] == "transport.untrusted"


@contextmanager
def trusted(workspace: Workspace, status: int, noise: bool = False) -> Iterator[str]:
    """TLS that the environment trusts, with the same answer or noise inside for whoever asks."""
    authority = CertificateAuthority.create()
    workspace.write("contracts/environments/anchors.pem", authority.anchor_pem.decode())
    context = authority.issue().server_context()
    if noise:
        with subjects.noise_in_tls(context) as url:
            yield url
    else:
        with Loopback() as loopback, loopback.serve(subjects.same(status), context=context) as served:
            yield served.url


@pytest.mark.parametrize(
    ("status", "code"), [(200, "subject.no-data"), (503, "subject.error"), (0, "subject.garbage")]
)
def test_good_tls_with_nothing_sensible_inside(workspace: Workspace, status: int, code: str) -> None:
    """A maintenance page, an error for everything, and octets that are no HTTP."""
    with trusted(workspace, status, noise=not status) as url:
        run = look(workspace, url, trust="anchors.pem")
    said = {row for row, outcome in run.outcomes.items() if outcome in SAID}
    assert said <= {f"ENC-TLS-0{number}@ber/api" for number in range(1, 5)}
    assert run.reasons["LOG-API-01@ber/api"] == code


def test_every_kind_of_place_may_be_broken_in_its_own_way(workspace: Workspace) -> None:
    """Rows that look at several places, such as flows and exports, say nothing either."""
    with (
        subjects.down() as down,
        subjects.silent() as silent,
        subjects.answering(subjects.reset) as reset,
        subjects.answering(subjects.noise) as noise,
    ):
        workspace.environment(
            "hostile",
            {
                "ber": {"api": {"url": down}},
                "tempus": {
                    "api": {"url": noise},
                    "login": {"url": silent},
                    "web": {"url": down},
                    "export": {"url": reset},
                },
            },
            timeout=0.2,
        )
        run = workspace.assess("hostile", "tempus", keyword="not ROU-DOC")
    assert not SAID & set(run.outcomes.values())
    assert "error" not in run.outcomes.values()
    assert verdicts(run) <= {Verdict.NOT_TESTED, Verdict.NOT_APPLICABLE}
    assert run.exit == 5


# -- permission ----------------------------------------------------------------------------------------------


def permission(*hosts: str, hours: float = 1) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "document_sha256": "0" * 64,
        "hosts": list(hosts),
        "from": (now - timedelta(days=2)).isoformat(),
        "until": (now + timedelta(hours=hours)).isoformat(),
        "contacts": ["somebody"],
        "stop": "a telephone number",
    }


REACHED: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        REACHED.append(str(arguments[0]))
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        REACHED.append(str(arguments[1][0]))


@pytest.fixture(scope="module")
def _noting() -> None:
    """An audit hook stays for good, so there is one."""
    sys.addaudithook(_note)


@pytest.mark.parametrize(
    ("kind", "authorisation", "code"),
    [
        ("test", None, "authorisation.missing"),
        ("production", None, "authorisation.missing"),
        ("simulated", None, "authorisation.missing"),
        ("test", permission("other.kravkoll.invalid"), "authorisation.host"),
        ("test", permission(FAR, hours=-1), "authorisation.time"),
    ],
)
@pytest.mark.usefixtures("_noting")
def test_without_permission_nothing_is_contacted_or_looked_up(
    workspace: Workspace, kind: str, authorisation: dict[str, Any] | None, code: str
) -> None:
    facts: dict[str, Any] = {"authorisation": authorisation} if authorisation else {}
    far = {"url": f"https://{FAR}", "token_endpoint": f"https://tokens.{FAR}/token", "client_id": "kravkoll"}
    workspace.environment(
        "far",
        {
            "ber": {"api": far},
            "tempus": {name: {"url": far["url"]} for name in ("api", "login", "web", "export")},
        },
        kind=kind,
        **facts,
    )
    REACHED.clear()
    run = workspace.assess("far", "tempus", keyword="not ROU-")
    assert set(run.outcomes.values()) == {"not-exercised"}
    assert set(run.reasons.values()) == {code}
    assert {host for host in REACHED if FAR in host or not local(host)} == set()
    assert run.exit == 5


def local(host: str) -> bool:
    return host in ("127.0.0.1", "::1", "localhost", "None", "")


def test_a_token_endpoint_needs_permission_as_well(workspace: Workspace) -> None:
    place = {"token_endpoint": f"https://{FAR}/token", "client_id": "kravkoll"}
    with subjects.unknown_authority() as url:
        run = look(workspace, url, "LOG-API", place=place)
    assert set(run.reasons.values()) == {"authorisation.missing"}


def test_production_is_only_read(workspace: Workspace) -> None:
    with subjects.unknown_authority() as url:
        run = look(workspace, url, kind="production")
    effects = {row.id: row.effect for row in run.record.rows.values()}
    writing = {row for row, effect in effects.items() if effect != "read"}
    assert writing
    assert {run.reasons[row] for row in writing} == {"effect.production"}
    assert "effect.production" not in {run.reasons[row] for row in set(effects) - writing}


def test_a_subject_that_dies_in_the_middle_is_never_met(workspace: Workspace) -> None:
    """It answers the examination of its transport, and then nothing more."""
    authority = CertificateAuthority.create()
    workspace.write("contracts/environments/anchors.pem", authority.anchor_pem.decode())
    context = authority.issue().server_context()
    left = threading.Semaphore(4)

    def a_few(connection: socket.socket) -> None:
        if left.acquire(blocking=False):
            with context.wrap_socket(connection, server_side=True):
                return
        subjects.reset(connection)

    with subjects.answering(a_few) as url:
        run = look(workspace, url, "ENC-", trust="anchors.pem")
    assert not SAID & set(run.outcomes.values())
    assert "subject.broke" in run.reasons.values()
