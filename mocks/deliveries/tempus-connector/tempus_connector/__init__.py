"""Pulls the register into Tempus."""
