"""A number that may be real survives in no form, encoding or place; what evidence needs does."""

import gzip
import html
import json
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kravkoll import cast
from kravkoll.record import encodings
from kravkoll.record.personal_numbers import check_digit, find, is_test_number, published_test_numbers
from kravkoll.record.redaction import Redactor

CAST = cast.load()
REDACTOR = Redactor(CAST.values())
STRICT = Redactor()


@st.composite
def real_looking(draw: st.DrawFn) -> str:
    """Twelve digits that pass every test but membership; also coordination numbers."""
    day = draw(st.dates(date(1930, 1, 1), date(2025, 12, 31)))
    shift = draw(st.sampled_from([0, 60]))
    nine = f"{day:%y%m}{day.day + shift:02}{draw(st.integers(0, 999)):03}"
    number = f"{day.year // 100}{nine}{check_digit(nine)}"
    assume(not is_test_number(number))
    return number


FORMS: dict[str, Callable[[str], str]] = {
    "12": lambda n: n,
    "12-": lambda n: f"{n[:8]}-{n[8:]}",
    "12 ": lambda n: f"{n[:8]} {n[8:]}",
    "10-": lambda n: f"{n[2:8]}-{n[8:]}",
    "10+": lambda n: f"{n[2:8]}+{n[8:]}",
    "10": lambda n: n[2:],
    "iso": lambda n: f"{n[:4]}-{n[4:6]}-{n[6:8]}-{n[8:]}",
    "spaced": lambda n: f"{n[:4]} {n[4:6]} {n[6:8]} {n[8:]}",
    "non-breaking hyphen": lambda n: f"{n[2:8]}\u2011{n[8:]}",
    "thin space": lambda n: f"{n[2:8]}\u2009{n[8:]}",
    "en dash": lambda n: f"{n[:8]} \u2013 {n[8:]}",
    "full width": lambda n: n.translate({ord("0") + d: chr(0xFF10 + d) for d in range(10)}),
    "zero width": lambda n: f"{n[:3]}\u200b{n[3:9]}\u00ad{n[9:]}",
    "interim": lambda n: f"{n[2:8]}-T{n[9:]}",
}


def every_character(shape: str) -> Callable[[str], str]:
    return lambda text: "".join(shape.format(ord(character)) for character in text)


def deflated(text: str) -> str:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return b64encode(squeezer.compress(text.encode()) + squeezer.flush()).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": json.dumps,
    "json escaped": lambda text: '"' + every_character("\\u{:04x}")(text) + '"',
    "json escaped twice": lambda text: json.dumps('"' + every_character("\\u{:04x}")(text) + '"'),
    "url": lambda text: quote(text, safe=""),
    "url, every character": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "url twice": lambda text: quote("".join(f"%{byte:02X}" for byte in text.encode()), safe=""),
    "html": html.escape,
    "html decimal": every_character("&#{};"),
    "html hexadecimal": every_character("&#x{:x};"),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64url": lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 within json": lambda text: b64encode(json.dumps({"pnr": text, "x": "ö"}).encode()).decode(),
    "base64 of utf-16": lambda text: b64encode(text.encode("utf-16")).decode(),
    "base64 twice": lambda text: b64encode(b64encode(f"a {text} b".encode())).decode(),
    "base64 of url": lambda text: b64encode(quote(text, safe="").encode()).decode(),
    "url of base64": lambda text: quote(b64encode(f"<a>{text}</a>?".encode()).decode(), safe=""),
    "redirect binding": lambda text: quote(deflated(f"<saml:NameID>{text}</saml:NameID>" * 3), safe=""),
    "token": lambda text: (
        f"eyJhbGciOiJub25lIn0.{urlsafe_b64encode(json.dumps({'sub': text}).encode()).decode()}."
    ),
}
PLACES: dict[str, Callable[[str], str]] = {
    "alone": str,
    "in a text": lambda text: f"Hej {text}, och hej då",
    "in brackets": lambda text: f"[{text}]({text})",
    "in a line": lambda text: f"a;b;{text};c\n{text}\n",
    "in an address": lambda text: f"https://a.test/p/{text}?q={text}&z=1#{text}",
    "in xml": lambda text: f"<a b='{text}'>{text}</a>",
    "in json": lambda text: json.dumps({"x": [{"y": text}], text: 1}, ensure_ascii=False),
    "in json within json": lambda text: json.dumps({"x": json.dumps({"y": text})}),
    "in a file's name": lambda text: f"elev_{text}.pdf",
}


