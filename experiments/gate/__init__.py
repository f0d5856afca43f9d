"""How well the speech gate detects speech, and what the network's speech output changes."""
