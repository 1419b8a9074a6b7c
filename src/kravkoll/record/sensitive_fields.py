"""Which fields of JSON, XML, forms and headers hold secrets or say who somebody is."""

import re
from enum import Enum, auto
from functools import lru_cache


class Kind(Enum):
    """What a field holds."""

    SECRET = auto()
    COOKIE = auto()
    PERSONAL = auto()
    """Masked unless the value belongs to the cast."""
    NAME = auto()
    """A name, of a person only where the rest of the object says so."""


SECRETS = frozenset(
    (
        *(
            "clientsecret",
            "secret",
            "password",
            "passwd",
            "pwd",
            "losenord",
            "apikey",
            "xapikey",
            "privatekey",
        ),
        *("accesstoken", "refreshtoken", "idtoken", "token", "authorization", "proxyauthorization"),
        *("clientassertion", "assertion", "subjecttoken", "actortoken", "codeverifier"),
        *("samlresponse", "samlassertion", "signaturevalue", "ciphervalue"),
        *("sessionid", "session", "jsessionid", "phpsessid", "csrftoken", "xsrftoken", "logintoken"),
        *("authorizationcode", "devicecode", "usercode"),
    )
)
SHORT_SECRETS = frozenset(("d", "p", "q", "dp", "dq", "qi", "k", "code", "sid"))
"""Members of a private JSON Web Key, and codes: names that mean little, so the value must look random."""
RANDOM = re.compile(
    r"(?=.*[0-9])(?:[0-9a-f]{20,}|[0-9A-F]{20,}|(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9._~+/=-]{20,})"
    r"|(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{40,}"
)
PLACEHOLDER = re.compile(r"(?:[A-Za-z]+\s+)?(?:\$\{?\w+\}?|<[^<>]+>|\.{3}|\*+)")
"""As in a command that somebody is to repeat with a token of their own."""
WORDY = frozenset(("token", "assertion", "session", "authorization"))
"""Fields that may also say in words what was done with one, such as `token: expired`."""
WORDS = re.compile(r"[a-zåäö][a-zåäö -]{0,60}")
PLACES = frozenset(("address", "addresses"))
"""Fields that may also hold where a program answers."""
NETWORK = re.compile(r"[a-z][a-z0-9+.-]*://\S+|[\w.-]+:[0-9]+|[0-9.]+|\[?[0-9a-fA-F:]+\]?(?::[0-9]+)?")
COOKIES = frozenset(("cookie", "setcookie", "cookies"))
SECRET_HEADERS = frozenset(("cookie", "setcookie", "authorization", "proxyauthorization", "xapikey"))
MAIL = frozenset(
    ("email", "emails", "mail", "emailaddress", "emailaddresses", "epost", "epostadress", "mejl")
)
PHONES = frozenset(
    (
        *("phone", "phones", "phonenumber", "phonenumbers", "telephone", "telephonenumber", "mobilephone"),
        *("mobilenumber", "mobiltelefon", "mobilnummer", "telefon", "telefonnummer", "telnr", "mobil"),
    )
)
PERSONAL = (
    MAIL
    | PHONES
    | {
        *("givenname", "givennames", "familyname", "familynames", "middlename", "middlenames", "firstname"),
        *("lastname", "surname", "sn", "fullname", "personname", "nickname", "preferredusername", "username"),
        *("fornamn", "efternamn", "mellannamn", "tilltalsnamn", "personnamn", "elevnamn", "barnnamn"),
        *("address", "addresses", "streetaddress", "street", "postaladdress", "postalcode", "zipcode"),
        *("locality", "realestatedesignation", "careof", "adress", "gatuadress", "postadress", "postnummer"),
        *("postnr", "postort", "photo", "picture", "portrait"),
        *("edupersonprincipalname", "edupersonprincipalnames", "eppn", "upn", "userprincipalname", "nameid"),
        *("civicno", "civicnumber", "personnummer", "personnr", "pnr", "ssn", "personalidentitynumber"),
        *("personalnumber", "samordningsnummer", "personidentifier", "civicregistrationnumber"),
    }
)
NAMES = frozenset(("name", "displayname", "namn", "cn"))
MARKS_A_PERSON = PERSONAL - MAIL - PHONES - {"address", "addresses", "streetaddress"} | {
    *(
        "birthdate",
        "birthday",
        "dateofbirth",
        "sex",
        "gender",
        "securitymarking",
        "responsibles",
        "enrolments",
    )
}
PEOPLE = frozenset(
    (
        *("person", "persons", "people", "child", "children", "student", "students", "pupil", "pupils"),
        *("teacher", "teachers", "guardian", "guardians", "responsible", "responsibles", "registeredby"),
        *(
            "owners",
            "user",
            "users",
            "staff",
            "employee",
            "reporter",
            "gradingteacher",
            "contact",
            "contacts",
        ),
        *("elev", "elever", "barn", "personal", "larare", "vardnadshavare", "caregiver", "caregivers"),
    )
)
"""Fields that hold people, so that a name within is a person's."""
HOLDS_THE_VALUE = frozenset(("value", "values", "number", "text", "displayname", "name"))
"""Fields within a personal object that hold what is personal, as in `emails: [{value, type}]`."""
TIMES = frozenset(
    ("exp", "iat", "nbf", "authtime", "updatedat", "createdat", "expiresat", "timestamp", "time")
)
"""Fields whose numbers are seconds since 1970: through 2027 some of them read as ten digits of a person."""

