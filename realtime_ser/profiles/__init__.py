"""Profiles: what was learned of a named voice, stored on this machine. Numbers only, no audio."""
