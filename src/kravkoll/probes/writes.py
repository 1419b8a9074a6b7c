"""Tries to change an SS 12000 interface with a token that is for reading, and reads the state around it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kravkoll.probes.ss12000 import Record, Ss12000
from kravkoll.record.outcome import Inconclusive

type State = dict[str, dict[str, Record]]
"""Resource, id, record."""

RESOURCES = ("organisations", "persons", "placements", "groups", "duties")
TEXT_FIELDS = ("displayName", "givenName", "description", "signature")
NOT_SHOWN = {"subject.refused", "subject.status", "subject.garbage", "subject.endless"}
"""Answers that leave out one list; anything else says that the interface itself cannot be seen."""
CHANGED_DATE = "2001-01-01"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that would change something. `wrote` is what the record would be or hold afterwards."""

    method: str
    resource: str
    record: str
    status: int
    wrote: Mapping[str, object] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def read_state(api: Ss12000, resources: Iterable[str] = RESOURCES) -> State:
    """Every record by resource, of the lists that can be read. Inconclusive if there is nothing in them."""
    state: State = {}
    reasons = []
    for resource in resources:
        try:
            records = api.walk(resource)
        except Inconclusive as reason:
            if reason.reason.code not in NOT_SHOWN:
                raise
            reasons.append(str(reason.reason))
            continue
        if records:
            state[resource] = {str(record.get("id")): record for record in records}
    if not state:
        raise Inconclusive("subject.no-data", "; ".join(reasons) or "no records in any list")
    return state


def attempt_writes(api: Ss12000, state: State) -> list[Attempt]:
    """PUT, PATCH, DELETE and POST once for each resource, each on a record of its own as far as they go."""
    marker = f"cny-write-{uuid.uuid4().hex[:12]}"
    return [attempt for resource in state for attempt in _on(api, resource, state[resource], marker)]


def _on(api: Ss12000, resource: str, records: Mapping[str, Record], marker: str) -> Iterable[Attempt]:
    ids = sorted(records)
    put, patch, delete = (ids[number % len(ids)] for number in range(3))
    change = _change(records[put], marker)
    yield _attempt(api, "PUT", resource, put, {**records[put], **change})
    yield _attempt(api, "PATCH", resource, patch, _change(records[patch], marker))
    new = str(uuid.uuid4())
    yield _attempt(api, "POST", resource, new, {**records[put], **change, "id": new})
    yield _attempt(api, "DELETE", resource, delete, {})


def _change(record: Record, marker: str) -> Record:
    """A text that stands nowhere else, or another date where there is no text."""
    name = next((name for name in TEXT_FIELDS if isinstance(record.get(name), str)), "")
    return {name: marker} if name else {"startDate": CHANGED_DATE}


def _attempt(api: Ss12000, method: str, resource: str, record: str, body: Record) -> Attempt:
    path = f"/{resource}" if method == "POST" else f"/{resource}/{record}"
    answer = api.request(method, path, body=body or None)
    return Attempt(method, resource, record, answer.status, body)
