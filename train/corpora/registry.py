"""Reading a corpus by its name, whichever layout its folder has."""

from pathlib import Path

from realtime_ser.errors import AudioInputError, SettingsError
from train.corpora.catalog import CORPORA
from train.corpora.clip import Clip
from train.corpora.corpus import Corpus
from train.corpora.index import INDEX_FILE, read_index
from train.corpora.published import LAYOUTS, read_published
from train.corpora.ravdess import list_clips

RAVDESS = "ravdess"


def find_corpus(name: str) -> Corpus:
    """Return the corpus of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in CORPORA:
        raise SettingsError(f"there is no corpus {name!r}", f"choose one of {', '.join(CORPORA)}")
    return CORPORA[name]


def load_corpus(name: str, folder: Path) -> list[Clip]:
    """Return the clips of a corpus in the order of their paths.

    Args:
        name: one of ``CORPORA``.
        folder: of the corpus, with an ``index.csv``, or as it was published where that layout is
            known (``LAYOUTS``, and RAVDESS).

    Raises:
        SettingsError: there is no corpus of that name.
        AudioInputError: the folder is missing, or does not hold the corpus as it should.
    """
    corpus = find_corpus(name)
    if not folder.is_dir():
        raise AudioInputError(
            f"there is no folder {folder}", f"{corpus.title} is at {corpus.source}"
        )
    if name == RAVDESS and not (folder / INDEX_FILE).exists():
        return list_clips(folder)
    if name in LAYOUTS and not (folder / INDEX_FILE).exists():
        return read_published(corpus, LAYOUTS[name], folder)
    return read_index(corpus, folder)
