"""A person of the cast, and the part that somebody plays in it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class SecurityMarking(StrEnum):
    """The terms of SS 12000; absent or unknown must be read as protected."""

    NONE = "Ingen"
    CONFIDENTIAL = "Sekretessmarkering"
    PROTECTED = "Skyddad folkbokföring"


class Role(StrEnum):
    """What somebody is to the city."""

    CHILD = "child"
    GUARDIAN = "guardian"
    CONTACT = "contact"
    STAFF = "staff"
    SUPPLIER = "supplier"
    CLIENT = "client"
    """A program, which has no personal data of its own."""


class NumberKind(StrEnum):
    """What stands in the register for somebody: a personal number, a coordination number, or neither."""

    PERSONAL = "personal"
    COORDINATION = "coordination"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody synthetic; `persona` is also the user name at the city's login."""

    persona: str
    id: str
    role: Role
    tenant: str
    given_name: str
    middle_name: str
    family_name: str
    birth_date: date
    civic_no: str | None
    security_marking: SecurityMarking
    email: str
    phone: str | None
    principal_name: str
    """eduPersonPrincipalName: derived from neither name nor number."""
    unit: str | None = None
    """Id of the school unit or preschool unit."""
    group: str | None = None
    """Id of the preschool department or class."""
    school_type: str | None = None

    @property
    def protected(self) -> bool:
        """Whether anything about this person is kept from those who are not cleared."""
        return self.security_marking is not SecurityMarking.NONE

    @property
    def display_name(self) -> str:
        """The two names, as most products show them."""
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True)
class Part:
    """A line in the list of who plays; names by key, ages by years of birth."""

    persona: str
    role: Role
    born: tuple[int, int]
    unit: str | None = None
    group: str | None = None
    tenant: str = "city"
    marking: SecurityMarking = SecurityMarking.NONE
    number: NumberKind = NumberKind.PERSONAL
    turns_18: date | None = None
    """The day on which this person comes of age; overrides `born`."""
    shares_name: str | None = None
