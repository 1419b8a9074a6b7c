"""ID tokens that a relying party must not believe, each a variation of the one that it does believe.

All are rightly signed: in the code flow TLS may stand in for the signature (OpenID Connect Core
3.1.3.7, 6), but never for what the token says.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kravkoll.city.authorisation_server import overridden

FOREIGN = "https://another.kravkoll.invalid"
FAR_SECONDS = 600
"""Beyond any tolerance for clocks that differ."""

type Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ForgedLogin:
    """One login that must not succeed. `row` is the catalogue's."""

    row: str
    of_id_token: Callable[[Claims], Claims] = lambda claims: claims
    user_info_of: str = ""
    """Persona whom userinfo tells of instead."""
    bound_by_nonce: bool = False
    """Only where the request carried a nonce."""

    def about(self, victim: str) -> "ForgedLogin":
        """The same, with userinfo about the victim where it is that which is forged."""
        return replace(self, user_info_of=victim) if self.row == USER_INFO else self

    @property
    def own(self) -> bool:
        """The ID token is the attacker's good one, so only a login as the victim is a breach."""
        return self.row == USER_INFO


HONEST = ForgedLogin("")
USER_INFO = "OIDC-UI-01"


def _claiming(**wrong: Any) -> Callable[[Claims], Claims]:
    """With these claims; None leaves one out."""
    return lambda claims: overridden(claims, wrong)


def _past(claims: Claims) -> Claims:
    now = int(time.time())
    return claims | {"iat": now - 2 * FAR_SECONDS, "exp": now - FAR_SECONDS}


FORGED_LOGINS: Mapping[str, ForgedLogin] = {
    "of another issuer": ForgedLogin("OIDC-CLM-01", _claiming(iss=FOREIGN)),
    "of no issuer": ForgedLogin("OIDC-CLM-01", _claiming(iss=None)),
    "for another client": ForgedLogin("OIDC-CLM-02", _claiming(aud="another-client")),
    "for no client": ForgedLogin("OIDC-CLM-02", _claiming(aud=None)),
    "with another nonce": ForgedLogin("OIDC-CLM-03", _claiming(nonce="another"), bound_by_nonce=True),
    "without the nonce": ForgedLogin("OIDC-CLM-03", _claiming(nonce=None), bound_by_nonce=True),
    "that has expired": ForgedLogin("OIDC-CLM-04", _past),
    "without an end": ForgedLogin("OIDC-CLM-04", _claiming(exp=None)),
    "about nobody": ForgedLogin("OIDC-CLM-05", _claiming(sub=None)),
    "with userinfo about another": ForgedLogin(USER_INFO),
}
"""By what is wrong with the ID token; sources of the rows stand in suites/login/catalogue.tsv."""
