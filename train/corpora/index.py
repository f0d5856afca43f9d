"""Corpora that come with an index: ``index.csv`` beside the clips, one line a clip."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from realtime_ser.errors import AudioInputError
from train.corpora.clip import Clip, Sex
from train.corpora.corpus import Corpus

INDEX_FILE = "index.csv"
COLUMNS = ("path", "speaker", "sex", "label", "original_label", "language")

SEXES: dict[str, Sex | None] = {
    "": None,
    **{sex: sex for sex in get_args(Sex)},
    "f": "female",
    "m": "male",
}

LABEL_OF_KIND = {"ordinary": ("ordinary",), "noise": ("background", "nonspeech")}
"""What the index states in place of an emotion."""

UNKNOWN_SPEAKER = "unknown"
"""Speaker of clips of an index that does not say who speaks; a corpus of these is one speaker."""

UNSTATED_LANGUAGE, NO_LANGUAGE, SEVERAL_LANGUAGES = "und", "zxx", "mul"
"""ISO 639's codes for these."""

Row = dict[str, str]


def read_index(corpus: Corpus, folder: Path) -> list[Clip]:
    """Return the clips listed in ``index.csv`` in the order of their paths.

    A speaker's name loses the corpus's own in front: ``nemo_EB0`` is ``EB0``, as it was published.

    Args:
        corpus: whose clips these are; it decides which labels may occur.
        folder: that holds ``index.csv``, to which its paths are relative.

    Raises:
        AudioInputError: the index is missing, unreadable or empty, lacks a column, has a label or
            sex that the corpus does not have, or lists a file twice, a file that is missing, or one
            outside the folder. Only the first fault is named, and how many clips share it.
    """
    clips = [_clip(corpus, folder, row) for row in read_rows(folder)]
    return sorted(clips, key=lambda clip: clip.path)


def read_rows(folder: Path) -> list[Row]:
    """Return the lines of ``index.csv``, each with the columns of ``COLUMNS``.

    Raises:
        AudioInputError: the index is missing, unreadable or empty, lacks a column, or lists a file
            twice, a file that is missing, or one outside the folder.
    """
    path = folder / INDEX_FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise AudioInputError(
                    f"{path} lacks the column {missing[0]}", f"it needs {', '.join(COLUMNS)}"
                )
            rows = list(_whole_rows(path, reader))
    except FileNotFoundError as error:
        raise AudioInputError(
            f"there is no {path}", "give a folder that holds the corpus and its index"
        ) from error
    except OSError as error:
        raise AudioInputError(
            f"{path} cannot be read ({error.strerror or error})", "check the file"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AudioInputError(f"{path} is not CSV in UTF-8 ({error})", "check the file") from error
    if not rows:
        raise AudioInputError(f"{path} lists no files", "put a complete index there")
    _check_paths(folder, [row["path"] for row in rows])
    return rows


def _whole_rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[Row]:
    for row in reader:
        if None in row or None in row.values():
            raise AudioInputError(
                f"line {reader.line_num} of {path} has another number of columns than its first",
                "put a complete index there",
            )
        yield row


def _check_paths(folder: Path, paths: list[str]) -> None:
    index = folder / INDEX_FILE
    if repeated := [path for path, count in Counter(paths).items() if count > 1]:
        raise AudioInputError(
            f"{index} lists {_shown(repeated)} more than once", "keep one line of each"
        )
    if outside := [path for path in paths if _leaves_folder(path)]:
        raise AudioInputError(
            f"{index} lists {_shown(outside)}, outside its folder", "give paths within the folder"
        )
    if missing := [path for path in paths if not (folder / path).is_file()]:
        raise AudioInputError(
            f"{folder} lacks {_shown(missing)} that its index lists",
            "put the files there, or a complete copy of the corpus",
        )


def _leaves_folder(path: str) -> bool:
    return Path(path).is_absolute() or ".." in Path(path).parts


def _clip(corpus: Corpus, folder: Path, row: Row) -> Clip:
    sex = row["sex"].strip().lower()
    if sex not in SEXES:
        raise AudioInputError(
            f"{folder / INDEX_FILE} gives {row['path']} the sex {row['sex']!r}",
            f"it may be {', '.join(filter(None, SEXES))} or empty",
        )
    return Clip(
        path=folder / row["path"],
        corpus=corpus.name,
        speaker=row["speaker"].removeprefix(f"{corpus.name}_") or UNKNOWN_SPEAKER,
        sex=SEXES[sex],
        label=_label(corpus, folder, row),
        language=_language(row["language"]),
    )


def _language(text: str) -> str:
    """Return a code for what an index states: ``en``, ``en/es``, ``none`` or nothing."""
    if text == "none":
        return NO_LANGUAGE
    return SEVERAL_LANGUAGES if "/" in text else text or UNSTATED_LANGUAGE


def _label(corpus: Corpus, folder: Path, row: Row) -> str | None:
    allowed = corpus.labels or LABEL_OF_KIND[corpus.kind]
    if row["label"] not in allowed:
        raise AudioInputError(
            f"{folder / INDEX_FILE} gives {row['path']} the label {row['label']!r}",
            f"{corpus.name} has {', '.join(allowed)}",
        )
    return row["label"] if corpus.labels else None


def _shown(names: list[str]) -> str:
    more = len(names) - 1
    return f"{names[0]} and {more} more" if more else names[0]
