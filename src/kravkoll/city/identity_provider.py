"""The city's login: a SAML 2.0 identity provider whose users are the people of the cast."""

import base64
import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.city.certificate_authority import BACKDATED, generate_rsa_key, private_pem
from kravkoll.city.doors import LOCAL, Doors
from kravkoll.city.forged_saml import Occasion, Signs
from kravkoll.city.saml_messages import (
    AssertionFrame,
    AuthnRequest,
    SamlRefusal,
    ServiceProvider,
    SigningPair,
    Subject,
    assertion,
    identity_provider_metadata,
    read_authn_request,
    read_service_provider,
    response,
)
from kravkoll.city.sign_on import SignOn, SignOnSession, form, page, refused
from kravkoll.city.state import CityState
from kravkoll.serving.loopback import Loopback, Served

PARTY = "identity-provider"
SIGNING_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A request that waits for somebody to say who they are."""

    request: AuthnRequest
    audience: str
    recipient: str
    relay_state: str | None


class IdentityProvider:
    """Signed metadata, HTTP-Redirect in, a login form, HTTP-POST with a signed assertion out."""

    entity_id: str
    metadata_url: str
    sso_url: str

    def __init__(self, signing: SigningPair, sign_on: SignOn, state: CityState) -> None:
        self._signing = signing
        self._sign_on = sign_on
        self._state = state
        self._served: Served | None = None

    @classmethod
    def start(
        cls,
        loopback: Loopback,
        state: CityState,
        context: ssl.SSLContext,
        sign_on: SignOn,
        doors: Doors = LOCAL,
    ) -> "IdentityProvider":
        """Listen where it did last time; PortTaken if that port is busy."""
        provider = cls(_signing(state), sign_on, state)
        provider._served = doors.open(
            PARTY, provider.application(), loopback=loopback, state=state, context=context
        )
        provider._settle(provider._served.url)
        return provider

    @classmethod
    def kept(cls, state: CityState, sign_on: SignOn, doors: Doors) -> "IdentityProvider":
        """The same without listening; LookupError where it was never started."""
        provider = cls(_signing(state), sign_on, state)
        provider._settle(doors.address_of(PARTY, state))
        return provider

    def close(self) -> None:
        if self._served is not None:
            self._served.close()

    def _settle(self, url: str) -> None:
        self.sso_url = f"{url}/sso"
        self.metadata_url = f"{url}/metadata"
        kept = self._state.keep("identity-provider.entity-id", self.metadata_url.encode)
        self.entity_id = kept.decode()

    def register_service_provider(self, metadata: bytes) -> ServiceProvider:
        """Take in a system's metadata, kept between runs; SamlRefusal if it is not usable."""
        provider = read_service_provider(metadata)
        self._state.write(_file_of(provider.entity_id), metadata)
        return provider

    def service_provider(self, entity_id: str) -> ServiceProvider | None:
        """A registered system, read anew each time: it may have been registered by another process."""
        metadata = self._state.read(_file_of(entity_id))
        return None if metadata is None else read_service_provider(metadata)

    def identifiers(self, persona: str) -> frozenset[str]:
        """What an assertion names this person by; a system may key its account on any of them."""
        subject = self._subject(persona)
        return frozenset({subject.name_id, subject.principal_name})

    def metadata(self) -> bytes:
        return identity_provider_metadata(self.entity_id, self.sso_url, self._signing)

    def receive(self, saml_request: str, relay_state: str | None) -> PendingLogin:
        """A request that will be answered; SamlRefusal if it is not one of a registered system's."""
        request = read_authn_request(saml_request)
        provider = self.service_provider(request.issuer)
        if provider is None:
            raise SamlRefusal("unknown-service-provider", request.issuer)
        if request.destination not in (None, self.sso_url):
            raise SamlRefusal("wrong-destination", str(request.destination))
        recipient = provider.consumer_service(request.consumer_service_url, request.consumer_service_index)
        return PendingLogin(request, provider.entity_id, recipient, relay_state)

    def respond(self, login: PendingLogin, persona: str) -> bytes:
        """The Response document, its assertion signed, for somebody of the cast."""
        frame = AssertionFrame(self.entity_id, login.audience, login.recipient, login.request.id)
        return response(self._signing.sign(assertion(self._subject(persona), frame)), frame)

    def occasion(self, login: PendingLogin, attacker: str, victim: str, signs: Signs) -> Occasion:
        """What forged answers to this request are made of: two of the cast, and the keys."""
        return Occasion(
            AssertionFrame(self.entity_id, login.audience, login.recipient, login.request.id),
            self._subject(attacker),
            self._subject(victim),
            self._signing,
            _stranger(),
            signs,
        )

    def application(self) -> Starlette:
        async def show_metadata(_request: Request) -> Response:
            return Response(self.metadata(), media_type="application/samlmetadata+xml")

        return Starlette(
            routes=[
                Route("/metadata", show_metadata),
                Route("/sso", self._sso),
                *self._sign_on.routes(),
            ]
        )

    async def _sso(self, request: Request) -> Response:
        try:
            saml_request = request.query_params.get("SAMLRequest", "")
            login = self.receive(saml_request, request.query_params.get("RelayState"))
        except SamlRefusal as refusal:
            return refused(refusal.code, refusal.detail)

        def proceed(session: SignOnSession) -> Response:
            fields = {"SAMLResponse": base64.b64encode(self.respond(login, session.persona)).decode()}
            if login.relay_state is not None:
                fields["RelayState"] = login.relay_state
            return page("Inloggad", form(login.recipient, fields, ask_username=False))

        return self._sign_on.require(request, proceed, fresh=login.request.force_authn)

    def _subject(self, persona: str) -> Subject:
        person = self._sign_on.people[persona]
        return Subject(person.id, person.principal_name, person.given_name, person.family_name)


def _file_of(entity_id: str) -> str:
    """Where a system's metadata is kept; an entity id may be longer than a file's name."""
    return f"service-providers/{hashlib.sha256(entity_id.encode()).hexdigest()}.xml"


@cache
def _stranger() -> SigningPair:
    """A key and a certificate like the identity provider's own, which nobody was told of."""
    key = private_pem(generate_rsa_key())
    return SigningPair(key, self_signed(key))


def _signing(state: CityState) -> SigningPair:
    key = state.keep("identity-provider.key", lambda: private_pem(generate_rsa_key()))
    return SigningPair(key, state.keep("identity-provider.crt", lambda: self_signed(key)))


def self_signed(key_pem: bytes) -> bytes:
    """Metadata pins the key, so the certificate around it needs no issuer."""
    key = cast("rsa.RSAPrivateKey", load_pem_private_key(key_pem, None))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stadens inloggning")])
    starts = datetime.now(UTC) - BACKDATED
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + SIGNING_LIFETIME)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
