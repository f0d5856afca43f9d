"""The speech head: the sounds and scenes it is trained on, its threshold and its export."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from speech_clips import speech

from realtime_ser.emotion.frontend import FRAME_STEPS
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.emotion.spectra import YAMNET_MEL
from realtime_ser.events import LABELS

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "librosa", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.audio.levels import at_level  # noqa: E402
from train.audio.scenes import (  # noqa: E402
    Scene,
    frames,
    gated_scene,
    sound_scene,
    speech_scene,
    whispered,
)
from train.audio.sounds import TRAINING_SOUNDS, UNSEEN_SOUNDS  # noqa: E402
from train.corpora.clip import Clip  # noqa: E402
from train.corpora.splits import Split  # noqa: E402

FAMILIES = {**TRAINING_SOUNDS, **UNSEEN_SOUNDS}


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_sound_is_reproducible_and_never_silent(name: str) -> None:
    first, again, other = (FAMILIES[name](16_000, generator(seed)) for seed in (1, 1, 2))
    assert first.shape == (16_000,)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all()
    assert np.abs(first).max() > 0


def test_no_family_is_in_both_groups() -> None:
    assert not set(TRAINING_SOUNDS) & set(UNSEEN_SOUNDS)
    assert not set(TRAINING_SOUNDS.values()) & set(UNSEEN_SOUNDS.values())


def test_the_level_is_the_rms_of_the_sound() -> None:
    sound = at_level(FAMILIES["music"](32_000, generator(1)), -30.0)
    assert 20 * np.log10(np.sqrt(np.mean(sound**2))) == pytest.approx(-30.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_modified_clip_holds_speech_and_is_reproducible(seed: int) -> None:
    clip = speech("one_utterance")
    scene, again = (speech_scene(clip, generator(seed)) for _ in range(2))
    np.testing.assert_array_equal(scene.samples, again.samples)
    found = frames(scene, [YAMNET_MEL])
    assert found.speech[0]
    assert len(found.speech) == len(found.maps["mel"])


def test_frames_of_a_gated_clip_are_speech_and_of_a_sound_are_not() -> None:
    clip = frames(gated_scene(speech("one_utterance")), [YAMNET_MEL])
    sound = frames(sound_scene(TRAINING_SOUNDS["hum"], generator(3)), [YAMNET_MEL])
    assert clip.speech.all()
    assert len(sound.speech)
    assert not sound.speech.any()


def test_frames_with_little_speech_are_left_out() -> None:
    """Steps of 10 ms: frames begin at 0, 48, 96, 144, 192; speech lasts from 0 to 60."""
    mask = np.arange(300) < 60
    scene = Scene(generator(1).normal(scale=0.01, size=48_000), mask)
    found = frames(scene, [YAMNET_MEL])
    assert found.speech.tolist() == [True, False, False, False]


def test_a_whisper_has_the_level_of_the_voice_and_no_pitch() -> None:
    voice = speech("one_utterance")[14_400:38_400] / 32768.0
    whisper = whispered(voice, generator(1))
    assert len(whisper) == len(voice)
    levels = [20 * np.log10(np.sqrt(np.mean(samples**2))) for samples in (voice, whisper)]
    assert levels[1] == pytest.approx(levels[0], abs=3)
    assert periodicity(whisper) < 0.6 * periodicity(voice)


def periodicity(samples: Any) -> float:
    """Return the mean over 64 ms pieces of the highest autocorrelation at a pitch period."""
    pieces = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024)
    best = []
    for piece in pieces - pieces.mean(axis=1, keepdims=True):
        alike = np.correlate(piece, piece, "full")[1023:] / (piece @ piece)
        best.append(alike[40:230].max())  # 70 to 400 Hz
    return float(np.mean(best))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of small untrained networks with the layers that the head reads."""
    import keras
    from keras import layers

    from train.model.runs import ORIGIN_FILE
    from train.model.saved import CLASSIFIER_FILE, EMBEDDER_FILE
    from train.model.speech_head import LAYERS, fit_speech_head

    keras.utils.set_random_seed(1)
    inputs = keras.Input((FRAME_STEPS, YAMNET_MEL.bands), name="mel")
    values = layers.Reshape((FRAME_STEPS, YAMNET_MEL.bands, 1))(inputs)
    first = layers.Conv2D(32, 8, strides=8, activation="relu", name=LAYERS[0])(values)
    second = layers.Conv2D(32, 2, strides=2, activation="relu", name=LAYERS[1])(first)
    embedding = layers.Reshape((1, 32))(layers.GlobalAveragePooling2D()(second))
    embed = keras.Model(inputs, embedding)
    window = keras.Input((None, 32))
    pooled = layers.GlobalAveragePooling1D()(window)
    classify = keras.Model(window, layers.Dense(len(LABELS))(pooled))

    folder = tmp_path_factory.mktemp("run")
    names = ("one_utterance", "three_utterances", "speech_at_once", "short_word")
    for name in names:
        soundfile.write(folder / f"{name}.flac", speech(name), 16_000)
    clips = tuple(
        Clip(folder / f"{name}.flac", "few", str(number), None, "neutral", "en")
        for number, name in enumerate(names)
    )
    fit_speech_head(embed, [YAMNET_MEL], Split("few", clips, clips[:1], ()), folder, 1, scenes=4)
    embed.save(folder / EMBEDDER_FILE)
    classify.save(folder / CLASSIFIER_FILE)
    (folder / ORIGIN_FILE).write_text('{"recipe": "few", "speakers": {"few": ["1"]}}')
    return folder


