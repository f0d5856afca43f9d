"""How many labels gains and offsets change."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ravdess_clips import clip
from speech_clips import speech

from realtime_ser import LABELS, Recognizer
from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.model import bundled_model_folder

pytestmark = pytest.mark.train

for module in ("scipy", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.audio.disturbances import Disturbance  # noqa: E402
from train.evaluation import levels  # noqa: E402
from train.evaluation.levels import choose_clips, levels_table, measure_levels  # noqa: E402
from train.evaluation.recordings import Recording  # noqa: E402

Float32 = NDArray[np.float32]


def test_the_clips_are_chosen_by_hash_and_evenly_by_speaker() -> None:
    clips = [clip(label, speaker) for speaker in ("21", "22", "23") for label in LABELS]
    chosen = choose_clips(clips, per_speaker=5)
    assert [clip.speaker for clip in chosen] == ["21"] * 5 + ["22"] * 5 + ["23"] * 5
    assert choose_clips(clips[::-1], per_speaker=5) == chosen
    assert len({clip.label for clip in chosen}) > 5, "not the same labels of everyone"
    assert len(choose_clips(clips)) == 24, "a speaker may have fewer"


def test_changed_labels_are_counted_from_the_right_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_peak(recognizer: object, recording: Recording, *several: Disturbance) -> str:
        samples: Float32 = recording.samples
        for disturb in several:
            samples = disturb(samples, np.random.default_rng(0))
        peak = float(samples.max())
        return "loud" if peak > 0.4 else "quiet" if peak > 0.03 else "faint"

    monkeypatch.setattr(levels, "label_of", by_peak)
    heights = (1.0, 0.6, 0.18)  # -6 dB: 0.5, 0.3, 0.09; -20 dB: 0.1, 0.06, 0.018
    recordings = [
        Recording(clip("sad", "21", Path(str(height))), np.full(100, height, np.float32))
        for height in heights
    ]
    rows = measure_levels(Recognizer(bundled_model_folder()), recordings)
    assert [(row.name, row.changed) for row in rows] == [
        ("gain -6 dB", 1),
        ("gain -20 dB", 3),
        ("offset of 0.01, voice at -20 dB", 0),
        ("offset of 0.02, voice at -20 dB", 1),
        ("offset of 0.05, voice at -20 dB", 1),
        ("offset of 0.1, voice at -20 dB", 1),
    ]
    assert {row.clips for row in rows} == {3}


def test_the_program_counts_too() -> None:
    recording = Recording(clip("sad", "21"), to_float(speech("one_utterance")))
    rows = measure_levels(Recognizer(bundled_model_folder()), [recording])
    assert all(row.changed in (0, 1) and row.clips == 1 for row in rows)
    table = levels_table([{"name": row.name, "changed": 3, "clips": 40} for row in rows])
    assert "| gain -6 dB | 3 of 40 |" in table
