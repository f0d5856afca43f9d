"""File names and folders of RAVDESS. Needs no part of the train extra."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from realtime_ser import AudioInputError
from train.corpora.ravdess import CLIP_NAMES, HELD_OUT_SPEAKERS, SPEAKERS, list_clips, parse_clip
from train.corpora.seeds import clip_seed
from train.corpora.targets import label_indices


def with_files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(("speaker", "sex"), [("17", "male"), ("08", "female")])
def test_a_name_states_label_speaker_and_sex(speaker: str, sex: str) -> None:
    clip = parse_clip(Path(f"03-01-05-02-01-02-{speaker}.wav"))
    assert (clip.corpus, clip.language) == ("ravdess", "en")
    assert (clip.label, clip.speaker, clip.sex) == ("angry", speaker, sex)


@pytest.mark.parametrize(
    ("number", "label"),
    enumerate(
        ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"], start=1
    ),
)
def test_every_number_of_an_emotion_is_its_label(number: int, label: str) -> None:
    assert parse_clip(Path(f"03-01-{number:02}-01-01-01-01.wav")).label == label


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


def test_every_speaker_has_sixty_clips() -> None:
    clips = [parse_clip(Path(f"{name}.wav")) for name in CLIP_NAMES]
    assert Counter(clip.speaker for clip in clips) == dict.fromkeys(SPEAKERS, 60)
    counts = Counter(clip.label for clip in clips)
    assert counts.pop("neutral") == 96
    assert list(counts.values()) == [192] * 7


def test_the_held_out_speakers_are_those_of_the_published_scores() -> None:
    assert HELD_OUT_SPEAKERS == ("21", "22", "23", "24")


def test_only_clips_of_the_given_speakers_are_listed(tmp_path: Path) -> None:
    for actor in (1, 21):
        folder = f"Actor_{actor:02}"
        with_files(tmp_path, f"{folder}/03-01-01-01-01-01-{actor:02}.flac", f"{folder}/readme.txt")
    assert [clip.speaker for clip in list_clips(tmp_path, ["01"])] == ["01"]
    with pytest.raises(AudioInputError, match="no clips of actors 02, 03"):
        list_clips(tmp_path, ["01", "02", "03"])


def test_other_files_are_ignored(tmp_path: Path) -> None:
    name = "03-01-01-01-01-01-01.wav"  # macOS writes such hidden files to other disks
    with_files(tmp_path, f"Actor_01/{name}", f"Actor_01/._{name}", "song/other.wav")
    assert [clip.path.name for clip in list_clips(tmp_path, ["01"])] == [name]


def test_a_folder_that_is_missing_empty_or_mixed_up_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioInputError, match=r"no folder .*absent: give the folder that"):
        list_clips(tmp_path / "absent", ["01"])
    with pytest.raises(AudioInputError, match="holds no clips of RAVDESS: give the folder"):
        list_clips(tmp_path, ["01"])
    with_files(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "Actor_01/03-01-01-01-01-01-01.flac")
    with pytest.raises(AudioInputError, match="03-01-01-01-01-01-01 more than once: delete one"):
        list_clips(tmp_path, ["01"])


def test_the_seed_of_a_clip_depends_on_its_identity_only() -> None:
    name = "03-01-05-02-01-02-17"
    clip = parse_clip(Path(f"here/{name}.wav"))
    assert clip_seed(clip) == clip_seed(parse_clip(Path(f"there/{name}.flac")))
    others = {
        clip_seed(replace(clip, corpus="other")),
        clip_seed(replace(clip, speaker="18")),
        clip_seed(parse_clip(Path("03-01-05-02-01-01-17.wav"))),
    }
    assert len(others | {clip_seed(clip)}) == 4


def test_labels_become_indices_and_a_missing_one_is_an_error() -> None:
    clips = [parse_clip(Path(f"03-01-{number:02}-01-01-01-01.wav")) for number in (5, 1, 8)]
    assert label_indices(clips).tolist() == [4, 0, 7]
    with pytest.raises(ValueError, match="has no label"):
        label_indices([replace(clips[0], label=None)])