def test_the_scores_have_every_kind_and_the_threshold(run: Path) -> None:
    from train.model.speech_head import MODIFIED, SCORES_FILE, UNCHANGED

    scores = json.loads((run / SCORES_FILE).read_text())
    assert 0 < scores.pop("threshold") < 1
    for shares in scores.values():
        assert {UNCHANGED} <= set(shares["speech rejected"]) <= {UNCHANGED, MODIFIED}
        assert all(0 <= share <= 1 for kind in shares.values() for share in kind.values())
    learnt, unheard = scores.values()
    assert set(TRAINING_SOUNDS) <= set(learnt["accepted without speech"])
    assert set(UNSEEN_SOUNDS) <= set(unheard["accepted without speech"])


def test_the_head_computes_what_the_regression_does(run: Path) -> None:
    import keras

    from train.model.saved import EMBEDDER_FILE
    from train.model.speech_head import LAYERS, _head, _regression, _set_weights

    head = _head(keras.saving.load_model(run / EMBEDDER_FILE))
    random = generator(1)
    features = random.normal(3, [0.1, 10] * 64, (50, 128)).astype(np.float32)
    assert len(LAYERS) * 2 * 32 == features.shape[1]
    regression = _regression().fit(features, random.random(50) < 0.5)
    _set_weights(head, regression)
    judged = np.asarray(head.layers[-1](features))[:, 0]
    np.testing.assert_allclose(judged, regression.predict_proba(features)[:, 1], atol=1e-5)


def test_the_threshold_rejects_less_speech_if_sounds_allow_it() -> None:
    from train.model.speech_head import LARGEST_ACCEPTED, LARGEST_REJECTED, _threshold

    speech_like = np.linspace(0.5, 1, 1001)
    close, far = np.linspace(0, 0.9, 1001), np.linspace(0, 0.3, 1001)
    assert (speech_like < _threshold(speech_like, close)).mean() <= LARGEST_REJECTED
    assert (speech_like < _threshold(speech_like, far)).sum() == 0
    assert (far >= _threshold(speech_like, far)).mean() <= LARGEST_ACCEPTED + 1e-3


def test_a_model_folder_has_the_speech_output_and_the_same_embedding(
    run: Path, tmp_path: Path
) -> None:
    import keras

    from train.model.export import export
    from train.model.recipe import load_recipe
    from train.model.saved import EMBEDDER_FILE
    from train.model.speech_head import HEAD_FILE, SCORES_FILE, with_speech_output

    recipe = replace(load_recipe("best"), feature_maps=(YAMNET_MEL,))
    export(recipe, run, tmp_path / "asked")
    asked = EmotionModel(tmp_path / "asked")
    scores = json.loads((run / SCORES_FILE).read_text())
    assert asked.manifest.speech_threshold == scores["threshold"]

    found = frames(gated_scene(speech("one_utterance")), [YAMNET_MEL]).maps["mel"]
    embed = keras.saving.load_model(run / EMBEDDER_FILE)
    network, _ = with_speech_output(embed, run)
    expected = [np.asarray(output) for output in network(found)]
    told = [asked.embed({"mel": frame}) for frame in found]
    np.testing.assert_allclose([frame.speech for frame in told], expected[1][:, 0], atol=1e-4)
    np.testing.assert_allclose([frame.embedding for frame in told], expected[0], atol=1e-4)
    np.testing.assert_allclose(np.asarray(embed(found)), expected[0], atol=1e-6)

    (run / SCORES_FILE).rename(run / "away.json")
    try:
        export(recipe, run, tmp_path / "unasked")
    finally:
        (run / "away.json").rename(run / SCORES_FILE)
    assert (run / HEAD_FILE).exists()
    assert EmotionModel(tmp_path / "unasked").manifest.speech_threshold is None
