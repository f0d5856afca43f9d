"""Corpora in their published layouts: names tell speaker, sex and label."""

from pathlib import Path

import pytest

from realtime_ser.errors import AudioInputError
from train.corpora.catalog import CORPORA
from train.corpora.published import LAYOUTS
from train.corpora.registry import load_corpus

CREMA_D_TABLE = (
    '"ActorID","Age","Sex","Race","Ethnicity"\n'
    '1001,51,"Male","Caucasian","Not Hispanic"\n1002,21,"Female","Caucasian","Not Hispanic"\n'
    '1040,42,"Male","Caucasian","Not Hispanic"\n'
)
NEMO_TABLE = (
    "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    "WR0_surprised_64.wav\tsurprised\tUcho „wykrywa”\tucho\t        WR0\tmale\t23\n"
    'EB0_anger_1.wav\tanger\t"Ucho\tucho\t        EB0\tfemale\t27\n'
)
TABLES = {
    "crema-d": ("VideoDemographics.csv", CREMA_D_TABLE),
    "nemo": ("data.tsv", NEMO_TABLE),
}

CLIPS: dict[str, dict[str, tuple[str, str | None, str] | None]] = {
    "nemo": {
        "samples/EB0_anger_1.wav": ("EB0", "female", "angry"),
        "samples/WR0_surprised_64.wav": ("WR0", "male", "surprised"),
    },
    "savee": {
        "DC_a01.wav": ("DC", "male", "angry"),
        "KL_su15.wav": ("KL", "male", "surprised"),
        "AudioData/JE/sa03.wav": ("JE", "male", "sad"),
        "AudioData/JK/n30.wav": ("JK", "male", "neutral"),
        "JE_d01.wav": ("JE", "male", "disgust"),
        "JE_f01.wav": ("JE", "male", "fearful"),
        "JE_h01.wav": ("JE", "male", "happy"),
    },
    "emodb": {
        "wav/03a01Wa.wav": ("03", "male", "angry"),
        "wav/08a05Fb.wav": ("08", "female", "happy"),
        "wav/16b10Td.wav": ("16", "female", "sad"),
        "15a02Ac.wav": ("15", "male", "fearful"),
        "15b01Ea.wav": ("15", "male", "disgust"),
        "15b09Nc.wav": ("15", "male", "neutral"),
        "wav/03a02La.wav": None,  # boredom
    },
    "urdu": {
        "Angry/SM1_F4_A04.wav": ("SM1", "male", "angry"),
        "Happy/SF6_F10_H034.wav": ("SF6", "female", "happy"),
        "Neutral/SM20_F10_N014.wav": ("SM20", "male", "neutral"),
        "Sad/SM6_F4_S0100.wav": ("SM6", "male", "sad"),
    },
    "turev": {
        "Sound Source/Angry/1157_kz_acik.wav": ("1157", None, "angry"),
        "Sound Source/Calm/1234_sk_beste.wav": ("1234", None, "calm"),
        "Sound Source/Happy/1358_mt_cene.wav": ("1358", None, "happy"),
        "Sound Source/Sad/1157_hl_yigilmak.wav": ("1157", None, "sad"),
    },
    "tess": {
        "OAF_angry/OAF_back_angry.wav": ("OAF", "female", "angry"),
        "YAF_pleasant_surprised/YAF_youth_ps.wav": ("YAF", "female", "surprised"),
        "OAF_neutral/OA_bite_neutral.wav": ("OAF", "female", "neutral"),
        "OAF_disgust/OAF_back_disgust.wav": ("OAF", "female", "disgust"),
        "OAF_Fear/OAF_back_fear.wav": ("OAF", "female", "fearful"),
        "OAF_happy/OAF_back_happy.wav": ("OAF", "female", "happy"),
        "OAF_Sad/OAF_back_sad.wav": ("OAF", "female", "sad"),
    },
    "crema-d": {
        "AudioWAV/1001_DFA_ANG_XX.wav": ("1001", "male", "angry"),
        "AudioWAV/1002_IEO_HAP_HI.wav": ("1002", "female", "happy"),
        "AudioWAV/1040_ITH_SAD_X.wav": ("1040", "male", "sad"),
        "AudioWAV/1002_IEO_DIS_LO.wav": ("1002", "female", "disgust"),
        "AudioWAV/1002_IEO_FEA_MD.wav": ("1002", "female", "fearful"),
        "AudioWAV/1002_TSI_NEU_XX.wav": ("1002", "female", "neutral"),
    },
}


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    name = request.param
    for path in CLIPS[name]:
        touch(tmp_path / path)
    touch(tmp_path / "._hidden.wav")
    touch(tmp_path / "README.md")
    if name in TABLES:
        file, content = TABLES[name]
        (tmp_path / file).write_text(content, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("name", "tree"), [(name, name) for name in CLIPS], indirect=["tree"])
