"""A profile in use: it is there the next time, and several programs may share it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from profile_maker import assert_same
from profile_sessions import Use, open_profile, path_of, stored

from realtime_ser import EmotionUpdate, Recognizer
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.profiles.profile import Profile, Weights, merged, new_profile
from realtime_ser.profiles.store import ProfileStore

Int16 = NDArray[np.int16]


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


@pytest.fixture
def use(recognizer: Recognizer, store: ProfileStore) -> Use:
    """Return a session and its pipeline, as a program would have them."""
    return partial(open_profile, recognizer, store)


def test_what_was_learned_is_there_the_next_time(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    session, pipeline = use()
    pipeline.process(three_utterances)
    pipeline.correct("happy")
    assert session.save()
    assert pipeline.adaptation is not None
    again, continued = use("Ada")
    assert continued.adaptation is not None
    assert continued.adaptation.share == pytest.approx(pipeline.adaptation.share) != 0
    np.testing.assert_array_equal(
        continued.adaptation.statistics.mean, pipeline.adaptation.statistics.mean
    )
    assert [correction.label for correction in continued.corrections.all] == ["happy"]
    assert stored(store, recognizer).seconds > 3
    assert again.problem is None


def test_the_first_event_of_the_next_run_already_knows_the_voice(
    use: Use, three_utterances: Int16
) -> None:
    session, pipeline = use()
    events = pipeline.process(three_utterances)
    session.save()
    updates = [event for event in events if isinstance(event, EmotionUpdate)]
    _, continued = use()
    again = [e for e in continued.process(three_utterances) if isinstance(e, EmotionUpdate)]
    assert again[0].adaptation > updates[-1].adaptation - 0.05
    assert again[0].probabilities != updates[0].probabilities


def test_blocks_of_any_size_learn_the_same(use: Use, three_utterances: Int16) -> None:
    known = []
    for size in (len(three_utterances), 1600, 777):
        _, pipeline = use(f"block{size}")
        for start in range(0, len(three_utterances), size):
            pipeline.process(three_utterances[start : start + size])
        assert pipeline.guard is not None
        known.append(pipeline.guard.known)
    for other in known[1:]:
        np.testing.assert_array_equal(other.statistics.mean, known[0].statistics.mean)
        np.testing.assert_array_equal(other.timbre, known[0].timbre)


def test_a_new_profile_is_on_the_disk_at_once(use: Use, store: ProfileStore) -> None:
    use()
    assert store.names() == ["ada"]


def test_saving_without_news_writes_nothing(use: Use, store: ProfileStore) -> None:
    session, _ = use()
    before = path_of(store).stat()
    assert session.save()
    assert path_of(store).stat().st_mtime_ns == before.st_mtime_ns


def test_without_adaptation_the_voice_stays_and_corrections_are_learned(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    session, pipeline = use()
    pipeline.process(three_utterances)
    session.save()
    before = stored(store, recognizer)
    session, pipeline = use(adapt=False)
    pipeline.process(three_utterances)
    pipeline.correct("sad")
    session.save()
    after = stored(store, recognizer)
    np.testing.assert_array_equal(after.statistics.mean, before.statistics.mean)
    assert after.seconds == before.seconds
    assert [correction.label for correction in after.corrections] == ["sad"]


def test_two_programs_lose_nothing_of_each_other(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    half = len(three_utterances) // 2
    (one, first), (other, second) = use(), use()
    first.process(three_utterances[:half])
    first.correct("happy")
    one.save()
    second.process(three_utterances[half:])
    second.correct("sad")
    other.save()
    first.process(three_utterances[:half])
    first.correct("angry")
    one.save()
    result = stored(store, recognizer)
    assert {correction.label for correction in result.corrections} == {"happy", "sad", "angry"}
    assert first.guard is not None
    assert second.guard is not None
    frames = first.guard.known.frames + second.guard.known.frames
    assert result.seconds == pytest.approx(frames * first.settings.hop)
    counts = [each.guard.known.statistics.count for each in (first, second) if each.guard]
    assert result.statistics.count == pytest.approx(sum(counts), rel=0.05)


def test_a_correction_taken_back_stays_away_when_another_program_has_written(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    (one, first), (other, second) = use(), use()
    for pipeline in (first, second):
        pipeline.process(three_utterances)
    first.correct("happy")
    one.save()
    second.correct("sad")
    other.save()
    first.undo_correction()
    one.save()
    assert [each.label for each in stored(store, recognizer).corrections] == ["sad"]


def test_merging_gives_what_one_program_would_have_learned() -> None:
    random = np.random.default_rng(0)
    base = new_profile(4)
    before, mine, yours = (random.normal(size=(n, 4)) for n in (50, 20, 30))
    start = base.statistics.updated(before)

    def with_statistics(*groups: NDArray[np.float64], decay: float = 1.0) -> Profile:
        statistics = start
        for group in groups:
            statistics = statistics.updated(group, decay)
        return Profile(statistics, np.zeros((21, 21)))

    both = merged(with_statistics(yours), with_statistics(mine), with_statistics(), Weights())
    assert_same(both, with_statistics(yours, mine), 1e-9)
    decayed = merged(
        with_statistics(yours, decay=0.99),
        with_statistics(mine, decay=0.99),
        with_statistics(),
        Weights(statistics=0.99 ** len(mine)),
    )
    assert_same(decayed, with_statistics(yours, mine, decay=0.99), 1e-9)


def test_a_profile_forgotten_meanwhile_is_not_created_again(
    use: Use, store: ProfileStore, three_utterances: Int16, caplog: pytest.LogCaptureFixture
) -> None:
    session, pipeline = use()
    store.forget("ada")
    pipeline.process(three_utterances)
    assert not session.save()
    assert not session.save()
    assert not (store.folder / "ada").exists()
    assert session.problem is not None
    assert len(caplog.messages) == 1
    assert "was forgotten" in caplog.messages[0]


def test_nor_when_there_is_a_new_one_of_that_name(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    session, pipeline = use()
    store.forget("ada")
    use()
    pipeline.process(three_utterances)
    assert not session.save()
    assert stored(store, recognizer).seconds == 0


def test_after_clear_the_profile_is_as_it_was_loaded(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    session, pipeline = use()
    pipeline.process(three_utterances)
    session.save()
    before = stored(store, recognizer)
    session, pipeline = use()
    pipeline.process(three_utterances)
    session.save()
    assert stored(store, recognizer).seconds > before.seconds
    assert pipeline.adaptation is not None
    pipeline.adaptation.clear()
    session.save()
    assert_same(stored(store, recognizer), before)


def test_another_model_starts_afresh_and_the_old_file_stays(
    use: Use,
    store: ProfileStore,
    recognizer: Recognizer,
    three_utterances: Int16,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session, pipeline = use()
    pipeline.process(three_utterances)
    session.save()
    path = path_of(store)
    other = path.with_name("0123456789abcdef.npz")
    path.rename(other)
    content = other.read_bytes()
    _, pipeline = use()
    assert pipeline.adaptation is not None
    assert pipeline.adaptation.share == 0
    assert other.read_bytes() == content
    assert stored(store, recognizer).seconds == 0
    assert len(caplog.messages) == 1
    assert "profile ada was made with another model" in caplog.messages[0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x04N."])
def test_a_damaged_profile_is_set_aside_with_one_line(
    use: Use,
    store: ProfileStore,
    three_utterances: Int16,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    use()
    path_of(store).write_bytes(content)
    session, pipeline = use()
    assert pipeline.process(three_utterances)
    assert session.save()
    (aside,) = (store.folder / "ada").glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert len(caplog.messages) == 1
    assert "profile ada is damaged" in caplog.messages[0]
    assert aside.name in caplog.messages[0]


def test_a_profile_damaged_during_the_run_is_written_again(
    use: Use,
    store: ProfileStore,
    recognizer: Recognizer,
    three_utterances: Int16,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session, pipeline = use()
    path_of(store).write_bytes(b"damaged")
    pipeline.process(three_utterances)
    assert session.save()
    assert stored(store, recognizer).seconds > 3
    assert len(caplog.messages) == 1


def test_a_profile_of_another_size_is_damaged(
    use: Use, store: ProfileStore, recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    with store.locked("ada"):
        store.write("ada", recognizer.model.manifest.files[MODEL_FILE], new_profile(3))
    use()
    assert "is damaged" in caplog.messages[0]
