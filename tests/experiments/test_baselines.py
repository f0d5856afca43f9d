"""The baselines: each recipe trained on a few clips for an epoch or two."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from ravdess_clips import clip as ravdess_clip
from speech_clips import speech

from realtime_ser.errors import RealtimeSerError, SettingsError
from realtime_ser.events import LABELS
from train.corpora.clip import Clip
from train.corpora.splits import Split
from train.corpora.targets import label_indices

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "tensorflow_hub", "sklearn", "librosa", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

needs_yamnet = pytest.mark.skipif(
    "TFHUB_CACHE_DIR" not in os.environ, reason="TFHUB_CACHE_DIR names no copy of YAMNet"
)
from experiments.methods import RECIPE_FOLDERS, method_from  # noqa: E402
from train.model.recipe_files import read_recipe  # noqa: E402

WITH_YAMNET = ("paper", "paper-finetune")
WITHOUT_YAMNET = ("cnn-scratch", "svm-mfcc")
RECIPES = [
    *(pytest.param(name, marks=needs_yamnet) for name in WITH_YAMNET),
    *WITHOUT_YAMNET,
]
SHORTER: Mapping[str, Mapping[str, Any]] = {
    "variants": {"count": 1},
    "fit": {"epochs": 2, "learning_rate": 1e-3},
    "grid": {"costs": [1.0, 10.0], "widths": [1.0]},
    "network": {"channels": [4, 4, 4]},
    "head": {"hidden_units": 16},
}


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Two training clips of every label, one validation clip and one test clip."""
    folder = tmp_path_factory.mktemp("clips")
    samples = [speech(name) for name in ("one_utterance", "speech_at_once")]

    def clip(label: int, actor: int) -> Clip:
        found = ravdess_clip(LABELS[label], f"{actor:02}", folder)
        soundfile.write(found.path, np.roll(samples[label % 2], 160 * (actor + label)), 16_000)
        return found

    by_actor = [tuple(clip(label, actor) for label in range(8)) for actor in (1, 2, 3, 4)]
    return Split("actors-1", by_actor[0] + by_actor[1], by_actor[2], by_actor[3])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def method(name: str, cache: Path, changes: Mapping[str, Mapping[str, Any]] = SHORTER) -> Any:
    """Open a recipe with some settings of its tables changed."""
    table = read_recipe(name, RECIPE_FOLDERS)
    for part, settings in changes.items():
        if part in table:
            table[part] |= settings
    return method_from(name, table, cache)


def logits_after_fit(name: str, split: Split, cache: Path, run: Path) -> NDArray[np.float32]:
    from train.model.runs import FINISHED_FILE

    recipe = method(name, cache)
    recipe.fit(split, run)
    assert (run / FINISHED_FILE).exists()
    logits: NDArray[np.float32] = recipe.logits(split.test, run)
    return logits


@pytest.mark.parametrize("name", RECIPES)
def test_a_fit_gives_eight_logits_and_is_reproducible(
    name: str, split: Split, cache: Path, tmp_path: Path
) -> None:
    logits = logits_after_fit(name, split, cache, tmp_path)
    assert logits.shape == (8, 8)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert np.ptp(logits, axis=0).max() > 1e-3, "clips differ"
    if name in WITHOUT_YAMNET:  # the others are trained by the same code
        again = logits_after_fit(name, split, cache, tmp_path / "again")
        np.testing.assert_allclose(again, logits, atol=1e-5)


def test_the_sentences_are_learned(split: Split, cache: Path, tmp_path: Path) -> None:
    """Every second label has the same sentence, so that half of the mistakes can be avoided."""
    machine = method("svm-mfcc", cache)
    machine.fit(split, tmp_path)
    guesses = machine.logits(split.test, tmp_path).argmax(axis=1)
    assert (guesses % 2 == label_indices(split.test) % 2).all()


