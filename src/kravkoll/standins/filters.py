"""Reading a query of SS 12000, and selecting the records that it asks for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.parameters import Arguments, Keeps, Parameter, Values
from kravkoll.standins.records import ENTITY_TYPES, Record, Records, Relation, Row
from kravkoll.standins.resources import DATES, PARAMETERS

type Test = tuple[Callable[[Record, Values], bool], Values]


def read_arguments(resource: str, given: Iterable[tuple[str, str]], only: Sequence[str] = ()) -> Arguments:
    """Typed arguments of a query. 400 for what the resource does not take (or `only` does not name)."""
    taken = {name: parameter for name, parameter in PARAMETERS[resource].items() if not only or name in only}
    read: dict[str, list[Any]] = {}
    for name, value in given:
        if name not in taken:
            raise ApiError(400, "parameter.unknown", f"{resource} takes no parameter {name!r}")
        read.setdefault(name, []).append(_read(taken[name], name, value))
        if len(read[name]) > 1 and not taken[name].many:
            raise ApiError(400, "parameter.repeated", f"{name} may be given once")
    missing = [name for name, parameter in taken.items() if parameter.required and name not in read]
    if missing and "pageToken" not in read:
        raise ApiError(400, "parameter.missing", f"{resource} are not listed without {', '.join(missing)}")
    return {name: tuple(values) for name, values in read.items()}


def _read(parameter: Parameter, name: str, value: str) -> Any:
    try:
        return parameter.read(value)
    except (ValueError, KeyError) as error:
        raise ApiError(400, "parameter.invalid", f"{name}: {value!r} {error}") from error


def select(
    rows: Iterable[Row], resource: str, arguments: Arguments, records: Records, behave: Behaviour
) -> list[Row]:
    """The rows that every filter keeps."""
    tests = [
        (_following(keeps, records.behind), values)
        for name, values in arguments.items()
        if (keeps := PARAMETERS[resource][name].keeps)
    ]
    return [
        row
        for row in rows
        if behave(passes)(row.record, tests)
        and (resource != "persons" or behave(related)(row.record, arguments, records))
    ]


def _following(keeps: Keeps, records: Records) -> Callable[[Record, Values], bool]:
    return lambda record, values: keeps(record, values, records)


def passes(record: Record, tests: Sequence[Test]) -> bool:
    return all(keeps(record, values) for keeps, values in tests)


def related(person: Record, arguments: Arguments, records: Records) -> bool:
    """Whether one and the same relation answers to every `relationship.*` argument."""
    wanted = {
        name.removeprefix("relationship."): values[0]
        for name, values in arguments.items()
        if name.startswith("relationship.")
    }
    return not wanted or any(
        _answers(one, wanted, records) for one in records.relations.get(person["id"], ())
    )


def _answers(relation: Relation, wanted: Mapping[str, str], records: Records) -> bool:
    facts = {"entity.type": relation.kind, "organisation": relation.organisation}
    dates = {"startDate": relation.start, "endDate": relation.end}

    def answers(name: str, value: str) -> bool:
        keeps = None if name in facts else DATES[name].keeps
        return keeps(dates, (value,), records) if keeps else facts[name] == value

    return all(answers(name, value) for name, value in wanted.items())


@fault("api.filter.ignored", replaces=passes)
def pass_everything(_record: Record, _tests: Sequence[object]) -> bool:
    return True


@fault("api.filter.ignored", replaces=related)
def relate_everyone(_person: Record, _arguments: Arguments, _records: Records) -> bool:
    return True


def entity_resources(names: Iterable[str]) -> set[str]:
    """Resources behind the standard's entity types; those that are not held here select nothing."""
    return {ENTITY_TYPES[name] for name in names if name in ENTITY_TYPES}
