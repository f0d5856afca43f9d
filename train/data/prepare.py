"""``python -m train prepare``: RAVDESS checked clip by clip, and what training takes of it."""

import sys
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from realtime_ser.errors import AudioInputError
from realtime_ser.events import LABELS
from realtime_ser.settings import SAMPLE_RATE
from train.data import download as archives
from train.data.features import load_log_mel, load_mfcc, load_yamnet_patches
from train.data.preprocess import PreprocessSettings
from train.data.ravdess import CLIP_NAMES, ONE_RECORDING, Clip, clip_files, parse_clip
from train.data.utterances import UNCHANGED, each_utterance, read_clip
from train.recipe import recipe_names

SHORTEST_SECONDS = 1.0
"""RAVDESS's own shortest clip has 2.9 s."""

NAMES_SHOWN = 10
BUNDLED_RECIPE = "best"

Faults = dict[str, list[str]]
"""For each kind of fault what it was found in."""


def prepare(data: Path, cache: Path, *, download: bool) -> None:
    """Check every clip and keep its features where the recipes look for them.

    Args:
        data: folder that holds Actor_01 to Actor_24, any rate, WAV or FLAC.
        cache: folder of the cache.
        download: whether to fetch into ``data`` what is published, unless it is there already.

    Raises:
        AudioInputError: clips are missing, misnamed, there twice, unreadable, silent or too short;
            which ones is printed on stderr.
        DownloadError: the archive cannot be fetched.
        OutputError: there is no room on the disk.
    """
    if download and not _complete(data):
        archives.download(archives.RAVDESS_SPEECH, data)
    clips = checked_clips(data)
    compute_features(clips, cache)
    print(f"{summary(clips)}\ntheir features are in {cache}")


def _complete(data: Path) -> bool:
    return data.is_dir() and {path.stem for path in data.glob("Actor_*/*")} >= CLIP_NAMES


def checked_clips(data: Path) -> list[Clip]:
    """Return all 1440 clips, each of which can be read and holds sound.

    Raises:
        AudioInputError: that is not so; what is wrong with which clip is printed on stderr.
    """
    clips, faults = _checked_names(data)
    faults |= _sound_faults(clips)
    found = {kind: names for kind, names in faults.items() if names}
    if not found:
        return clips
    for kind, names in found.items():
        print(f"{kind} ({len(names)}): {_shortened(names)}", file=sys.stderr)
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in found.items())
    raise AudioInputError(
        f"{data} does not hold RAVDESS as it was published ({counts})",
        "put right what is listed, or delete it and run this again with --download",
    )


def _checked_names(data: Path) -> tuple[list[Clip], Faults]:
    clips, misnamed, misplaced = [], [], []
    for path in clip_files(data):
        try:
            clip = parse_clip(path)
        except AudioInputError:
            misnamed.append(path.relative_to(data).as_posix())
            continue
        clips.append(clip)
        if path.parent.name != f"Actor_{clip.actor:02}":
            misplaced.append(path.relative_to(data).as_posix())
    times = Counter(clip.path.stem for clip in clips)
    return clips, {
        "missing": sorted(CLIP_NAMES - set(times), key=_by_actor),
        "there more than once": sorted(name for name, count in times.items() if count > 1),
        "misnamed": misnamed,
        "in another actor's folder": misplaced,
    }


def _by_actor(name: str) -> tuple[str, str]:
    return name[-2:], name


def _sound_faults(clips: Sequence[Clip]) -> Faults:
    faults: Faults = {"unreadable": [], "silent": [], "too short": [], "like another": []}
    heard: dict[bytes, str] = {}
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
        first = heard.setdefault(sha256(samples.tobytes()).digest(), name)
        if first != name and {first, name} != set(ONE_RECORDING):
            faults["like another"].append(f"{name} (is {first})")
    return faults


def _shortened(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def compute_features(clips: Sequence[Clip], cache: Path) -> None:
    """Compute what the recipes take of clips, and leave it in the cache."""
    settings = PreprocessSettings()
    for load in (load_log_mel, load_mfcc, load_yamnet_patches):
        load(clips, settings, cache)
    if BUNDLED_RECIPE not in recipe_names():
        return
    from train.methods.window_recipe import load_window_recipe  # TensorFlow takes seconds to load

    recipe = load_window_recipe(BUNDLED_RECIPE)
    for variations in (recipe.variations, UNCHANGED):
        for _ in each_utterance(clips, recipe.feature_maps, variations, cache):
            pass  # one at a time: together they may not fit into memory


def summary(clips: Sequence[Clip]) -> str:
    """Return how many clips there are, of whom and of what."""
    counts = Counter(LABELS[clip.label] for clip in clips)
    actors = len({clip.actor for clip in clips})
    labels = ", ".join(f"{label} {counts[label]}" for label in LABELS)
    return f"{len(clips)} clips of {actors} actors, all sound: {labels}"
