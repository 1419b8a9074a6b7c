"""What a system holds from the start: records of the cast, of some resources and school forms."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from kravkoll.standins.records import RESOURCES, Record, RecordStore, Removal
from kravkoll.standins.school_forms import forms_of

type Register = Mapping[str, tuple[dict[str, Any], ...]]


class Cast(Protocol):
    """Of the cast, what systems are filled with."""

    @property
    def records(self) -> Register: ...
    @property
    def former(self) -> Register: ...


def filled(cast: Cast, resources: Collection[str], forms: Collection[str] = ()) -> RecordStore:
    """A store with the cast's records of these resources, and of these school forms where some are named.

    Raises LookupError for a resource that the standard does not have.
    """
    if unknown := set(resources) - set(RESOURCES):
        raise LookupError(f"holds: no {', '.join(sorted(unknown))}; there are {', '.join(RESOURCES)}")
    store = RecordStore(
        {
            resource: _of_forms(cast, resource, forms) if forms else cast.records.get(resource, ())
            for resource in resources
        }
    )
    store.note_removals(one for one in _removals(cast) if one.resource in resources)
    return store


def _of_forms(cast: Cast, resource: str, forms: Collection[str]) -> Iterator[Record]:
    """What is of no form, such as rooms of a unit that is not known, stays."""
    everything = RecordStore(cast.records).now
    for record in cast.records.get(resource, ()):
        own = forms_of(record, resource, everything)
        if own is None or own & set(forms):
            yield record


def _removals(cast: Cast) -> Iterator[Removal]:
    last = {record["id"]: record for records in cast.former.values() for record in records if "id" in record}
    for one in cast.records.get("deletedEntities", ()):
        yield Removal(one["resource"], one["id"], one["deleted"], last.get(one["id"]))
