"""The city's side: certificate authority, authorisation server, identity provider, man in the middle."""
