"""SAML 2.0 messages: what the city's identity provider reads, and what it writes and signs."""

import base64
import binascii
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.algorithms import SignatureConstructionMethod as Construction
from signxml.signer import XMLSigner

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
NAMESPACES = {"saml": SAML, "samlp": SAMLP, "md": MD, "ds": DS}
HTTP_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
LOA_BASIC = "http://id.skolfederation.se/loa/bas"
EDU_PERSON_PRINCIPAL_NAME = "urn:oid:1.3.6.1.4.1.5923.1.1.1.6"
ATTRIBUTE_URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
type Tree = etree._Element  # noqa: SLF001  # lxml has no public name for it
type Change = Callable[[Tree], Tree]
"""Makes a copy of part of a message that says something else."""

LARGEST_REQUEST = 100_000
"""Octets of an AuthnRequest once inflated; real ones are about a thousand."""


class SamlRefusal(Exception):
    """The identity provider will not answer this message; `code` is stable."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}" if detail else code)


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """A system that lets the city log its users in, by its metadata."""

    entity_id: str
    consumer_services: tuple[tuple[int, str], ...]
    """Index and URL of each AssertionConsumerService with the HTTP-POST binding, the default first."""

    def consumer_service(self, url: str | None, index: str | None) -> str:
        """Where the answer goes; refuses an address that the metadata does not have."""
        if url is not None:
            if url not in [known for _, known in self.consumer_services]:
                raise SamlRefusal("acs-not-in-metadata", url)
            return url
        if index is not None:
            for number, known in self.consumer_services:
                if str(number) == index:
                    return known
            raise SamlRefusal("acs-index-not-in-metadata", index)
        return self.consumer_services[0][1]


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What a service provider asked for."""

    id: str
    issuer: str
    destination: str | None
    consumer_service_url: str | None
    consumer_service_index: str | None
    force_authn: bool = False
    """Whether somebody who is logged in is to be asked all the same."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asserted to have logged in."""

    name_id: str
    principal_name: str
    given_name: str
    family_name: str


@dataclass(frozen=True, slots=True)
class AssertionFrame:
    """What an answer says around its subject."""

    issuer: str
    audience: str
    recipient: str
    in_response_to: str | None
    lifetime: timedelta = timedelta(minutes=5)
    level_of_assurance: str = LOA_BASIC