PERSONAL_OIDS = frozenset(
    (
        *("2.5.4.3", "2.5.4.4", "2.5.4.42", "2.5.4.20", "2.5.4.16", "0.9.2342.19200300.100.1.1"),
        *("0.9.2342.19200300.100.1.3", "1.2.752.29.4.13", "1.2.752.201.3.4", "2.16.840.1.113730.3.1.241"),
        *("1.3.6.1.4.1.5923.1.1.1.6", "1.3.6.1.5.5.7.9.1"),
    )
)
"""SAML attributes by number: names, address, mail, personal and provisional number, eppn, date of birth."""

_FOLD = str.maketrans("åäöéÅÄÖÉ", "aaoeaaoe", "-_. ")


@lru_cache(4096)
def plain(key: str) -> str:
    """A field's name without case, hyphens and namespace."""
    return key.rpartition(":")[2].rpartition("/")[2].translate(_FOLD).lower()


@lru_cache(4096)
def kind_of(key: str) -> Kind | None:
    """What a field of this name holds, if that is anybody's business."""
    name = plain(key)
    if name in SECRETS or name in SHORT_SECRETS:
        return Kind.SECRET
    if name in COOKIES:
        return Kind.COOKIE
    if name in PERSONAL or (key.startswith("urn:oid:") and key[8:] in PERSONAL_OIDS):
        return Kind.PERSONAL
    return Kind.NAME if name in NAMES else None


def is_harmless(kind: Kind, name: str, value: str) -> bool:
    """Whether a value is plainly not what its field's name lets one fear."""
    if kind is Kind.SECRET:
        if name in SHORT_SECRETS:
            return RANDOM.fullmatch(value) is None
        return bool(PLACEHOLDER.fullmatch(value) or (name in WORDY and WORDS.fullmatch(value)))
    if plain(value) == name or (name in PLACES and NETWORK.fullmatch(value)):
        return True
    if name in MAIL:
        return "@" not in value and "%40" not in value
    return name in PHONES and len(DIGIT.findall(value)) < 4


DIGIT = re.compile("[0-9]")
PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
TOKEN = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}")
CREDENTIAL = re.compile(
    r"\b(Bearer|Basic|DPoP|Negotiate)(\s+)([A-Za-z0-9._~+/-]{8,}={0,2})(?![=\"\w])", re.IGNORECASE
)
COOKIE_HEADER = re.compile(r"^(\s*(?:set-)?cookie\s*:\s*)([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
COOKIE_VALUE = re.compile(r"(^|;\s*)([^=;\s]+)=([^;]*)")
COOKIE_ATTRIBUTES = frozenset(
    ("name", "path", "domain", "expires", "max-age", "maxage", "samesite", "priority", "httponly", "secure")
)
PAIR = re.compile(
    r"(?<![\w.:-])(?P<key>[A-Za-zÅÄÖåäö][\w.:-]{0,60})[\"']?(?P<sign>=(?!\s)|\s{1,3}=\s{1,3}|\s{0,3}:(?!=)\s{0,3})"
)
PAIR_VALUE = re.compile(
    r"\"(?P<double>[^\"\r\n]*)\"|'(?P<single>[^'\r\n]*)'|(?P<bare>[^\s\"'&;,<>{}\[\]][^\r\n\"'&;,<>{}\[\]]*)"
)
ELEMENT = re.compile(r"<((?:[\w.-]+:)?[\w.-]+)((?:\s[^<>]*)?)>([^<>]+)(?=</)")
SAML_ATTRIBUTE = re.compile(r"<((?:[\w-]+:)?Attribute)\b([^<>]*)>(.*?)</\1\s*>", re.DOTALL)
SAML_VALUE = re.compile(r"(<(?:[\w-]+:)?AttributeValue\b[^<>]*>)([^<>]*)")
INPUT = re.compile(r"<input\b[^<>]*>", re.IGNORECASE)
MARKUP_ATTRIBUTE = re.compile(r"\b(name|value|Name|FriendlyName)\s*=\s*(\"[^\"]*\"|'[^']*')")
AT_DOMAIN = re.compile(r"(?:@|%40)((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9-])")
MAILBOX = re.compile(r"[A-Za-z0-9._%+'ÅÄÖåäö-]+\Z")
RESERVED_DOMAIN = re.compile(r"(?:^|\.)(?:invalid|test|example|example\.(?:com|net|org|se))$", re.IGNORECASE)
CANARY = re.compile(r"cny-[a-z]+-[a-z]+-[a-z]{10}", re.IGNORECASE)
