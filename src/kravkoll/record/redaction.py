"""Masks what must not be kept: personal numbers that may be real, names, addresses, tokens and keys.

Cast values, their tokens and the published test numbers pass. A mask says what stood there and nothing
else: no hash and no length, so that nothing can be found again by trying all numbers.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable

from kravkoll.record import encodings, personal_numbers
from kravkoll.record.json_fields import mask_fields
from kravkoll.record.masks import ADDRESS, ENCODED, KEY, MASK, NAME, NUMBER, SECRET
from kravkoll.record.sensitive_fields import (
    AT_DOMAIN,
    CANARY,
    COOKIE_ATTRIBUTES,
    COOKIE_HEADER,
    COOKIE_VALUE,
    CREDENTIAL,
    DIGIT,
    ELEMENT,
    INPUT,
    MAILBOX,
    MARKUP_ATTRIBUTE,
    PAIR,
    PAIR_VALUE,
    PRIVATE_KEY,
    RESERVED_DOMAIN,
    SAML_ATTRIBUTE,
    SAML_VALUE,
    TOKEN,
    Kind,
    is_harmless,
    kind_of,
    plain,
)

DEEPEST = 4
"""Base64 within base64: a number wrapped more often than this was hidden on purpose."""
MOST_ROUNDS = 4
UNIT = "\x00"
"""Stands between strings that are looked through together; none of them can hold it, and it is no space."""


type Masked = tuple[int, int, str]
"""From, to, and what is to stand there."""


class Redactor:
    """Redacts against one set of allowed values: those of the cast."""

    def __init__(self, allowed: frozenset[str] = frozenset()) -> None:
        self._allowed = frozenset(value.casefold() for value in allowed)
        self._around_token: dict[str, str] = {}
        for value in self._allowed:
            for token in CANARY.findall(value):
                if len(value) > len(self._around_token.get(token, "")) and len(CANARY.findall(value)) == 1:
                    self._around_token[token] = value

    def redact_bytes(self, data: bytes) -> bytes:
        """Redacted bytes in the same encoding; what cannot be read, such as an archive, is not kept."""
        if data[:2] == b"\x1f\x8b":
            try:
                inflated = gzip.decompress(data)
            except (OSError, EOFError, zlib.error):
                return _not_kept(data)
            redacted = self.redact_bytes(inflated)
            return data if redacted == inflated else gzip.compress(redacted, mtime=0)
        codec = encodings.encoding_of(data)
        if codec == "utf-8" and not encodings.is_readable(data):
            return _not_kept(data)
        errors = "surrogateescape" if codec == "utf-8" else "surrogatepass"
        try:
            return self.redact_text(data.decode(codec, errors)).encode(codec, errors)
        except UnicodeDecodeError:
            return _not_kept(data)

    def redact_json(self, value: object) -> object:
        """The same JSON value, redacted."""
        redacted: list[object] = json.loads(self.redact_text(json.dumps([value], ensure_ascii=False)))
        return redacted[0]

    def redact_text(self, text: str) -> str:
        """The text, redacted; JSON and lines of JSON stay valid and keep their layout."""
        for _ in range(MOST_ROUNDS):
            before = text
            text = self._once(text)
            # a mask can bring a run of base64 letters into step, so what changed is read again
            if text == before:
                break
        return text

    def _once(self, text: str) -> str:
        if _is_json(text):
            return mask_fields(text, self._strings, self.mask_field)
        return self._free_text(text)

    def _strings(self, strings: list[str]) -> list[str]:
        """Redact many strings; those without fields of their own in one go, which is several times faster."""
        simple = [not _HAS_FIELDS.search(string) for string in strings]
        together = UNIT.join(string for string, is_simple in zip(strings, simple, strict=True) if is_simple)
        redacted = iter(self._content(together).split(UNIT))
        return [
            next(redacted) if is_simple else self._nested(string)
            for string, is_simple in zip(strings, simple, strict=True)
        ]

    def _nested(self, string: str) -> str:
        return self._once(string) if string[:1] in {"{", "["} else self._free_text(string)

    def _free_text(self, text: str) -> str:
        text = PRIVATE_KEY.sub(KEY, text)
        text = COOKIE_HEADER.sub(lambda found: found[1] + mask_cookies(found[2]), text)
        if "<" in text:
            text = SAML_ATTRIBUTE.sub(self._saml_attribute, text)
            text = INPUT.sub(self._input, text)
            text = ELEMENT.sub(self._element, text)
        return self._content(_replace(text, self._pairs(text)))

    def _content(self, text: str) -> str:
        """What gives itself away without a field's name."""
        if "eyJ" in text:
            text = TOKEN.sub(SECRET, text)
        text = CREDENTIAL.sub(_credential, text)
        if "@" in text or "%40" in text:
            text = _replace(text, self._mail_addresses(text))
        text = _replace(text, self._numbers(text))
        return _replace(text, self._encoded(text))

    def _numbers(self, text: str) -> Iterable[Masked]:
        for layer, way in encodings.layers(text):
            for number in personal_numbers.find(layer):
                if not number.is_test_number:
                    yield (*encodings.back(way, number.start, number.end), NUMBER)

    def _encoded(self, text: str) -> Iterable[Masked]:
        for layer, way in encodings.layers(text):
            for run in encodings.WRAPPED_BASE64.finditer(layer):
                if self._hides(re.sub(r"\s", "", run[0])):
                    yield (*encodings.back(way, run.start(), run.end()), ENCODED)
            for run in encodings.BASE64.finditer(layer):
                if self._hides(run[0]):
                    yield (*encodings.back(way, run.start(), run.end()), ENCODED)

    def _hides(self, run: str, depth: int = 1) -> bool:
        if CANARY.fullmatch(run) or run.casefold() in self._allowed:
            return False
        return any(self._has_number(data, depth) for data in encodings.decoded(run) if _SUSPECT.search(data))

    def _has_number(self, data: bytes, depth: int) -> bool:
        if not encodings.is_printable(data):
            # in noise only the surroundings of what looks like digits are worth reading
            near = (data[max(0, found.start() - 60) : found.end() + 60] for found in _SUSPECT.finditer(data))
            return any(
                self._says_a_number(text, depth) for piece in near for text in encodings.readings(piece)
            )
        return any(self._says_a_number(text, depth) for text in encodings.readings(data))

    def _says_a_number(self, text: str, depth: int) -> bool:
        for layer, _ in encodings.layers(text):
            if any(not number.is_test_number for number in personal_numbers.find(layer)):
                return True
            inner = encodings.BASE64.findall(layer) if depth < DEEPEST else ()
            if any(self._hides(run, depth + 1) for run in inner):
                return True
        return False

    def _mail_addresses(self, text: str) -> Iterable[Masked]:
        for found in AT_DOMAIN.finditer(text):
            mailbox = MAILBOX.search(text, max(0, found.start() - 64), found.start())
            if mailbox is None or RESERVED_DOMAIN.search(found[1]):
                continue
            if f"{mailbox[0]}@{found[1]}".casefold() not in self._allowed:
                yield mailbox.start(), found.end(), ADDRESS

    def mask_field(self, kind: Kind, key: str, value: str) -> str:
        """The value of a field that holds something of this kind, or its mask."""
        if kind is Kind.COOKIE:
            return mask_cookies(value) if "=" in value else SECRET
        if not value or is_harmless(kind, plain(key), value):
            return value
        if kind is Kind.SECRET:
            return value if MASK.search(value) else SECRET
        return value if self._is_allowed(value) else NAME

    def _is_allowed(self, value: str) -> bool:
        """Whether nothing is left of it but values of the cast, test numbers and masks."""
        rest = MASK.sub("", value).strip().casefold()
        if not rest or rest in self._allowed or personal_numbers.is_test_number(rest):
            return True
        for token in CANARY.findall(rest):
            if token in self._allowed:
                rest = rest.replace(self._around_token.get(token, token), "").replace(token, "")
        return not any(map(str.isalnum, rest))

    def _pairs(self, text: str) -> Iterable[Masked]:
        for found in PAIR.finditer(text):
            kind = kind_of(found["key"])
            value = PAIR_VALUE.match(text, found.end()) if kind and kind is not Kind.NAME else None
            if kind is None or value is None:
                continue
            group = value.lastgroup or ""
            start, end = value.span(group)
            sign = found["sign"]
            if group == "bare" and "=" in sign:
                end = start + len(value[group].split()[0])
            if group == "bare" and sign != "=" and kind is Kind.SECRET and not DIGIT.search(text, start, end):
                continue  # source code: `session: Session`, `token = read(stream)`
            meant = list(encodings.layers(text[start:end]))[-1][0]
            masked = self.mask_field(kind, found["key"], meant)
            if masked != meant:
                yield start, end, masked

    def _element(self, found: re.Match[str]) -> str:
        kind = kind_of(found[1])
        if kind is None or kind is Kind.NAME:
            return found[0]
        return f"<{found[1]}{found[2]}>{self.mask_field(kind, found[1], found[3])}"

    def _saml_attribute(self, found: re.Match[str]) -> str:
        names = [quoted[1:-1] for name, quoted in MARKUP_ATTRIBUTE.findall(found[2]) if name != "value"]
        if not any(kind_of(name) in {Kind.PERSONAL, Kind.NAME} for name in names):
            return found[0]
        body = SAML_VALUE.sub(lambda value: value[1] + self.mask_field(Kind.PERSONAL, "", value[2]), found[3])
        return f"<{found[1]}{found[2]}>{body}</{found[1]}>"

    def _input(self, found: re.Match[str]) -> str:
        quoted = {name.lower(): value for name, value in MARKUP_ATTRIBUTE.findall(found[0])}
        name, value = quoted.get("name", "")[1:-1], quoted.get("value", "")
        kind = kind_of(name)
        if kind is None or kind is Kind.NAME or len(value) < 3:
            return found[0]
        return found[0].replace(value, value[0] + self.mask_field(kind, name, value[1:-1]) + value[0])


