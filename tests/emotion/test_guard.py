"""A profile's voice is learned, another voice is not; and how far two voices are apart."""

import math
import os
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from realtime_ser import Recognizer
from realtime_ser.emotion.guard import REFERENCE_FRAMES, GuardedAdaptation, GuardSettings
from realtime_ser.emotion.timbre import distance, is_possible, moments, no_timbre

Float32 = NDArray[np.float32]
Maps = dict[str, Float32]

CHANNELS = 5
POSITIONS = 3
TRAINING = np.stack([np.zeros(CHANNELS), np.ones(CHANNELS)])


def spectrum(voice: float, random: np.random.Generator) -> Maps:
    """A frame of a voice with formants where ``voice`` puts them, different in every column."""
    band = np.arange(64)
    formants = sum(np.exp(-(((band - center - 12 * voice) / 5) ** 2)) for center in (10, 25, 40))
    return {"mel": (2 * formants + random.normal(0, 0.4, (96, 64))).astype(np.float32)}


class Speaker:
    """Speaks frames into an adaptation: spectra of a voice, and embeddings around a mean."""

    def __init__(self, voice: float, mean: float, seed: int = 0) -> None:
        self.voice, self.mean = voice, mean
        self.random = np.random.default_rng(seed)

    def speak(self, adaptation: GuardedAdaptation, frames: int) -> list[Float32]:
        """Say one utterance; return the embeddings before normalization."""
        adaptation.begin_utterance()
        said = []
        for _ in range(frames):
            shape = (POSITIONS, CHANNELS)
            embedding = self.random.normal(self.mean, 0.3, shape).astype(np.float32)
            adaptation.hear(spectrum(self.voice, self.random))
            adaptation.normalize(embedding)
            said.append(embedding)
        return said


ADA, BOB = Speaker(0.0, mean=1.0), Speaker(1.0, mean=-1.0)


def guarded(well_known: float = 5.0) -> GuardedAdaptation:
    return GuardedAdaptation(TRAINING, guard=GuardSettings(well_known=well_known))


def test_moments_add_up_and_pauses_do_not_count() -> None:
    random = np.random.default_rng(0)
    frame = spectrum(0.0, random)["mel"]
    with_pause = np.concatenate((frame, np.full((40, 64), -7, np.float32)))
    np.testing.assert_allclose(moments({"mel": with_pause}), moments({"mel": frame}))
    halves = moments({"mel": frame[:48]}) + moments({"mel": frame[48:]})
    np.testing.assert_allclose(halves, moments({"mel": frame}))
    assert moments({"mel": frame})[0, 0] == len(frame)


def test_timbre_does_not_depend_on_the_level() -> None:
    frame = spectrum(0.0, np.random.default_rng(0))["mel"]
    np.testing.assert_allclose(moments({"mel": frame + 3}), moments({"mel": frame}), atol=1e-4)


def test_moments_are_possible_and_other_matrices_are_not() -> None:
    assert is_possible(no_timbre())
    assert is_possible(moments(spectrum(0.0, np.random.default_rng(0))))
    assert not is_possible(-np.eye(21))
    assert not is_possible(np.triu(np.ones((21, 21))))


def test_the_distance_to_itself_is_small_and_to_another_voice_large() -> None:
    random = np.random.default_rng(0)
    ada = np.sum([moments(spectrum(0.0, random)) for _ in range(10)], axis=0)
    assert distance(moments(spectrum(0.0, random)), ada) < 0.6
    assert distance(moments(spectrum(1.0, random)), ada) > 3


def test_another_voice_is_not_learned() -> None:
    adaptation = guarded()
    ADA.speak(adaptation, 60)
    before, share = adaptation.known, adaptation.share
    assert adaptation.learns
    BOB.speak(adaptation, 60)
    assert adaptation.is_other_voice
    assert not adaptation.learns
    known = adaptation.known
    assert before.frames - REFERENCE_FRAMES <= known.frames <= before.frames
    np.testing.assert_allclose(known.statistics.mean, ADA.mean, atol=0.1)
    assert adaptation.share == 0, "it is not normalized by the profile's voice"
    ADA.speak(adaptation, 90)
    assert not adaptation.is_other_voice, "the voice itself is known again"
    assert adaptation.known.frames > known.frames + 20
    assert adaptation.share > share


