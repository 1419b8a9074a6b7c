"""Which TLS versions a server really answers with, and the certificate that it shows. Nothing is judged here.

One connection at a time: an ordinary handshake, one first flight for each version, and the ordinary handshake
again, so that a server that merely went away is never taken for one that refuses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from kravkoll.probes.plaintext import ask
from kravkoll.probes.tls_certificate import (
    UNTRUSTED_KINDS,
    Certificate,
    Handshake,
    HandshakeRefusedError,
    NotTLSError,
    OrdinaryClient,
    TrustProblem,
    is_address,
)
from kravkoll.probes.tls_hello import (
    CLOSE_NOTIFY,
    LARGEST_HELLO,
    NUMBERS,
    VERSIONS,
    Alert,
    Answer,
    MalformedAnswerError,
    client_hello,
    read_answer,
)
from kravkoll.probes.tls_transport import Conversation, Endpoint, first_reached
from kravkoll.record.outcome import Inconclusive

SECONDS = 5.0
"""Deadline of one conversation; an examination holds at most eight."""

ACCEPTED, REFUSED, UNSEEN = "accepted", "refused", "unseen"
CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class VersionAnswer:
    """What the server did when this version was the highest on offer."""

    version: str
    answer: str
    """`accepted`: a ServerHello of this version was read; `refused`; `unseen`: neither can be said."""
    detail: str
    """The server's own words: an alert, the version that it chose instead, `closed`, `timeout`."""


@dataclass(frozen=True, slots=True)
class TlsObservation:
    """One server's answers; version names (`TLS 1.2`) sort as versions do."""

    host: str
    port: int
    address: str
    versions: tuple[VersionAnswer, ...]
    negotiated_version: str
    """What an ordinary client gets; empty if every ordinary handshake was refused."""
    cipher: str
    certificates: tuple[Certificate, ...]
    """As sent, the server's own first."""
    problems: tuple[TrustProblem, ...]
    anchors: tuple[str, ...]
    """Subjects of the anchors that were trusted."""
    seen_at: datetime
    """UTC."""
    connections: int

    @property
    def accepted_versions(self) -> tuple[str, ...]:
        """Oldest first."""
        return tuple(seen.version for seen in self.versions if seen.answer == ACCEPTED)

    @property
    def unseen_versions(self) -> tuple[str, ...]:
        """Versions of which neither acceptance nor refusal was seen."""
        return tuple(seen.version for seen in self.versions if seen.answer == UNSEEN)


def examine_tls(
    host: str, port: int, *, trust: bytes, platform_trust: bool = False, seconds: float = SECONDS
) -> TlsObservation:
    """Look at a server; `trust` is PEM. Inconclusive where no TLS could be seen, each cause with its code.

    `platform_trust` also trusts the operating system's anchors, read only if `trust` does not suffice.

    Codes: subject.unreachable, subject.timeout, subject.reset, subject.garbage, subject.broke,
    transport.no-tls, tls.handshake-refused. Takes at most eight times `seconds`.
    """
    name = None if is_address(host) else host.rstrip(".")
    client = OrdinaryClient(trust, name)
    endpoint, before = first_reached(host, port, seconds, lambda reached: _control(client, reached))
    answers = [_first_flight(endpoint, number, name) for number in VERSIONS]
    if platform_trust and before and UNTRUSTED_KINDS & {problem.kind for problem in before.problems}:
        client = OrdinaryClient(trust, name, platform=True)
        after = _control_again(client, endpoint)
        before = after or before
    else:
        after = _control_again(client, endpoint)
    if before is None and not any(answer.answer == ACCEPTED for answer in answers):
        raise Inconclusive("tls.handshake-refused", "; ".join(f"{a.version}: {a.detail}" for a in answers))
    return TlsObservation(
        host=host,
        port=port,
        address=str(endpoint.address[0]),
        versions=tuple(_settle(answers, before, after)),
        negotiated_version=before.version if before else "",
        cipher=before.cipher if before else "",
        certificates=before.certificates if before else (),
        problems=before.problems if before else (),
        anchors=client.anchors,
        seen_at=datetime.now(UTC),
        connections=len(answers) + 2,
    )


