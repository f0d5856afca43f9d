"""Corpora in the layout they were published in: file names tell speaker and label."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from realtime_ser.errors import AudioInputError
from train.corpora.clip import Clip, Sex
from train.corpora.corpus import Corpus

CLIP_ENDINGS = (".wav", ".flac", ".ogg")

SEX_LETTERS: dict[str, Sex] = {"F": "female", "M": "male"}

Sexes = Mapping[str, Sex]
"""The sex of each speaker."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a corpus names its clips.

    Attributes:
        name: matches a clip's path below the corpus's folder, without its ending; its groups
            ``speaker`` and ``label`` hold the published codes, ``sex`` the speaker's initial
            letter of female or male where names tell it.
        example: a path that it matches.
        labels: for each published code the label, ``None`` for an emotion that is not among
            ``realtime_ser.LABELS``; its clips are left out.
        clips: how many clips were published, without those left out.
        sexes: returns the sex of each speaker, given the corpus's folder, where names do not tell.
        misnamed: for names mistyped when published those that were meant.
    """

    name: re.Pattern[str]
    example: str
    labels: Mapping[str, str | None]
    clips: int
    sexes: Callable[[Path], Sexes]
    misnamed: Mapping[str, str] = field(default_factory=dict)


def read_published(corpus: Corpus, layout: Layout, folder: Path) -> list[Clip]:
    """Return the clips below ``folder`` in the order of their paths; hidden files are no clips.

    Raises:
        AudioInputError: the folder holds no clips, or one that is misnamed or there twice, or the
            table that gives the speakers' sex is missing or damaged.
    """
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in CLIP_ENDINGS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not paths:
        raise AudioInputError(
            f"{folder} holds no clips of {corpus.title}", f"get them: {corpus.source}"
        )
    sexes = layout.sexes(folder)
    clips = [
        clip for path in paths if (clip := _parse(corpus, layout, sexes, folder, path)) is not None
    ]
    names = Counter((clip.speaker, _meant_name(layout, clip.path)) for clip in clips)
    if repeated := sorted(name for (_, name), count in names.items() if count > 1):
        raise AudioInputError(f"{folder} holds {repeated[0]} more than once", "keep one of them")
    return clips


def _parse(corpus: Corpus, layout: Layout, sexes: Sexes, folder: Path, path: Path) -> Clip | None:
    name = path.relative_to(folder).with_name(_meant_name(layout, path)).as_posix()
    match = layout.name.fullmatch(name)
    if match is None or match["label"] not in layout.labels:
        raise AudioInputError(
            f"{path} is not the name of a clip of {corpus.title}",
            f"expected one such as {layout.example}; move other files elsewhere",
        )
    label = layout.labels[match["label"]]
    if label is None:
        return None
    speaker = match["speaker"]
    sex = SEX_LETTERS[match["sex"]] if "sex" in match.groupdict() else sexes.get(speaker)
    if sexes and sex is None:
        raise AudioInputError(
            f"{corpus.title} does not give the sex of speaker {speaker} of {path}",
            "put the published files there",
        )
    return Clip(path, corpus.name, speaker, sex, label, corpus.language)


def _meant_name(layout: Layout, path: Path) -> str:
    """Return a clip's name without its ending, corrected where it was published mistyped."""
    return layout.misnamed.get(path.stem, path.stem)


def _fixed(sexes: Sexes) -> Callable[[Path], Sexes]:
    """Return a function that gives these, whatever the folder."""
    return lambda _: sexes


class _UnquotedTab(csv.excel_tab):
    """Columns apart by tabs; a quotation mark is part of the text."""

    quoting = csv.QUOTE_NONE


def _nemo_sexes(folder: Path) -> Sexes:
    return _read_sexes(folder, "data.tsv", "speaker_id", "gender", _UnquotedTab)


def _crema_d_sexes(folder: Path) -> Sexes:
    return _read_sexes(folder, "VideoDemographics.csv", "ActorID", "Sex", csv.excel)


