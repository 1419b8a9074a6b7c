"""The cast: people who do not exist, their relations, and the canaries in their fields."""