def survivors(text: str, depth: int = 0) -> list[str]:
    """What an attacker finds who decodes all that can be decoded, apart from test numbers."""
    found = []
    for layer, _ in encodings.layers(text):
        found += [number.value for number in find(layer) if not number.is_test_number]
        if depth < 3:
            for run in encodings.BASE64.findall(layer):
                for data in encodings.decoded(run):
                    for inner in encodings.readings(data):
                        found += survivors(inner, depth + 1)
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoding", ENCODINGS)
@given(number=real_looking(), form=st.sampled_from(sorted(FORMS)))
@settings(max_examples=12, deadline=None)
def test_a_number_that_may_be_real_never_survives(number: str, form: str, encoding: str, place: str) -> None:
    written = FORMS[form](number)
    assume(not is_test_number(written))  # ten digits with a plus are those of somebody a century older
    text = PLACES[place](ENCODINGS[encoding](written))
    redacted = REDACTOR.redact_text(text)
    assert survivors(redacted) == []
    assert written not in redacted
    assert ENCODINGS[encoding](written).strip('"=') not in redacted
    assert REDACTOR.redact_text(redacted) == redacted


@given(real_looking(), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_a_number_never_survives_between_any_two_texts(number: str, before: str, after: str) -> None:
    assume(not before[-1:].isdigit() and not after[:1].isdigit())
    assert number not in REDACTOR.redact_text(before + number + after)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | real_looking() | real_looking().map(int),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | real_looking(), inner),
        max_leaves=12,
    )
)
@settings(max_examples=300, deadline=None)
def test_json_stays_json_and_holds_no_number(document: object) -> None:
    redacted = json.dumps(STRICT.redact_json(document), ensure_ascii=False)
    assert survivors(redacted) == []
    assert STRICT.redact_json(json.loads(redacted)) == json.loads(redacted)


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "token"])
@given(number=st.sampled_from(published_test_numbers(1930, 2023)))
@settings(max_examples=12, deadline=None)
def test_published_test_numbers_pass_unchanged(number: str, encoding: str) -> None:
    for form in ("12", "12-", "10-", "iso", "full width"):
        text = ENCODINGS[encoding](FORMS[form](number))
        assert REDACTOR.redact_text(text) == text


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
@given(number=real_looking())
@settings(max_examples=20, deadline=None)
def test_bytes_are_read_in_their_encoding(number: str, codec: str) -> None:
    data = f"Åsa har {number[2:8]}\u00a0{number[8:]} ...".encode(codec)
    redacted = REDACTOR.redact_bytes(data).decode(codec)
    assert "Åsa har [masked:personal-number] ..." in redacted


def test_zipped_answers_are_read_and_archives_are_not_kept() -> None:
    inside = gzip.compress(b'{"pnr": "198507099805"}')
    assert gzip.decompress(REDACTOR.redact_bytes(inside)) == b'{"pnr": "[masked:personal-number]"}'
    assert REDACTOR.redact_bytes(inside[:-9]).startswith(b"[masked:unreadable]")
    assert REDACTOR.redact_bytes(b"PK\x03\x04198507099805").startswith(b"[masked:unreadable]")
    assert REDACTOR.redact_bytes(bytes(range(256))).startswith(b"[masked:unreadable]")


def test_a_base64_test_number_that_inflates_to_digits_by_chance_is_kept() -> None:
    assert REDACTOR.redact_text("MjAwNDAzMzAyMzkx") == "MjAwNDAzMzAyMzkx"


def test_base64_broken_into_lines_is_read_as_one() -> None:
    blob = b64encode(b"x" * 50 + b"198507099805" + b"y" * 50).decode()
    wrapped = "\r\n".join(blob[at : at + 64] for at in range(0, len(blob), 64))
    assert REDACTOR.redact_text(wrapped).startswith("[masked:encoded]")


