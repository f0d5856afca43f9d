"""The speech of clips: decoded, freed of offset, cut by the live program's gate, cached on disk."""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.offset import OffsetFilter
from train.audio.cache import content_hash
from train.audio.utterances import longest_utterance, read_clip
from train.corpora.clip import Clip

VERSION = 2
"""Changes whenever the same clips would give other samples."""

Int16 = NDArray[np.int16]


def cut_speech(samples: Int16) -> Int16:
    """Return the longest utterance of samples whose offset is removed first."""
    return longest_utterance(OffsetFilter().process(samples))


def through_opus(samples: Int16) -> Int16:
    """Return samples as the Opus codec gives them back, at libsndfile's default bit rate."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="OGG", subtype="OPUS")
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="int16")
    return np.asarray(decoded[: len(samples)], np.int16)


def unchanged(samples: Int16) -> Int16:
    """Return the samples as they are."""
    return samples


def load_samples(
    clips: Sequence[Clip],
    cache: Path,
    change: Callable[[Int16], Int16] = unchanged,
    cut: Callable[[Int16], Int16] = cut_speech,
) -> list[Int16]:
    """Return each clip's samples at 16 kHz, int16, shape ``[n]``, memory-mapped.

    The cache is keyed by the content of the files, not by their names.

    Args:
        clips: the clips, in the order of the result.
        cache: folder for two files per list of clips; created where it is missing.
        change: a named function applied to all samples of a clip.
        cut: a named function applied after it, which leaves what is wanted of a clip.

    Raises:
        AudioInputError: a clip is missing or damaged.
    """
    base = cache / f"samples-{_key(clips, [str(VERSION), change.__name__, cut.__name__])}"
    ends_file, samples_file = base.with_suffix(".ends.npy"), base.with_suffix(".npy")
    if not ends_file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        parts = [cut(change(read_clip(clip.path))) for clip in tqdm(clips, "decode", leave=False)]
        np.save(samples_file, np.concatenate(parts))
        np.save(ends_file, np.cumsum([len(part) for part in parts]))  # written last
    ends = np.load(ends_file)
    samples = np.load(samples_file, mmap_mode="r")
    return [samples[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _key(clips: Sequence[Clip], names: Sequence[str]) -> str:
    """Return a hash of the clips' content, in their order, and of what is done to them."""
    digest = hashlib.sha256(" ".join(names).encode())
    for clip in clips:
        digest.update(content_hash(clip.path).encode())
    return digest.hexdigest()[:16]
