"""SAML answers that a service provider must not believe, each a variation of one that it does believe."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from lxml import etree

from kravkoll.city.saml_messages import (
    DS,
    NAMESPACES,
    SAML,
    AssertionFrame,
    SigningPair,
    Subject,
    Tree,
    assertion,
    instant,
    response_of,
)
from kravkoll.city.saml_signatures import (
    emptied,
    signed_with_certificate_as_secret,
    signed_with_sha1,
    with_second_signed_info,
    with_two_digests,
    without_reference,
)
from kravkoll.city.saml_wrapping import WRAPPINGS

FOREIGN = "https://another.kravkoll.invalid/saml"
FAR = timedelta(minutes=10)
"""Beyond any tolerance for clocks that differ."""
RESPONDER = "urn:oasis:names:tc:SAML:2.0:status:Responder"
SENDER_VOUCHES = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"

type Signs = Literal["assertion", "response"]
"""What the identity provider signs."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a forgery is made of. The attacker has a login of his own and wants to be the victim."""

    frame: AssertionFrame
    attacker: Subject
    victim: Subject
    signing: SigningPair
    stranger: SigningPair
    """A key that is in nobody's metadata."""
    signs: Signs = "assertion"
    listening: str = ""
    """An address that nobody has a reason to call."""

    def answer(
        self,
        subject: Subject,
        *,
        signing: SigningPair | None = None,
        signs: Signs | None = None,
        change: Callable[[Tree], None] = lambda _tree: None,
        frame: AssertionFrame | None = None,
    ) -> Tree:
        """A whole answer about somebody; what `change` does to the unsigned Response is signed too."""
        frame, pair = frame or self.frame, signing or self.signing
        root = response_of(assertion(subject, frame), frame)
        change(root)
        kept = root if (signs or self.signs) == "response" else root[-1]
        for place in root.findall(f".//{{{DS}}}Signature"):
            if place.getparent() is not kept:
                place.getparent().remove(place)  # type: ignore[union-attr]  # found beneath the root
        signed = pair.sign(kept)
        if kept is root:
            return signed
        root.replace(kept, signed)
        return root

    def changed(self, root: Tree) -> Tree:
        """The same document with the victim wherever the attacker stood."""
        return in_the_name_of(root, self.attacker, self.victim)


@dataclass(frozen=True, slots=True)
class Forgery:
    """One answer that must not be believed. `row` is the catalogue's.

    `own`: the identity provider did sign a name of the attacker's, so only a login as the victim is a breach.
    """

    row: str
    make: Callable[[Occasion], Tree | bytes]
    own: bool = False
    response_signed: bool = False
    """Only where answers that are signed as a whole are taken: else nothing binds what is changed."""

    def document(self, occasion: Occasion) -> bytes:
        if self.response_signed:
            occasion = replace(occasion, signs="response")
        made = self.make(occasion)
        return made if isinstance(made, bytes) else etree.tostring(made)


def good(occasion: Occasion) -> bytes:
    """What must be believed: about the victim, by the identity provider."""
    return etree.tostring(occasion.answer(occasion.victim))


def in_the_name_of(root: Tree, attacker: Subject, victim: Subject) -> Tree:
    """A copy that says the victim where the attacker stood; what was signed no longer holds."""
    copy = deepcopy(root)
    names = {getattr(attacker, name): getattr(victim, name) for name in Subject.__slots__}
    for element in copy.iter(f"{{{SAML}}}NameID", f"{{{SAML}}}AttributeValue"):
        element.text = names.get(element.text or "", element.text)
    return copy


# -- signatures ------------------------------------------------------------------------------------


def unsigned(occasion: Occasion) -> Tree:
    return _without_signatures(occasion.answer(occasion.victim))


def by_a_stranger(occasion: Occasion) -> Tree:
    """The certificate that comes along verifies it; nobody said that it is the identity provider's."""
    return occasion.answer(occasion.victim, signing=occasion.stranger)


def changed_afterwards(occasion: Occasion) -> Tree:
    return occasion.changed(occasion.answer(occasion.attacker))


