"""What is running while items run; duels change the platform under the same items."""

from dataclasses import dataclass
from datetime import date

import pytest

from kravkoll.checks.subject import Subject
from kravkoll.runner.platform import Platform


@dataclass(slots=True)
class Context:
    """The platform of the moment and the day that rules are read on."""

    platform: Platform
    as_of: date


CONTEXT = pytest.StashKey[Context]()
SUBJECT = pytest.StashKey[Subject]()
"""An item's subject, made before its fixtures so that what cannot be looked at is refused first."""
