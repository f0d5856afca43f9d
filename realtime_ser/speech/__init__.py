"""From 16 kHz samples to utterances: which audio is speech."""