def _read_sexes(
    folder: Path, name: str, speaker_column: str, sex_column: str, dialect: type[csv.Dialect]
) -> Sexes:
    """Read a table of speakers in the folder of the clips, or in the one above."""
    path = next(
        (place / name for place in (folder, folder.parent) if (place / name).is_file()), None
    )
    if path is None:
        raise AudioInputError(
            f"{folder} lacks {name}, which gives the speakers' sex",
            "put the published file beside the clips",
        )
    sexes: dict[str, Sex] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file, dialect=dialect):
                sex = row[sex_column].strip().lower()
                if sex not in ("female", "male"):
                    raise ValueError(f"a speaker's sex is {sex!r}")
                sexes[row[speaker_column].strip()] = "female" if sex == "female" else "male"
    except (OSError, ValueError, csv.Error, KeyError, AttributeError) as error:
        raise AudioInputError(
            f"{path} cannot be read as the published table ({error})", "get the file again"
        ) from error
    if not sexes:
        raise AudioInputError(f"{path} lists no speakers", "get the file again")
    return sexes


LAYOUTS: dict[str, Layout] = {
    "nemo": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>[A-Z]{2}\d)_(?P<label>[a-z]+)_\d+"),
        "samples/EB0_anger_1.wav",
        {
            "anger": "angry",
            "fear": "fearful",
            "happiness": "happy",
            "neutral": "neutral",
            "sadness": "sad",
            "surprised": "surprised",
        },
        clips=4481,
        sexes=_nemo_sexes,
    ),
    "savee": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>DC|JE|JK|KL)[_/](?P<label>[a-z]{1,2})\d\d"),
        "DC_a01.wav or AudioData/DC/a01.wav",
        {
            "a": "angry",
            "d": "disgust",
            "f": "fearful",
            "h": "happy",
            "n": "neutral",
            "sa": "sad",
            "su": "surprised",
        },
        clips=480,
        sexes=_fixed({"DC": "male", "JE": "male", "JK": "male", "KL": "male"}),
    ),
    "emodb": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>\d\d)[ab]\d\d(?P<label>[A-Z])[a-z]"),
        "wav/03a01Wa.wav",
        {
            "W": "angry",  # Wut, anger
            "L": None,  # Langeweile, boredom
            "E": "disgust",  # Ekel
            "A": "fearful",  # Angst
            "F": "happy",  # Freude
            "T": "sad",  # Trauer
            "N": "neutral",
        },
        clips=454,
        sexes=_fixed(
            {
                **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
                **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
            }
        ),
    ),
    "urdu": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>S(?P<sex>[FM])\d+)_F\d+_(?P<label>[A-Z])\d+"),
        "Angry/SM1_F4_A04.wav",
        {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"},
        clips=400,
        sexes=_fixed({}),
    ),
    "turev": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>\d{4})_(?P<label>[a-z]{2})_[a-z]+"),
        "Sound Source/Angry/1157_kz_beste.wav",
        {"kz": "angry", "sk": "calm", "mt": "happy", "hl": "sad"},
        clips=1735,
        sexes=_fixed({}),
    ),
    "tess": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>OAF|YAF)_[a-z]+_(?P<label>[a-z]+)"),
        "OAF_angry/OAF_back_angry.wav",
        {
            "angry": "angry",
            "disgust": "disgust",
            "fear": "fearful",
            "happy": "happy",
            "neutral": "neutral",
            "ps": "surprised",  # pleasant surprise
            "sad": "sad",
        },
        clips=2800,
        sexes=_fixed({"OAF": "female", "YAF": "female"}),
        misnamed={"OA_bite_neutral": "OAF_bite_neutral"},
    ),
    "crema-d": Layout(
        re.compile(r"(?:.*/)?(?P<speaker>\d{4})_[A-Z]{3}_(?P<label>[A-Z]{3})_(?:LO|MD|HI|XX?)"),
        "AudioWAV/1001_DFA_ANG_XX.wav",
        {
            "ANG": "angry",
            "DIS": "disgust",
            "FEA": "fearful",
            "HAP": "happy",
            "NEU": "neutral",
            "SAD": "sad",
        },
        clips=7442,
        sexes=_crema_d_sexes,
    ),
}
"""By the name of the corpus.

Names and codes: nEMO's README; SAVEE's Info.txt; emodb.bilderbar.info; the folders of URDU-Dataset
and TurEV-DB; Dupuis & Pichora-Fuller 2010; CREMA-D's README.
"""
