"""Answers held against the agreed document: every record of a walk, then of drawn requests."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from kravkoll.probes.openapi import (
    Document,
    FlowUse,
    Operation,
    answer_schema,
    project,
    used_operations,
)
from kravkoll.probes.ss12000 import Page, Ss12000, UnusableAnswer
from kravkoll.record.outcome import Inconclusive

FORMATS = FormatChecker(formats=("date", "email", "uuid"))
RFC3339 = re.compile(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$")
ABOUT_PEOPLE = re.compile(r"(Name|civicNo|email|phoneNumber|address|photo|birthDate)", re.IGNORECASE)
REFUSED = frozenset({401, 403, 429})
MOST_IDS = 5


@FORMATS.checks("date-time")
def is_timestamp(value: object) -> bool:
    """RFC 3339 with an offset; jsonschema itself lets any text pass without a further package."""
    if not isinstance(value, str):
        return True
    try:
        return bool(RFC3339.match(value) and datetime.fromisoformat(value.upper()))
    except ValueError:
        return False


@FORMATS.checks("uri")
def is_uri(value: object) -> bool:
    """An absolute address, whatever its scheme."""
    try:
        return not isinstance(value, str) or bool(urlsplit(value).scheme)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which one answer differs from the agreed document.

    `kind` is `invalid`, `missing`, `status`, `server-error`, `content-type` or `not-json`; `where` is a JSON
    path, `repeat` a command line that reads the token from $TOKEN.
    """

    kind: str
    operation: str
    url: str
    where: str = ""
    expected: object = None
    actual: object = None
    record: str = ""
    repeat: str = ""


