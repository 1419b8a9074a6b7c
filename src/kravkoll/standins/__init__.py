"""Stand-ins: simulated systems built from their file in mocks/, and broken on request."""