_HAS_FIELDS = re.compile(r"[=<\\\n\r\t\x00-\x1f{]|: ")
_SUSPECT = re.compile(
    rb"(?:[0-9]\x00?[-./ ]?\x00?){6}|[0-9](?:\xe2\x80|\xc2\xad|\xef)|(?:\xef\xbc[\x90-\x99]){2}"
    rb"|(?:[\x10-\x19]\xff){2}|%[0-9A-Fa-f]{2}%|%[23][0-9A-Fa-f]|&#[0-9x]|\\u[0-9A-Fa-f]{4}"
    rb"|[A-Za-z0-9+/_-]{14,}"
)
"""Without any of these, bytes hold no number in an encoding that we read."""


def mask_cookies(header: str) -> str:
    """The header with the value of each cookie masked; names and attributes stay."""

    def mask(found: re.Match[str]) -> str:
        is_attribute = found[1] and found[2].lower() in COOKIE_ATTRIBUTES
        value = found[3] if is_attribute or not found[3].strip() else SECRET
        return f"{found[1]}{found[2]}={value}"

    return COOKIE_VALUE.sub(mask, header)


def _credential(found: re.Match[str]) -> str:
    """`Basic authentication` is prose; a credential has more than small letters."""
    if found[3].isalpha() and found[3].islower():
        return found[0]
    return f"{found[1]}{found[2]}{SECRET}"


def _is_json(text: str) -> bool:
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if start not in {"{", "[", '"'}:
        return False
    return _loads(text.lstrip("\ufeff")) or all(_loads(line) for line in text.splitlines() if line.strip())


def _loads(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _replace(text: str, spans: Iterable[Masked]) -> str:
    written: list[str] = []
    at = 0
    for start, end, mask in sorted(spans):
        if start >= at:
            written += (text[at:start], mask)
        at = max(at, end)
    return "".join((*written, text[at:])) if written else text


def _not_kept(data: bytes) -> bytes:
    return f"[masked:unreadable] {len(data)} bytes".encode()