@dataclass(frozen=True, slots=True)
class Conformance:
    """What was asked and what deviated: `records` that were walked, `requests` that were made."""

    deviations: tuple[Deviation, ...]
    records: int
    requests: int
    advisory: tuple[str, ...] = ()
    """What the engine alone objected to: told, never gating."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was made and its answer, whoever made it."""

    operation: str
    method: str
    url: str
    status: int
    content_type: str
    document: object = field(repr=False)
    is_json: bool = True
    body: str = ""

    @property
    def repeat(self) -> str:
        return curl(self.method, self.url, self.body)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Requests that were made of themselves by an engine; `trouble` is why it could not go on."""

    calls: tuple[Call, ...]
    advisory: tuple[str, ...] = ()
    trouble: Inconclusive | None = None


def curl(method: str, url: str, body: str = "") -> str:
    """The command that repeats a request; the token stays outside it."""
    sends = f"-X {method} -H 'Content-Type: application/json' -d {shlex.quote(body)} " if body else ""
    return f'curl -sS -i -H "Authorization: Bearer $TOKEN" {sends}{shlex.quote(url)}'


class Contract:
    """The agreed document as validators, one for each operation that the flow uses."""

    def __init__(self, document: Document, use: FlowUse) -> None:
        self.document = document
        self.use = use
        self.operations: dict[str, Operation] = {
            operation.identity: operation for operation in used_operations(document, use) if operation.reads
        }
        schemas = {
            identity: answer_schema(document, operation) for identity, operation in self.operations.items()
        }
        self._explains = {
            identity: Draft202012Validator(schema, format_checker=FORMATS)
            for identity, schema in schemas.items()
        }
        self._accepts = {
            identity: jsonschema_rs.Draft202012Validator(
                schema, validate_formats=True, formats={"date-time": is_timestamp, "uri": is_uri}
            )
            for identity, schema in schemas.items()
        }

    @property
    def lists(self) -> list[Operation]:
        return [operation for operation in self.operations.values() if operation.is_list]

    def deviations(self, call: Call) -> Iterator[Deviation]:
        """How an answer differs from what was agreed for its operation."""
        if call.status >= 500:
            yield _deviation(call, "server-error", expected="< 500", actual=call.status)
        elif str(call.status) not in self.use.statuses:
            yield _deviation(call, "status", expected=list(self.use.statuses), actual=call.status)
        elif call.status == 200:
            yield from self._of_answer(call)

    def _of_answer(self, call: Call) -> Iterator[Deviation]:
        if call.content_type.split(";")[0].strip().lower() != "application/json":
            yield _deviation(
                call, "content-type", expected="application/json", actual=call.content_type or None
            )
        elif not call.is_json:
            yield _deviation(call, "not-json", expected="a JSON document")
        elif not self._accepts[call.operation].is_valid(call.document):  # 30 times faster than to explain
            for error in self._explains[call.operation].iter_errors(call.document):
                yield _of_error(call, error)


def examine(
    api: Ss12000, contract: Contract, *, trust: bytes | None = None, seed: int = 1, examples: int = 3
) -> Conformance:
    """Walk every list of the flow and validate each record, then let schemathesis draw requests.

    `trust` holds PEM anchors. Raises Inconclusive where the interface cannot be seen, refuses the token, or
    no request was made; what deviated before the interface went away stands.
    """
    walked, ids = _walk_lists(api, contract)
    drawn = _drawn(api, contract, ids, trust, seed, examples)
    calls = [*walked, *drawn.calls]
    deviations = [deviation for call in calls for deviation in contract.deviations(call)]
    deviations += never_answered(contract, drawn.calls)
    if drawn.trouble and not deviations:
        raise drawn.trouble
    if not drawn.calls:
        raise Inconclusive("subject.unseen", "no request of the flow could be made")
    return Conformance(
        tuple(_without_repeats(deviations)), sum(map(_records_in, walked)), len(calls), drawn.advisory
    )


def never_answered(contract: Contract, calls: Sequence[Call]) -> Iterator[Deviation]:
    """Operations of the flow that were asked with ids that exist and never once gave an answer."""
    for identity in contract.operations:
        own = [call for call in calls if call.operation == identity]
        if own and all(200 != call.status < 500 for call in own):
            if all(call.status == 429 for call in own):
                raise Inconclusive("subject.refused", f"{identity}: 429 to all {len(own)} requests")
            yield _deviation(own[0], "status", expected=200, actual=own[0].status)


def _walk_lists(api: Ss12000, contract: Contract) -> tuple[list[Call], dict[str, list[str]]]:
    calls: list[Call] = []
    ids: dict[str, list[str]] = {}
    for operation in contract.lists:
        for call in _pages(api, operation):
            calls.append(call)
            _note_ids(ids.setdefault(operation.resource, []), call)
    return calls, ids


def _pages(api: Ss12000, operation: Operation) -> Iterator[Call]:
    try:
        for page in api.pages(operation.resource):
            yield _call(operation, page)
    except UnusableAnswer as error:
        if error.answer.status in REFUSED:
            raise
        answer = error.answer
        yield Call(
            operation.identity,
            "GET",
            answer.exchange.url,
            answer.status,
            answer.exchange.content_type,
            answer.document,
            answer.is_json,
        )


def _call(operation: Operation, page: Page) -> Call:
    exchange = page.exchange
    return Call(
        operation.identity, "GET", exchange.url, exchange.status, exchange.content_type, page.document
    )


def _rows(call: Call) -> list[Any]:
    data = call.document.get("data") if isinstance(call.document, dict) else None
    return data if isinstance(data, list) else []


def _records_in(call: Call) -> int:
    return len(_rows(call))


def _note_ids(known: list[str], call: Call) -> None:
    """A few ids are enough to ask with."""
    for row in _rows(call):
        if len(known) < MOST_IDS and isinstance(row, dict) and isinstance(row.get("id"), str):
            known.append(row["id"])


def _drawn(  # noqa: PLR0913, PLR0917  it passes on what examine was given
    api: Ss12000,
    contract: Contract,
    ids: Mapping[str, list[str]],
    trust: bytes | None,
    seed: int,
    examples: int,
) -> Drawn:
    from kravkoll.probes import drawn_requests  # noqa: PLC0415  0.3 s, which no other command should pay

    document = project(contract.document, contract.use, ids)
    return drawn_requests.draw(api, document, contract, trust=trust, seed=seed, examples=examples)


def _of_error(call: Call, error: ValidationError) -> Deviation:
    path = error.absolute_path
    kind = "missing" if error.validator == "required" else "invalid"
    expected: object = {str(error.validator): error.validator_value}
    actual: object = None
    if kind == "missing":
        expected = error.message.removesuffix(" is a required property").strip("'")
    else:
        actual = _shown(error)
    where = error.json_path
    return _deviation(
        call, kind, where=where, expected=expected, actual=actual, record=_record(call, list(path))
    )


def _shown(error: ValidationError) -> object:
    """The value that is wrong, unless its field holds facts about a person; then its type alone."""
    value = error.instance
    if ABOUT_PEOPLE.search(error.json_path) or isinstance(value, dict | list):
        return f"({_json_type(value)})"
    return value[:80] if isinstance(value, str) else value


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _record(call: Call, path: list[Any]) -> str:
    """The id of the record that an error is in: of a page, of a look-up, or the answer itself."""
    node: Any = call.document
    found = ""
    for part in [*path, None]:
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            found = node["id"]
            break
        if part is None or not isinstance(node, dict | list):
            break
        node = node[part]
    return found


def _deviation(call: Call, kind: str, **seen: Any) -> Deviation:
    return Deviation(kind, call.operation, call.url, repeat=call.repeat, **seen)


def _without_repeats(deviations: list[Deviation]) -> Iterator[Deviation]:
    """The same field of the same record shows in lists, by id and in look-ups: told once per operation."""
    seen: set[tuple[object, ...]] = set()
    for one in deviations:
        place = re.sub(r"\[\d+\]", "[]", one.where, count=1) if one.record else one.where
        key = (one.kind, one.operation, place, one.record or one.url, str(one.actual))
        if key not in seen:
            seen.add(key)
            yield one
