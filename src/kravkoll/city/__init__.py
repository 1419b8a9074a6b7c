"""The city: its certificate authority, authorisation server and identity provider, honest and hostile."""
