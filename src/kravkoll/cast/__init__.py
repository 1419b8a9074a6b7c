"""Synthetic people, their relations and records, and the tokens that show a leak."""

from kravkoll.cast.canaries import Canary
from kravkoll.cast.company import AS_OF, Cast, Records, load
from kravkoll.cast.people import Person, Role, SecurityMarking
from kravkoll.cast.records import Record
from kravkoll.cast.relations import Relation, RelationType

__all__ = [
    "AS_OF",
    "Canary",
    "Cast",
    "Person",
    "Record",
    "Records",
    "Relation",
    "RelationType",
    "Role",
    "SecurityMarking",
    "load",
]
