"""OpenID Connect messages: what the city's provider reads, and each thing that it writes and signs."""

import base64
import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from kravkoll.city.saml_messages import LOA_BASIC

ID_TOKEN_SECONDS = 300
"""The Swedish OpenID Connect profile has five minutes at most."""
ALGORITHMS = ("ES256", "RS256")
RESPONSE_MODES = ("query", "form_post")
PRINCIPAL_NAME = "eduperson_principal_name"
"""The agreed identifier, eduPersonPrincipalName of SAML, as REFEDS names it in OpenID Connect."""
NATURAL_PERSON = "https://id.oidc.se/scope/naturalPersonInfo"
NAMES = ("name", "given_name", "family_name")
CLAIMS_OF: Mapping[str, tuple[str, ...]] = {"profile": NAMES, NATURAL_PERSON: NAMES}
"""Scope to the claims that it opens; the identifier goes with every login."""

type Claims = dict[str, Any]
type Parameters = Mapping[str, list[str]]


class OpenIdRefusal(Exception):
    """The provider will not go on; `error` is the standard's code, told to the client where `to_client`."""

    def __init__(self, error: str, description: str = "", *, to_client: bool = True) -> None:
        self.error, self.description, self.to_client = error, description, to_client
        super().__init__(f"{error}: {description}" if description else error)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A system that lets the city log its users in, as it was registered. Its credentials stand elsewhere."""

    id: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()
    signing: str = "ES256"
    """What its ID tokens are signed with: ES256 or RS256."""
    public: bool = False
    """A program in users' hands that can keep no secret: PKCE alone binds its code to it."""
    scope: str = f"openid profile {NATURAL_PERSON}"
    """Space-separated scopes that it may ask for; those of an API need the user's consent."""
    audiences: tuple[str, ...] = ()
    """APIs that it may have access tokens for in the user's name."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a relying party asked for; an empty text is a parameter that was not given."""

    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    prompt: str
    max_age: str
    resource: str

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.split())


@dataclass(frozen=True, slots=True)
class Subject:
    """Who has logged in."""

    sub: str
    principal_name: str
    given_name: str
    family_name: str


@dataclass(frozen=True, slots=True)
class IdTokenFrame:
    """What an ID token says around its subject. `auth_time` in seconds since 1970."""

    issuer: str
    audience: str
    nonce: str
    auth_time: int
    session: str
    access_token: str = ""
    lifetime_seconds: int = ID_TOKEN_SECONDS
    level_of_assurance: str = LOA_BASIC


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """One key for each algorithm that a relying party may be registered with."""

    ec: ECKey
    rsa: RSAKey

    def sign(self, claims: Mapping[str, Any], algorithm: str, typ: str = "JWT") -> str:
        key = self.ec if algorithm == "ES256" else self.rsa
        header = {"alg": algorithm, "typ": typ, "kid": key.kid}
        return jwt.encode(header, dict(claims), key, algorithms=[algorithm])

    def public(self) -> dict[str, Any]:
        """The JWK set that relying parties verify with."""
        return dict(KeySet([self.ec, self.rsa]).as_dict(private=False))


def read_authorization_request(parameters: Parameters) -> AuthorizationRequest:
    """The request of an authorization endpoint; OpenIdRefusal for a repeated parameter (RFC 6749 3.1)."""
    # RFC 8707 lets several resources be named; ours are asked for one at a time
    if repeated := sorted(name for name, values in parameters.items() if len(values) > 1):
        raise OpenIdRefusal("invalid_request", f"repeated: {', '.join(repeated)}", to_client=False)
    names = AuthorizationRequest.__dataclass_fields__
    return AuthorizationRequest(**{name: parameters.get(name, [""])[0] for name in names})


def check_address(request: AuthorizationRequest, party: RelyingParty) -> None:
    """That the answer goes to an address that was registered, character by character."""
    if request.redirect_uri not in party.redirect_uris:
        raise OpenIdRefusal("redirect-uri-not-registered", request.redirect_uri, to_client=False)


def check_request(request: AuthorizationRequest, party: RelyingParty) -> None:
    """Code flow with PKCE S256, for what the relying party may have."""
    if request.response_type != "code":
        raise OpenIdRefusal("unsupported_response_type", "only code")
    if request.response_mode not in {"", *RESPONSE_MODES}:
        raise OpenIdRefusal("invalid_request", "response_mode is query or form_post")
    if request.code_challenge_method != "S256" or len(request.code_challenge) != len(challenge_of("")):
        raise OpenIdRefusal("invalid_request", "PKCE with S256 is required")
    if "openid" not in request.scopes or not request.scopes <= set(party.scope.split()):
        raise OpenIdRefusal("invalid_scope", f"openid, and of {party.scope!r}")
    if request.resource and request.resource not in party.audiences:
        raise OpenIdRefusal("invalid_target", f"no tokens for {request.resource}")
    if request.max_age and not request.max_age.isdecimal():
        raise OpenIdRefusal("invalid_request", "max_age is a number of seconds")


def challenge_of(verifier: str) -> str:
    """RFC 7636 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorization_response(request: AuthorizationRequest, issuer: str, **members: str) -> dict[str, str]:
    """A code or an error, with the state of the request and the issuer (RFC 9207)."""
    said = dict(members)
    if request.state:
        said["state"] = request.state
    return said | {"iss": issuer}


def id_token_claims(subject: Subject, frame: IdTokenFrame, *, now: float | None = None) -> Claims:
    issued = int(time.time() if now is None else now)
    claims: Claims = {
        "iss": frame.issuer,
        "sub": subject.sub,
        "aud": frame.audience,
        "iat": issued,
        "exp": issued + frame.lifetime_seconds,
        "auth_time": frame.auth_time,
        "acr": frame.level_of_assurance,
        "sid": frame.session,
        "jti": str(uuid.uuid4()),
        PRINCIPAL_NAME: subject.principal_name,
    }
    if frame.nonce:
        claims["nonce"] = frame.nonce
    if frame.access_token:
        claims["at_hash"] = at_hash(frame.access_token)
    return claims


def at_hash(access_token: str) -> str:
    """OIDC Core 3.1.3.6, for the algorithms with SHA-256."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def user_info(subject: Subject, scopes: frozenset[str]) -> Claims:
    """What the userinfo endpoint says of somebody: the identifiers, and what the scopes open."""
    known = {
        "name": f"{subject.given_name} {subject.family_name}",
        "given_name": subject.given_name,
        "family_name": subject.family_name,
    }
    opened = {claim for scope in scopes for claim in CLAIMS_OF.get(scope, ())}
    claims = {claim: known[claim] for claim in NAMES if claim in opened}
    return {"sub": subject.sub, PRINCIPAL_NAME: subject.principal_name, **claims}


def discovery(issuer: str, assertion_algorithms: list[str]) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0, 3."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/logout",
        "scopes_supported": ["openid", *CLAIMS_OF],
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": ["authorization_code"],
        "acr_values_supported": [LOA_BASIC],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "none"],
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", PRINCIPAL_NAME, "acr", "auth_time", "sid", *NAMES],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }
