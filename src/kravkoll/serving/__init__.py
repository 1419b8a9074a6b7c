"""Servers on loopback: an ASGI application behind real TLS, many in one thread."""
