"""The workspace: what was bought, loaded and validated."""
