"""Orders an export as the supplier file says, waits for it, and reads its records."""

import csv
import io
import json
import ssl
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from kravkoll.probes import pacing
from kravkoll.probes.ss12000 import could_not_see
from kravkoll.record.outcome import Inconclusive, NotExercised

type Record = dict[str, Any]

DEFAULT_WAIT_SECONDS = 60.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 1.0
LARGEST_FILE = 256 * 1024 * 1024
RESOURCE_KEYS = ("resource", "type", "entity", "entityType")
RECORD_KEYS = ("record", "data", "entity", "object")


@dataclass(frozen=True, slots=True)
class Export:
    """What came of one order. `ordered` and `fetched` are statuses; `records` by resource, if a file came.

    `state` is the last that was said of the job; `unnamed` counts lines of which no resource is said.
    """

    ordered: int
    fetched: int = 0
    state: str = ""
    size: int = 0
    seconds: float = 0.0
    records: Mapping[str, tuple[Record, ...]] | None = None
    unnamed: int = 0

    @property
    def refused(self) -> bool:
        """The order itself was answered with an error."""
        return self.ordered >= 400

    @property
    def finished(self) -> bool:
        return self.records is not None


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """The agreed way to an export: `export.start` and `export.fetch` of the supplier file."""

    start: Mapping[str, Any]
    fetch: Mapping[str, Any]

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
        records, unnamed = read_export(fetched.content, self.settings.format, self.settings.fetch)
        seconds = time.monotonic() - started
        return Export(
            order.status_code, fetched.status_code, state, len(fetched.content), seconds, records, unnamed
        )

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

    def _ask(self, method: str, place: str, body: object = None) -> httpx.Response:
        """The token goes to the interface's own origin only, whatever an answer points at."""
        url = place if "://" in place else self.base_url + "/" + place.lstrip("/")
        if place.startswith("/") and self._is_absolute_path(place):
            url = urljoin(self.base_url, place)
        if _origin(url) != _origin(self.base_url):
            raise Inconclusive("export.elsewhere", url)
        try:
            with self._client.stream(method, url, json=body) as response:
                return _bounded(response, url)
        except httpx.HTTPError as error:
            raise could_not_see(error, url) from error

    def _is_absolute_path(self, place: str) -> bool:
        """A Location holds the whole path, the supplier file's paths are below the base address."""
        base = urlsplit(self.base_url).path
        return bool(base) and place.startswith(base + "/")


def read_export(
    content: bytes, format_: str, settings: Mapping[str, Any]
) -> tuple[dict[str, tuple[Record, ...]], int]:
    """Records by resource, and how many lines named none; Inconclusive `subject.garbage` if unreadable."""
    readers = {"ndjson": _read_ndjson, "json": _read_json, "csv-zip": _read_csv_zip}
    if format_ not in readers:
        raise NotExercised("capability.incomplete", f"export.fetch: unknown format {format_!r}")
    found: dict[str, list[Record]] = {}
    unnamed = 0
    try:
        for resource, record in readers[format_](content, settings):
            if resource:
                found.setdefault(resource, []).append(record)
            else:
                unnamed += 1
    except (ValueError, zipfile.BadZipFile, csv.Error) as error:
        raise Inconclusive("subject.garbage", f"the export is no {format_}: {error}") from error
    return {resource: tuple(records) for resource, records in found.items()}, unnamed


def _read_ndjson(content: bytes, settings: Mapping[str, Any]) -> Iterator[tuple[str, Record]]:
    for line in content.decode("utf-8").splitlines():
        if line.strip():
            yield _named(json.loads(line), settings)


def _read_json(content: bytes, _settings: Mapping[str, Any]) -> Iterator[tuple[str, Record]]:
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("the document is no object of lists")  # noqa: TRY004  read as garbage, like the others
    for resource, held in document.items():
        records = held.get("data") if isinstance(held, dict) else held
        for record in records if isinstance(records, list) else ():
            yield resource, record


def _read_csv_zip(content: bytes, _settings: Mapping[str, Any]) -> Iterator[tuple[str, Record]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".csv"):
                continue
            if member.file_size > LARGEST_FILE:
                raise ValueError(f"{member.filename} is larger than {LARGEST_FILE} bytes")
            text = io.TextIOWrapper(archive.open(member), encoding="utf-8-sig", newline="")
            resource = member.filename.rpartition("/")[2].removesuffix(".csv")
            for row in csv.DictReader(text):
                yield resource, {name: value for name, value in row.items() if name and value != ""}


def _named(line: object, settings: Mapping[str, Any]) -> tuple[str, Record]:
    """A line that wraps its record (`{resource, record}`), or a record that says itself what it is."""
    if not isinstance(line, dict):
        raise ValueError("a line is no object")  # noqa: TRY004  read as garbage, like the others
    keys: Iterable[str] = (settings["resource"],) if "resource" in settings else RESOURCE_KEYS
    named = next((key for key in keys if isinstance(line.get(key), str)), "")
    if not named:
        return "", line
    wraps: Iterable[str] = (settings["record"],) if "record" in settings else RECORD_KEYS
    inner = next((line[key] for key in wraps if isinstance(line.get(key), dict)), None)
    record = inner if inner is not None else {key: value for key, value in line.items() if key != named}
    return str(line[named]), record


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
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > LARGEST_FILE:
            raise Inconclusive("subject.garbage", f"{url}: more than {LARGEST_FILE} bytes")
    kept = {name: value for name, value in response.headers.items() if name != "content-encoding"}
    return httpx.Response(response.status_code, headers=kept, content=bytes(content))
