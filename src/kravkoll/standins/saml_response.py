"""Reading a SAML response: nothing is believed that the identity provider did not sign."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod  # type: ignore[attr-defined]  # re-exported silently
from signxml.exceptions import InvalidInput, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from kravkoll.standins.faults import Behaviour
from kravkoll.standins.saml_metadata import (
    DS,
    NAMESPACES,
    SAML,
    SAMLP,
    IdentityProvider,
    NotSaml,
    OwnAddresses,
    only,
    parse,
    text,
)

SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SKEW = timedelta(minutes=3)
ID_ATTRIBUTE = "ID"
METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
    }
)
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
TRANSFORMS = frozenset(
    {
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    }
)


@dataclass(frozen=True, slots=True)
class Login:
    """Who has logged in, as the identity provider says. `in_response_to` is the request that it answers."""

    assertion_id: str
    in_response_to: str
    name_id: str
    attributes: Mapping[str, tuple[str, ...]]
    not_on_or_after: datetime
    session_ends: datetime | None


@dataclass(frozen=True, slots=True)
class Receiving:
    """An answer on its way in: from whom it should be, to whom, when, and how this product reads."""

    idp: IdentityProvider
    own: OwnAddresses
    now: datetime
    behave: Behaviour


def read_response(
    encoded: str,
    idp: IdentityProvider,
    own: OwnAddresses,
    now: datetime | None = None,
    behave: Behaviour | None = None,
) -> Login:
    """The login that a SAMLResponse form field proves; NotSaml with the reason where it proves none."""
    behave = behave or Behaviour()
    receiving = Receiving(idp, own, now or datetime.now(UTC), behave)
    try:
        root = behave(parse)(base64.b64decode(encoded, validate=True))
    except binascii.Error as error:
        raise NotSaml("no base64") from error
    _check_envelope(root, receiving)
    behave(check_single)(root)
    return _read_assertion(behave(signed_assertion)(root, receiving), receiving)


def _check_envelope(root: etree._Element, receiving: Receiving) -> None:
    """What stands around the assertion. It may be unsigned: it can only make us refuse."""
    if root.tag != f"{{{SAMLP}}}Response":
        raise NotSaml("no Response")
    receiving.behave(check_status)(root)
    if root.get("Destination", receiving.own.acs) != receiving.own.acs:
        raise NotSaml("for another destination")
    issuer = root.find("saml:Issuer", NAMESPACES)
    if issuer is not None:
        receiving.behave(check_issuer)(issuer, receiving.idp)


def check_status(root: etree._Element) -> None:
    status = root.find("samlp:Status/samlp:StatusCode", NAMESPACES)
    if status is None or status.get("Value") != SUCCESS:
        raise NotSaml("the login did not succeed")


def check_issuer(issuer: etree._Element, idp: IdentityProvider) -> None:
    if text(issuer) != idp.entity_id:
        raise NotSaml("from another issuer")


def check_single(root: etree._Element) -> None:
    """One assertion in the whole document, and no ID twice, leaves nothing to wrap."""
    only(root.findall(f".//{{{SAML}}}Assertion"), "Assertion")
    ids = [one.get(ID_ATTRIBUTE) for one in root.iter() if one.get(ID_ATTRIBUTE)]
    if len(ids) != len(set(ids)):
        raise NotSaml("an ID is used twice")


def signed_assertion(root: etree._Element, receiving: Receiving) -> etree._Element:
    """The assertion out of the bytes that the signature covers."""
    assertion = only(root.findall("saml:Assertion", NAMESPACES), "Assertion of the Response")
    signed = next(
        (one for one in (assertion, root) if one.find("ds:Signature", NAMESPACES) is not None), None
    )
    if signed is None:
        raise NotSaml("nothing is signed")
    verified = _verified(signed, receiving)
    if signed is root:
        return only(verified.findall("saml:Assertion", NAMESPACES), "signed Assertion")
    return verified


def _verified(element: etree._Element, receiving: Receiving) -> etree._Element:
    """The element as it was signed, by any of the identity provider's keys."""
    signature = only(element.findall("ds:Signature", NAMESPACES), "Signature")
    _check_signature_form(signature, element)
    location = "./" if element.getparent() is None else f"./{{{SAML}}}Assertion/"
    config = SignatureConfiguration(location=location, signature_methods=METHODS, digest_algorithms=DIGESTS)
    for certificate in receiving.behave(trusted_certificates)(signature, receiving.idp):
        try:
            result = XMLVerifier().verify(
                element.getroottree().getroot(),
                x509_cert=certificate,
                id_attribute=ID_ATTRIBUTE,
                expect_config=config,
            )
        except (SignXMLException, InvalidInput, ValueError, TypeError, etree.LxmlError):
            continue  # perhaps the next key
        signed = None if isinstance(result, list) else result.signed_xml
        if signed is not None and (signed.tag, signed.get("ID")) == (element.tag, element.get("ID")):
            return signed
    raise NotSaml("the signature does not hold")