def _control(client: OrdinaryClient, endpoint: Endpoint) -> Handshake | None:
    """The ordinary handshake; None where the server speaks TLS but refuses it."""
    try:
        return client.shake_hands(endpoint)
    except HandshakeRefusedError:
        return None
    except TimeoutError:
        raise _not_seen(endpoint, "subject.timeout", "no answer to a ClientHello") from None
    except NotTLSError as error:
        code = "subject.garbage" if error.octets else "subject.reset"
        raise _not_seen(endpoint, code, str(error)) from None


def _not_seen(endpoint: Endpoint, code: str, detail: str) -> Inconclusive:
    """Why there was no TLS: a port that answers plain HTTP explains every other symptom."""
    try:
        plain = ask(endpoint)
    except Inconclusive:
        return Inconclusive(code, detail)
    if plain.answer == "http":
        return Inconclusive("transport.no-tls", f"plain HTTP, status {plain.status}")
    return Inconclusive(code, detail)


def _control_again(client: OrdinaryClient, endpoint: Endpoint) -> Handshake | None:
    try:
        return client.shake_hands(endpoint)
    except HandshakeRefusedError:
        return None
    except (TimeoutError, NotTLSError, Inconclusive) as error:
        raise Inconclusive("subject.broke", f"no handshake after the examination: {error}") from None


def _first_flight(endpoint: Endpoint, number: int, server_name: str | None) -> VersionAnswer:
    version = VERSIONS[number]
    try:
        with endpoint.converse() as conversation:
            conversation.send(client_hello(number, server_name))
            answer = _answer(conversation)
    except TimeoutError:
        return VersionAnswer(version, UNSEEN, "timeout")
    except (MalformedAnswerError, Inconclusive) as error:
        return VersionAnswer(version, UNSEEN, str(error))
    return _classified(version, answer)


def _answer(conversation: Conversation) -> Answer | None:
    """The first answer; None where the server closed without one."""
    octets = b""
    while len(octets) <= LARGEST_HELLO:
        more = conversation.receive()
        if not more:
            if octets:
                raise MalformedAnswerError("closed in the middle of an answer")
            return None
        octets += more
        answer = read_answer(octets)
        if answer is not None:
            return answer
    raise MalformedAnswerError("no end to the answer")


def _classified(version: str, answer: Answer | None) -> VersionAnswer:
    if answer is None:
        return VersionAnswer(version, REFUSED, CLOSED)
    if isinstance(answer, Alert):
        return VersionAnswer(version, REFUSED, CLOSED if answer.description == CLOSE_NOTIFY else str(answer))
    chosen = VERSIONS.get(answer.version, hex(answer.version))
    if chosen == version:
        return VersionAnswer(version, ACCEPTED, f"suite 0x{answer.cipher_suite:04x}")
    if answer.version < NUMBERS[version]:
        return VersionAnswer(version, REFUSED, f"chose {chosen}")
    return VersionAnswer(version, UNSEEN, f"answered {chosen}, which was not on offer")


def _settle(
    answers: Iterable[VersionAnswer], before: Handshake | None, after: Handshake | None
) -> Iterable[VersionAnswer]:
    """A close counts as refusal only between two handshakes that worked; a handshake proves its version."""
    spoken = {seen.version for seen in (before, after) if seen}
    for answer in answers:
        if answer.version in spoken and answer.answer != ACCEPTED:
            yield VersionAnswer(answer.version, ACCEPTED, "an ordinary handshake")
        elif answer.detail == CLOSED and not (before and after):
            yield VersionAnswer(answer.version, UNSEEN, CLOSED)
        else:
            yield answer
