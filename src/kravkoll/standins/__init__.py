"""Small real systems that stand in for the suppliers', honest unless a fault is asked for."""

from kravkoll.standins.city_faces import leads_to
from kravkoll.standins.faults import FAULTS, UnknownFault
from kravkoll.standins.installation import Installation
from kravkoll.standins.login import registration_of
from kravkoll.standins.outbound import Unreachable
from kravkoll.standins.papers import hand_over
from kravkoll.standins.system import StandIn, load, packaged_mocks, sources_of, start

__all__ = [
    "FAULTS",
    "Installation",
    "StandIn",
    "UnknownFault",
    "Unreachable",
    "hand_over",
    "leads_to",
    "load",
    "packaged_mocks",
    "registration_of",
    "sources_of",
    "start",
]
