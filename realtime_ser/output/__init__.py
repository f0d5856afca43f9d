"""Where events go: terminal UI, JSON Lines, text, recording, plot."""
