"""Lets `pytest suites --env demo --supplier tempus` run the checks; inert without --env."""

pytest_plugins = ["kravkoll.runner.plugin"]