def test_names_tell_speaker_sex_and_label(name: str, tree: Path) -> None:
    clips = load_corpus(name, tree)
    found = {
        clip.path.relative_to(tree).as_posix(): (clip.speaker, clip.sex, clip.label)
        for clip in clips
    }
    assert found == {path: clip for path, clip in CLIPS[name].items() if clip is not None}
    assert {clip.language for clip in clips} == {CORPORA[name].language}
    assert [clip.path for clip in clips] == sorted(clip.path for clip in clips)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_has_the_labels_of_its_corpus(name: str) -> None:
    layout = LAYOUTS[name]
    assert {*layout.labels.values()} - {None} == {*CORPORA[name].labels}
    assert layout.name.fullmatch(layout.example.split(" or ")[0].removesuffix(".wav"))
    assert name in CLIPS


@pytest.mark.parametrize(
    ("tree", "stray"),
    [
        ("emodb", "wav/03a01Xa.wav"),
        ("emodb", "wav/03a01W.wav"),
        ("tess", "OAF_angry/OAF_back_bored.wav"),
        ("tess", "OAF_angry/OA_back_angry.wav"),
        ("urdu", "Angry/SX1_F4_A04.wav"),
        ("turev", "Sound Source/Sad/1157_xx_acik.wav"),
        ("crema-d", "AudioWAV/1001_DFA_ANG_XX (1).wav"),
        ("savee", "AudioData/XX/a01.wav"),
        ("nemo", "samples/EB0_bliss_1.flac"),
    ],
    indirect=["tree"],
)
def test_a_misnamed_clip_is_one_line(
    tree: Path, stray: str, request: pytest.FixtureRequest
) -> None:
    touch(tree / stray)
    name = request.node.callspec.params["tree"]
    with pytest.raises(AudioInputError, match=r"is not the name of a clip of .* such as ") as error:
        load_corpus(name, tree)
    assert str(tree / stray) in str(error.value)


@pytest.mark.parametrize(
    ("tree", "again"),
    [
        ("emodb", "03a01Wa.flac"),
        ("crema-d", "copy/1001_DFA_ANG_XX.wav"),
        ("tess", "OAF_bite_neutral.flac"),
    ],
    indirect=["tree"],
)
def test_a_clip_that_is_there_twice_is_one_line(
    tree: Path, again: str, request: pytest.FixtureRequest
) -> None:
    touch(tree / again)
    with pytest.raises(AudioInputError, match="more than once: keep one of them"):
        load_corpus(request.node.callspec.params["tree"], tree)


def test_ravdess_is_a_corpus_like_the_others(tmp_path: Path) -> None:
    for actor in range(1, 25):
        touch(tmp_path / f"Actor_{actor:02}" / f"03-01-06-01-01-01-{actor:02}.wav")
    clips = load_corpus("ravdess", tmp_path)
    assert [clip.speaker for clip in clips] == [f"{actor:02}" for actor in range(1, 25)]
    assert {(clip.corpus, clip.label, clip.language) for clip in clips} == {
        ("ravdess", "fearful", "en")
    }
    assert [clip.sex for clip in clips[:2]] == ["male", "female"]


def test_a_folder_without_clips_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(AudioInputError, match=r"holds no clips of EmoDB.*emodb\.bilderbar\.info"):
        load_corpus("emodb", tmp_path)


@pytest.mark.parametrize("tree", TABLES, indirect=True)
def test_a_missing_or_damaged_table_of_speakers_is_one_line(
    tree: Path, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["tree"]
    table = tree / TABLES[name][0]
    for content in ("", "a,b\n1,2\n", TABLES[name][1].replace("ale", "an")):
        table.write_text(content, encoding="utf-8")
        with pytest.raises(AudioInputError, match=table.name):
            load_corpus(name, tree)
    table.write_bytes(TABLES[name][1].encode("utf-16"))
    with pytest.raises(AudioInputError, match="cannot be read as the published table"):
        load_corpus(name, tree)
    table.unlink()
    with pytest.raises(AudioInputError, match=f"lacks {table.name}, which gives"):
        load_corpus(name, tree)


def test_the_table_may_lie_above_the_clips(tmp_path: Path) -> None:
    touch(tmp_path / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    (tmp_path / "VideoDemographics.csv").write_text(CREMA_D_TABLE)
    (clip,) = load_corpus("crema-d", tmp_path / "AudioWAV")
    assert clip.sex == "male"


@pytest.mark.parametrize("tree", ["crema-d"], indirect=True)
def test_a_speaker_that_the_table_lacks_is_one_line(tree: Path) -> None:
    touch(tree / "AudioWAV/1099_DFA_ANG_XX.wav")
    with pytest.raises(AudioInputError, match="does not give the sex of speaker 1099"):
        load_corpus("crema-d", tree)
