"""When a profile is saved, and that no problem with the disk stops recognition."""

import logging
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from profile_sessions import Use, open_profile, path_of, stored

from realtime_ser import Recognizer, SettingsError
from realtime_ser.profiles import session as session_module
from realtime_ser.profiles.session import ProfileSession
from realtime_ser.profiles.sink import ProfileSink
from realtime_ser.profiles.store import FOLDER_VARIABLE, ProfileStore

Int16 = NDArray[np.int16]


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


@pytest.fixture
def use(recognizer: Recognizer, store: ProfileStore) -> Use:
    """Return a session and its pipeline, as a program would have them."""
    return partial(open_profile, recognizer, store)


@pytest.mark.skipif(os.name == "nt", reason="has no such folder")
@pytest.mark.parametrize("folder", ["/dev/null/profiles", "/proc/self/profiles"])
def test_a_folder_that_cannot_be_written_is_one_line_and_recognition_goes_on(
    recognizer: Recognizer, three_utterances: Int16, caplog: pytest.LogCaptureFixture, folder: str
) -> None:
    if not Path(folder).parent.exists():
        pytest.skip(f"there is no {folder}")
    pipeline = recognizer.pipeline()
    session = ProfileSession("ada", pipeline, recognizer.model, ProfileStore(Path(folder)))
    assert pipeline.process(three_utterances)
    assert not session.save()
    assert not session.save()
    assert len(caplog.messages) <= 2, "one for reading and one for writing at most"
    assert "recognition goes on" in caplog.messages[0]
    assert pipeline.adaptation is not None
    assert pipeline.adaptation.share > 0


def test_a_disk_that_was_full_is_tried_again(
    use: Use,
    store: ProfileStore,
    recognizer: Recognizer,
    three_utterances: Int16,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session, pipeline = use()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("realtime_ser.profiles.files.os.fsync", full)
        pipeline.process(three_utterances)
        assert not session.save()
        assert not session.save()
    assert len(caplog.messages) == 1, "the same problem is reported once"
    assert session.problem == caplog.messages[0].removesuffix("; recognition goes on")
    assert session.save()
    assert session.problem is None
    assert stored(store, recognizer).seconds > 3


def test_the_sink_saves_regularly_and_at_the_end(
    use: Use, store: ProfileStore, recognizer: Recognizer, three_utterances: Int16
) -> None:
    session, pipeline = use()
    sink = ProfileSink(session, interval=0.05)
    pipeline.process(three_utterances)
    for _ in range(200):
        if stored(store, recognizer).seconds:
            break
        sink._closed.wait(0.05)
    else:
        pytest.fail("nothing was saved")
    pipeline.process(three_utterances)
    sink.close()
    sink.close()
    heard = pipeline.guard
    assert heard is not None
    assert stored(store, recognizer).seconds == pytest.approx(heard.known.frames * 0.48)


def test_a_save_that_hangs_does_not_hold_up_the_end(
    use: Use, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session, _ = use()
    monkeypatch.setattr(session_module, "LONGEST_SAVE", 0.05)
    with session._saving:
        assert not session.save()
    assert "still being saved" in caplog.messages[0]


def test_a_stream_stores_its_profile(
    recognizer: Recognizer,
    three_utterances: Int16,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    store = ProfileStore()
    with recognizer.stream(profile="ada") as stream:
        stream.process(three_utterances)
        stream.flush()
        flushed = stored(store, recognizer).seconds
        assert flushed > 3
        stream.process(three_utterances)
    assert stored(store, recognizer).seconds > flushed
    stream.close()
    dropped = recognizer.stream(profile="bob")
    dropped.process(three_utterances)
    sink = dropped._profile
    del dropped
    assert sink is not None
    assert sink._closed.wait(30), "a stream that is dropped closes its profile"
    shutil.rmtree(tmp_path / "ada")
    assert store.names() == ["bob"]


@pytest.mark.parametrize("name", ["../x", "", "CON", 3, b"ada"])
def test_a_stream_with_an_impossible_name_is_one_error(
    recognizer: Recognizer, name: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(SettingsError, match="the profile name"):
        recognizer.stream(profile=name)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_problems_are_logged_as_warnings(
    use: Use, store: ProfileStore, caplog: pytest.LogCaptureFixture
) -> None:
    use()
    path_of(store).write_bytes(b"damaged")
    use()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
