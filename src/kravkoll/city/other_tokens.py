"""Tokens of another authorisation server than the city's own test one: got as a client, never forged."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from kravkoll.city.authorisation_server import TOKEN_LIFETIME_SECONDS, AuthorisationServer
from kravkoll.record.outcome import Inconclusive, NotExercised


@dataclass(frozen=True, slots=True)
class OtherServer:
    """A token endpoint, and the credentials that the environment was given for it."""

    endpoint: str
    client_id: str
    secret: Callable[[], str] = field(repr=False)
    """Raises NotExercised where the secret is missing."""
    context: ssl.SSLContext = field(repr=False)

    def token(self, audience: str, scope: str) -> str:
        """A client-credentials token (RFC 6749 4.4, RFC 8707). Inconclusive where none is given."""
        form = {"grant_type": "client_credentials", "scope": scope, "resource": audience}
        credentials = (self.client_id, self.secret())
        try:
            answer = httpx.post(
                self.endpoint, data=form, auth=credentials, verify=self.context, trust_env=False, timeout=10
            )
            token = answer.json().get("access_token") if answer.is_success else None
        except httpx.TransportError as error:
            raise Inconclusive("token.unreachable", f"{self.endpoint}: {error}") from error
        except ValueError as error:
            raise Inconclusive("token.garbage", self.endpoint) from error
        if not isinstance(token, str):
            raise Inconclusive("token.refused", f"{self.endpoint}: {answer.status_code}")
        return token


class OtherTokens(AuthorisationServer):
    """The city's own server, but for audiences whose tokens come from elsewhere: those cannot be forged.

    `alone`: nothing but those audiences is looked at, so a token for any other would be a forged one.
    """

    def __init__(self, own: AuthorisationServer, others: Mapping[str, OtherServer], *, alone: bool) -> None:
        self._own = own
        self._others = others
        self._alone = alone
        self._kept: dict[tuple[str, str], str] = {}
        self.issuer = own.issuer

    def token(
        self,
        client_id: str,
        audience: str | list[str],
        scope: str,
        *,
        expires_in: float = TOKEN_LIFETIME_SECONDS,
        **changes: Any,
    ) -> str:
        """A right token from whoever issues it; NotExercised for what only the issuer's key could make."""
        other = self._others.get(audience) if isinstance(audience, str) else None
        if other is None and not self._alone:
            return self._own.token(client_id, audience, scope, expires_in=expires_in, **changes)
        if other is None or changes or expires_in != TOKEN_LIFETIME_SECONDS:
            raise NotExercised("token.other-server", "a wrong token cannot be made without the issuer's key")
        if client_id not in (other.client_id, "city"):
            raise NotExercised("token.other-server", f"no credentials of client {client_id!r}")
        key = (str(audience), scope)
        if key not in self._kept:
            self._kept[key] = other.token(*key)
        return self._kept[key]
