"""File names and folders. Needs nothing of the train extra."""

from collections import Counter
from pathlib import Path

import pytest

from realtime_ser import LABELS, AudioInputError
from train.data.ravdess import ACTORS, CLIP_NAMES, HELD_OUT_ACTORS, list_clips, parse_clip


def with_files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return folder


def test_a_name_tells_label_and_actor() -> None:
    clip = parse_clip(Path("Actor_17/03-01-05-02-01-02-17.wav"))
    assert LABELS[clip.label] == "angry"
    assert clip.actor == 17


@pytest.mark.parametrize(
    ("number", "label"),
    enumerate(
        ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"], start=1
    ),
)
def test_every_number_of_an_emotion_is_its_label(number: int, label: str) -> None:
    assert LABELS[parse_clip(Path(f"03-01-{number:02}-01-01-01-01.wav")).label] == label


@pytest.mark.parametrize(
    "name",
    [
        "03-01-05-02-01-02.wav",
        "01-01-05-02-01-02-17.wav",
        "03-02-05-02-01-02-17.wav",
        "03-01-09-02-01-02-17.wav",
        "03-01-00-02-01-02-17.wav",
        "03-01-01-02-01-02-17.wav",
        "03-01-05-02-01-02-25.wav",
        "03-01-05-02-01-02-1².wav",
        "03-1-5-2-1-2-17.wav",
        "03-01-05-02-01-02-17 (1).wav",
        "speech.wav",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(AudioInputError, match="is not the name of a RAVDESS speech clip"):
        parse_clip(Path(name))


def test_every_actor_has_sixty_clips() -> None:
    clips = [parse_clip(Path(f"{name}.wav")) for name in CLIP_NAMES]
    assert Counter(clip.actor for clip in clips) == dict.fromkeys(ACTORS, 60)
    neutral, *others = (Counter(clip.label for clip in clips)[label] for label in range(8))
    assert neutral == 96
    assert others == [192] * 7


def test_the_held_out_actors_stay_those_of_the_published_scores() -> None:
    assert HELD_OUT_ACTORS == (21, 22, 23, 24)


def test_clips_are_those_of_the_actors_asked_for(tmp_path: Path) -> None:
    for actor in (1, 21):
        folder = f"Actor_{actor:02}"
        with_files(tmp_path, f"{folder}/03-01-01-01-01-01-{actor:02}.flac", f"{folder}/readme.txt")
    assert [clip.actor for clip in list_clips(tmp_path, [1])] == [1]
    with pytest.raises(AudioInputError, match="no clips of actors 2, 3"):
        list_clips(tmp_path, [1, 2, 3])


def test_files_that_are_no_clips_are_passed_over(tmp_path: Path) -> None:
    name = "03-01-01-01-01-01-01.wav"  # the second is what macOS leaves on other disks
    with_files(tmp_path, f"Actor_01/{name}", f"Actor_01/._{name}", "song/other.wav")
    assert [clip.path.name for clip in list_clips(tmp_path, [1])] == [name]


def test_a_folder_that_is_missing_empty_or_mixed_up_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioInputError, match=r"no folder .*absent: give the folder that"):
        list_clips(tmp_path / "absent", [1])
    with pytest.raises(AudioInputError, match="holds no clips of RAVDESS: give the folder"):
        list_clips(tmp_path, [1])
    with_files(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "Actor_01/03-01-01-01-01-01-01.flac")
    with pytest.raises(AudioInputError, match="03-01-01-01-01-01-01 more than once: keep one"):
        list_clips(tmp_path, [1])
