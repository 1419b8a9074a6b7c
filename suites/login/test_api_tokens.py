"""Machine access: a good token is let in, and nothing else gets what it got."""

import pytest

from kravkoll.checks import Inconclusive, NotMet, check
from kravkoll.checks.forgeries import findings_by_row
from kravkoll.checks.subject import Subject
from kravkoll.city.city import City
from kravkoll.city.forged_tokens import FORGED_TOKENS, ForgedToken, Minting
from kravkoll.probes.http import Visitor
from kravkoll.probes.oauth import ApiAnswer, ask_with

DEFAULT_PATH = "/organisations"
FOREIGN_AUDIENCE = "urn:kravkoll:another-system"
SIGNATURES = ("RS-04", "RS-05", "RS-06", "RS-07", "RS-08")
CLAIMS = ("RS-10", "RS-11", "RS-12", "RS-16")
SCOPES = ("RS-14",)
EXPIRED_SECONDS_AGO = 600
"""Far beyond any tolerance for clocks that differ."""


@pytest.fixture
def ask(subject: Subject, city: City) -> "Asking":
    return Asking(subject, city)


class Asking:
    """The same request to the same protected operation, with one token or another."""

    def __init__(self, subject: Subject, city: City) -> None:
        self._subject = subject
        self._tokens = city.authorisation_server
        settings = subject.capability("api.token")
        self._path = str(settings.get("path", DEFAULT_PATH))
        self._client = str(settings.get("client", "city"))
        self._audience = str(settings["audience"])
        self._scope = str(settings["scope"])

    def with_token(self, token: str | None) -> ApiAnswer:
        subject = self._subject
        with Visitor(
            subject.ssl_context(), [subject.url], timeout_seconds=subject.timeout_seconds
        ) as visitor:
            return ask_with(visitor, subject.url + self._path, token)

    def with_good_token(self) -> ApiAnswer:
        return self.with_token(self._tokens.token(self._client, self._audience, self._scope))

    def with_expired_token(self) -> ApiAnswer:
        token = self._tokens.token(self._client, self._audience, self._scope, expires_in=-EXPIRED_SECONDS_AGO)
        return self.with_token(token)

    def with_foreign_token(self) -> ApiAnswer:
        return self.with_token(self._tokens.token(self._client, FOREIGN_AUDIENCE, self._scope))

    def with_forged_token(self, forged: ForgedToken) -> ApiAnswer:
        return self.with_token(forged.make(Minting(self._tokens, self._client, self._audience, self._scope)))

    def granted(self) -> ApiAnswer:
        """What a good token gets: the measure of what the others must not get."""
        answer = self._subject.once("login.api.granted", self.with_good_token)
        if not lets_in(answer):
            raise Inconclusive("control.no-data", answer.operation)
        return answer

    def refused(self) -> ApiAnswer:
        """This system's own way to refuse: what it answers to a request without a token."""
        return self._subject.once("login.api.without", lambda: self.with_token(None))


@check("LOG-API-01")
def test_good_token_is_let_in(subject: Subject, ask: Asking) -> None:
    answer = ask.with_good_token()
    subject.note(answer.described())
    if lets_in(answer):
        return
    _demand_judgeable(answer)
    if refuses(answer) or (answer.shape and is_alike(answer, ask.with_token(None))):
        raise NotMet("RS-02", expected="records with a good token", actual=answer.described())
    raise Inconclusive("subject.no-data", f"{answer.operation} -> {answer.status}, no records")


@check("LOG-API-02")
def test_no_token_gets_nothing(subject: Subject, ask: Asking) -> None:
    granted, answer = ask.granted(), ask.refused()
    subject.note(answer.described())
    _demand_nothing_given("RS-01", answer, granted)
    _demand_judgeable(answer)


@check("LOG-API-03")
def test_expired_token_gets_nothing(subject: Subject, ask: Asking) -> None:
    _demand_refusal("RS-09", subject, ask, ask.with_expired_token())