def signature_elsewhere(occasion: Occasion) -> Tree:
    """The attacker's good signature, outside what it signs, beside an unsigned assertion of the victim."""
    signed = occasion.answer(occasion.attacker, signs="assertion")
    root = _without_signatures(occasion.answer(occasion.victim))
    root.insert(1, deepcopy(signed.find(f".//{{{DS}}}Signature")))  # type: ignore[arg-type]  # it was just made
    return root


def same_id_twice(occasion: Occasion) -> Tree:
    """An unsigned assertion of the victim before the signed one, under the same ID."""
    return _with_unsigned_twin(occasion, "ID")


def id_in_another_namespace(occasion: Occasion) -> Tree:
    """As above, and the ID of the unsigned one only looks like an ID."""
    return _with_unsigned_twin(occasion, f"{{{SAML}}}ID")


def _with_unsigned_twin(occasion: Occasion, name: str) -> Tree:
    root = occasion.answer(occasion.attacker, signs="assertion")
    signed = root[-1]
    twin = _without_signatures(occasion.changed(signed))
    del twin.attrib["ID"]
    twin.set(name, signed.get("ID", ""))
    root.insert(len(root) - 1, twin)
    return root


# -- names and documents ---------------------------------------------------------------------------


def comment_in_the_name(occasion: Occasion) -> Tree:
    """Whoever reads up to the comment sees the victim; the whole text is a name of the attacker's."""

    def cut(root: Tree) -> None:
        for element in root.iter(f"{{{SAML}}}NameID", f"{{{SAML}}}AttributeValue"):
            comment = etree.Comment("")
            comment.tail = ".kravkoll.invalid"
            element.append(comment)

    return occasion.answer(occasion.victim, change=cut)


def document_type(occasion: Occasion) -> bytes:
    """A good answer behind a harmless document type: a message of the protocol has none."""
    return b'<!DOCTYPE Response [<!ENTITY near "near">]>' + etree.tostring(occasion.answer(occasion.attacker))


def external_entity(occasion: Occasion) -> bytes:
    """The same behind one that asks for a file from elsewhere."""
    far = occasion.listening.encode()
    document = etree.tostring(occasion.answer(occasion.attacker))
    return b'<!DOCTYPE Response [<!ENTITY % far SYSTEM "' + far + b'"> %far;]>' + document


# -- what the answer says --------------------------------------------------------------------------


def _framed(**wrong: str) -> Callable[[Occasion], Tree]:
    """The victim's answer with something wrong in what stands around it."""
    return lambda occasion: occasion.answer(occasion.victim, frame=replace(occasion.frame, **wrong))  # type: ignore[arg-type]  # texts all


def _altered(path: str, **attributes: str | None) -> Callable[[Occasion], Tree]:
    """The victim's answer, signed with these attributes of an element; None takes one away."""

    def change(root: Tree) -> None:
        for element in root.findall(path, NAMESPACES):
            for name, value in attributes.items():
                if value is not None:
                    element.set(name, value)
                elif name in element.attrib:
                    del element.attrib[name]

    return lambda occasion: occasion.answer(occasion.victim, change=change)


def _lacking(path: str) -> Callable[[Occasion], Tree]:
    """The victim's answer, signed without an element."""

    def change(root: Tree) -> None:
        for element in root.findall(path, NAMESPACES):
            element.getparent().remove(element)  # type: ignore[union-attr]  # found beneath the root

    return lambda occasion: occasion.answer(occasion.victim, change=change)


def _timed(path: str, name: str, offset: timedelta) -> Callable[[Occasion], Tree]:
    """The victim's answer with a time moved that far from now."""
    return lambda occasion: _altered(path, **{name: instant(datetime.now(UTC) + offset)})(occasion)  # noqa: PLW0108  # now, not when this is read


def assertion_of_another_issuer(occasion: Occasion) -> Tree:
    def change(root: Tree) -> None:
        for element in root.findall("saml:Assertion/saml:Issuer", NAMESPACES):
            element.text = FOREIGN

    return occasion.answer(occasion.victim, change=change)


def answer_to_nothing_asked(occasion: Occasion) -> Tree:
    return occasion.answer(occasion.victim, frame=replace(occasion.frame, in_response_to="_" + "0f" * 16))


