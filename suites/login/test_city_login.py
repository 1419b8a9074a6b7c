"""People log in by the city's login, and by nothing else."""

from collections.abc import Mapping

from kravkoll.cast import Cast
from kravkoll.checks import Finding, Inconclusive, NotMet, check
from kravkoll.checks.subject import Subject
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.probes.login import Journey, SubjectShown, protocol_of
from kravkoll.probes.ways_in import KnownWays, Surveyor, is_provider

USUAL_PERSONAS = ("guardian-a", "guardian-b")
"""Two, so that a system where everybody becomes the same user is seen."""


@check("LOG-SSO-01")
def test_city_login_logs_that_person_in(subject: Subject, city: City, cast: Cast, driving: Driving) -> None:
    accounts = {str(k): str(v) for k, v in subject.capabilities.get("accounts", {}).items()}
    personas = _personas(cast, accounts)
    subject.once("login.introduced", driving.introduce)
    nobody = driving.nobody()
    shown = {persona: driving.logged_in_as(persona) for persona in personas}
    subject.note({persona: {"shown": one.value, "status": one.status} for persona, one in shown.items()})
    expected = {
        persona: frozenset({accounts[persona]}) if persona in accounts else city.identifiers(persona)
        for persona in personas
    }
    wrong = [persona for persona in personas if shown[persona].value not in expected[persona]]
    if not wrong:
        return
    everybody = {name: city.identifiers(name) for name in cast.people}
    for persona in wrong:
        _demand_recognisable(persona, shown, nobody, everybody, agreed=persona in accounts)
    cases = tuple(
        {"logged in": name, "shown": shown[name].value, "status": shown[name].status} for name in wrong
    )
    raise NotMet(
        findings=(
            Finding(
                "oidc.login" if driving.protocol == "oidc" else "SAML-OK-01",
                expected={name: sorted(expected[name]) for name in wrong},
                actual={name: shown[name].value for name in wrong},
                cases=cases,
                failed=len(wrong),
                tried=len(personas),
            ),
        )
    )


@check("LOG-SSO-02")
def test_login_starts_at_the_citys_login(subject: Subject, driving: Driving, known: KnownWays) -> None:
    protected = driving.from_protected()
    entry = driving.entry()
    subject.note({"protected": protected.described(), "start": entry.described()})
    if not protected.at_login:
        shown = driving.nobody()
        if shown.value is not None:
            raise NotMet(
                "SAML-ENTRY-01", expected="the city's login", actual={"shown without login": shown.value}
            )
        _judge_elsewhere(protected, known, is_refusal=_refuses(protected, shown))
    if not protected.at_login and not entry.at_login:
        _judge_elsewhere(entry, known, is_refusal=False)
    request = protected.request or entry.request
    if request is not None and not protocol_of(request):
        raise Inconclusive("login.unknown-protocol", "the city's login is reached without a request")


@check("LOG-SSO-03")
def test_no_login_of_its_own(subject: Subject, driving: Driving, known: KnownWays) -> None:
    with driving.browser() as browser:
        surveyor = Surveyor(browser, driving.login, known, subject.url)
        survey = surveyor.survey([driving.start, driving.protected])
    subject.note({"looked at": list(survey.looked_at), "not seen": dict(survey.unseen)})
    if survey.ways:
        cases = tuple({"kind": way.kind, "page": way.page, "form": way.detail} for way in survey.ways)
        raise NotMet(
            findings=(
                Finding(
                    "SAML-ENTRY-02",
                    expected="no login but the city's",
                    actual=[f"{way.kind}: {way.page}" for way in survey.ways],
                    cases=cases,
                    failed=len({way.page for way in survey.ways}),
                    tried=len(survey.looked_at),
                ),
            )
        )
    # no form where there is no login to be seen at all would prove nothing
    if not driving.entry().at_login and not driving.from_protected().at_login:
        raise Inconclusive("login.entry-not-found", str(driving.entry().end))
    if survey.unseen:
        address, code = next(iter(survey.unseen.items()))
        raise Inconclusive(code, f"{address} and {len(survey.unseen) - 1} more")


def _personas(cast: Cast, accounts: Mapping[str, str]) -> tuple[str, ...]:
    """Those with an account at this supplier, else the usual ones; two where there are two."""
    usual = [name for name in USUAL_PERSONAS if name in cast.people]
    chosen = [name for name in accounts if name in cast.people] or usual or list(cast.people)
    if not chosen:
        raise Inconclusive("cast.empty", "nobody to log in as")
    return tuple(chosen[:2])


def _demand_recognisable(
    persona: str,
    shown: Mapping[str, SubjectShown],
    nobody: SubjectShown,
    everybody: Mapping[str, frozenset[str]],
    *,
    agreed: bool,
) -> None:
    """Inconclusive unless what is shown proves that the wrong person, or nobody, is logged in."""
    value = shown[persona].value
    if value is None:
        if not shown[persona].looks_like(nobody):
            raise Inconclusive(
                "login.subject-not-found", f"{shown[persona].ended_at}: {shown[persona].status}"
            )
        return
    others = [one.value for name, one in shown.items() if name != persona]
    known = any(value in names for name, names in everybody.items() if name != persona)
    if not (agreed or known or value in others):
        raise Inconclusive(
            "accounts.unknown", f"{persona} is shown as {value!r}: `accounts` does not say whose that is"
        )


def _refuses(journey: Journey, shown: SubjectShown) -> bool:
    """No redirect to the login but no way in either: a status, or data that names nobody."""
    return journey.end.status in {401, 403} or (not journey.pages and shown.status == 200)


def _judge_elsewhere(journey: Journey, known: KnownWays, *, is_refusal: bool) -> None:
    """What it means that a journey did not come to the city's login; silent if it is a plain refusal."""
    if journey.left_to and not is_provider(journey.left_to, known.providers):
        raise Inconclusive("host.not-declared", journey.left_to)
    if is_refusal:
        return
    if journey.end.status >= 500:
        raise Inconclusive("subject.error", str(journey.end))
    if journey.end.status in {404, 429}:
        raise Inconclusive("subject.status", str(journey.end))
    if journey.is_out_of_sight:
        raise Inconclusive("subject.script", str(journey.end))
    raise NotMet("SAML-ENTRY-01", expected="the city's login", actual=journey.described())
