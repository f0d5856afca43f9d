"""The measurements of the speech gate: scenes, errors, and the price of the speech output."""

from dataclasses import replace

import numpy as np
import pytest
from speech_clips import speech

from realtime_ser.emotion.model import EmotionModel, bundled_model_folder
from realtime_ser.settings import SAMPLE_RATE

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("scipy", "soxr"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.gate.network import (  # noqa: E402
    false_reports,
    price,
    report,
    unseen_speakers,
    without_speech_output,
)
from experiments.gate.scenes import (  # noqa: E402
    FAMILIES,
    SIDE_SAMPLES,
    SOUNDS,
    Background,
    clip_in_background,
    sounds_without_speech,
    streams_of_sound,
)
from experiments.gate.segmentation import (  # noqa: E402
    DEFAULTS,
    Segment,
    clip_errors,
    measure_errors,
    measure_false_segments,
    summarize,
)
from train.audio.levels import rms  # noqa: E402
from train.corpora.ravdess import HELD_OUT_SPEAKERS  # noqa: E402

SECOND = SAMPLE_RATE


def test_errors_of_segments_known_by_hand() -> None:
    speech_span = (3 * SECOND, 5 * SECOND)
    found = [
        Segment(0, SECOND, SECOND),  # before the speech
        Segment(3 * SECOND + 1600, 4 * SECOND, 3 * SECOND + 3200),
        Segment(4 * SECOND + 1600, 6 * SECOND, 4 * SECOND + 3200),
    ]
    errors = clip_errors(found, speech_span)
    assert errors.segments == 2
    assert errors.delay == pytest.approx(0.2)
    assert errors.onset_lost == pytest.approx(0.1)
    assert errors.end_lost == 0
    assert errors.lost_share == pytest.approx(0.1)
    assert errors.surplus == pytest.approx(2.0)


def test_a_missed_clip_counts_as_missed_and_not_as_a_delay() -> None:
    span = (SECOND, 2 * SECOND)
    hit = clip_errors([Segment(SECOND, 2 * SECOND, SECOND + 1600)], span)
    summary = summarize("silence", [hit, clip_errors([], span)])
    assert (summary.clips, summary.missed, summary.segments_per_clip) == (2, 1, 0.5)
    assert summary.delay_median == pytest.approx(100)
    assert summary.lost == pytest.approx(50)


@pytest.mark.parametrize("name", SOUNDS)
def test_the_signal_to_noise_ratio_of_a_scene_is_the_one_given(name: str) -> None:
    clip = speech("one_utterance")
    samples, (first, last) = clip_in_background(clip, Background(name, -50.0, 20.0), seed=1)
    side = samples[: SIDE_SAMPLES // 2] / 32768
    spoken = samples[first:last] / 32768
    if name != "silence":
        assert 20 * np.log10(rms(side)) == pytest.approx(-50, abs=3)
    assert 20 * np.log10(rms(spoken)) == pytest.approx(-30, abs=0.5)


def test_speech_in_silence_is_found_and_silence_is_not() -> None:
    background = Background("silence", -90.0)
    (errors,) = measure_errors([speech("one_utterance")], background, DEFAULTS)
    assert errors.segments == 1
    assert errors.lost_share < 0.1
    silence = measure_false_segments("silence", DEFAULTS, switched_on=True, levels=(-30.0,))
    assert silence.seconds == (0.0,)


@pytest.mark.parametrize("name", ["white noise", *FAMILIES])
def test_sounds_without_speech_are_the_same_every_time(name: str) -> None:
    first, again = sounds_without_speech(name), sounds_without_speech(name)
    assert len(first) == (1 if name in SOUNDS else 6)
    for sound, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(sound, same)
    (stream,) = streams_of_sound(first[:1], -30.0, switched_on=True)
    assert 20 * np.log10(rms(stream[SIDE_SAMPLES:] / 32768)) == pytest.approx(-30, abs=0.5)
    assert 20 * np.log10(rms(stream[:SIDE_SAMPLES] / 32768)) == pytest.approx(-75, abs=1)


def with_threshold(threshold: float) -> EmotionModel:
    model = EmotionModel(bundled_model_folder())
    model.manifest = replace(model.manifest, speech_threshold=threshold)
    return model


def test_the_price_counts_what_the_speech_output_changes() -> None:
    rejecting, accepting = with_threshold(0.99999999), with_threshold(1e-9)
    clip = speech("one_utterance")
    [(start, end)] = report(clip, without_speech_output(rejecting)).utterances
    scenes = [(clip, (start + 4_800, end - 9_600))]

    rejected, accepted = price("", scenes, rejecting), price("", scenes, accepting)
    assert np.isnan(rejected.added).all()
    assert (rejected.missed_before, rejected.missed_after, rejected.lost_after) == (0, 1, 100)
    assert (accepted.missed_after, accepted.lost_after, accepted.emotion_later) == (0, 0, 0)
    # From the gate's decision to the end of the first frame.
    assert 0 < accepted.added[0] < 0.975


def test_the_speech_output_reduces_false_reports() -> None:
    model = EmotionModel(bundled_model_folder())
    reports = false_reports("breath", model, switched_on=True, levels=(-30.0,))
    assert reports.trained_on
    assert reports.after[0] < reports.before[0]


def test_the_bundled_model_is_measured_on_the_held_out_speakers() -> None:
    assert unseen_speakers(EmotionModel(bundled_model_folder())) == HELD_OUT_SPEAKERS