@check("LOG-API-04")
def test_token_for_another_audience_gets_nothing(subject: Subject, ask: Asking) -> None:
    _demand_refusal("RS-13", subject, ask, ask.with_foreign_token())


@check("LOG-API-05")
def test_only_a_good_signature_counts(subject: Subject, ask: Asking) -> None:
    _refuse_all(subject, ask, SIGNATURES)


@check("LOG-API-06")
def test_only_a_whole_token_of_the_citys_counts(subject: Subject, ask: Asking) -> None:
    _refuse_all(subject, ask, CLAIMS)


@check("LOG-API-07")
def test_only_the_agreed_scope_counts(subject: Subject, ask: Asking) -> None:
    _refuse_all(subject, ask, SCOPES)


def _refuse_all(subject: Subject, ask: Asking, rows: tuple[str, ...]) -> None:
    """One finding a row that data was given out for; Inconclusive where nothing was, yet not all refused."""
    tried = {name: forged for name, forged in FORGED_TOKENS.items() if forged.row in rows}
    taken: list[str] = []
    unseen: list[Inconclusive] = []
    for name, forged in tried.items():
        try:
            _demand_refusal(forged.row, subject, ask, ask.with_forged_token(forged))
        except NotMet:
            taken.append(name)
        except Inconclusive as neither:
            unseen.append(neither)
    if taken:
        raise NotMet(
            findings=findings_by_row(
                {name: forged.row for name, forged in tried.items()},
                {name: {"token": name} for name in taken},
                "nothing of what a good token gets",
                {name: name for name in taken},
            )
        )
    if unseen:
        raise unseen[0]


def _demand_refusal(code: str, subject: Subject, ask: Asking, answer: ApiAnswer) -> None:
    """Nothing given out, and answered as a refusal: by status, or as the system answers without a token.

    A success that is empty may be a token that was taken in but sees nothing: neither yes nor no.
    """
    subject.note(answer.described())
    _demand_nothing_given(code, answer, ask.granted())
    _demand_judgeable(answer)
    if not refuses(answer) and not is_alike(answer, ask.refused()):
        raise Inconclusive("answer.neither", f"{answer.operation} -> {answer.status}, no records, no refusal")


def _demand_nothing_given(code: str, answer: ApiAnswer, granted: ApiAnswer) -> None:
    if gives_out(answer, granted):
        raise NotMet(code, expected="nothing of what a good token gets", actual=answer.described())


def _demand_judgeable(answer: ApiAnswer) -> None:
    """What says nothing of authorisation: the subject is broken, overloaded, or not at this path."""
    if answer.status >= 500:
        raise Inconclusive("subject.error", f"{answer.operation} -> {answer.status}")
    if answer.status == 429:
        raise Inconclusive("subject.throttled", answer.operation)


def lets_in(answer: ApiAnswer) -> bool:
    return 200 <= answer.status < 300 and answer.records > 0 and bool(answer.values)


def refuses(answer: ApiAnswer) -> bool:
    """By status or by leading elsewhere. 404 hides that there is anything, which is a refusal too."""
    return answer.status in {400, 401, 403, 404} or answer.redirected_to is not None


def gives_out(answer: ApiAnswer, granted: ApiAnswer) -> bool:
    """Data by its effect, whatever the status: the same values, or other records of the same shape."""
    if answer.values & granted.values:
        return True
    members = {path for path in granted.shape if "[]." in path}
    return answer.status < 400 and answer.records > 0 and 2 * len(members & answer.shape) >= len(members) > 0


def is_alike(answer: ApiAnswer, other: ApiAnswer) -> bool:
    """The same kind of answer, as far as can be told from outside."""
    return (answer.status, answer.media_type, answer.records, answer.shape) == (
        other.status,
        other.media_type,
        other.records,
        other.shape,
    )
