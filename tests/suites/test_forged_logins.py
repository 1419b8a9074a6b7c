"""Forged answers at small systems: those that read whatever comes, and those where nothing can be said."""

import pytest
from tests.suites.portals import OPENID, OpenIdPortal, Portal, judged

from kravkoll.cast import Cast
from kravkoll.city.city import City
from kravkoll.record.outcome import NotExercised
from kravkoll.serving.loopback import Loopback

EVERY_FORGERY = "signature wrapping document receiver once time statement"


@pytest.mark.parametrize("start", ["redirect", "landing", "refresh"])
def test_a_login_that_reads_whatever_comes_is_taken_in_by_every_kind_of_forgery(
    loopback: Loopback, city: City, cast: Cast, start: str
) -> None:
    """It takes the first name in any document, and reads it up to a comment."""
    portal = Portal(city, start)
    assert judged(loopback, portal, cast, EVERY_FORGERY) == ", ".join(
        (
            "SAML-SIG-01 SAML-SIG-02 SAML-SIG-03 SAML-SIG-04 SAML-SIG-05 SAML-SIG-06 SAML-SIG-07 SAML-SIG-08",
            "SAML-XSW-3 SAML-XSW-4 SAML-XSW-5 SAML-XSW-7",
            "SAML-CMT-01 SAML-XML-01",
            "SAML-VAL-01 SAML-VAL-02 SAML-VAL-03 SAML-VAL-04 SAML-VAL-05",
            "SAML-VAL-06 SAML-VAL-07 SAML-VAL-13",
            "SAML-VAL-09 SAML-VAL-10",
            "SAML-VAL-11 SAML-VAL-12",
        )
    )


def test_the_other_wrappings_take_in_who_reads_from_the_top(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    portal = Portal(city, reads="saml:Assertion/saml:Subject/saml:NameID")
    found = judged(loopback, portal, cast, "wrapping")
    assert found == ("SAML-XSW-1 SAML-XSW-2 SAML-XSW-3 SAML-XSW-4 SAML-XSW-5 SAML-XSW-6 SAML-XSW-8")


def test_where_no_good_answer_is_believed_forgeries_say_nothing(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    found = judged(loopback, Portal(city, becomes=lambda _: None), cast, EVERY_FORGERY)
    assert set(found.split(", ")) == {"login.no-good-answer"}


def test_forged_saml_says_nothing_of_another_protocol(loopback: Loopback, city: City, cast: Cast) -> None:
    with pytest.raises(NotExercised, match=r"login\.other-protocol"):
        judged(loopback, OpenIdPortal(city), cast, "signature", login_start=OPENID)


def test_a_relying_party_that_reads_whatever_comes_is_taken_in(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    """Without `sub` it breaks off, and userinfo it never asks for: both let nobody in."""
    found = judged(loopback, OpenIdPortal(city), cast, "claims browser", login_start=OPENID)
    assert found == "OIDC-CLM-01 OIDC-CLM-02 OIDC-CLM-03 OIDC-CLM-04, OIDC-RES-03"


def test_forged_openid_says_nothing_of_another_protocol(loopback: Loopback, city: City, cast: Cast) -> None:
    with pytest.raises(NotExercised, match=r"login\.other-protocol"):
        judged(loopback, Portal(city), cast, "claims")
