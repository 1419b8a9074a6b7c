"""What service providers get wrong with SAML answers, one careless reading each."""

from datetime import datetime

from lxml import etree
from signxml.exceptions import InvalidInput, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier
from starlette.requests import Request

from kravkoll.standins.faults import fault
from kravkoll.standins.saml_metadata import (
    NAMESPACES,
    SAML,
    IdentityProvider,
    NotSaml,
    OwnAddresses,
    parse,
    text,
)
from kravkoll.standins.saml_response import (
    DIGESTS,
    ID_ATTRIBUTE,
    METHODS,
    Login,
    Receiving,
    check_audience,
    check_end,
    check_issuer,
    check_recipient,
    check_single,
    check_status,
    check_window,
    confirmation,
    signed_assertion,
    trusted_certificates,
)
from kravkoll.standins.service_provider import Used, use_once
from kravkoll.standins.sessions import Sessions, WaitingLogin, request_of


def _first(root: etree._Element) -> etree._Element:
    found = root.find(f".//{{{SAML}}}Assertion")
    if found is None:
        raise NotSaml("no Assertion")
    return found


@fault("saml.signature.none", replaces=signed_assertion)
def believe_unsigned(root: etree._Element, _receiving: Receiving) -> etree._Element:
    return _first(root)


@fault("saml.signature.any_key", replaces=trusted_certificates)
def trust_what_comes_along(signature: etree._Element, _idp: IdentityProvider) -> tuple[str, ...]:
    return tuple(text(one) for one in signature.findall(".//ds:X509Certificate", NAMESPACES))


@fault("saml.wrapping", replaces=check_single)
def mind_no_more_assertions(_root: etree._Element) -> None:
    return None


@fault("saml.wrapping", replaces=signed_assertion)
def verify_one_and_read_another(root: etree._Element, receiving: Receiving) -> etree._Element:
    """Some signature in the document holds, so the first assertion in it is believed."""
    config = SignatureConfiguration(location=".//", signature_methods=METHODS, digest_algorithms=DIGESTS)
    for certificate in receiving.idp.certificates:
        try:
            XMLVerifier().verify(root, x509_cert=certificate, id_attribute=ID_ATTRIBUTE, expect_config=config)
        except (SignXMLException, InvalidInput, ValueError, TypeError, etree.LxmlError):
            continue
        return _first(root)
    raise NotSaml("the signature does not hold")


def _parsed(document: bytes, *, comments: bool) -> etree._Element:
    parser = etree.XMLParser(no_network=True, remove_comments=not comments)
    try:
        return etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotSaml(f"no XML: {error}") from error


@fault("saml.comment", replaces=parse)
def keep_comments(document: bytes) -> etree._Element:
    return _parsed(document, comments=True)


@fault("saml.comment", replaces=text)
def read_up_to_a_comment(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


@fault("saml.comment", replaces=signed_assertion)
def read_the_document(root: etree._Element, receiving: Receiving) -> etree._Element:
    """The signature holds, comments or not; what is read is the document, and not what was signed."""
    signed_assertion(root, receiving)
    return _first(root)


@fault("saml.dtd", replaces=parse)
def allow_document_types(document: bytes) -> etree._Element:
    return _parsed(document, comments=False)


@fault("saml.audience", replaces=check_audience)
def ignore_audience(_conditions: etree._Element, _own: OwnAddresses) -> None:
    return None


@fault("saml.recipient", replaces=check_recipient)
def ignore_recipient(_data: etree._Element, _own: OwnAddresses) -> None:
    return None


@fault("saml.issuer", replaces=check_issuer)
def ignore_issuer(_issuer: etree._Element, _idp: IdentityProvider) -> None:
    return None


@fault("saml.time", replaces=check_window)
def ignore_time(_element: etree._Element, _now: datetime) -> None:
    return None


@fault("saml.endless", replaces=check_end)
def need_no_end(_data: etree._Element) -> None:
    return None


@fault("saml.confirmation", replaces=confirmation)
def need_no_confirmation(subject: etree._Element, _receiving: Receiving) -> etree._Element:
    """Whatever stands there, of whichever method, or nothing."""
    found = subject.find(".//saml:SubjectConfirmationData", NAMESPACES)
    return etree.Element("none") if found is None else found


@fault("saml.status", replaces=check_status)
def ignore_status(_root: etree._Element) -> None:
    return None


@fault("saml.request", replaces=request_of)
def take_answers_to_nothing(_sessions: Sessions, _request: Request, _request_id: str) -> WaitingLogin | None:
    return WaitingLogin("", "", "/")


@fault("saml.replay", replaces=request_of)
def remember_requests(sessions: Sessions, _request: Request, request_id: str) -> WaitingLogin | None:
    return sessions.asked(request_id)


@fault("saml.replay", replaces=use_once)
def use_again(_used: Used, _login: Login) -> None:
    return None
