"""``python -m train prepare --corpora``: what is in a folder of corpora, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
from tqdm import tqdm

from realtime_ser.errors import AudioInputError
from train.corpora import rooms
from train.corpora.catalog import CORPORA
from train.corpora.clip import Clip
from train.corpora.corpus import Corpus
from train.corpora.index import INDEX_FILE, UNKNOWN_SPEAKER
from train.corpora.published import LAYOUTS
from train.corpora.ravdess import CLIP_NAMES
from train.corpora.registry import RAVDESS, load_corpus

COLUMNS = ("corpus", "clips", "speakers", "hours", "labels", "use", "license")
NUMBER_COLUMNS = (1, 2, 3)
SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Found:
    """A corpus that is there and has no fault.

    Attributes:
        corpus: which one.
        clips: how many.
        speakers: how many, ``None`` where the corpus does not say who speaks.
        hours: how long its clips are altogether.
        missing: how many clips it was published with beyond these.
        silent: those of its clips that hold nothing but zeros.
    """

    corpus: Corpus
    clips: int
    speakers: int | None
    hours: float
    missing: int
    silent: tuple[Path, ...]


def check_corpora(folder: Path) -> None:
    """Check each corpus below ``folder`` and print what is there, and where to get the rest.

    Every clip is decoded: it must be listed or named as it should, exist, be readable and not be
    empty. Silent clips are listed, as some were published.

    Args:
        folder: that holds one folder for each corpus, under the names in ``CORPORA``.

    Raises:
        AudioInputError: there is no such folder, it holds no corpus, or a corpus has a fault; the
            faults are printed before.
    """
    if not folder.is_dir():
        raise AudioInputError(
            f"there is no folder {folder}",
            f"give one that holds folders such as {', '.join(list(CORPORA)[:3])}",
        )
    present = [name for name in CORPORA if (folder / name).is_dir()]
    if not present:
        raise AudioInputError(f"{folder} holds no corpus", f"name its folders {', '.join(CORPORA)}")
    found, faults = [], []
    for name in present:
        try:
            found.append(check_corpus(CORPORA[name], folder / name))
        except AudioInputError as error:
            faults.append(f"{name}: {error}")
    print(_table(found))
    _print_lines("incomplete", [_incomplete(corpus) for corpus in found if corpus.missing])
    _print_lines("silent", [str(path) for corpus in found for path in corpus.silent])
    _print_rooms(folder, faults)
    _print_lines("not there", [_absent(CORPORA[n]) for n in CORPORA if n not in present])
    _print_lines("unknown folders", _unknown_folders(folder))
    _print_lines("faulty", faults)
    if faults:
        raise AudioInputError(
            f"{len(faults)} of the corpora in {folder} cannot be used",
            "put right what is listed under faulty, or move these folders away",
        )


def check_corpus(corpus: Corpus, folder: Path) -> Found:
    """Return what a corpus holds.

    Raises:
        AudioInputError: it has a fault.
    """
    clips = load_corpus(corpus.name, folder)
    sounds = {path: _decode(path) for path in _with_progress(corpus.name, clips)}
    speakers = {clip.speaker for clip in clips}
    published = _published_clips(corpus)
    return Found(
        corpus,
        len(clips),
        None if speakers == {UNKNOWN_SPEAKER} else len(speakers),
        sum(sound.seconds for sound in sounds.values()) / SECONDS_AN_HOUR,
        0 if (folder / INDEX_FILE).exists() else max(0, published - len(clips)),
        tuple(path for path, sound in sounds.items() if sound.silent),
    )


def _published_clips(corpus: Corpus) -> int:
    """Return how many clips there should be where no index says so, 0 where that is unknown."""
    if corpus.name == RAVDESS:
        return len(CLIP_NAMES)
    return LAYOUTS[corpus.name].clips if corpus.name in LAYOUTS else 0


def _with_progress(name: str, clips: Sequence[Clip]) -> "tqdm[Path]":
    return tqdm(
        [clip.path for clip in clips], f"checking {name}", unit=" clips", leave=False, disable=None
    )


@dataclass(frozen=True, slots=True)
class _Sound:
    seconds: float
    silent: bool


def _decode(path: Path) -> _Sound:
    """Decode a whole audio file.

    Raises:
        AudioInputError: it cannot be read, or is empty.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            samples = file.read(dtype="float32")
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioInputError(
            f"{path} is not audio that can be read", "put the published file there"
        ) from error
    if not len(samples):
        raise AudioInputError(f"{path} is empty", "put the published file there")
    return _Sound(len(samples) / rate, silent=not samples.any())


def _print_rooms(folder: Path, faults: list[str]) -> None:
    if not (folder / rooms.NAME).is_dir():
        return
    try:
        found = rooms.load_rooms(folder / rooms.NAME)
        for room in found:
            _decode(room.path)
    except AudioInputError as error:
        faults.append(f"{rooms.NAME}: {error}")
        return
    print(f"\n{rooms.NAME}: {len(found)} room impulse responses ({rooms.LICENSE})")


def _table(found: Sequence[Found]) -> str:
    rows = [COLUMNS, *(_row(corpus) for corpus in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in NUMBER_COLUMNS else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(found: Found) -> tuple[str, ...]:
    corpus = found.corpus
    kinds = {"ordinary": "ordinary speech", "noise": "no speech"}
    return (
        corpus.name,
        str(found.clips),
        "unknown" if found.speakers is None else str(found.speakers),
        f"{found.hours:.2f}",
        " ".join(corpus.labels) or kinds[corpus.kind],
        corpus.use,
        corpus.license,
    )


def _incomplete(found: Found) -> str:
    corpus = found.corpus
    return f"{corpus.name}: {found.missing} clips are missing; all are at {corpus.source}"


def _absent(corpus: Corpus) -> str:
    return f"{corpus.name}: {corpus.title} ({corpus.license}; to {corpus.use}); {corpus.source}"


def _unknown_folders(folder: Path) -> list[str]:
    known = {*CORPORA, rooms.NAME}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and path.name not in known and not path.name.startswith(".")
    )


def _print_lines(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"\n{title}:")
        for line in lines:
            print(f"  {line}")