def test_augmented_maps_are_reproducible_and_leave_their_input_unchanged() -> None:
    from experiments.baselines.spectrogram import MapAugmentation, augmented
    from train.model.recipe_files import settings_from

    settings = settings_from(
        MapAugmentation, read_recipe("cnn-scratch", RECIPE_FOLDERS)["augmentation"], ""
    )
    maps = np.random.default_rng(0).normal(-30, 10, (3, 2, 401, 64)).astype(np.float32)
    before = maps.copy()
    first, again, other = (
        augmented(maps, np.random.default_rng(seed), settings) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(maps, before)
    assert first.shape == (3, 401, 64)
    assert first.dtype == np.float32
    assert all(not np.array_equal(one, another) for one, another in zip(first, other, strict=True))


@pytest.mark.parametrize("name", [*WITH_YAMNET, *WITHOUT_YAMNET])
def test_a_split_without_validation_clips_is_refused(
    name: str, split: Split, cache: Path, tmp_path: Path
) -> None:
    held_out = Split("held-out", split.training, (), split.test)
    with pytest.raises(SettingsError, match="split held-out has none: choose"):
        method(name, cache).fit(held_out, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [*WITH_YAMNET, *WITHOUT_YAMNET])
def test_a_misspelled_setting_is_named(name: str, cache: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[preprocess\] has no setting 'secods'"):
        method(name, cache, {"preprocess": {"secods": 4.0}})


def test_a_misspelled_recipe_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from experiments.__main__ import main

    monkeypatch.setattr(
        sys, "argv", ["experiments", "evaluate", "--recipe", "papper", "--data", str(tmp_path)]
    )
    assert main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "experiments: there is no recipe 'papper': choose one of ablations/alone"
    )
    assert "_preprocess" not in line


def test_an_unreachable_hub_is_one_line(
    monkeypatch: pytest.MonkeyPatch, split: Split, tmp_path: Path
) -> None:
    from train.model.yamnet import published_yamnet

    published_yamnet.cache_clear()
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "nothing"))
    for variable in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # no server listens there
    with pytest.raises(RealtimeSerError, match="set TFHUB_CACHE_DIR to a folder that holds it"):
        method("paper", tmp_path / "cache").fit(split, tmp_path / "run")


def test_variants_depend_on_clip_and_seed() -> None:
    from dataclasses import replace

    from experiments.baselines.variants import VariantSettings, variants
    from realtime_ser.emotion.frontend import to_float

    samples = to_float(speech("one_utterance"))
    settings = VariantSettings(count=2, slowest=0.8, fastest=1.2, semitones=2.0, seed=1)
    first, again, other = (
        variants(each, how)
        for each, how in (
            (samples, settings),
            (samples, settings),
            (samples, replace(settings, seed=2)),
        )
    )
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    lengths = {len(sound) for sound in (*first, *other, *variants(samples[1:], settings))}
    assert len(lengths) == 6, "every variant has a tempo of its own"
    assert all(0.8 <= len(samples) / length <= 1.21 for length in lengths)


def test_a_higher_variant_has_a_higher_pitch_and_the_same_length() -> None:
    import librosa

    from experiments.baselines.variants import stretched_and_shifted
    from realtime_ser.emotion.frontend import to_float

    samples = to_float(speech("one_utterance"))
    higher = stretched_and_shifted(samples, tempo=1.0, semitones=4.0)
    assert len(higher) == len(samples)
    pitches = [
        np.median(librosa.yin(sound, fmin=60, fmax=500, sr=16_000)) for sound in (samples, higher)
    ]
    assert 12 * np.log2(pitches[1] / pitches[0]) == pytest.approx(4.0, abs=0.5)


@pytest.mark.parametrize("name", [*WITH_YAMNET, *WITHOUT_YAMNET])
def test_a_value_of_the_wrong_type_is_refused_by_name(name: str, cache: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[preprocess\] seconds: expected float, got str"):
        method(name, cache, {"preprocess": {"seconds": "four"}})
