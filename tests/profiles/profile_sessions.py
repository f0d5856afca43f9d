"""Profiles in use, as programs would have them, and what is stored of them."""

from collections.abc import Callable
from pathlib import Path

from realtime_ser import Recognizer, Settings
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.pipeline import Pipeline
from realtime_ser.profiles.profile import Profile
from realtime_ser.profiles.session import ProfileSession
from realtime_ser.profiles.store import ProfileStore

Use = Callable[..., tuple[ProfileSession, Pipeline]]


def open_profile(
    recognizer: Recognizer, store: ProfileStore, name: str = "ada", **settings: bool
) -> tuple[ProfileSession, Pipeline]:
    """Return a session and its pipeline."""
    pipeline = Pipeline(recognizer.model, Settings(**settings))
    return ProfileSession(name, pipeline, recognizer.model, store), pipeline


def stored(store: ProfileStore, recognizer: Recognizer) -> Profile:
    """Return what is stored of ada."""
    profile = store.read("ada", recognizer.model.manifest.files[MODEL_FILE])
    assert profile is not None
    return profile


def path_of(store: ProfileStore) -> Path:
    """Return the file of ada."""
    (path,) = (store.folder / "ada").glob("*.npz")
    return path
