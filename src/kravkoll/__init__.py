"""Kravkoll: prove that what was bought is what is delivered."""

__version__ = "0.1.0"
