"""The statistics of the training voices, from made-up clips through the bundled network."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_clips import corpus_clip
from speech_clips import SAMPLES, speech

from realtime_ser import Recognizer, SettingsError, SpeechEnded
from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE, STATISTICS_FILE
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder

pytestmark = pytest.mark.train

for module in ("tqdm", "parselmouth"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.corpora.clip import Clip  # noqa: E402
from train.model.voice_statistics import (  # noqa: E402
    add_statistics,
    draw_evenly,
    speech_positions,
    voice_statistics,
)


@pytest.fixture(scope="module")
def model() -> EmotionModel:
    return EmotionModel()


def clip(name: str) -> Clip:
    return corpus_clip("nemo", "A", "happy", path=str(SAMPLES / f"{name}.flac"))


def test_positions_are_those_of_the_frames_that_the_program_reports(model: EmotionModel) -> None:
    samples = speech("three_utterances")
    events = Recognizer().recognize(samples, 16_000).events
    frames = sum(event.name == "emotion" for event in events)
    positions = speech_positions(model, samples)
    assert positions.shape == (3 * frames, model.manifest.embedding_shape[-1])
    assert any(isinstance(event, SpeechEnded) for event in events)


def test_silence_has_no_positions(model: EmotionModel) -> None:
    assert speech_positions(model, np.zeros(32_000, np.int16)).shape[0] == 0


def test_mean_and_deviation_are_those_of_all_positions(model: EmotionModel) -> None:
    names = ("one_utterance", "speech_at_once", "short_word")
    positions = np.concatenate([speech_positions(model, speech(name)) for name in names])
    mean, deviation = voice_statistics(model, [clip(name) for name in names])
    np.testing.assert_allclose(mean, positions.mean(axis=0), atol=1e-5)
    assert (deviation >= positions.std(axis=0) - 1e-4).all()
    assert (deviation > 0).all()


def test_clips_without_speech_are_refused(model: EmotionModel, tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(32_000, np.int16), 16_000)
    silent = corpus_clip("nemo", "A", "happy", path=str(path))
    with pytest.raises(SettingsError, match="no speech"):
        voice_statistics(model, [silent])


def test_statistics_are_added_to_a_folder_that_lacks_them(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundled_model_folder(), tmp_path / "model"))
    (folder / STATISTICS_FILE).unlink()
    values = json.loads((folder / MANIFEST_FILE).read_text())
    values["files"].pop(STATISTICS_FILE)
    (folder / MANIFEST_FILE).write_text(json.dumps({**values, "format_version": 1}))
    assert EmotionModel(folder).statistics is None

    add_statistics(folder, [clip("one_utterance")])

    added = EmotionModel(folder)
    assert added.statistics is not None
    assert added.statistics.dtype == np.float32
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    assert manifest["format_version"] == 2
    assert manifest["files"][MODEL_FILE] == values["files"][MODEL_FILE]
    first = (folder / STATISTICS_FILE).read_bytes()
    add_statistics(folder, [clip("one_utterance")])
    assert (folder / STATISTICS_FILE).read_bytes() == first


def test_clips_are_drawn_evenly_over_corpora_and_speakers() -> None:
    clips = [
        corpus_clip(corpus, speaker, path=f"{speaker}{number}")
        for corpus, speakers in {"nemo": {"A": 50, "B": 5}, "emospeech": {"C": 4}}.items()
        for speaker, count in speakers.items()
        for number in range(count)
    ]
    drawn = draw_evenly(clips, 12)
    counts = {name: sum(clip.speaker == name for clip in drawn) for name in "ABC"}
    assert counts == {"A": 4, "B": 4, "C": 4}
    assert drawn == draw_evenly(clips[::-1], 12), "the order of the clips does not matter"
    assert len(draw_evenly(clips, 1000)) == len(clips)
