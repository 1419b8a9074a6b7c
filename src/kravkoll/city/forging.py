"""Carries forged answers to a system's login: each in a new browser, as a good one would come."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_saml import Forgery, Occasion, Signs, good
from kravkoll.city.identity_provider import PendingLogin
from kravkoll.city.saml_messages import SamlRefusal
from kravkoll.probes.http import Visitor
from kravkoll.probes.login import SubjectShown, saml_answer
from kravkoll.record.outcome import Inconclusive

REPLAYS = 8
"""Browsers that the same answer is brought to: a system may have many nodes, not all with the same memory."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one answer: who was logged in by it, if anybody."""

    shown: SubjectShown
    fetched: bool = False
    """Whether the address that nobody has a reason to call was called."""


class Forging:
    """One system's login, tried with answers that are not what they should be."""

    def __init__(self, driving: Driving, city: City, attacker: str, victim: str) -> None:
        self._driving = driving
        self._idp = city.identity_provider
        self._attacker = attacker
        self._victim = victim

    def accepts(self, signs: Signs) -> SubjectShown:
        """Who is logged in by a good answer about the victim, signed in this place."""
        return self._brought(good, signs).shown

    def tried(self, forgery: Forgery, signs: Signs) -> Tried:
        return self._brought(forgery.document, signs)

    def in_another_browser(self, signs: Signs) -> SubjectShown:
        """A good answer to a request from one browser, brought by another that has asked as well."""
        with self._driving.browser() as asking, self._driving.browser() as other:
            login = self._asked(asking)
            theirs = self._asked(other)
            document = good(self._occasion(login, signs))
            return self._deliver(other, replace(login, relay_state=theirs.relay_state), document)

    def replayed(self, signs: Signs) -> list[SubjectShown]:
        """A good answer that has been used, brought again by new browsers; the first is the good use."""
        with self._driving.browser() as first:
            login = self._asked(first)
            document = good(self._occasion(login, signs))
            shown = [self._deliver(first, login, document)]
        for _ in range(REPLAYS):
            with self._driving.browser() as browser:
                shown.append(self._deliver(browser, login, document))
        return shown

    def _brought(self, make: Callable[[Occasion], bytes], signs: Signs) -> Tried:
        with _listening() as (address, was_called), self._driving.browser() as browser:
            login = self._asked(browser)
            document = make(replace(self._occasion(login, signs), listening=address))
            return Tried(self._deliver(browser, login, document), was_called())

    def _occasion(self, login: PendingLogin, signs: Signs) -> Occasion:
        return self._idp.occasion(login, self._attacker, self._victim, signs)

    def _asked(self, browser: Visitor) -> PendingLogin:
        """The request that this browser was sent to the city's login with."""
        _, query = self._driving.asked(browser, "saml")
        try:
            return self._idp.receive(query.get("SAMLRequest", ""), query.get("RelayState"))
        except SamlRefusal as refusal:
            raise Inconclusive("login.request-refused", refusal.code) from refusal

    def _deliver(self, browser: Visitor, login: PendingLogin, document: bytes) -> SubjectShown:
        return self._driving.shown_after(browser, saml_answer(login.recipient, document, login.relay_state))


@contextmanager
def _listening() -> Iterator[tuple[str, Callable[[], bool]]]:
    """An address of this machine, and whether anybody called it; nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        def was_called() -> bool:
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield f"http://127.0.0.1:{listener.getsockname()[1]}/entity", was_called
