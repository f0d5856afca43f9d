"""Learning a voice: which takes are refused, and what is stored."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_ser import ModelError, ProfileError, Recognizer, Settings
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.profiles.enrollment import LEAST_SECONDS, TARGET_SECONDS, Enrollment
from realtime_ser.profiles.profile import new_profile
from realtime_ser.profiles.sentences import SENTENCES
from realtime_ser.profiles.session import ProfileSession
from realtime_ser.profiles.store import ProfileStore
from realtime_ser.profiles.takes import REMEMBERED, Take, TakeMeter

Int16 = NDArray[np.int16]
GOOD = Take(seconds=3.0, level=-25.0, noise=-60.0, clipped=0.0)


def tone(seconds: float, amplitude: float) -> Int16:
    time = np.arange(round(16_000 * seconds)) / 16_000
    return np.round(32767 * amplitude * np.sin(2 * np.pi * 220 * time)).astype(np.int16)


def noise(seconds: float, level: float) -> Int16:
    values = np.random.default_rng(0).normal(0, 32768 * 10 ** (level / 20), round(16_000 * seconds))
    return values.astype(np.int16)


@pytest.mark.parametrize(
    ("take", "problem"),
    [
        (GOOD, None),
        (Take(3.0, -60.0, -90.0, 0.0), "too quiet"),
        (Take(3.0, -25.0, -30.0, 0.0), "too noisy"),
        (Take(3.0, -3.0, -60.0, 0.02), "clipped"),
        (Take(0.5, -25.0, -60.0, 0.0), "too short"),
    ],
)
def test_a_bad_take_says_what_to_do(take: Take, problem: str | None) -> None:
    if problem is None:
        assert take.problem is None
        return
    assert take.problem is not None
    kind, _, remedy = take.problem.partition(": ")
    assert kind == problem
    assert len(remedy) > 10


@pytest.mark.parametrize("block", [16_000 * 5, 160, 37])
def test_level_noise_and_clipping_are_measured_in_blocks_of_any_size(block: int) -> None:
    meter = TakeMeter()
    speech = tone(2, 0.1)
    speech[:320] = 32767
    audio = np.concatenate((noise(1.5, -50), speech, noise(1.5, -50)))
    for start in range(0, len(audio), block):
        meter.add(audio[start : start + block])
    take = meter.measure(1.5, 3.5)
    assert take.seconds == 2
    assert take.level == pytest.approx(-16, abs=0.5), "the loud half, clipped samples included"
    assert take.noise == pytest.approx(-50, abs=1)
    assert take.clipped == pytest.approx(0.01, abs=0.001)


def test_without_anything_around_a_take_its_pauses_are_the_noise() -> None:
    meter = TakeMeter()
    meter.add(np.concatenate((tone(1, 0.1), noise(0.3, -50), tone(1, 0.1))))
    assert meter.measure(0, 2.3).noise == pytest.approx(-50, abs=1.5)


def test_the_meter_remembers_a_minute_of_levels() -> None:
    meter = TakeMeter()
    for _ in range(100):
        meter.add(noise(1, -50))
    meter.add(tone(2, 0.1))
    assert len(meter._powers) == REMEMBERED
    assert meter.measure(100, 102).level == pytest.approx(-23, abs=0.5)
    assert meter.measure(0, 1).level < -80, "forgotten, not an error"


def hear(enrollment: Enrollment, recognizer: Recognizer, audio: Int16) -> None:
    pipeline = recognizer.pipeline()
    enrollment.attach(pipeline)
    for start in range(0, len(audio), 8000):
        block = audio[start : start + 8000]
        enrollment.on_audio(block)
        for event in pipeline.process(block):
            enrollment.on_event(event)
    for event in pipeline.flush():
        enrollment.on_event(event)


@pytest.fixture
def enrollment(recognizer: Recognizer) -> Enrollment:
    return Enrollment(recognizer.model, recognizer.settings)


def test_good_takes_add_up_to_a_profile(
    enrollment: Enrollment, recognizer: Recognizer, three_utterances: Int16, tmp_path: Path
) -> None:
    store = ProfileStore(tmp_path)
    hear(enrollment, recognizer, three_utterances)
    progress = enrollment.progress
    assert (progress.takes, dict(progress.refused), progress.verdict) == (3, {}, "good")
    with pytest.raises(ProfileError, match="not enough good speech"):
        enrollment.store("ada", store)
    assert not list(tmp_path.iterdir()), "too little speech stores nothing"
    while enrollment.progress.seconds < LEAST_SECONDS:
        hear(enrollment, recognizer, three_utterances)
    assert enrollment.store("ada", store) is None, "nothing was there before"
    pipeline = recognizer.pipeline()
    ProfileSession("ada", pipeline, recognizer.model, store)
    assert pipeline.adaptation is not None
    assert pipeline.adaptation.share > 0.1
    (stored,) = store.stored("ada")
    assert stored.profile is not None
    assert stored.profile.seconds == pytest.approx(enrollment.progress.seconds)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda audio: (audio // 60).astype(np.int16), "too quiet"),
        (lambda audio: np.clip(audio.astype(int) * 40, -32768, 32767).astype(np.int16), "clipped"),
    ],
    ids=["quiet", "clipped"],
)
def test_nothing_is_learned_from_a_bad_take(
    enrollment: Enrollment,
    recognizer: Recognizer,
    three_utterances: Int16,
    spoil: object,
    kind: str,
) -> None:
    assert callable(spoil)
    hear(enrollment, recognizer, three_utterances)
    before = enrollment._good
    hear(enrollment, recognizer, spoil(three_utterances))
    progress = enrollment.progress
    assert progress.refused[kind] >= 2
    assert not progress.accepted
    assert progress.takes == 3
    np.testing.assert_array_equal(enrollment._voice.statistics.mean, before.statistics.mean)


def test_enrolling_again_replaces_the_voice_and_leaves_the_corrections(
    enrollment: Enrollment, recognizer: Recognizer, three_utterances: Int16, tmp_path: Path
) -> None:
    store = ProfileStore(tmp_path)
    pipeline = recognizer.pipeline()
    session = ProfileSession("ada", pipeline, recognizer.model, store)
    pipeline.process(three_utterances)
    pipeline.correct("happy")
    session.save()
    while enrollment.progress.seconds < LEAST_SECONDS:
        hear(enrollment, recognizer, three_utterances[:100_000])
    replaced = enrollment.store("ada", store)
    assert replaced is not None
    assert [correction.label for correction in replaced.corrections] == ["happy"]
    (stored,) = store.stored("ada")
    assert stored.profile is not None
    assert [correction.label for correction in stored.profile.corrections] == ["happy"]
    np.testing.assert_array_equal(stored.profile.statistics.mean, enrollment._good.statistics.mean)


def test_a_damaged_profile_does_not_stop_an_enrollment(
    enrollment: Enrollment, recognizer: Recognizer, three_utterances: Int16, tmp_path: Path
) -> None:
    store, model = ProfileStore(tmp_path), recognizer.model.manifest.files[MODEL_FILE]
    with store.locked("ada"):
        store.write("ada", model, new_profile(3))
    (path,) = (tmp_path / "ada").iterdir()
    path.write_bytes(b"damaged")
    while enrollment.progress.seconds < LEAST_SECONDS:
        hear(enrollment, recognizer, three_utterances)
    enrollment.store("ada", store)
    assert store.read("ada", model) is not None


def test_a_model_that_cannot_adapt_is_one_error(recognizer: Recognizer) -> None:
    class WithoutStatistics:
        statistics = None
        folder = recognizer.model.folder

    with pytest.raises(ModelError, match="does not adapt to voices"):
        Enrollment(WithoutStatistics(), Settings())  # type: ignore[arg-type]


def test_sentences_differ_in_mood_and_come_in_turn(enrollment: Enrollment) -> None:
    assert len({sentence.text for sentence in SENTENCES}) == len(SENTENCES) >= 10
    assert len({sentence.mood for sentence in SENTENCES}) >= 5
    shown = []
    for _ in range(len(SENTENCES) + 1):
        shown.append(enrollment.progress.sentence)
        enrollment.skip()
    assert shown[0] == shown[-1] == SENTENCES[0]
    assert shown[:-1] == list(SENTENCES)


def test_half_a_minute_is_enough() -> None:
    assert TARGET_SECONDS == 30
