"""File names and the actors of each part. Needs nothing of the train extra."""

from pathlib import Path

import pytest

from realtime_ser import LABELS, AudioInputError
from train.ravdess import (
    HELD_OUT_ACTORS,
    TRAINING_ACTORS,
    VALIDATION_ACTORS,
    list_clips,
    parse_clip,
)


def test_a_name_tells_label_and_actor() -> None:
    clip = parse_clip(Path("Actor_17/03-01-05-02-01-02-17.wav"))
    assert LABELS[clip.label] == "angry"
    assert clip.actor == 17


@pytest.mark.parametrize(
    "name",
    [
        "03-01-05-02-01-02.wav",
        "01-01-05-02-01-02-17.wav",
        "03-02-05-02-01-02-17.wav",
        "03-01-09-02-01-02-17.wav",
        "03-01-00-02-01-02-17.wav",
        "03-01-05-02-01-02-25.wav",
        "03-01-05-02-01-02-1².wav",
        "speech.wav",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(AudioInputError, match="is not the name of a RAVDESS speech clip"):
        parse_clip(Path(name))


def test_no_actor_is_in_two_parts() -> None:
    parts = [*TRAINING_ACTORS, *VALIDATION_ACTORS, *HELD_OUT_ACTORS]
    assert sorted(parts) == list(range(1, 25))
    assert HELD_OUT_ACTORS == (21, 22, 23, 24)


def test_clips_are_those_of_the_actors_asked_for(tmp_path: Path) -> None:
    for actor in (1, 21):
        folder = tmp_path / f"Actor_{actor:02}"
        folder.mkdir()
        (folder / f"03-01-01-01-01-01-{actor:02}.flac").touch()
        (folder / "readme.txt").touch()
    assert [clip.actor for clip in list_clips(tmp_path, [1])] == [1]
    with pytest.raises(AudioInputError, match="no clips of actors 2, 3"):
        list_clips(tmp_path, [1, 2, 3])
