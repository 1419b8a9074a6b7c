"""Views: each replays a record into one format."""
