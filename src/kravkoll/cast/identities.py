"""Draws synthetic identities; no number, birth date, phone or address is given twice."""

from collections.abc import Iterable
from datetime import date, timedelta

from kravkoll.cast.canaries import Mint, Owner
from kravkoll.cast.people import NumberKind, Part, Person, Role
from kravkoll.record.personal_numbers import COORDINATION_DAYS, published_test_numbers

LAST_DAY = "31"
PHONES = tuple(f"070-174 06 {last:02}" for last in range(5, 100))
"""Set aside by the Swedish Post and Telecom Authority for fiction: they reach nobody."""

GIVEN = ("Alva", "Björn", "Cleo", "Dag", "Elsa", "Folke", "Greta", "Hamid", "Iris", "Jonna", "Kian", "Liv")
FAMILY = ("Ahl", "Berg", "Ceder", "Dahl", "Ek", "Fors", "Gran", "Hed", "Ibsen", "Juhl", "Koski", "Lund")


def _born(number: str) -> date:
    day = int(number[6:8])
    return date(int(number[:4]), int(number[4:6]), day - COORDINATION_DAYS * (day > COORDINATION_DAYS))


def _eighteen_years_before(day: date) -> date:
    """Whoever is born on a leap day comes of age on the first of March."""
    if (day.month, day.day) == (2, 29):
        day += timedelta(days=1)
    return day.replace(year=day.year - 18)


class Identities:
    """One per cast: it remembers what has been given out."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._dates: set[date] = set()
        self._phones = iter(PHONES)
        self._published: dict[tuple[tuple[int, int], bool], list[str]] = {}

    def draw(self, part: Part, unit: str | None, group: str | None, school_type: str | None) -> Person:
        """The person who plays this part; unit and group are ids."""
        record = self._mint.uuid(f"persons/{part.persona}")
        owner = Owner("persons", record, part.persona)
        born, number = self._birth(part)
        return Person(
            persona=part.persona,
            id=record,
            role=part.role,
            tenant=part.tenant,
            given_name=self._name(part, owner, "givenName", GIVEN),
            middle_name=self._mint.token(owner, "middleName"),
            family_name=self._name(part, owner, "familyName", FAMILY),
            birth_date=born,
            civic_no=number and self._mint.mark(number, owner, "civicNo.value"),
            security_marking=part.marking,
            email=self._mark(owner, "emails.value", f"{part.persona}.{{}}@example.invalid"),
            phone=self._phone(part, owner),
            principal_name=self._mark(owner, "eduPersonPrincipalNames", "{}@example.invalid"),
            unit=unit,
            group=group,
            school_type=school_type,
        )

    def _name(self, part: Part, owner: Owner, field: str, names: tuple[str, ...]) -> str:
        place = part.shares_name or owner.record
        drawn = names[self._mint.number(f"{place}/{field}") % len(names)]
        return f"{drawn} {self._mint.token(owner, field, place)}"

    def _mark(self, owner: Owner, field: str, shape: str) -> str:
        return self._mint.mark(shape.format(self._mint.nonce(f"{owner.record}/{field}")), owner, field)

    def _phone(self, part: Part, owner: Owner) -> str | None:
        if part.role in {Role.CHILD, Role.CLIENT}:
            return None
        phone = next(self._phones, None)
        return phone and self._mint.mark(phone, owner, "phoneNumbers.value")

    def _birth(self, part: Part) -> tuple[date, str | None]:
        start = self._mint.number(f"{part.persona}/birth")
        if part.turns_18:
            born = _eighteen_years_before(part.turns_18)
            self._dates.add(born)
            on_that_day = (
                number for number in self._numbers((born.year, born.year)) if _born(number) == born
            )
            return born, next(on_that_day, None)
        if part.number is NumberKind.NONE:
            days = (date(part.born[0], 1, 1) + timedelta(days=start % 365 + day) for day in range(365))
            return next(day for day in days if self._reserve(day)), None
        numbers = self._numbers(part.born, coordination=part.number is NumberKind.COORDINATION)
        turned = start % len(numbers)
        return self._first_free(numbers[turned:] + numbers[:turned])

    def _first_free(self, numbers: Iterable[str]) -> tuple[date, str]:
        return next((_born(number), number) for number in numbers if self._reserve(_born(number)))

    def _reserve(self, day: date) -> bool:
        free = day not in self._dates
        self._dates.add(day)
        return free

    def _numbers(self, born: tuple[int, int], *, coordination: bool = False) -> list[str]:
        if (born, coordination) not in self._published:
            published = published_test_numbers(*born)
            fitting = [number for number in published if (number[6:8] > LAST_DAY) == coordination]
            self._published[born, coordination] = fitting
        return self._published[born, coordination]