@given(st.uuids(version=4), st.datetimes(), st.binary(max_size=20), st.integers(10**12, 10**15))
@settings(deadline=None)
def test_what_evidence_needs_survives(identity: UUID, moment: object, content: bytes, order: int) -> None:
    document = {
        "id": str(identity),
        "digest": f"sha256:{sha256(content).hexdigest()}",
        "meta": {"modified": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"},
        "order": order,
        "exp": 1801010000 + order % 1000,
        "url": f"https://a.test/persons/{identity}?limit=10&after={moment:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert STRICT.redact_json(document) == document


def test_all_records_of_the_cast_pass_unchanged() -> None:
    for register in (CAST.records, CAST.neighbour, CAST.former):
        text = json.dumps({kind: list(records) for kind, records in register.items()}, indent=1)
        assert REDACTOR.redact_text(text) == text


def test_the_cast_is_known_by_its_values_in_forms_names_and_markup() -> None:
    person = CAST.people["guardian-a"]
    for text in (
        f"givenName={quote(person.given_name)}&familyName={quote(person.family_name)}&x=1",
        f"<givenName>{person.given_name}</givenName><email>{person.email}</email>",
        json.dumps({"person": {"displayName": person.display_name, "name": person.display_name.upper()}}),
        json.dumps({"username": "guardian-a", "phone": person.phone, "civicNo": {"value": person.civic_no}}),
        f"Kontakta {person.email}.",
    ):
        assert REDACTOR.redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.DEF-123456", "abc.DEF"),
        ('{"authorization": "DPoP abcdefgh12345"}', "abcdefgh"),
        ('{"headers": [["Set-Cookie", "sid=abc123; Path=/"], ["accept", "a/b"]]}', "abc123"),
        ('{"headers": [{"name": "Cookie", "value": "a=abc123; b=def456"}]}', "def456"),
        ('{"cookies": {"sid": "abc123"}}', "abc123"),
        ("Cookie: a=abc123; b=def456\r\nAccept: x", "def456"),
        ("grant_type=x&client_assertion=abc123&client_secret=def456", "def456"),
        ("grant_type=x&client_assertion=abc123&client_secret=def456", "abc123"),
        ('{"access_token": "opaque1", "expires_in": 3600}', "opaque1"),
        ('{"kty": "EC", "x": "QQ", "d": "AbCdEfGhIjKlMnOpQrStUvWxY1"}', "AbCdEf"),
        ("SAMLResponse=PHNhbWxwOlJlc3BvbnNl&RelayState=x", "PHNhbW"),
        ('<input type="hidden" name="SAMLResponse" value="PHNhbWxw"/>', "PHNhbW"),
        ("<ds:SignatureValue>AbCdEf==</ds:SignatureValue>", "AbCdEf"),
        ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----", "MIGH"),
        (json.dumps({"pem": "-----BEGIN EC PRIVATE KEY-----\nMIGHAgEA"}), "MIGH"),
        ("log eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln done", "eyJ"),
        ('{"givenName": "Anna", "familyName": "Svensson"}', "Anna"),
        ('{"displayName": "Anna S", "birthDate": "2010-01-01"}', "Anna"),
        ('{"child": {"id": "1", "displayName": "Anna S"}}', "Anna"),
        ('{"emails": [{"value": "Anna@localhost", "type": "Privat"}]}', "Anna"),
        ('{"phoneNumbers": [{"value": "0701234567", "mobile": true}]}', "0701234567"),
        ('{"telefon": 701234567}', "701234567"),
        ('{"address": {"streetAddress": "Storgatan 1", "locality": "Ort"}}', "Storgatan"),
        ('{"name": "givenName", "value": "Anna"}', "Anna"),
        ("<p:familyName>Svensson</p:familyName>", "Svensson"),
        (
            '<Attribute Name="urn:oid:2.5.4.4"><AttributeValue>Svensson</AttributeValue></Attribute>',
            "Svensson",
        ),
        (
            '<Attribute Name="x" FriendlyName="mail"><AttributeValue>Svensson</AttributeValue></Attribute>',
            "Sven",
        ),
        ("efternamn=Svensson&x=1", "Svensson"),
        ("GET https://a.test/persons?familyName=Svensson&x=1", "Svensson"),
        ("familyName: Svensson\nage: 3", "Svensson"),
        ("could not reach anna.svensson@gmail.com today", "anna.svensson"),
        ('{"trace": "user {\\"givenName\\": \\"Anna\\"} failed"}', "Anna"),
        ('{"givenName": "Anna"', "Anna"),
        ("https://a.test/callback?code=AbCdEfGh123456789012345&state=x", "AbCdEf"),
        ('{"a": 1}\n{"givenName": "Anna"}\n', "Anna"),
    ],
)
def test_secrets_and_people_are_masked(text: str, secret: str) -> None:
    redacted = REDACTOR.redact_text(text)
    assert secret not in redacted
    assert "[masked:" in redacted
    assert REDACTOR.redact_text(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        'WWW-Authenticate: Bearer realm="api", error="invalid_token"',
        "Bearer authentication is required",
        '{"required": ["password", "username", "givenName"], "token": ""}',
        '{"properties": {"givenName": {"type": "string", "description": "x"}, "email": {"type": "array"}}}',
        '{"organisationType": "Skola", "displayName": "Tallskolan"}',
        '{"name": "givenName", "in": "query", "required": false}',
        '{"a": 1.10, "b": [ 1,2 ],  "a": "double"}',
        '{"keys": [{"kty": "EC", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}',
        "security@leverantor.example, postmaster@example.invalid",
        "Cache-Control: no-store; x=1",
        '{"code": "transport.certificate-expired-since-2024", "token": "expired", "sid": "api"}',
        '{"bearer": "bearerFormat", "only_for": {"emails": ["guardian"]}, "familyName": "familyName"}',
        'curl -H "Authorization: Bearer $TOKEN" https://a.test/',
        "def read(session: Session, token: str) -> None:\n    token = read(stream)",
        '{"address": "https://127.0.0.1:8443", "addresses": ["[::1]:8443", "127.0.0.1", "localhost:1"]}',
    ],
)
def test_what_is_nobodys_business_is_kept(text: str) -> None:
    assert REDACTOR.redact_text(text) == text


def test_the_layout_of_json_is_kept_where_something_is_masked() -> None:
    text = '{ "b":1.10,\n\t"a":"\\u00e5 198507099805" , "b": 1.10 }'
    assert STRICT.redact_text(text) == '{ "b":1.10,\n\t"a":"å [masked:personal-number]" , "b": 1.10 }'


def test_masks_say_nothing_of_what_they_hide() -> None:
    first, second = (STRICT.redact_text(f"pnr {number}") for number in ("198507099805", "191212121212"))
    assert first == second
