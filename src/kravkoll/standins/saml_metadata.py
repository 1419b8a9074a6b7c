"""SAML 2.0 metadata: read the identity provider's, write the service provider's."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
NAMESPACES = {"saml": SAML, "samlp": SAMLP, "md": MD, "ds": DS}
HTTP_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


class NotSaml(Exception):
    """A document that is not what it should be; says why."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Where users are sent to log in, and whose signature their assertions carry."""

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    """Base64 DER; more than one while a key is being changed."""


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """A service provider's own names."""

    entity_id: str
    acs: str


def parse(document: bytes) -> etree._Element:
    """XML without DTD, entities, comments or network."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotSaml(f"no XML: {error}") from error
    if b"<!DOCTYPE" in document:
        raise NotSaml("a DTD")
    return root


def only(elements: Sequence[etree._Element], what: str) -> etree._Element:
    """The one element there is."""
    if len(elements) != 1:
        raise NotSaml(f"{len(elements)} of {what}")
    return elements[0]


def text(element: etree._Element | None) -> str:
    """All the text of an element, whatever stood between."""
    return "" if element is None else "".join(str(part) for part in element.itertext()).strip()


def read_identity_provider(document: bytes) -> IdentityProvider:
    """From an EntityDescriptor with one IDPSSODescriptor."""
    root = parse(document)
    role = only(root.findall("md:IDPSSODescriptor", NAMESPACES), "IDPSSODescriptor")
    redirects = [
        service.get("Location")
        for service in role.findall("md:SingleSignOnService", NAMESPACES)
        if service.get("Binding") == HTTP_REDIRECT
    ]
    if not redirects or not redirects[0]:
        raise NotSaml("no SingleSignOnService with HTTP-Redirect")
    keys = [key for key in role.findall("md:KeyDescriptor", NAMESPACES) if key.get("use") != "encryption"]
    certificates = [
        "".join(text(one).split()) for key in keys for one in key.findall(".//ds:X509Certificate", NAMESPACES)
    ]
    return IdentityProvider(root.get("entityID", ""), redirects[0], tuple(certificates))


def service_provider_metadata(own: OwnAddresses, certificate: bytes) -> bytes:
    """Metadata to register at the identity provider; the certificate is PEM."""
    root = etree.Element(f"{{{MD}}}EntityDescriptor", entityID=own.entity_id, nsmap={"md": MD, "ds": DS})
    role = etree.SubElement(
        root,
        f"{{{MD}}}SPSSODescriptor",
        AuthnRequestsSigned="true",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=SAMLP,
    )
    key = etree.SubElement(role, f"{{{MD}}}KeyDescriptor", use="signing")
    data = etree.SubElement(etree.SubElement(key, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data")
    etree.SubElement(data, f"{{{DS}}}X509Certificate").text = _der_base64(certificate)
    etree.SubElement(
        role,
        f"{{{MD}}}AssertionConsumerService",
        Binding=HTTP_POST,
        Location=own.acs,
        index="0",
        isDefault="true",
    )
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _der_base64(certificate: bytes) -> str:
    lines = load_pem_x509_certificate(certificate).public_bytes(Encoding.PEM).decode().split("\n")
    return "".join(line for line in lines if "-----" not in line)
