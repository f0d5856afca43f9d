"""Seeds for what is random about a clip."""

import hashlib

from train.corpora.clip import Clip


def clip_seed(clip: Clip) -> int:
    """Return a seed that depends on the clip's corpus, speaker and file name only, 0 to 2⁶⁴ - 1."""
    identity = f"{clip.corpus}/{clip.speaker}/{clip.path.stem}"
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8])
