"""Gathers what a stage of training reads: speech of its corpora, noises, rooms."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from realtime_ser.settings import SAMPLE_RATE
from train.audio.speech import load_samples, through_opus, unchanged
from train.audio.surroundings import Recordings
from train.corpora import ravdess
from train.corpora.clip import Clip
from train.corpora.registry import find_corpus, load_corpus
from train.corpora.rooms import NAME as ROOMS
from train.corpora.rooms import load_rooms
from train.corpora.speakers import split_speakers
from train.model.mixture import Source
from train.model.mixture_recipe import MixtureRecipe

LONGEST_ROOM_SECONDS = 1.0

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]


def training_clips(
    recipe: MixtureRecipe, name: str, corpora: Path, of_ravdess: Sequence[Clip]
) -> list[Clip]:
    """Return the clips of a corpus that may be trained on: not those of speakers set aside.

    Args:
        recipe: states the share that is set aside, and the seed.
        name: of the corpus.
        corpora: folder of the corpora.
        of_ravdess: the training side of a split of RAVDESS.
    """
    if name == ravdess.CORPUS:
        return list(of_ravdess)
    clips = load_corpus(name, corpora / name)
    return split_speakers(clips, recipe.set_aside_share, recipe.seed)[0]


def set_aside_clips(recipe: MixtureRecipe, name: str, corpora: Path) -> list[Clip]:
    """Return the clips of a corpus that are never trained on; none of RAVDESS, which has splits.

    Args:
        recipe: states the share of the speakers that is set aside, and the seed.
        name: of the corpus.
        corpora: folder of the corpora.
    """
    if name == ravdess.CORPUS:
        return []
    clips = load_corpus(name, corpora / name)
    return split_speakers(clips, recipe.set_aside_share, recipe.seed)[1]


def gather_sources(
    recipe: MixtureRecipe,
    shares: Mapping[str, float],
    corpora: Path,
    of_ravdess: Sequence[Clip],
    cache: Path,
) -> list[Source]:
    """Return the speech of corpora in their shares.

    RAVDESS comes both as it is and through the Opus codec, through which the other corpora came.

    Raises:
        AudioInputError: a corpus is missing or damaged.
    """
    sources = []
    for name, share in shares.items():
        clips = training_clips(recipe, name, corpora, of_ravdess)
        changes = (unchanged, through_opus) if name == ravdess.CORPUS else (unchanged,)
        versions = [load_samples(clips, cache, change) for change in changes]
        labels = [clip.label for clip in clips]
        sources.append(Source(find_corpus(name), labels, versions, share))
    return sources


def gather_sounds(names: Sequence[str], corpora: Path, cache: Path) -> dict[str, list[Int16]]:
    """Return the recordings without speech of these corpora, grouped by corpus and subfolder.

    Raises:
        AudioInputError: a corpus is missing or damaged.
    """
    sounds: dict[str, list[Int16]] = {}
    for name in names:
        clips = load_corpus(name, corpora / name)
        for clip, samples in zip(clips, load_samples(clips, cache, cut=unchanged), strict=True):
            sounds.setdefault(f"{name} {clip.path.parent.name}", []).append(samples)
    return sounds


def gather_recordings(
    recipe: MixtureRecipe, sources: Sequence[Source], corpora: Path, cache: Path
) -> Recordings:
    """Return the noises and rooms of the recipe, and the sources' speech as other voices.

    Raises:
        AudioInputError: a corpus is missing or damaged.
    """
    groups = gather_sounds(recipe.noises, corpora, cache)
    noises = [samples for group in groups.values() for samples in group]
    voices = [samples for source in sources for samples in source.versions[0]]
    rooms = [read_room(room.path) for room in load_rooms(corpora / ROOMS)]
    return Recordings(noises, voices, rooms)


def read_room(path: Path) -> Float32:
    """Return an impulse response at 16 kHz from its highest peak on, which is scaled to 1."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    response = soxr.resample(samples[:, 0], rate, SAMPLE_RATE)
    peak = int(np.abs(response).argmax())
    direct = response[peak : peak + round(LONGEST_ROOM_SECONDS * SAMPLE_RATE)]
    scaled: Float32 = (direct / direct[0]).astype(np.float32)
    return scaled
