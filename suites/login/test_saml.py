"""Nobody is logged in by an answer that the city's login did not give for that person, system and moment."""

from dataclasses import dataclass

import pytest

from kravkoll.checks import Finding, Inconclusive, NotMet, Subject, check
from kravkoll.checks.forgeries import findings_by_row
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_saml import FORGERIES, Forgery, Signs
from kravkoll.city.forging import Forging, Tried
from kravkoll.city.impersonation import ATTACKER, VICTIM, Impersonation

SIGNATURES = ("SAML-SIG-",)
WRAPPING = ("SAML-XSW-",)
DOCUMENTS = ("SAML-CMT-", "SAML-XML-")
RECEIVERS = ("SAML-VAL-01", "SAML-VAL-02", "SAML-VAL-03", "SAML-VAL-04", "SAML-VAL-05")
TIMES = ("SAML-VAL-09", "SAML-VAL-10")
STATEMENTS = ("SAML-VAL-11", "SAML-VAL-12")


@dataclass(frozen=True, slots=True)
class Trying:
    """Forged answers at one system's login, and what each of them came to."""

    subject: Subject
    forging: Forging
    persons: Impersonation

    def shape(self) -> Signs:
        """What has to be signed for this system to believe a good answer."""
        return self.subject.once("login.saml.shape", self._find_shape)

    def _find_shape(self) -> Signs:
        shapes: tuple[Signs, ...] = ("assertion", "response")
        for signs in shapes:
            if self.forging.accepts(signs).value in self.persons.victim:
                return signs
        raise Inconclusive("login.no-good-answer", "neither a signed assertion nor a signed response")

    def accepts_signed_response(self) -> bool:
        def look() -> bool:
            return self.shape() == "response" or self.forging.accepts("response").value in self.persons.victim

        return self.subject.once("login.saml.response", look)

    def refuse_all(self, rows: tuple[str, ...]) -> None:
        """NotMet with one finding a row for every answer of these rows that somebody was logged in by."""
        signs = self.shape()
        chosen = {
            name: forgery
            for name, forgery in FORGERIES.items()
            if forgery.row.startswith(rows)
            and (not forgery.response_signed or self.accepts_signed_response())
        }
        tried = {name: self.forging.tried(forgery, signs) for name, forgery in chosen.items()}
        self.subject.note({name: _described(one) for name, one in tried.items()})
        believed = {name: said for name, one in tried.items() if (said := self.said(chosen[name], one))}
        if believed:
            row_of = {name: forgery.row for name, forgery in chosen.items()}
            cases = {name: {"answer": name, "logged in": said} for name, said in believed.items()}
            raise NotMet(findings=findings_by_row(row_of, cases, "nobody logged in by it"))

    def said(self, forgery: Forgery, tried: Tried) -> str:
        """Who was logged in by it, in words; empty where the answer was refused."""
        if tried.fetched:
            return "the address in the document was called"
        return self.persons.believed(tried.shown, own=forgery.own)


@pytest.fixture
def trying(subject: Subject, city: City, driving: Driving, impersonation: Impersonation) -> Trying:
    return Trying(subject, Forging(driving, city, ATTACKER, VICTIM), impersonation)


@check("LOG-SAM-01")
def test_only_a_good_signature_is_believed(trying: Trying) -> None:
    trying.refuse_all(SIGNATURES)


@check("LOG-SAM-02")
def test_nothing_but_what_was_signed_is_read(trying: Trying) -> None:
    trying.refuse_all(WRAPPING)


@check("LOG-SAM-03")
def test_a_document_is_read_in_one_way(trying: Trying) -> None:
    trying.refuse_all(DOCUMENTS)


@check("LOG-SAM-04")
def test_an_answer_for_or_from_others_is_refused(trying: Trying) -> None:
    trying.refuse_all(RECEIVERS)


@check("LOG-SAM-05")
def test_an_answer_counts_once_and_where_it_was_asked_for(trying: Trying) -> None:
    signs = trying.shape()
    replayed = trying.forging.replayed(signs)
    if trying.persons.who(replayed[0]) != "victim":
        raise Inconclusive("login.no-good-answer", "the answer that was to be used again")
    again = [who for shown in replayed[1:] if (who := trying.persons.who(shown))]
    elsewhere = trying.persons.who(trying.forging.in_another_browser(signs))
    unasked = trying.forging.tried(FORGERIES["answer to nothing that was asked"], signs)
    trying.subject.note({"replayed": len(again), "elsewhere": elsewhere, "unasked": _described(unasked)})
    findings = []
    if trying.persons.who(unasked.shown):
        findings.append(Finding("SAML-VAL-06", expected="nobody logged in", actual=unasked.shown.value))
    if elsewhere:
        findings.append(Finding("SAML-VAL-07", expected="nobody logged in", actual=elsewhere))
    if again:
        findings.append(
            Finding(
                "SAML-VAL-13",
                expected="nobody logged in",
                actual=again,
                failed=len(again),
                tried=len(replayed) - 1,
            )
        )
    if findings:
        raise NotMet(findings=tuple(findings))


@check("LOG-SAM-06")
def test_an_answer_outside_its_time_is_refused(trying: Trying) -> None:
    trying.refuse_all(TIMES)


@check("LOG-SAM-07")
def test_an_answer_that_confirms_nobody_is_refused(trying: Trying) -> None:
    trying.refuse_all(STATEMENTS)


def _described(tried: Tried) -> dict[str, object]:
    seen: dict[str, object] = {"shown": tried.shown.value, "status": tried.shown.status}
    return seen | ({"fetched": True} if tried.fetched else {})
