"""What a system asks of others: over TLS verified against the anchors that it was handed."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

SECONDS = 10.0


class Unreachable(Exception):
    """The other party did not answer, or not as agreed."""


class Outbound:
    """A product's HTTP client; environment variables cannot redirect it."""

    def __init__(self, context: ssl.SSLContext, client: httpx.AsyncClient | None = None) -> None:
        self._context = context
        self._client = client

    @classmethod
    def trusting(cls, anchors: bytes) -> "Outbound":
        """From PEM anchors, and no others."""
        return cls(ssl.create_default_context(cadata=anchors.decode()))

    async def get(self, url: str, *, token: str | None = None) -> bytes:
        return await self._send("GET", url, token=token)

    async def post_form(self, url: str, form: Mapping[str, str]) -> bytes:
        return await self._send("POST", url, data=form)

    async def post_json(self, url: str, body: Any, *, token: str | None = None) -> bytes:
        return await self._send("POST", url, token=token, json=body)

    @asynccontextmanager
    async def keeping_connections(self) -> AsyncIterator["Outbound"]:
        """The same client with connections kept open: for many calls in one go, in one event loop."""
        async with httpx.AsyncClient(verify=self._context, trust_env=False, timeout=SECONDS) as client:
            yield Outbound(self._context, client)

    async def _send(self, method: str, url: str, *, token: str | None = None, **body: Any) -> bytes:
        if self._client is not None:
            return await _exchange(self._client, method, url, token=token, **body)
        async with httpx.AsyncClient(verify=self._context, trust_env=False, timeout=SECONDS) as client:
            return await _exchange(client, method, url, token=token, **body)


async def _exchange(
    client: httpx.AsyncClient, method: str, url: str, *, token: str | None, **body: Any
) -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = await client.request(method, url, headers=headers, **body)
    except httpx.HTTPError as error:
        raise Unreachable(f"{method} {url}: {error!r}") from error
    if not answer.is_success:
        raise Unreachable(f"{method} {url} -> {answer.status_code} {answer.text[:200]}")
    return answer.content


def well_known(issuer: str) -> str:
    """Where an issuer's metadata stands (RFC 8414, 3: between host and path)."""
    url = httpx.URL(issuer)
    return str(url.copy_with(path="/.well-known/oauth-authorization-server" + url.path.rstrip("/")))