@dataclass(frozen=True, slots=True)
class SigningPair:
    """PEM of the key that signs and of the certificate that metadata shows."""

    key_pem: bytes
    certificate_pem: bytes

    def sign(self, element: etree._Element) -> etree._Element:
        """Enveloped RSA-SHA256 signature over the element's ID, exclusive canonicalisation."""
        signer = XMLSigner(
            method=Construction.enveloped,
            signature_algorithm=SignatureMethod.RSA_SHA256,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        return signer.sign(
            element,
            key=private_key(self.key_pem),
            cert=self.certificate_pem.decode(),
            reference_uri=element.get("ID"),
        )

    @property
    def certificate_base64(self) -> str:
        return "".join(self.certificate_pem.decode().strip().splitlines()[1:-1])


@lru_cache(maxsize=8)
def private_key(pem: bytes) -> rsa.RSAPrivateKey:
    """Parsed once: OpenSSL takes 35 ms to verify an RSA key, ten times what the signature takes."""
    key = load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the login signs with RSA")
    return key


def parse(document: bytes) -> etree._Element:
    """XML without DTD, entities or network; SamlRefusal if it is anything else."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SamlRefusal("not-xml", str(error)) from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # a parsed document has one
        raise SamlRefusal("dtd")
    return root


def read_service_provider(metadata: bytes) -> ServiceProvider:
    """The service provider of a metadata document; SamlRefusal if it has no usable one."""
    root = parse(metadata)
    services = root.findall(".//md:SPSSODescriptor/md:AssertionConsumerService", NAMESPACES)
    posts = [service for service in services if service.get("Binding") == HTTP_POST]
    if root.tag != f"{{{MD}}}EntityDescriptor" or not root.get("entityID") or not posts:
        raise SamlRefusal("not-sp-metadata", "an EntityDescriptor with an HTTP-POST consumer service")
    posts.sort(key=lambda service: (service.get("isDefault") != "true", int(service.get("index", "0"))))
    return ServiceProvider(
        root.get("entityID", ""),
        tuple((int(service.get("index", "0")), service.get("Location", "")) for service in posts),
    )


def read_authn_request(parameter: str) -> AuthnRequest:
    """The message of an HTTP-Redirect `SAMLRequest` parameter: base64 of a raw deflate stream."""
    try:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        document = inflater.decompress(base64.b64decode(parameter, validate=True), LARGEST_REQUEST)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise SamlRefusal("not-deflated", str(error)) from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise SamlRefusal("not-deflated", "too large or cut short")
    root = parse(document)
    if root.tag != f"{{{SAMLP}}}AuthnRequest" or root.get("Version") != "2.0" or not root.get("ID"):
        raise SamlRefusal("not-authn-request", str(root.tag))
    return AuthnRequest(
        id=root.get("ID", ""),
        issuer=(root.findtext("saml:Issuer", "", NAMESPACES) or "").strip(),
        destination=root.get("Destination"),
        consumer_service_url=root.get("AssertionConsumerServiceURL"),
        consumer_service_index=root.get("AssertionConsumerServiceIndex"),
        force_authn=root.get("ForceAuthn") in {"true", "1"},
    )


def identity_provider_metadata(entity_id: str, sso_url: str, signing: SigningPair) -> bytes:
    """Signed metadata of an identity provider that takes requests by HTTP-Redirect."""
    root = _element(MD, "EntityDescriptor", entityID=entity_id, ID=_new_id())
    role = _child(root, MD, "IDPSSODescriptor", protocolSupportEnumeration=SAMLP)
    key_information = _child(_child(role, MD, "KeyDescriptor", use="signing"), DS, "KeyInfo")
    certificate = _child(_child(key_information, DS, "X509Data"), DS, "X509Certificate")
    certificate.text = signing.certificate_base64
    _child(role, MD, "NameIDFormat").text = PERSISTENT
    _child(role, MD, "SingleSignOnService", Binding=HTTP_REDIRECT, Location=sso_url)
    # the schema wants the signature first
    root.insert(0, _element(DS, "Signature", Id="placeholder"))
    return etree.tostring(signing.sign(root))


def assertion(subject: Subject, frame: AssertionFrame, *, now: datetime | None = None) -> etree._Element:
    """An unsigned assertion with a place for its signature, by the Web Browser SSO profile 4.1.4.2."""
    now = now or datetime.now(UTC)
    expires = instant(now + frame.lifetime)
    root = _element(SAML, "Assertion", ID=_new_id(), Version="2.0", IssueInstant=instant(now))
    _child(root, SAML, "Issuer").text = frame.issuer
    _child(root, DS, "Signature", Id="placeholder")
    _add_subject(root, subject, frame, expires)
    conditions = _child(
        root, SAML, "Conditions", NotBefore=instant(now - timedelta(minutes=1)), NotOnOrAfter=expires
    )
    _child(_child(conditions, SAML, "AudienceRestriction"), SAML, "Audience").text = frame.audience
    statement = _child(root, SAML, "AuthnStatement", AuthnInstant=instant(now), SessionIndex=_new_id())
    context = _child(statement, SAML, "AuthnContext")
    _child(context, SAML, "AuthnContextClassRef").text = frame.level_of_assurance
    _add_attributes(root, subject)
    return root


def response(signed_assertion: etree._Element, frame: AssertionFrame) -> bytes:
    """A successful Response that carries the assertion."""
    root = response_of(signed_assertion, frame)
    root.remove(root[1])  # the whole is not signed
    return etree.tostring(root)


def response_of(inner: etree._Element, frame: AssertionFrame) -> etree._Element:
    """A successful Response around an assertion, with a place for its signature."""
    names = {"Destination": frame.recipient}
    if frame.in_response_to is not None:
        names["InResponseTo"] = frame.in_response_to
    now = instant(datetime.now(UTC))
    root = _element(SAMLP, "Response", ID=_new_id(), Version="2.0", IssueInstant=now, **names)
    _child(root, SAML, "Issuer").text = frame.issuer
    _child(root, DS, "Signature", Id="placeholder")
    _child(_child(root, SAMLP, "Status"), SAMLP, "StatusCode", Value=SUCCESS)
    root.append(inner)
    return root


def _add_subject(root: etree._Element, subject: Subject, frame: AssertionFrame, expires: str) -> None:
    element = _child(root, SAML, "Subject")
    _child(element, SAML, "NameID", Format=PERSISTENT).text = subject.name_id
    confirmation = _child(element, SAML, "SubjectConfirmation", Method=BEARER)
    data = _child(
        confirmation, SAML, "SubjectConfirmationData", Recipient=frame.recipient, NotOnOrAfter=expires
    )
    if frame.in_response_to is not None:
        data.set("InResponseTo", frame.in_response_to)


def _add_attributes(root: etree._Element, subject: Subject) -> None:
    statement = _child(root, SAML, "AttributeStatement")
    for name, friendly, value in (
        (EDU_PERSON_PRINCIPAL_NAME, "eduPersonPrincipalName", subject.principal_name),
        ("urn:oid:2.5.4.42", "givenName", subject.given_name),
        ("urn:oid:2.5.4.4", "sn", subject.family_name),
    ):
        attribute = _child(
            statement, SAML, "Attribute", Name=name, FriendlyName=friendly, NameFormat=ATTRIBUTE_URI
        )
        _child(attribute, SAML, "AttributeValue").text = value


def _element(namespace: str, name: str, **attributes: str) -> etree._Element:
    return etree.Element(f"{{{namespace}}}{name}", attributes, nsmap=NAMESPACES)


def _child(parent: etree._Element, namespace: str, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{namespace}}}{name}", attributes)


def _new_id() -> str:
    return f"_{uuid.uuid4().hex}"  # an xs:ID may not begin with a digit


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
