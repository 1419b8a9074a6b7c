"""Looks at a subject over HTTP: every failure of the transport is a reason, never a finding."""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from kravkoll.probes import pacing
from kravkoll.record.outcome import Inconclusive

TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER = 16 * 1024 * 1024
MOST_REDIRECTS = 15
SAFE = frozenset({"GET", "HEAD"})
"""What may be asked twice (RFC 9110, 9.2.1)."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"https": 443, "http": 80}
NO_TLS_REASONS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request, unjudged; header names are in lower case."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as an absolute address; None if this is no redirect."""
        target = self.headers.get("location")
        return urljoin(self.url, target) if self.status in REDIRECTS and target else None

    def __str__(self) -> str:
        return f"{self.method} {without_query(self.url)} -> {self.status}"


class Visitor:
    """A client with an empty cookie jar that contacts only the origins that it was told of."""

    def __init__(
        self, context: ssl.SSLContext, origins: Iterable[str], *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self.origins = frozenset(origin_of(address) for address in origins)
        self._timeout = timeout_seconds
        # the environment's proxies and .netrc are ours, not the subject's
        self._client = httpx.Client(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=timeout_seconds,
            event_hooks={"request": [pacing.before]},
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """One exchange, redirects not followed; Inconclusive where nothing whole came back in time."""
        if origin_of(url) not in self.origins:
            raise Inconclusive("host.not-declared", origin_of(url))
        try:
            opened: list[str] = []
            try:
                return self._exchange(method, url, headers, form, opened)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if opened or method not in SAFE:
                    raise
            # a kept connection that was closed meanwhile, as servers may: once more by a new one
            return self._exchange(method, url, headers, form, opened)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict) as error:
            raise could_not_see(error, without_query(url)) from error

    def follow(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None
    ) -> tuple[Answer, ...]:
        """The exchange and its redirects within the origin, so that no header is shown to another."""
        answers = [self.ask(method, url, headers=headers)]
        while (target := answers[-1].location) and origin_of(target) == origin_of(url):
            if len(answers) > MOST_REDIRECTS:
                raise Inconclusive("subject.redirect-loop", without_query(url))
            answers.append(self.ask("GET", target, headers=headers))
        return tuple(answers)

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
        opened: list[str],
    ) -> Answer:
        """`opened` is told of each new connection."""

        def trace(event: str, _info: Mapping[str, object]) -> None:
            if event == "connection.connect_tcp.started":
                opened.append(url)

        deadline = time.monotonic() + self._timeout
        body = bytearray()
        extensions = {"trace": trace}
        with self._client.stream(method, url, headers=headers, data=form, extensions=extensions) as response:
            for chunk in response.iter_bytes():
                body += chunk
                # httpx bounds each read; a subject that drips would hold us for ever
                if time.monotonic() > deadline:
                    raise Inconclusive("subject.timeout", f"{without_query(url)}: answer not whole in time")
                if len(body) > LARGEST_ANSWER:
                    raise Inconclusive("subject.too-large", without_query(url))
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(method, str(response.url), response.status_code, lowered, bytes(body))

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def origin_of(url: str) -> str:
    """`https://host:port`, or the address itself where it has no host."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return url
    if not parts.hostname:
        return url
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def without_query(url: str) -> str:
    """An address fit for a record: queries carry messages, tokens and search terms."""
    return url.partition("#")[0].partition("?")[0]


def could_not_see(error: Exception, url: str) -> Inconclusive:
    """The reason that a failed exchange stands for."""
    detail = f"{url}: {error}"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Inconclusive("transport.untrusted", f"{url}: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            plain = cause.reason in NO_TLS_REASONS
            return Inconclusive("transport.no-tls" if plain else "transport.handshake", detail)
        if isinstance(cause, ConnectionResetError | BrokenPipeError):
            return Inconclusive("subject.reset", detail)
        if isinstance(cause, socket.gaierror):
            return Inconclusive("subject.unreachable", detail)
    return Inconclusive(_code(error), detail)


def _code(error: Exception) -> str:
    match error:
        case httpx.TimeoutException():
            return "subject.timeout"
        case httpx.ConnectError():
            return "subject.unreachable"
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return "subject.reset"
        case httpx.RemoteProtocolError() if "disconnected" in str(error) or "closed" in str(error):
            return "subject.reset"
        case _:
            return "subject.garbage"


def _causes(error: BaseException) -> Iterable[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
