"""Runs inside mitmdump: sends requests on to the upstream of the moment and writes down each exchange.

Loaded by path in a process of its own, so it imports nothing of ours. The folder it is given holds
`routes.json` (read again at every request: door to upstream, trust anchors, file to write to) and gets
`ready.json`.
"""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.addons.proxyserver import Proxyserver

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a body that are written down; what is longer is cut, and its JSON then reads as none."""

untyped: Any = ctx
"""mitmproxy's context; not all of what we call on it is annotated."""

CHARSET = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE)
SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "set-cookie", "dpop"}


class Interception:
    """One route at a time by each door; requests by a door that leads nowhere are answered with 503."""

    def __init__(self) -> None:
        self.folder = Path()
        self.routes_text = ""
        self.routes: dict[str, dict[str, Any]] = {}

    def load(self, loader: Loader) -> None:
        loader.add_option("interception_folder", str, "", "Where the route stands and the exchanges go.")

    def configure(self, _updated: set[str]) -> None:
        self.folder = Path(ctx.options.interception_folder)

    async def running(self) -> None:
        """`running` fires even where the port was busy: say which sockets are ours, if any."""
        _write(self.folder / "ready.json", {"process": os.getpid(), "addresses": _addresses()})
        self.watcher = asyncio.create_task(_end_with_parent())

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        door, _, path = flow.request.path.removeprefix("/").partition("/")
        route = self._route(door)
        if not route.get("upstream"):
            flow.response = http.Response.make(503, b"no upstream", {"content-type": "text/plain"})
            return
        flow.metadata["route"] = route
        flow.metadata["path"] = f"/{path}"
        upstream = urlsplit(route["upstream"])
        flow.request.scheme = upstream.scheme
        flow.request.host = upstream.hostname or ""
        flow.request.port = upstream.port or (443 if upstream.scheme == "https" else 80)
        flow.request.path = f"{upstream.path.rstrip('/')}/{path}"

    def response(self, flow: http.HTTPFlow) -> None:
        """Called before the answer is passed on: whoever got the answer finds the exchange written."""
        _note(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        _note(flow)

    def _route(self, door: str) -> dict[str, Any]:
        try:
            text = (self.folder / "routes.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        if text != self.routes_text:
            self.routes_text, self.routes = text, json.loads(text)
        route = self.routes.get(door, {})
        # contexts are cached by file name, so each set of anchors has a file of its own
        if route and untyped.options.ssl_verify_upstream_trusted_ca != route["trust"]:
            untyped.options.update(ssl_verify_upstream_trusted_ca=route["trust"])
        return route


def _addresses() -> list[list[Any]]:
    proxyserver: Proxyserver = untyped.master.addons.get("proxyserver")
    return [list(address[:2]) for server in proxyserver.servers for address in server.listen_addrs]


async def _end_with_parent() -> None:
    """The parent holds our standard input open; when it is gone, so are we."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    untyped.master.shutdown()


def _note(flow: http.HTTPFlow) -> None:
    route = flow.metadata.get("route") or {}
    if route.get("exchanges"):
        with Path(route["exchanges"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(_exchange(flow)) + "\n")


def _exchange(flow: http.HTTPFlow) -> dict[str, Any]:
    path, _, _ = str(flow.metadata["path"]).partition("?")
    answer = flow.response
    return {
        "method": flow.request.method,
        "host": f"{flow.request.host}:{flow.request.port}",
        "path": path,
        "query": list(flow.request.query.items(multi=True)),
        "request_headers": _headers(flow.request),
        "request_body": _text(flow.request),
        "status": answer.status_code if answer else 0,
        "response_headers": _headers(answer) if answer else [],
        "response_body": _text(answer) if answer else "",
    }


def _headers(message: http.Message) -> list[tuple[str, str]]:
    """Secrets are not written down: of a token only that it was there."""
    return [
        (name, "(masked)" if name.lower() in SECRET_HEADERS else value) for name, value in _pairs(message)
    ]


def _pairs(message: http.Message) -> list[tuple[str, str]]:
    """Each value of a repeated header on its own."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers.fields]


def _text(message: http.Message) -> str:
    """In the encoding that its headers name, else UTF-8."""
    content = message.get_content(strict=False) or b""
    named = CHARSET.search(message.headers.get("content-type", ""))
    try:
        return content[:LARGEST_BODY].decode(named[1] if named else "utf-8", errors="replace")
    except LookupError:
        return content[:LARGEST_BODY].decode("utf-8", errors="replace")


def _write(path: Path, value: object) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value), encoding="utf-8")
    draft.replace(path)


addons = [Interception()]
