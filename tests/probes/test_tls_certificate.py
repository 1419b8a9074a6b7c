"""Names on certificates: what counts and what does not."""

import pytest

from kravkoll.probes.tls_certificate import matches


@pytest.mark.parametrize(
    ("host", "name", "equal"),
    [
        ("skola.example", "skola.example", True),
        ("Skola.Example.", "skola.example", True),
        ("api.skola.example", "*.skola.example", True),
        ("räka.example", "xn--rka-qla.example", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("skola.example", "*.skola.example", False),
        ("a.b.skola.example", "*.skola.example", False),
        ("skola.example", "*.example", False),
        ("api.skola.example", "a*.skola.example", False),
        ("127.0.0.1", "*.0.0.1", False),
        ("127.0.0.1", "localhost", False),
        ("localhost", "127.0.0.1", False),
    ],
)
def test_names_match_as_rfc_9525_has_it(host: str, name: str, equal: bool) -> None:
    assert matches(host, name) is equal
