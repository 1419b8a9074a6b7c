"""A listener of the city's at the address of a party that is to be sent nothing: what it hears is a leak."""

import ssl
import uuid
from dataclasses import dataclass, field
from typing import Self

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.probes.traffic import Exchange
from kravkoll.serving.loopback import Loopback, Served

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
SELF_TEST = "/listening-post-self-test/"
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a body that are kept."""


@dataclass(slots=True)
class ListeningPost:
    """Remembers every request, and answers 200 and an empty object, so that a sender goes on.

    Where the party runs, the post stands before it, and what was sent goes on to it.
    """

    served: Served
    anchor_pem: bytes
    _requests: list[Exchange] = field(repr=False)
    _beyond: list[str] = field(default_factory=list, repr=False)

    @classmethod
    def open(cls, loopback: Loopback, ca: CertificateAuthority) -> Self:
        requests: list[Exchange] = []
        beyond: list[str] = []
        context = ssl.create_default_context(cadata=ca.anchor_pem.decode("ascii"))

        async def hear(request: Request) -> Response:
            exchange = await _exchange(request)
            requests.append(exchange)
            if beyond and not exchange.path.startswith(SELF_TEST):
                return await _passed_on(request, exchange, beyond[-1], context)
            return JSONResponse({})

        app = Starlette(routes=[Route("/{path:path}", hear, methods=METHODS)])
        served = loopback.serve(app, context=ca.issue().server_context())
        return cls(served, ca.anchor_pem, requests, beyond)

    def lead_to(self, url: str) -> None:
        """Pass on what comes to the party itself, at this base URL."""
        self._beyond.append(url)

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def heard(self) -> tuple[Exchange, ...]:
        """Requests of others, in order."""
        return tuple(one for one in self._requests if not one.path.startswith(SELF_TEST))

    def hears(self) -> bool:
        """Whether a request that we send ourselves over verified TLS is heard."""
        path = f"{SELF_TEST}{uuid.uuid4()}"
        context = ssl.create_default_context(cadata=self.anchor_pem.decode("ascii"))
        try:
            httpx.post(self.url + path, json={}, verify=context, trust_env=False, timeout=10)
        except httpx.HTTPError:
            return False
        return any(one.path == path for one in self._requests)

    def close(self) -> None:
        self.served.close()


async def _passed_on(request: Request, exchange: Exchange, url: str, context: ssl.SSLContext) -> Response:
    """The party's own answer; 502 where it gives none."""
    kept = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
    try:
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=10) as client:
            answer = await client.request(
                exchange.method,
                url + exchange.path,
                params=exchange.query,
                headers=kept,
                content=exchange.request_body.encode(),
            )
    except httpx.HTTPError:
        return Response(status_code=502)
    return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


async def _exchange(request: Request) -> Exchange:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: max(0, LARGEST_BODY - len(body))]
    return Exchange(
        method=request.method,
        host=request.headers.get("host", ""),
        path=request.url.path,
        query=tuple(request.query_params.multi_items()),
        request_body=bytes(body).decode("utf-8", errors="replace"),
        status=200,
    )
