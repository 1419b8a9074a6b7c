"""XML signatures that must not hold: weak, hollow, or read in two ways."""

import base64
import hashlib
from collections.abc import Callable
from copy import deepcopy

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.algorithms import SignatureConstructionMethod as Construction
from signxml.signer import XMLSigner

from kravkoll.city.saml_messages import DS, SAML, Change, SigningPair, Tree, private_key


class _AnySigner(XMLSigner):
    """Signs with what is no longer to be used as well: here it is the point."""

    def check_deprecated_methods(self) -> None:
        return None


def emptied(root: Tree) -> Tree:
    """The signature has no value."""
    for value in root.iter(f"{{{DS}}}SignatureValue"):
        value.text = ""
    return root


def without_reference(root: Tree) -> Tree:
    """The signature says of nothing that it is signed."""
    for reference in list(root.iter(f"{{{DS}}}Reference")):
        reference.getparent().remove(reference)  # type: ignore[union-attr]  # found beneath the root
    return root


def signed_with_sha1(root: Tree, pair: SigningPair, whole: bool) -> Tree:
    """By the right key, with an algorithm that can be forged (Leurent and Peyrin, 2020)."""
    signer = _AnySigner(
        method=Construction.enveloped,
        signature_algorithm=SignatureMethod.RSA_SHA1,
        digest_algorithm=DigestAlgorithm.SHA1,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    cert = pair.certificate_pem.decode()
    return _signed(
        root,
        whole,
        lambda e: signer.sign(e, key=private_key(pair.key_pem), cert=cert, reference_uri=e.get("ID")),
    )


def signed_with_certificate_as_secret(root: Tree, pair: SigningPair) -> Tree:
    """A keyed hash whose secret is what everybody knows: the certificate in the metadata."""
    signer = _AnySigner(
        method=Construction.enveloped,
        signature_algorithm=SignatureMethod.HMAC_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    return _signed(root, False, lambda e: signer.sign(e, key=pair.certificate_pem, reference_uri=e.get("ID")))


def with_two_digests(root: Tree, change: Change) -> Tree:
    """A comment in DigestValue: it is not signed, and careless readers begin with it (CVE-2025-29775)."""
    forged = change(root)
    for value in forged.iter(f"{{{DS}}}DigestValue"):
        comment = etree.Comment(digest(forged[-1]))
        comment.tail = value.text
        value.text = None
        value.append(comment)
    return forged


def with_second_signed_info(root: Tree, change: Change) -> Tree:
    """Two SignedInfo: one that was signed, and one that tells of the forged content (CVE-2025-29774)."""
    forged = change(root)
    for signature in forged.iter(f"{{{DS}}}Signature"):
        genuine = signature.find(f"{{{DS}}}SignedInfo")
        if genuine is None:
            raise ValueError("needs something signed")
        second = deepcopy(genuine)
        for value in second.iter(f"{{{DS}}}DigestValue"):
            value.text = digest(forged[-1])
        genuine.addprevious(second)
    return forged


def digest(element: Tree) -> str:
    """SHA-256 of an element without its own signature, exclusive canonicalisation."""
    bare = deepcopy(element)
    for signature in bare.findall(f"{{{DS}}}Signature"):
        bare.remove(signature)
    octets = etree.tostring(bare, method="c14n", exclusive=True, with_comments=False)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def _signed(root: Tree, whole: bool, sign: Callable[[Tree], Tree]) -> Tree:
    target = root if whole else root[-1]
    issuer = target.find(f"{{{SAML}}}Issuer")
    if issuer is None:
        raise ValueError("nothing that can be signed")
    issuer.addnext(etree.Element(f"{{{DS}}}Signature", Id="placeholder"))
    signed = sign(target)
    if whole:
        return signed
    root.replace(target, signed)
    return root
