"""The bundled demo clip: synthetic speech that shows the program without a microphone.

``tools/make_demo.py`` makes it: sentences with the pitch, rate, level and voice quality that
published rules for emotional speech synthesis state. A synthetic voice says nothing about accuracy.
"""

from pathlib import Path


def demo_clip() -> Path:
    """Return the path of the demo clip: 16 kHz mono FLAC, sentences with pauses between."""
    return Path(__file__).with_name("demo.flac")
