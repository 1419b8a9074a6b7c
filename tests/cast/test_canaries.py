"""Each free-text field of each record holds a token that stands nowhere else and says whose it is."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from kravkoll import cast
from kravkoll.cast.canaries import Mint, Owner

CAST = cast.load()
REGISTERS = (CAST.records, CAST.neighbour, CAST.former)
TOKEN = re.compile(r"cny-[a-z]+-[A-Za-z]+-[a-z]{10}")
FREE_TEXT = {
    *(
        "givenName",
        "middleName",
        "familyName",
        "displayName",
        "streetAddress",
        "locality",
        "realEstateDesignation",
    ),
    *("specification", "description", "signature", "organisationCode", "info"),
}


def fields(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield key, inner
            else:
                yield from fields(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from fields(inner)


def test_every_free_text_field_holds_one_token() -> None:
    for register in REGISTERS:
        for key, text in fields(register):
            if key in FREE_TEXT:
                assert len(TOKEN.findall(text)) == 1, (key, text)


def test_a_token_stands_in_the_records_that_it_names_and_nowhere_else() -> None:
    seen: dict[str, set[object]] = {}
    for register in REGISTERS:
        for records in register.values():
            for record in records:
                for token in TOKEN.findall(str(record)):
                    seen.setdefault(token, set()).add(record["id"])
    for token, holders in seen.items():
        assert set(CAST.canaries[token].records) == holders
    shared = {token for token, holders in seen.items() if len(holders) > 1}
    assert {CAST.canaries[token].field for token in shared} == {"givenName", "familyName"}
    assert len(shared) == 2


def test_a_token_stands_once_in_its_record() -> None:
    for record in CAST.records["persons"]:
        counted = Counter(TOKEN.findall(str(record)))
        assert set(counted.values()) == {1}


def test_tokens_hold_no_digit_and_so_are_never_taken_for_a_number() -> None:
    assert not [token for token in CAST.canaries if token.startswith("cny-") and re.search(r"\d", token)]


def test_typed_values_say_whose_they_are() -> None:
    person = CAST.people["guardian-a"]
    canary = CAST.canaries[person.email]
    assert (canary.persona, canary.record, canary.resource) == ("guardian-a", person.id, "persons")
    assert CAST.canaries[str(person.civic_no)].field == "civicNo.value"


def test_a_token_follows_from_its_place_and_not_from_the_order() -> None:
    first, second = Mint("seed"), Mint("seed")
    owner = Owner("persons", "1")
    second.token(owner, "familyName")
    assert first.token(owner, "givenName") == second.token(owner, "givenName")
    assert first.token(owner, "familyName") != first.token(Owner("persons", "2"), "familyName")
