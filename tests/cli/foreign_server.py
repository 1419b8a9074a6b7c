"""A small SS 12000 server that shares nothing with ours: http.server, its own authority, its own ways.

It answers HTTP/1.0 and closes each connection, lists the newest first, hands out pages by names that it
remembers, leaves `pageToken` out on the last page, and has three records a page at most.
"""

import json
import ssl
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

BASE = "/api/v21"
MOST = 3
AUDIENCE = "https://foreign.example/api"
KINDS = ("organisations", "persons", "placements", "groups", "duties")
SCHOOL_TYPES = frozenset(
    {"FS", "FTH", "OPPFTH", "FKLASS", "GR", "GRS", "TR", "SP", "SAM", "GY", "GYS", "VUX"}
)


def identity(kind: int, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://foreign.example/{kind}/{number}"))


def _meta(number: int) -> dict[str, str]:
    return {"created": "2025-01-07T08:00:00Z", "modified": f"2026-02-{number + 1:02}T08:00:00Z"}


def _records() -> dict[str, list[dict[str, Any]]]:
    """Seven units and people, and what ties them together."""
    many = range(7)
    return {
        "organisations": [
            {
                "id": identity(0, n), "meta": _meta(n), "displayName": f"Enhet {n}",
                "organisationType": "Skolenhet",
                "schoolTypes": ["GR"] if n % 2 else ["FS"],
            }
            for n in many
        ],
        "persons": [
            {"id": identity(1, n), "meta": _meta(n), "givenName": f"Prov {n}", "familyName": "Person"}
            for n in many
        ],
        "placements": [
            {
                "id": identity(2, n), "meta": _meta(n), "child": {"id": identity(1, n)},
                "placedAt": {"id": identity(0, n % 3)}, "schoolType": "FS", "startDate": "2026-01-12",
            }
            for n in many
        ],
        "groups": [
            {
                "id": identity(3, n), "meta": _meta(n), "displayName": f"Grupp {n}", "groupType": "Avdelning",
                "schoolType": "FS", "organisation": {"id": identity(0, n % 3)}, "startDate": "2026-01-12",
                "groupMemberships": [],
            }
            for n in many
        ],
        "duties": [
            {
                "id": identity(4, n), "meta": _meta(n), "person": {"id": identity(1, n)},
                "dutyAt": {"id": identity(0, n % 2)}, "dutyRole": "Lärare", "startDate": "2026-01-12",
            }
            for n in many
        ],
    }  # fmt: skip


class Refused(Exception):
    """An answer that is no data."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(code)


@dataclass
class Foreign:
    """The product. `issuer` and `anchor` are what it was handed by the city."""

    issuer: str
    anchor: Path
    defect: str = ""
    records: dict[str, list[dict[str, Any]]] = field(default_factory=_records)
    pages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def answer(self, target: str, authorization: str) -> Mapping[str, Any]:
        self._admit(authorization)
        parts = urlsplit(target)
        kind, _, one = parts.path.removeprefix(f"{BASE}/").partition("/")
        if not parts.path.startswith(f"{BASE}/") or kind not in KINDS:
            raise Refused(404, "no-such-path")
        query = {name: ",".join(values).split(",") for name, values in parse_qs(parts.query, True).items()}
        return self._single(kind, one) if one else self._page(kind, query)

    def _admit(self, authorization: str) -> None:
        if not authorization.startswith("Bearer "):
            raise Refused(401, "who-are-you")
        context = ssl.create_default_context(cafile=self.anchor)
        with urllib.request.urlopen(f"{self.issuer}/jwks", context=context, timeout=5) as keys:  # noqa: S310
            known = KeySet.import_key_set(json.load(keys))
        try:
            claims = jwt.decode(authorization[7:], known, algorithms=["ES256"]).claims
            JWTClaimsRegistry(exp={"essential": True}, aud={"essential": True}).validate(claims)
        except (JoseError, ValueError) as error:
            raise Refused(403, "not-you") from error
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        mine = AUDIENCE in audience or self.defect == "any-audience"
        if claims.get("iss") != self.issuer or not mine or "read" not in str(claims.get("scope")).split():
            raise Refused(403, "not-for-me")

    def _single(self, kind: str, one: str) -> Mapping[str, Any]:
        _uuid(one)
        for record in self.records[kind]:
            if record["id"] == one.lower():
                return record
        raise Refused(404, "gone")

    def _page(self, kind: str, query: dict[str, list[str]]) -> Mapping[str, Any]:
        size = min(_whole(query.pop("limit", [str(MOST)])[0]), MOST)
        token = query.pop("pageToken", [""])[0]
        if token:
            if token not in self.pages:
                raise Refused(400, "no-such-page")
            left = self.pages[token]
        else:
            kept = [record for record in self.records[kind] if all(t(record) for t in _tests(kind, query))]
            left = sorted(kept, key=lambda record: record["meta"]["modified"], reverse=True)
        rest = left[size:]
        if self.defect == "loses" and rest:
            rest = rest[1:]
        if not rest:
            return {"data": left[:size]}
        name = uuid.uuid4().hex
        self.pages[name] = rest
        return {"data": left[:size], "pageToken": name}


def _tests(kind: str, query: dict[str, list[str]]) -> Iterator[Callable[[dict[str, Any]], bool]]:
    """What the agreed filters leave; others are not known here."""
    at = {"placements": "placedAt", "duties": "dutyAt", "groups": "organisation"}
    for name, values in query.items():
        if name == "organisation" and kind in at:
            wanted = {_uuid(value) for value in values}
            yield lambda record, wanted=wanted: record[at[kind]]["id"] in wanted  # type: ignore[misc]
        elif name == "schoolTypes" and kind == "organisations":
            if not set(values) <= SCHOOL_TYPES:
                raise Refused(400, "no-such-school-type")
            yield lambda record, values=values: bool(set(values) & set(record["schoolTypes"]))  # type: ignore[misc]
        elif name == "groupType" and kind == "groups":
            yield lambda record, values=values: record["groupType"] in values  # type: ignore[misc]
        elif name == "meta.modified.after":
            moment = _moment(values[0])
            yield lambda record, moment=moment: _moment(record["meta"]["modified"]) > moment  # type: ignore[misc]


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise Refused(400, "no-uuid") from error


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise Refused(400, "no-number")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, "no-time") from error
    if moment.tzinfo is None:
        raise Refused(400, "no-zone")
    return moment


@contextmanager
def serving(product: Foreign, chain: Path, port: int) -> Iterator[None]:
    """The product over TLS on loopback, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        server_version = "Foreign/7"

        def do_GET(self) -> None:
            try:
                status, body = 200, product.answer(self.path, self.headers.get("Authorization", ""))
            except Refused as refused:
                status, body = refused.status, {"code": refused.code, "message": "Nej."}
            content = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Silence."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