def test_a_voice_in_doubt_is_normalized_and_not_learned() -> None:
    doubtful = GuardSettings(well_known=5, farthest=0, other=math.inf)
    adaptation = GuardedAdaptation(TRAINING, guard=doubtful)
    ADA.speak(adaptation, 60)
    before = adaptation.known
    adaptation.hear(spectrum(ADA.voice, ADA.random))
    embedding = np.full((POSITIONS, CHANNELS), 2, np.float32)
    assert not np.array_equal(adaptation.normalize(embedding), embedding)
    assert not adaptation.learns
    assert adaptation.known is before
    np.testing.assert_array_equal(adaptation.statistics.mean, before.statistics.mean)


def test_another_voice_is_left_as_it_is() -> None:
    adaptation = guarded()
    ADA.speak(adaptation, 60)
    BOB.speak(adaptation, 2)
    embedding = np.full((POSITIONS, CHANNELS), -1, np.float32)
    adaptation.hear(spectrum(BOB.voice, BOB.random))
    np.testing.assert_array_equal(adaptation.normalize(embedding), embedding)


def test_until_the_profile_knows_the_voice_it_learns_from_all() -> None:
    adaptation = guarded(well_known=600)
    ADA.speak(adaptation, 60)
    BOB.speak(adaptation, 30)
    assert not adaptation.is_other_voice
    assert adaptation.known.frames == 90


def test_clear_goes_back_to_what_was_restored() -> None:
    adaptation = guarded()
    ADA.speak(adaptation, 60)
    stored = adaptation.known
    adaptation.restore_voice(stored.statistics, stored.timbre)
    ADA.speak(adaptation, 10)
    adaptation.clear()
    known = adaptation.known
    assert (known.frames, known.clears) == (0, 1)
    np.testing.assert_array_equal(known.statistics.mean, stored.statistics.mean)
    np.testing.assert_array_equal(known.timbre, stored.timbre)


def test_fade_is_how_far_the_restored_statistics_have_decayed() -> None:
    adaptation = guarded()
    ADA.speak(adaptation, 60)
    stored = adaptation.known
    adaptation.restore_voice(stored.statistics, stored.timbre)
    said = ADA.speak(adaptation, 10)
    alone = guarded()
    alone.restore_voice(guarded().statistics, no_timbre())
    for embedding in said:
        alone.hear(spectrum(ADA.voice, ADA.random))
        alone.normalize(embedding)
    faded = adaptation.known.fade * stored.statistics.count
    assert adaptation.statistics.count == pytest.approx(faded + alone.statistics.count)


def speaker_clips(actor: int) -> list[Path]:
    """Return half of an actor's clips, in random order."""
    folder = os.environ.get("REALTIME_SER_RAVDESS")
    if not folder:
        pytest.skip("REALTIME_SER_RAVDESS names no folder with RAVDESS")
    clips = sorted(Path(folder, f"Actor_{actor:02}").glob("*.flac"))[::2]
    random.Random(actor).shuffle(clips)
    return clips


def hear_clips(recognizer: Recognizer, adaptation: GuardedAdaptation, actor: int) -> None:
    """Let pipelines hear an actor's clips, one after the other."""
    for path in speaker_clips(actor):
        samples, rate = soundfile.read(path, dtype="int16")
        assert rate == 16_000
        pipeline = recognizer.pipeline()
        pipeline.adaptation = pipeline.guard = adaptation
        pipeline.process(samples)
        pipeline.flush()


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "guest"), [(3, 5), (4, 8)])
def test_a_real_guest_is_hardly_learned_and_the_owner_is(
    recognizer: Recognizer, owner: int, guest: int
) -> None:
    """Voices among those that the distances were chosen on."""
    statistics = recognizer.model.statistics
    assert statistics is not None
    guarded, open_to_all = (
        GuardedAdaptation(statistics, guard=GuardSettings(well_known=seconds))
        for seconds in (10.0, math.inf)
    )
    shares = []
    for speaker in (owner, guest):
        before = guarded.known.frames, open_to_all.known.frames
        for adaptation in (guarded, open_to_all):
            hear_clips(recognizer, adaptation, speaker)
        learned = guarded.known.frames - before[0]
        shares.append(learned / (open_to_all.known.frames - before[1]))
    assert shares[0] > 0.6, "the owner is learned"
    assert shares[1] < 0.3, "the guest is not"
