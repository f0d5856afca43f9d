"""``python -m train prepare``: checks RAVDESS clip by clip, and computes what training reads."""

import sys
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from realtime_ser.errors import AudioInputError
from realtime_ser.events import LABELS
from realtime_ser.settings import SAMPLE_RATE
from train.audio.utterances import UNCHANGED, iterate_utterances, read_clip
from train.corpora.clip import Clip
from train.corpora.download import RAVDESS_SPEECH, download
from train.corpora.ravdess import CLIP_NAMES, SAME_RECORDING, clip_files, parse_clip
from train.model import byols
from train.model.recipe import Recipe, load_recipe
from train.model.recipe_files import read_recipe

SHORTEST_SECONDS = 1.0
"""RAVDESS's own shortest clip lasts 2.9 s."""

NAMES_SHOWN = 10

MIXTURE = "mixture"
"""Method of the recipes of several corpora, see ``train.model.fit_mixture``."""

Faults = dict[str, list[str]]
"""The names of the affected clips, by kind of fault."""


def prepare(data: Path, cache: Path, recipe: str, *, fetch: bool) -> None:
    """Check every clip, and cache the spectra that a recipe is trained on.

    A recipe of several corpora computes spectra while it is trained, so nothing is cached for it.

    Args:
        data: folder that holds Actor_01 to Actor_24, of any rate, WAV or FLAC.
        cache: folder of the cache.
        recipe: name of the recipe.
        fetch: whether to download the clips to ``data`` unless they are there already.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
        AudioInputError: clips are missing, misnamed, duplicate, unreadable, silent or too short;
            stderr says which.
        DownloadError: the archive cannot be downloaded.
        OutputError: the disk is full, or cannot be written.
    """
    is_mixture = read_recipe(recipe).get("method") == MIXTURE
    settings = None if is_mixture else load_recipe(recipe)
    if fetch and not _is_complete(data):
        download(RAVDESS_SPEECH, data)
    clips = check_clips(data)
    print(summary(clips))
    if settings is not None:
        cache_spectra(clips, settings, cache)
        print(f"their spectra are in {cache}")


def prepare_byols(path: Path, *, fetch: bool) -> None:
    """Check the published BYOL-S weights, which are under the MIT license.

    Args:
        path: of the file.
        fetch: whether to download it unless it is there already.

    Raises:
        ModelError: the file is missing, or differs from the published one.
        DownloadError: it cannot be downloaded.
        OutputError: the disk is full, or cannot be written.
    """
    if fetch:
        byols.download_byols(path, "--byols")
    byols.read_byols(path)
    print(f"{path} holds the weights of BYOL-S, from {byols.PAGE} (MIT license)")


def _is_complete(data: Path) -> bool:
    return data.is_dir() and {path.stem for path in data.glob("Actor_*/*")} >= CLIP_NAMES


def check_clips(data: Path) -> list[Clip]:
    """Return all 1440 clips, after checking that each can be read and holds sound.

    Raises:
        AudioInputError: there are faults; stderr lists them.
    """
    clips, faults = _check_names(data)
    faults |= _check_audio(clips)
    found = {kind: names for kind, names in faults.items() if names}
    if not found:
        return clips
    for kind, names in found.items():
        print(f"{kind} ({len(names)}): {_shortened(names)}", file=sys.stderr)
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in found.items())
    raise AudioInputError(
        f"{data} differs from RAVDESS as published ({counts})",
        "correct the files listed, or delete them and run this again with --download",
    )


def _check_names(data: Path) -> tuple[list[Clip], Faults]:
    clips, misnamed, misplaced = [], [], []
    for path in clip_files(data):
        try:
            clip = parse_clip(path)
        except AudioInputError:
            misnamed.append(path.relative_to(data).as_posix())
            continue
        clips.append(clip)
        if path.parent.name != f"Actor_{clip.speaker}":
            misplaced.append(path.relative_to(data).as_posix())
    counts = Counter(clip.path.stem for clip in clips)
    return clips, {
        "missing": sorted(CLIP_NAMES - set(counts), key=_speaker_and_name),
        "present more than once": sorted(name for name, count in counts.items() if count > 1),
        "misnamed": misnamed,
        "in another actor's folder": misplaced,
    }


def _speaker_and_name(name: str) -> tuple[str, str]:
    return name[-2:], name


def _check_audio(clips: Sequence[Clip]) -> Faults:
    faults: Faults = {"unreadable": [], "silent": [], "too short": [], "identical to another": []}
    names: dict[bytes, str] = {}
    for clip in tqdm(clips, "checking", unit=" clips"):
        name = clip.path.stem
        try:
            samples = read_clip(clip.path)
        except AudioInputError as error:
            faults["unreadable"].append(f"{name} ({error.problem})")
            continue
        if not samples.any():
            faults["silent"].append(name)
            continue
        if len(samples) < SHORTEST_SECONDS * SAMPLE_RATE:
            faults["too short"].append(name)
        first = names.setdefault(sha256(samples.tobytes()).digest(), name)
        if first != name and {first, name} != set(SAME_RECORDING):
            faults["identical to another"].append(f"{name} (is {first})")
    return faults


def _shortened(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def cache_spectra(clips: Sequence[Clip], recipe: Recipe, cache: Path) -> None:
    """Cache the spectra of clips, unchanged and in the recipe's variations."""
    for variations in (recipe.variations, UNCHANGED):
        for _ in iterate_utterances(clips, recipe.feature_maps, variations, cache):
            pass  # one at a time, because all of them may not fit into memory


def summary(clips: Sequence[Clip]) -> str:
    """Return the numbers of clips, of speakers, and of clips of each label."""
    counts = Counter(clip.label for clip in clips)
    speakers = len({(clip.corpus, clip.speaker) for clip in clips})
    labels = ", ".join(f"{label} {counts[label]}" for label in LABELS)
    return f"{len(clips)} clips of {speakers} speakers: {labels}"
