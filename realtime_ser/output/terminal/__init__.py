"""The terminal UI. ``app`` imports Textual, so it is imported only to be shown."""