def trusted_certificates(_signature: etree._Element, idp: IdentityProvider) -> tuple[str, ...]:
    """Those of the metadata; what the message brings along proves nothing."""
    return idp.certificates


def _check_signature_form(signature: etree._Element, element: etree._Element) -> None:
    """One reference, to the element that the signature stands in, without transforms that hide things."""
    reference = only(signature.findall("ds:SignedInfo/ds:Reference", NAMESPACES), "Reference")
    if not element.get("ID") or reference.get("URI") != f"#{element.get('ID')}":
        raise NotSaml("the signature is of something else")
    used = {one.get("Algorithm") for one in reference.iter(f"{{{DS}}}Transform")}
    if not used <= TRANSFORMS:
        raise NotSaml("a transform that is not agreed")


def _read_assertion(assertion: etree._Element, receiving: Receiving) -> Login:
    behave = receiving.behave
    behave(check_issuer)(only(assertion.findall("saml:Issuer", NAMESPACES), "Issuer"), receiving.idp)
    _check_conditions(assertion, receiving)
    subject = only(assertion.findall("saml:Subject", NAMESPACES), "Subject")
    confirmed = behave(confirmation)(subject, receiving)
    read = behave(text)
    name_id = read(subject.find("saml:NameID", NAMESPACES))
    if not name_id:
        raise NotSaml("nobody is named")
    return Login(
        assertion_id=assertion.get("ID", ""),
        in_response_to=confirmed.get("InResponseTo", ""),
        name_id=name_id,
        attributes=_attributes(assertion, read),
        not_on_or_after=_moment(confirmed.get("NotOnOrAfter", receiving.now.isoformat())),
        session_ends=_session_end(assertion),
    )


def _check_conditions(assertion: etree._Element, receiving: Receiving) -> None:
    conditions = only(assertion.findall("saml:Conditions", NAMESPACES), "Conditions")
    receiving.behave(check_window)(conditions, receiving.now)
    receiving.behave(check_audience)(conditions, receiving.own)


def check_audience(conditions: etree._Element, own: OwnAddresses) -> None:
    restrictions = conditions.findall("saml:AudienceRestriction", NAMESPACES)
    if not restrictions:
        raise NotSaml("no audience")
    for restriction in restrictions:
        audiences = [text(one) for one in restriction.findall("saml:Audience", NAMESPACES)]
        if own.entity_id not in audiences:
            raise NotSaml("for another audience")


def confirmation(subject: etree._Element, receiving: Receiving) -> etree._Element:
    """SubjectConfirmationData of a bearer, for us, still good."""
    bearers = [
        one for one in subject.findall("saml:SubjectConfirmation", NAMESPACES) if one.get("Method") == BEARER
    ]
    data = only(
        only(bearers, "bearer confirmation").findall("saml:SubjectConfirmationData", NAMESPACES), "data"
    )
    receiving.behave(check_recipient)(data, receiving.own)
    receiving.behave(check_end)(data)
    receiving.behave(check_window)(data, receiving.now)
    return data


def check_recipient(data: etree._Element, own: OwnAddresses) -> None:
    if data.get("Recipient") != own.acs:
        raise NotSaml("for another recipient")


def check_end(data: etree._Element) -> None:
    if data.get("NotOnOrAfter") is None:
        raise NotSaml("without an end")


def check_window(element: etree._Element, now: datetime) -> None:
    if (start := element.get("NotBefore")) and now + SKEW < _moment(start):
        raise NotSaml("not valid yet")
    if (end := element.get("NotOnOrAfter")) and now - SKEW >= _moment(end):
        raise NotSaml("no longer valid")


def _session_end(assertion: etree._Element) -> datetime | None:
    statement = only(assertion.findall("saml:AuthnStatement", NAMESPACES), "AuthnStatement")
    end = statement.get("SessionNotOnOrAfter")
    return _moment(end) if end else None


def _attributes(
    assertion: etree._Element, read: Callable[[etree._Element | None], str]
) -> Mapping[str, tuple[str, ...]]:
    return {
        attribute.get("Name", ""): tuple(
            read(value) for value in attribute.findall("saml:AttributeValue", NAMESPACES)
        )
        for attribute in assertion.findall("saml:AttributeStatement/saml:Attribute", NAMESPACES)
    }


def _moment(value: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError as error:
        raise NotSaml(f"{value!r} is no time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
