"""The bundled demo clip: synthetic speech that shows the program without a microphone.

``tools/make_speech.py`` makes it; a synthetic voice says nothing about accuracy.
"""

from pathlib import Path


def demo_clip() -> Path:
    """Return the path of the demo clip: 16 kHz mono FLAC, six sentences with pauses between."""
    return Path(__file__).with_name("demo.flac")
