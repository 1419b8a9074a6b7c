"""Signature wrapping: what was signed stays whole, and what is read stands elsewhere.

The eight forms of Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012).
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Literal

from lxml import etree

from kravkoll.city.saml_messages import DS, SAMLP, Change, Tree


def response_in_signature(root: Tree, change: Change) -> Tree:
    """XSW1: the signed Response goes into the signature of a forged one."""
    evil, signature = _forged_around(root, change)
    signature.append(_bare(root))
    return evil


def response_before_signature(root: Tree, change: Change) -> Tree:
    """XSW2: as XSW1, but beside the signature."""
    evil, signature = _forged_around(root, change)
    signature.addprevious(_bare(root))
    return evil


def assertion_before(root: Tree, change: Change) -> Tree:
    """XSW3: a forged assertion before the signed one."""
    signed = root[-1]
    signed.addprevious(_renamed(_bare(change(signed))))
    return root


def assertion_around(root: Tree, change: Change) -> Tree:
    """XSW4: the signed assertion inside a forged one."""
    signed = root[-1]
    evil = _renamed(_bare(change(signed)))
    root.replace(signed, evil)
    evil.append(signed)
    return root


def signature_kept(root: Tree, change: Change) -> Tree:
    """XSW5: the forged assertion keeps the signature; what it signs stands last."""
    signed = root[-1]
    evil = _renamed(change(signed))
    root.replace(signed, evil)
    root.append(_bare(signed))
    return root


def signed_in_signature(root: Tree, change: Change) -> Tree:
    """XSW6: the forged assertion keeps the signature, with what it signs inside that."""
    signed = root[-1]
    evil = _renamed(change(signed))
    root.replace(signed, evil)
    _signature(evil).append(_bare(signed))
    return root


def in_extensions(root: Tree, change: Change) -> Tree:
    """XSW7: the forged assertion in Extensions, whose content no schema restricts."""
    signed = root[-1]
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(_renamed(_bare(change(signed))))
    root.insert(1, extensions)
    return root


def in_object(root: Tree, change: Change) -> Tree:
    """XSW8: the forged assertion keeps the signature, with what it signs in an Object of that."""
    signed = root[-1]
    evil = _renamed(change(signed))
    root.replace(signed, evil)
    etree.SubElement(_signature(evil), f"{{{DS}}}Object").append(_bare(signed))
    return root


WRAPPINGS: Mapping[str, tuple[Literal["assertion", "response"], Callable[[Tree, Change], Tree]]] = {
    "SAML-XSW-1": ("response", response_in_signature),
    "SAML-XSW-2": ("response", response_before_signature),
    "SAML-XSW-3": ("assertion", assertion_before),
    "SAML-XSW-4": ("assertion", assertion_around),
    "SAML-XSW-5": ("assertion", signature_kept),
    "SAML-XSW-6": ("assertion", signed_in_signature),
    "SAML-XSW-7": ("assertion", in_extensions),
    "SAML-XSW-8": ("assertion", in_object),
}
"""By row of the catalogue: what must be signed, and how it is wrapped."""


def _forged_around(root: Tree, change: Change) -> tuple[Tree, Tree]:
    evil = _renamed(change(root))
    return evil, _signature(evil)


def _bare(element: Tree) -> Tree:
    """A copy without its own signature, which an enveloped signature does not cover."""
    copy = deepcopy(element)
    copy.tail = None
    for signature in copy.findall(f"{{{DS}}}Signature"):
        copy.remove(signature)
    return copy


def _renamed(element: Tree) -> Tree:
    element.set("ID", f"_evil{element.get('ID', '')}")
    return element


def _signature(element: Tree) -> Tree:
    found = element.find(f"{{{DS}}}Signature")
    if found is None:
        raise ValueError("wrapping needs something signed")
    return found
