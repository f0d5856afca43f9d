"""Clips: names, splits, download, preparation, and what the networks are shown of them."""
