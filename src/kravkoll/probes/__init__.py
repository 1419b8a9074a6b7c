"""Observations of a delivered interface: probes look and never judge."""
