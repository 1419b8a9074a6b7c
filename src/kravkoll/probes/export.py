"""Orders an export as the supplier file says, waits for it, and reads its records."""

import contextlib
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from kravkoll.contracts.dialects import Dialect
from kravkoll.probes import pacing
from kravkoll.probes.dialect_rows import Record
from kravkoll.probes.export_contents import LARGEST_FILE, Contents, read_export
from kravkoll.probes.ss12000 import could_not_see
from kravkoll.record.outcome import Inconclusive, NotExercised

DEFAULT_WAIT_SECONDS = 60.0
OK = 200
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 1.0


@dataclass(frozen=True, slots=True)
class Export:
    """What came of one order. `ordered` and `fetched` are statuses; `contents` are there if a file came.

    `state` is the last that was said of the job.
    """

    ordered: int
    fetched: int = 0
    state: str = ""
    size: int = 0
    seconds: float = 0.0
    contents: Contents | None = None

    @property
    def refused(self) -> bool:
        """The order itself was answered with an error."""
        return self.ordered >= 400

    @property
    def finished(self) -> bool:
        return self.contents is not None

    @property
    def records(self) -> Mapping[str, tuple[Record, ...]]:
        """What could be read, by resource."""
        return self.contents.records if self.contents else {}


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """The agreed way to an export: `export.start` and `export.fetch` of the supplier file."""

    start: Mapping[str, Any]
    fetch: Mapping[str, Any]
    dialect: Dialect | None = None
    """The agreed form of the file, where it is none of the plain ones."""

    @property
    def wait_seconds(self) -> float:
        return float(self.fetch.get("within", DEFAULT_WAIT_SECONDS))

    @property
    def format(self) -> str:
        return str(self.fetch.get("format", "ndjson"))


class Exporter:
    """One order at one interface. Raises Inconclusive where nothing could be seen (`subject.*`, `export.*`),
    NotExercised where the supplier file does not say enough."""

    def __init__(
        self, base_url: str, token: str, settings: ExportSettings, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.settings = settings
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl_context if ssl_context is not None else True,
            trust_env=False,
            timeout=30,
            event_hooks={"request": [pacing.before]},
        )

    def run(self) -> Export:
        """Order, wait within the agreed time, download and read."""
        with self._client:
            return self._run()

    def _run(self) -> Export:
        started = time.monotonic()
        start = self.settings.start
        order = self._ask(str(start.get("method", "POST")), _setting(start, "path"), start.get("body"))
        if order.status_code >= 400:
            return Export(order.status_code)
        job = _job(order, start)
        fetched, state = self._await_end(order, job, started)
        if fetched is None:
            return Export(order.status_code, state=state, seconds=time.monotonic() - started)
        if fetched.status_code >= 400:
            return Export(order.status_code, fetched.status_code, state, seconds=time.monotonic() - started)
        seconds = time.monotonic() - started
        contents = read_export(
            fetched.content, self.settings.format, self.settings.fetch, self.settings.dialect, self._schema()
        )
        return Export(order.status_code, fetched.status_code, state, len(fetched.content), seconds, contents)

    def _schema(self) -> bytes | None:
        """The schema that the product publishes, fetched as anybody may; None where there is none."""
        dialect = self.settings.dialect
        if dialect is None or not dialect.xsd:
            return None
        answer = self._ask("GET", dialect.xsd, anonymous=True)
        return answer.content if answer.status_code == OK else None

    def _await_end(
        self, order: httpx.Response, job: str, started: float
    ) -> tuple[httpx.Response | None, str]:
        """The file's answer once the job is done, or None with the last state."""
        fetch = self.settings.fetch
        place = str(order.headers.get("location") or fetch.get("path", "")).replace("{id}", job)
        if not place:
            raise NotExercised("capability.incomplete", "export.fetch: path")
        pause, state = FIRST_PAUSE_SECONDS, ""
        while True:
            answer = self._ask("GET", place)
            state, done = _state(answer, fetch)
            if done:
                return (self._ask("GET", _file(fetch, job)) if "file" in fetch else answer), state
            if answer.status_code >= 400:
                return answer, state
            if time.monotonic() - started + pause > self.settings.wait_seconds:
                return None, state
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _ask(
        self, method: str, place: str, body: object = None, *, anonymous: bool = False
    ) -> httpx.Response:
        """The token goes to the interface's own origin only, whatever an answer points at."""
        url = place if "://" in place else self.base_url + "/" + place.lstrip("/")
        if place.startswith("/") and self._is_absolute_path(place):
            url = urljoin(self.base_url, place)
        if _origin(url) != _origin(self.base_url):
            raise Inconclusive("export.elsewhere", url)
        try:
            request = self._client.build_request(method, url, json=body)
            if anonymous:
                del request.headers["Authorization"]
            return _bounded(self._client.send(request, stream=True), url)
        except httpx.HTTPError as error:
            raise could_not_see(error, url) from error

    def _is_absolute_path(self, place: str) -> bool:
        """A Location holds the whole path, the supplier file's paths are below the base address."""
        base = urlsplit(self.base_url).path
        return bool(base) and place.startswith(base + "/")


def _setting(settings: Mapping[str, Any], name: str) -> str:
    if not settings.get(name):
        raise NotExercised("capability.incomplete", f"export.start: {name}")
    return str(settings[name])


def _job(order: httpx.Response, start: Mapping[str, Any]) -> str:
    try:
        answer = order.json()
    except ValueError:
        answer = None
    found = answer.get(start.get("id", "id")) if isinstance(answer, dict) else None
    if found is not None:
        return str(found)
    return urlsplit(str(order.headers.get("location", ""))).path.rstrip("/").rpartition("/")[2]


def _state(answer: httpx.Response, fetch: Mapping[str, Any]) -> tuple[str, bool]:
    """Where no status field is agreed, an answer that is not 202 is the file itself."""
    if "status" not in fetch:
        return str(answer.status_code), answer.status_code in {200, 303}
    try:
        document = answer.json()
    except ValueError:
        return "", False
    state = str(document.get(fetch["status"], "")) if isinstance(document, dict) else ""
    return state, answer.status_code < 400 and state == str(fetch.get("ready", "done"))


def _file(fetch: Mapping[str, Any], job: str) -> str:
    return str(fetch["file"]).replace("{id}", job)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _bounded(response: httpx.Response, url: str) -> httpx.Response:
    content = bytearray()
    with contextlib.closing(response):
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_FILE:
                raise Inconclusive("subject.garbage", f"{url}: more than {LARGEST_FILE} bytes")
    kept = {name: value for name, value in response.headers.items() if name != "content-encoding"}
    return httpx.Response(response.status_code, headers=kept, content=bytes(content))
