"""The protocols that score a model folder on a whole corpus, with the code of ``analyze``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import SettingsError
from train.corpora import ravdess
from train.corpora.clip import Clip
from train.corpora.corpus import Corpus, Kind
from train.corpora.registry import find_corpus, load_corpus
from train.corpora.speakers import split_speakers
from train.corpora.splits import DEVELOPMENT_SPEAKERS
from train.evaluation.analyses import ClipAnalysis, analyze_clips
from train.evaluation.cross_corpus import cross_corpus_scores
from train.evaluation.ordinary import ordinary_scores
from train.evaluation.scores import rounded
from train.evaluation.sounds import sounds_scores
from train.model.recipe_files import read_recipe
from train.model.runs import current_commit

ALL, SET_ASIDE = "all", "set-aside"
"""Whose clips are scored: every speaker's, or those of speakers kept out of training."""


@dataclass(frozen=True, slots=True)
class CorpusProtocol:
    """A protocol that any corpus of some kinds can be scored under.

    Attributes:
        name: of the protocol.
        text: what it measures, in one sentence.
        corpus: that is scored unless another one is named; ``None`` if one must be.
        kinds: of the corpora that it fits.
        score: returns a dataclass of scores.
    """

    name: str
    text: str
    corpus: str | None
    kinds: tuple[Kind, ...]
    score: Callable[[Corpus, Sequence[Clip], Sequence[ClipAnalysis]], Any]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        CorpusProtocol(
            "ordinary",
            "ordinary: everyday speech, which shows no strong emotion; what `realtime-ser analyze`"
            " calls each file",
            "ordinary_coffee",
            ("ordinary",),
            lambda corpus, clips, analyses: ordinary_scores(clips, analyses),
        ),
        CorpusProtocol(
            "sounds",
            "sounds: recordings without speech; the time between `speech_started` and"
            " `speech_ended` that `realtime-ser analyze` reports",
            "noise_esc10",
            ("noise",),
            lambda corpus, clips, analyses: sounds_scores(clips, analyses),
        ),
        CorpusProtocol(
            "cross-corpus",
            "cross-corpus: `realtime-ser analyze`, the likeliest label among those that the corpus"
            " has; where it lacks `calm`, calm counts as neutral; no speech counts as wrong",
            None,
            ("acted", "elicited", "natural"),
            cross_corpus_scores,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which clips of which corpus are scored.

    Attributes:
        corpus: its name; ``None`` for the protocol's own.
        corpora: folder of the corpora.
        speakers: ``all`` or ``set-aside``.
        recipe: states the share of speakers set aside, and the seed.
        ravdess: folder of RAVDESS, ``None`` if it is among the corpora.
    """

    corpus: str | None
    corpora: Path
    speakers: str
    recipe: str
    ravdess: Path | None = None


def evaluate_corpus(
    protocol: CorpusProtocol, selection: Selection, model: Path, cache: Path
) -> dict[str, Any]:
    """Score a model folder on a corpus.

    Args:
        protocol: one of ``PROTOCOLS``.
        selection: which clips of which corpus.
        model: model folder.
        cache: folder of caches.

    Returns:
        Protocol, corpus, model, the number of clips and of speakers that the model was trained on,
        and the scores under ``scores``, rounded to four digits.

    Raises:
        SettingsError: the corpus does not exist or does not fit the protocol, or the recipe sets no
            speakers aside.
        AudioInputError: the corpus is missing or damaged.
        ModelError: the model folder cannot be used.
    """
    manifest = EmotionModel(model).manifest
    corpus = choose_corpus(protocol, selection.corpus)
    clips = select_clips(corpus, selection)
    analyses = analyze_clips(model, clips, cache)
    return {
        "protocol": protocol.name,
        "text": protocol.text,
        "corpus": corpus.name,
        "title": corpus.title,
        "speakers": selection.speakers,
        "trained_on": count_trained_on(clips, manifest.training),
        "model": manifest.name,
        "sha256": manifest.files[MODEL_FILE],
        "commit": current_commit(),
        "clips": len(clips),
        "scores": rounded(_as_json(protocol.score(corpus, clips, analyses))),
    }


def choose_corpus(protocol: CorpusProtocol, name: str | None) -> Corpus:
    """Return the corpus that is scored.

    Raises:
        SettingsError: there is no such corpus, it does not fit, or none is named and none is usual.
    """
    chosen = name or protocol.corpus
    if chosen is None:
        raise SettingsError(
            f"protocol {protocol.name} needs a corpus", "name one, such as --corpus savee"
        )
    corpus = find_corpus(chosen)
    if corpus.kind not in protocol.kinds:
        raise SettingsError(
            f"protocol {protocol.name} does not fit {corpus.name}, which is {corpus.kind}",
            f"choose a corpus that is {' or '.join(protocol.kinds)}",
        )
    return corpus


def select_clips(corpus: Corpus, selection: Selection) -> list[Clip]:
    """Return the clips of a corpus that are scored.

    Of RAVDESS, the speakers set aside are 17 to 20, on whom recipes are chosen.

    Raises:
        SettingsError: the recipe sets no speakers aside, or the corpus does not say who speaks.
        AudioInputError: the corpus is missing or damaged.
    """
    aside = selection.speakers == SET_ASIDE
    if corpus.name == ravdess.CORPUS:
        folder = selection.ravdess or selection.corpora / ravdess.CORPUS
        return ravdess.list_clips(folder, DEVELOPMENT_SPEAKERS if aside else ravdess.SPEAKERS)
    clips = load_corpus(corpus.name, selection.corpora / corpus.name)
    if not aside:
        return clips
    share, seed = _share_set_aside(selection.recipe)
    chosen = split_speakers(clips, share, seed)[1]
    if not chosen:
        raise SettingsError(
            f"{corpus.name} does not say who speaks, so no speaker was set aside",
            "score all of it, with --speakers all",
        )
    return chosen


def count_trained_on(clips: Sequence[Clip], training: Mapping[str, Any]) -> int:
    """Return the number of the clips' speakers that a model was trained on.

    Args:
        clips: the clips.
        training: of the model's manifest; its ``speakers`` are lists of names by corpus.
    """
    trained = training.get("speakers", {})
    speakers = {(clip.corpus, clip.speaker) for clip in clips}
    return sum(speaker in trained.get(corpus, ()) for corpus, speaker in speakers)


def _share_set_aside(name: str) -> tuple[float, int]:
    """Return the share of the speakers that a recipe sets aside, and its seed."""
    if read_recipe(name)["method"] != "mixture":
        raise SettingsError(
            f"recipe {name} sets no speakers aside", "name one that does, such as --recipe voices"
        )
    from train.model.mixture_recipe import load_mixture_recipe  # loads TensorFlow

    recipe = load_mixture_recipe(name)
    return recipe.set_aside_share, recipe.seed


def _as_json(scores: Any) -> Mapping[str, Any]:
    content = asdict(scores)
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in content.items()
    }
