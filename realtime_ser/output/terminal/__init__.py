"""The terminal UI; ``app.EmotionApp`` needs Textual, so import it only when it is to be shown."""
