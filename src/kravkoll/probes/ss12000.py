"""A reader of SS 12000 interfaces: lists page by page, records by id, lookup, deleted entities."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from kravkoll.probes import pacing
from kravkoll.record.outcome import Inconclusive

type Record = dict[str, object]
type Filter = str | int | bool | Sequence[str]

SPANS: Mapping[str, Mapping[str, str]] = {
    "calendarEvents": {
        "startTime.onOrAfter": "2026-08-01T00:00:00+02:00",
        "startTime.onOrBefore": "2027-07-31T23:59:59+02:00",
    },
    "aggregatedAttendance": {"startDate": "2026-08-01", "endDate": "2027-07-31"},
}
"""Lists that the standard gives out for a span of time only: the school year of our people, unless asked."""
MOST_PAGES = 10_000
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back: enough to repeat it, without the token. `size` in bytes."""

    method: str
    url: str
    status: int
    size: int
    content_type: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.url} -> {self.status}, {self.size} bytes"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given, unjudged. `document` is None where the body is no JSON."""

    exchange: Exchange
    document: object
    body: bytes
    is_json: bool

    @property
    def status(self) -> int:
        return self.exchange.status


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `next_token` is empty on the last page."""

    document: Record = field(repr=False)
    exchange: Exchange

    @property
    def next_token(self) -> str:
        token = self.document.get("pageToken")
        return "" if token is None else str(token)

    @property
    def records(self) -> tuple[Record, ...]:
        """The records under `data`; Inconclusive `subject.garbage` where it is no list of objects."""
        return _records(self.document.get("data"), self.exchange)


@dataclass(frozen=True, slots=True)
class Walk:
    """All pages of a list. `endless` says that a token came back, or that the pages ran out of bound."""

    pages: tuple[Page, ...]
    endless: bool = False

    @property
    def records(self) -> list[Record]:
        return [record for page in self.pages for record in page.records]

    @property
    def ids(self) -> list[str]:
        return [str(record.get("id")) for record in self.records]


class UnusableAnswer(Inconclusive):
    """An answer that holds no records; it is kept, so that a check of the answers themselves can judge it."""

    def __init__(self, code: str, detail: str, answer: Answer) -> None:
        super().__init__(code, detail)
        self.answer = answer


class Ss12000:
    """Reads one SS 12000 interface with one token; the caller judges what comes back.

    Raises Inconclusive where nothing could be seen: `subject.unreachable`, `subject.timeout`,
    `subject.reset`, `transport.no-tls`, `transport.untrusted`; and, from the methods that return records,
    `subject.refused` (401, 403, 429), `subject.status`, `subject.garbage` and `subject.endless`.
    """

    def __init__(  # noqa: PLR0913  all but the first two are settings
        self,
        base_url: str,
        token: str | None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        timeout: float = 10.0,
        most_pages: int = MOST_PAGES,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self.ssl_context = ssl_context
        self.timeout = timeout
        self.exchanges: list[Exchange] = []
        self._on_exchange = on_exchange
        self._most_pages = most_pages
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            verify=ssl_context if ssl_context is not None else True,
            timeout=timeout,
            trust_env=False,
            event_hooks={"request": [pacing.before]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        filters: Mapping[str, Filter] | None = None,
        body: object = None,
    ) -> Answer:
        """Any request, answered whatever its status."""
        url = httpx.URL(self.base_url + path, params=_query(filters or {}))
        try:
            content, response = self._send(method, url, body)
        except httpx.HTTPError as error:
            raise could_not_see(error, str(url)) from error
        exchange = Exchange(
            method, str(url), response.status_code, len(content), response.headers.get("content-type", "")
        )
        self.exchanges.append(exchange)
        if self._on_exchange:
            self._on_exchange(exchange)
        document, is_json = _parse(content)
        return Answer(exchange, document, content, is_json)

    def _send(self, method: str, url: httpx.URL, body: object) -> tuple[bytes, httpx.Response]:
        with self._client.stream(method, url, json=body) as response:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise Inconclusive("subject.garbage", f"{url}: more than {MOST_BYTES} bytes")
            return bytes(content), response

    def pages(
        self,
        resource: str,
        limit: int | None = None,
        where: Mapping[str, Filter] | None = None,
        **filters: Filter,
    ) -> Iterator[Page]:
        """Pages in order. Stops after a page whose token was seen before, and at the bound on pages.

        Parameters with a dot in their name go in `where`. Filters go with the first request only: the
        standard forbids them together with a page token.
        """
        size: dict[str, Filter] = {} if limit is None else {"limit": limit}
        page = self.page(resource, **(where or {}), **filters, **size)
        seen = {page.next_token}
        yield page
        for _ in range(self._most_pages - 1):
            if not page.next_token:
                return
            page = self.page(resource, pageToken=page.next_token, **size)
            yield page
            if page.next_token in seen and page.next_token:
                return
            seen.add(page.next_token)

    def page(self, resource: str, **filters: Filter) -> Page:
        """One page; a list that needs a span of time is asked for one, unless a token carries it on."""
        span = {} if "pageToken" in filters else SPANS.get(resource, {})
        answer = self.request("GET", f"/{resource}", filters={**span, **filters})
        document = _seen(answer)
        if not isinstance(document, dict):
            raise UnusableAnswer("subject.garbage", f"{answer.exchange}: no JSON object", answer)
        return Page(document, answer.exchange)

    def explore(
        self,
        resource: str,
        limit: int | None = None,
        where: Mapping[str, Filter] | None = None,
        **filters: Filter,
    ) -> Walk:
        """A walk with its pages kept, which says whether it came to an end."""
        pages = tuple(self.pages(resource, limit, where, **filters))
        return Walk(pages, endless=bool(pages[-1].next_token))

    def walk(
        self,
        resource: str,
        limit: int | None = None,
        where: Mapping[str, Filter] | None = None,
        **filters: Filter,
    ) -> list[Record]:
        """Every record of a list. Raises Inconclusive `subject.endless` where the pages never end."""
        walk = self.explore(resource, limit, where, **filters)
        if walk.endless:
            raise Inconclusive("subject.endless", f"/{resource}: {len(walk.pages)} pages and no last one")
        return walk.records

    def get(self, resource: str, record_id: str, **filters: Filter) -> Record | None:
        """The record, or None where the interface says that there is none (404, 410)."""
        answer = self.request("GET", f"/{resource}/{record_id}", filters=filters)
        if answer.status in {404, 410}:
            return None
        document = _seen(answer)
        if not isinstance(document, dict):
            raise UnusableAnswer("subject.garbage", f"{answer.exchange}: no JSON object", answer)
        return document

    def lookup(
        self, resource: str, ids: Sequence[str], *, key: str = "ids", **filters: Filter
    ) -> list[Record]:
        """The records that a lookup returns for these ids (or other keys, as `civicNos`)."""
        answer = self.request("POST", f"/{resource}/lookup", filters=filters, body={key: list(ids)})
        return list(_records(_seen(answer), answer.exchange))

    def deleted_entities(self, limit: int | None = None, **filters: Filter) -> dict[str, list[str]]:
        """Ids of what was deleted, per resource, over all pages (bounded)."""
        gone: dict[str, list[str]] = {}
        page = None
        for page in self.pages("deletedEntities", limit, filters):
            data = page.document.get("data")
            if not isinstance(data, dict):
                raise Inconclusive("subject.garbage", f"{page.exchange.url}: no object under `data`")
            for resource, ids in data.items():
                gone.setdefault(resource, []).extend(str(one) for one in ids or ())
        if page and page.next_token:
            raise Inconclusive("subject.endless", "/deletedEntities: the pages have no end")
        return gone


def could_not_see(error: httpx.HTTPError, url: str) -> Inconclusive:
    """What a failed transport says: a reason, never a finding."""
    detail = f"{url}: {error}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Inconclusive("transport.untrusted", detail)
        if isinstance(cause, ssl.SSLError):
            return Inconclusive("transport.no-tls", detail)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return Inconclusive("subject.timeout", detail)
    if isinstance(error, httpx.ConnectError):
        return Inconclusive("subject.unreachable", detail)
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
        return Inconclusive("subject.reset", detail)
    return Inconclusive("subject.garbage", detail)


def _query(filters: Mapping[str, Filter]) -> list[tuple[str, str]]:
    """Lists are repeated parameters, as the standard's arrays are."""
    pairs: list[tuple[str, str]] = []
    for name, value in filters.items():
        values = [value] if isinstance(value, str | int) else value
        pairs += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values]
    return pairs


def _parse(content: bytes) -> tuple[object, bool]:
    try:
        return json.loads(content), True
    except ValueError:
        return None, False


def _seen(answer: Answer) -> object:
    if answer.status in {401, 403, 429}:
        raise UnusableAnswer("subject.refused", str(answer.exchange), answer)
    if answer.status != 200:
        raise UnusableAnswer("subject.status", str(answer.exchange), answer)
    if not answer.is_json:
        raise UnusableAnswer("subject.garbage", f"{answer.exchange}: no JSON", answer)
    return answer.document


def _records(items: object, exchange: Exchange) -> tuple[Record, ...]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Inconclusive("subject.garbage", f"{exchange.url}: no list of objects")
    return tuple(items)
