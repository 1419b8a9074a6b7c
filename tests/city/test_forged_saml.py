"""Each forged answer breaks one thing, and takes in a reader that is careless of it."""

import base64
from collections.abc import Callable

import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from kravkoll.city.certificate_authority import generate_rsa_key, private_pem
from kravkoll.city.forged_saml import FORGERIES, Occasion, Signs, good
from kravkoll.city.identity_provider import self_signed
from kravkoll.city.saml_messages import DS, NAMESPACES, AssertionFrame, SigningPair, Subject
from kravkoll.city.saml_signatures import digest
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.saml_metadata import IdentityProvider, NotSaml, OwnAddresses
from kravkoll.standins.saml_response import read_response

FRAME = AssertionFrame("https://city.test", "https://sp.test", "https://sp.test/acs", "_asked")
OWN = OwnAddresses("https://sp.test", "https://sp.test/acs")
ATTACKER = Subject("id-a", "attacker@city.test", "Ada", "Attacker")
VICTIM = Subject("id-v", "victim@city.test", "Vera", "Victim")
IN_THE_REQUEST = {"answer to nothing that was asked"}
"""What only the memory of requests can refuse."""
TAKEN_IN = {
    "saml.signature.none": {"SAML-SIG-01", "SAML-SIG-02", "SAML-SIG-03", "SAML-SIG-04"},
    "saml.signature.any_key": {"SAML-SIG-02"},
    "saml.wrapping": {"SAML-XSW-3", "SAML-XSW-4"},
    "saml.comment": {"SAML-CMT-01"},
    "saml.audience": {"SAML-VAL-01", "SAML-VAL-02"},
    "saml.recipient": {"SAML-VAL-03"},
    "saml.issuer": {"SAML-VAL-05"},
    "saml.time": {"SAML-VAL-09", "SAML-VAL-10"},
    "saml.endless": {"SAML-VAL-10"},
    "saml.confirmation": {"SAML-VAL-03", "SAML-VAL-10", "SAML-VAL-11"},
    "saml.status": {"SAML-VAL-12"},
}


@pytest.fixture(scope="module")
def occasion() -> Occasion:
    def pair() -> SigningPair:
        key = private_pem(generate_rsa_key())
        return SigningPair(key, self_signed(key))

    return Occasion(FRAME, ATTACKER, VICTIM, pair(), pair(), listening="http://127.0.0.1:9/")


def signing(occasion: Occasion, signs: Signs) -> Occasion:
    return Occasion(
        occasion.frame, ATTACKER, VICTIM, occasion.signing, occasion.stranger, signs, occasion.listening
    )


def reader(occasion: Occasion, fault: str | None = None) -> Callable[[bytes], str]:
    """Who a service provider says is logged in; empty for nobody."""
    idp = IdentityProvider(FRAME.issuer, "", (occasion.signing.certificate_base64,))

    def read(document: bytes) -> str:
        try:
            return read_response(
                base64.b64encode(document).decode(), idp, OWN, behave=Behaviour(fault)
            ).name_id
        except NotSaml:
            return ""

    return read


@pytest.mark.parametrize("signs", ["assertion", "response"])
def test_a_good_answer_is_believed_in_both_shapes(occasion: Occasion, signs: Signs) -> None:
    assert reader(occasion)(good(signing(occasion, signs))) == VICTIM.name_id


@pytest.mark.parametrize("signs", ["assertion", "response"])
@pytest.mark.parametrize("name", sorted(FORGERIES.keys() - IN_THE_REQUEST))
def test_a_strict_reader_is_never_taken_in(occasion: Occasion, name: str, signs: Signs) -> None:
    forgery = FORGERIES[name]
    said = reader(occasion)(forgery.document(signing(occasion, signs)))
    assert said != VICTIM.name_id
    assert not said or forgery.own


@pytest.mark.parametrize("fault", TAKEN_IN)
def test_a_careless_reader_is_taken_in_by_what_it_is_careless_of(occasion: Occasion, fault: str) -> None:
    read = reader(occasion, fault)
    taken_in = {
        forgery.row
        for name, forgery in FORGERIES.items()
        if name not in IN_THE_REQUEST and read(forgery.document(occasion)) == VICTIM.name_id
    }
    assert taken_in >= TAKEN_IN[fault]
    if fault not in {"saml.signature.none", "saml.wrapping"}:
        assert taken_in - TAKEN_IN[fault] == set()


@pytest.mark.parametrize("name", [name for name in FORGERIES if name.startswith("SAML-XSW")])
def test_what_was_signed_stands_whole_in_a_wrapped_answer(occasion: Occasion, name: str) -> None:
    """Else a reader could refuse it for the wrong reason: its signature would not hold."""
    root = etree.fromstring(FORGERIES[name].document(occasion))
    uri = str(next(root.iter(f"{{{DS}}}Reference")).get("URI"))
    (signed,) = [one for one in root.iter() if one.get("ID") == uri.removeprefix("#")]
    assert ATTACKER.name_id in etree.tostring(signed).decode()
    assert digest(signed) == root.findtext(".//ds:DigestValue", namespaces=NAMESPACES)
    assert VICTIM.name_id in {one.text for one in root.iterfind(".//saml:NameID", NAMESPACES)}


def test_a_weak_signature_does_hold(occasion: Occasion) -> None:
    """SHA-1 is refused for being weak, and not for being wrong."""
    weak = SignatureConfiguration(
        location=".//",
        signature_methods=frozenset({SignatureMethod.RSA_SHA1}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA1}),
    )
    document = FORGERIES["signed with SHA-1"].document(occasion)
    verified = XMLVerifier().verify(
        document, x509_cert=occasion.signing.certificate_base64, id_attribute="ID", expect_config=weak
    )
    assert not isinstance(verified, list)
    assert verified.signed_xml is not None
    assert VICTIM.name_id in etree.tostring(verified.signed_xml).decode()


def test_a_signature_by_a_public_secret_does_hold(occasion: Occasion) -> None:
    keyed = SignatureConfiguration(
        location=".//", require_x509=False, signature_methods=frozenset({SignatureMethod.HMAC_SHA256})
    )
    document = FORGERIES["signed with the certificate as a secret"].document(occasion)
    XMLVerifier().verify(
        document, hmac_key=occasion.signing.certificate_pem, id_attribute="ID", expect_config=keyed
    )
