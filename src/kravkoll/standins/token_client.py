"""A client's own tokens: client credentials with private_key_jwt (RFC 7523), ES256."""

import time
import uuid

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from kravkoll.standins.outbound import Outbound, Unreachable, well_known

ASSERTION_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenClient:
    """Asks the authorisation server for tokens, as the client that the city registered."""

    def __init__(self, issuer: str, client_id: str, key: bytes) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._key = ECKey.import_key(key)

    async def token(self, outbound: Outbound, audience: str, scope: str) -> str:
        """An access token; Unreachable where none is given."""
        metadata = orjson.loads(await outbound.get(well_known(self._issuer)))
        answer = await outbound.post_form(
            metadata["token_endpoint"],
            {
                "grant_type": "client_credentials",
                "scope": scope,
                "resource": audience,  # RFC 8707
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.assertion(),
            },
        )
        token = orjson.loads(answer).get("access_token")
        if not isinstance(token, str):
            raise Unreachable(f"{metadata['token_endpoint']} gave no access token")
        return token

    def assertion(self) -> str:
        """Proof of who asks, good once (RFC 7523)."""
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._issuer,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        return jwt.encode({"alg": "ES256"}, claims, self._key, algorithms=["ES256"])
