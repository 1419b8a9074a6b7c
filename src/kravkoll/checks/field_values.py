"""What judgements over records are handed: values, each with the place where it was seen."""

from typing import Protocol


class Seen(Protocol):
    """A value of a record: the resource, the dotted path through lists, the record's id."""

    @property
    def resource(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def record(self) -> str: ...
    @property
    def value(self) -> object: ...