def _without_signatures(root: Tree) -> Tree:
    for signature in list(root.iter(f"{{{DS}}}Signature")):
        signature.getparent().remove(signature)  # type: ignore[union-attr]  # found beneath the root
    return root


_CONDITIONS = "saml:Assertion/saml:Conditions"
_CONFIRMATION = "saml:Assertion/saml:Subject/saml:SubjectConfirmation"
_CONFIRMED = f"{_CONFIRMATION}/saml:SubjectConfirmationData"

FORGERIES: Mapping[str, Forgery] = {
    "unsigned": Forgery("SAML-SIG-01", unsigned),
    "signed by an unknown key": Forgery("SAML-SIG-02", by_a_stranger),
    "changed after signing": Forgery("SAML-SIG-03", changed_afterwards),
    "empty signature value": Forgery("SAML-SIG-04", lambda o: emptied(changed_afterwards(o))),
    "signature without reference": Forgery("SAML-SIG-04", lambda o: without_reference(changed_afterwards(o))),
    "signature outside what it signs": Forgery("SAML-SIG-04", signature_elsewhere),
    "signed with SHA-1": Forgery(
        "SAML-SIG-05", lambda o: signed_with_sha1(unsigned(o), o.signing, o.signs == "response")
    ),
    "signed with the certificate as a secret": Forgery(
        "SAML-SIG-06", lambda o: signed_with_certificate_as_secret(unsigned(o), o.signing)
    ),
    "forged digest in a comment": Forgery(
        "SAML-SIG-07", lambda o: with_two_digests(o.answer(o.attacker, signs="assertion"), o.changed)
    ),
    "two SignedInfo": Forgery(
        "SAML-SIG-07", lambda o: with_second_signed_info(o.answer(o.attacker, signs="assertion"), o.changed)
    ),
    "same ID twice": Forgery("SAML-SIG-08", same_id_twice, own=True),
    "ID in another namespace": Forgery("SAML-SIG-08", id_in_another_namespace, own=True),
    **{
        row: Forgery(
            row,
            lambda o, wrap=wrap, signs=signs: wrap(o.answer(o.attacker, signs=signs), o.changed),  # type: ignore[misc]
            own=True,
        )
        for row, (signs, wrap) in WRAPPINGS.items()
    },
    "comment in the name": Forgery("SAML-CMT-01", comment_in_the_name, own=True),
    "document type": Forgery("SAML-XML-01", document_type),
    "external entity": Forgery("SAML-XML-01", external_entity),
    "for another audience": Forgery("SAML-VAL-01", _framed(audience=FOREIGN)),
    "for no audience": Forgery("SAML-VAL-02", _lacking(f"{_CONDITIONS}/saml:AudienceRestriction")),
    "for another recipient": Forgery("SAML-VAL-03", _altered(_CONFIRMED, Recipient=FOREIGN)),
    "for another destination": Forgery(
        "SAML-VAL-04", _altered(".", Destination=FOREIGN), response_signed=True
    ),
    "of another issuer": Forgery("SAML-VAL-05", _framed(issuer=FOREIGN)),
    "assertion of another issuer": Forgery("SAML-VAL-05", assertion_of_another_issuer),
    "answer to nothing that was asked": Forgery("SAML-VAL-06", answer_to_nothing_asked),
    "conditions that have ended": Forgery("SAML-VAL-09", _timed(_CONDITIONS, "NotOnOrAfter", -FAR)),
    "conditions that have not begun": Forgery("SAML-VAL-09", _timed(_CONDITIONS, "NotBefore", FAR)),
    "confirmation that has ended": Forgery("SAML-VAL-10", _timed(_CONFIRMED, "NotOnOrAfter", -FAR)),
    "confirmation without an end": Forgery("SAML-VAL-10", _altered(_CONFIRMED, NotOnOrAfter=None)),
    "confirmed by another method": Forgery("SAML-VAL-11", _altered(_CONFIRMATION, Method=SENDER_VOUCHES)),
    "not confirmed": Forgery("SAML-VAL-11", _lacking(_CONFIRMATION)),
    "login that failed": Forgery("SAML-VAL-12", _altered("samlp:Status/samlp:StatusCode", Value=RESPONDER)),
}
"""By what is wrong; sources of the rows stand in suites/login/catalogue.tsv."""
