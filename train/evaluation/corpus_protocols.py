"""The protocols that score a model folder on a whole corpus, with the code of ``analyze``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MODEL_FILE, Manifest
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import SettingsError
from train.corpora import ravdess
from train.corpora.clip import Clip
from train.corpora.corpus import Corpus, Kind
from train.corpora.registry import find_corpus, load_corpus
from train.corpora.speakers import split_speakers
from train.corpora.splits import DEVELOPMENT_SPEAKERS
from train.evaluation.analyses import analyze_clips
from train.evaluation.corrected import correction_scores
from train.evaluation.cross_corpus import cross_corpus_scores
from train.evaluation.ordinary import ordinary_scores
from train.evaluation.scores import rounded
from train.evaluation.sounds import sounds_scores
from train.evaluation.warm import Part, warm_scores
from train.model.recipe_files import read_recipe
from train.model.runs import current_commit

ALL, SET_ASIDE, UNSEEN = "all", "set-aside", "unseen"
"""Whose clips are scored: every speaker's, those of speakers that the recipe keeps out of training,
or those of speakers whom the model's manifest does not name."""

LABELED: tuple[Kind, ...] = ("acted", "elicited", "natural")


@dataclass(frozen=True, slots=True)
class CorpusProtocol:
    """A protocol that any corpus of some kinds can be scored under.

    Attributes:
        name: of the protocol.
        text: what it measures, in one sentence.
        corpus: that is scored unless another one is named; ``None`` if one must be.
        kinds: of the corpora that it fits.
        score: takes the corpus, its clips, the model folder and the folder of caches, and returns a
            dataclass of scores.
    """

    name: str
    text: str
    corpus: str | None
    kinds: tuple[Kind, ...]
    score: Callable[[Corpus, Sequence[Clip], Path, Path], Any]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        CorpusProtocol(
            "ordinary",
            "ordinary: everyday speech, which shows no strong emotion; what `realtime-ser analyze`"
            " calls each file",
            "ordinary_coffee",
            ("ordinary",),
            lambda corpus, clips, model, cache: ordinary_scores(
                clips, analyze_clips(model, clips, cache)
            ),
        ),
        CorpusProtocol(
            "sounds",
            "sounds: recordings without speech; the time between `speech_started` and"
            " `speech_ended` that `realtime-ser analyze` reports",
            "noise_esc10",
            ("noise",),
            lambda corpus, clips, model, cache: sounds_scores(
                clips, analyze_clips(model, clips, cache)
            ),
        ),
        CorpusProtocol(
            "cross-corpus",
            "cross-corpus: `realtime-ser analyze`, the likeliest label among those that the corpus"
            " has; where it lacks `calm`, calm counts as neutral; no speech counts as wrong",
            None,
            LABELED,
            lambda corpus, clips, model, cache: cross_corpus_scores(
                corpus, clips, analyze_clips(model, clips, cache)
            ),
        ),
        CorpusProtocol(
            "warm",
            "warm: streams of a voice's clips through one pipeline that adapts to it, which has"
            " heard the speaker but never a label; cold, every clip is alone; the likeliest label"
            " among those that the corpus has",
            None,
            LABELED,
            lambda corpus, clips, model, cache: warm_scores(corpus, [Part(clips, model)]),
        ),
        CorpusProtocol(
            "corrections",
            "corrections: UAR of a voice's further clips after a user has corrected some of"
            " sixteen; the likeliest label among those that the corpus has",
            None,
            LABELED,
            lambda corpus, clips, model, cache: correction_scores(corpus, clips, model),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which clips of which corpus are scored.

    Attributes:
        corpus: its name; ``None`` for the protocol's own.
        corpora: folder of the corpora.
        speakers: ``all``, ``set-aside`` or ``unseen``.
        recipe: states the share of speakers set aside, and the seed.
        ravdess: folder of RAVDESS, ``None`` if it is among the corpora.
        without: the corpus that the model has to have been trained without, and is scored on.
    """

    corpus: str | None
    corpora: Path
    speakers: str
    recipe: str
    ravdess: Path | None = None
    without: str | None = None

    @property
    def chosen(self) -> str | None:
        """The corpus named, if any."""
        return self.corpus or self.without


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
        SettingsError: the corpus does not exist or does not fit the protocol, the recipe sets no
            speakers aside, or the model was trained on the corpus that it has to be without.
        AudioInputError: the corpus is missing or damaged.
        ModelError: the model folder cannot be used.
    """
    manifest = EmotionModel(model).manifest
    corpus = choose_corpus(protocol, selection.chosen)
    if selection.without:
        _check_left_out(manifest, selection, corpus.name)
    clips = select_clips(corpus, selection, manifest.training)
    return {
        "protocol": protocol.name,
        "text": protocol.text,
        "corpus": corpus.name,
        "title": corpus.title,
        "speakers": selection.speakers,
        **({"without": selection.without} if selection.without else {}),
        "trained_on": count_trained_on(clips, manifest.training),
        "model": manifest.name,
        "sha256": manifest.files[MODEL_FILE],
        "commit": current_commit(),
        "clips": len(clips),
        "scores": rounded(as_json(protocol.score(corpus, clips, model, cache))),
    }


def _check_left_out(manifest: Manifest, selection: Selection, scored: str) -> None:
    expected = f"{selection.recipe}-without-{selection.without}"
    found = manifest.training.get("recipe")
    if found != expected:
        raise SettingsError(
            f"{manifest.name} was trained with recipe {found}, not {expected}",
            f"name the model of a run with --without {selection.without}",
        )
    if scored != selection.without:
        raise SettingsError(
            f"--corpus {scored} is not what --without leaves out", "omit one of the two"
        )


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


def select_clips(
    corpus: Corpus, selection: Selection, training: Mapping[str, Any] | None = None
) -> list[Clip]:
    """Return the clips of a corpus that are scored.

    Of RAVDESS, the speakers set aside are 17 to 20, on whom recipes are chosen.

    Args:
        corpus: the corpus.
        selection: whose clips.
        training: of the model's manifest, for speakers that are ``unseen``.

    Raises:
        SettingsError: the recipe sets no speakers aside, the corpus does not say who speaks, or the
            model has seen all speakers.
        AudioInputError: the corpus is missing or damaged.
    """
    if selection.speakers == UNSEEN:
        every = select_clips(corpus, replace(selection, speakers=ALL))
        return _unseen(corpus, every, training or {})
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


def _unseen(corpus: Corpus, clips: list[Clip], training: Mapping[str, Any]) -> list[Clip]:
    trained = training.get("speakers", {}).get(corpus.name, ())
    unseen = [clip for clip in clips if clip.speaker not in trained]
    if not unseen:
        raise SettingsError(
            f"the model was trained on all speakers of {corpus.name}", "score another corpus"
        )
    return unseen


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


def as_json(scores: Any) -> Mapping[str, Any]:
    """Return a dataclass of scores as what ``json`` writes."""
    content = asdict(scores)
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in content.items()
    }
