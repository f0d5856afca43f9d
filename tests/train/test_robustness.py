"""Robustness: the scores under disturbances, and their table."""

import json
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from ravdess_clips import clip
from speech_clips import speech

from realtime_ser import AudioInputError, ModelError, Recognizer
from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.model import bundled_model_folder
from realtime_ser.settings import Settings

pytestmark = pytest.mark.train

for module in ("scipy", "sklearn", "tqdm", "parselmouth"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train.audio import disturbances  # noqa: E402
from train.audio.disturbances import Disturbance  # noqa: E402
from train.corpora.clip import Clip  # noqa: E402
from train.corpora.ravdess import SPEAKERS, list_clips  # noqa: E402
from train.evaluation import robustness as module_under_test  # noqa: E402
from train.evaluation.recordings import Recording  # noqa: E402
from train.evaluation.report import robustness_table  # noqa: E402
from train.evaluation.robustness import (  # noqa: E402
    Trial,
    measure_robustness,
    report,
    robustness,
    score_trials,
    trials,
)
from train.evaluation.ser_tests import (  # noqa: E402
    BACKGROUND_NOISE,
    SMALL_CHANGES,
    Thresholds,
)

Float32 = NDArray[np.float32]
RATE = 16_000


def silenced(samples: Float32, _: np.random.Generator) -> Float32:
    return np.zeros_like(samples)


@pytest.fixture(scope="module")
def decisive() -> Recognizer:
    """The bundled model, without the label `uncertain`."""
    return Recognizer(bundled_model_folder(), Settings(threshold=0.0))


def recordings(recognizer: Recognizer) -> list[Recording]:
    """Two clips that the recognizer labels correctly."""
    found = []
    for number, name in enumerate(("one_utterance", "speech_at_once"), start=1):
        samples = to_float(speech(name))
        label = str(recognizer.recognize(samples, RATE).label)
        found.append(Recording(clip(label, f"{number:02}"), samples))
    return found


def test_an_identity_changes_no_label_and_silence_every_label(decisive: Recognizer) -> None:
    identity, silence = score_trials(
        decisive,
        recordings(decisive),
        [Trial("identity", disturbances.unchanged), Trial("silence", silenced)],
    )[1:]
    assert (identity.uar, identity.change, identity.unchanged) == (1.0, 0.0, 1.0)
    assert (silence.uar, silence.change, silence.unchanged) == (0.0, -1.0, 0.0)


def test_the_random_numbers_depend_on_the_clip_only(decisive: Recognizer) -> None:
    drawn: list[float] = []

    def draw(samples: Float32, random: np.random.Generator) -> Float32:
        drawn.append(float(random.random()))
        return samples

    both = recordings(decisive)
    score_trials(decisive, both, [Trial("one", draw)])
    score_trials(decisive, both[::-1], [Trial("two", draw)])
    assert drawn[:2] == drawn[:1:-1]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("thresholds", "change", "unchanged", "passed"),
    [
        (BACKGROUND_NOISE, -0.04, 0.91, True),
        (BACKGROUND_NOISE, -0.05, 0.91, False),  # above, not at
        (BACKGROUND_NOISE, -0.04, 0.9, False),
        (BACKGROUND_NOISE, -0.0449, 0.9049, False),  # rounded to -0.04 and 0.90
        (BACKGROUND_NOISE, -0.046, 0.95, False),  # rounded to -0.05
        (SMALL_CHANGES, -0.5, 0.96, True),  # the UAR does not count
        (SMALL_CHANGES, 0.0, 0.95, False),
    ],
)
def test_a_test_is_passed_above_its_thresholds(
    thresholds: Thresholds, change: float, unchanged: float, passed: bool
) -> None:
    assert thresholds.passed(change, unchanged) is passed


def test_the_trials_cover_gains_offsets_and_the_small_changes_of_ser_tests() -> None:
    voices = [to_float(speech("one_utterance"))] * 7
    by_name = {trial.name: trial for trial in trials(voices)}
    loud = np.full(RATE, 0.5, np.float32)
    for decibels, expected in ((-6, 0.2506), (-20, 0.05)):
        quieter = by_name[f"gain {decibels} dB"].disturb(loud, np.random.default_rng(0))
        assert quieter == pytest.approx(expected, abs=1e-3)
    for height in (0.01, 0.02, 0.05, 0.1):
        shifted = by_name[f"offset of {height:g}"].disturb(loud, np.random.default_rng(0))
        assert shifted == pytest.approx(0.5 + height)
    small = [trial for trial in by_name.values() if trial.thresholds == SMALL_CHANGES]
    assert len(small) == 10
    for trial in small:
        disturbed = trial.disturb(voices[0], np.random.default_rng(0))
        assert abs(len(disturbed) - len(voices[0])) in (0, 1000), trial.name


def test_the_table_has_every_score() -> None:
    rows = [
        {"name": "undisturbed", "uar": 0.7, "change": 0.0, "unchanged": 1.0},
        {
            "name": "music",
            "uar": 0.6,
            "change": -0.1,
            "unchanged": 0.75,
            "thresholds": {"change": -0.05, "unchanged": 0.9},
            "passed": False,
        },
        {
            "name": "zeros",
            "uar": 0.7,
            "change": 0.0,
            "unchanged": 0.99,
            "thresholds": {"change": None, "unchanged": 0.95},
            "passed": True,
        },
    ]
    assert robustness_table(rows).splitlines() == [
        "| disturbance | UAR | change | labels unchanged | audEERING's ser-tests |",
        "|---|---|---|---|---|",
        "| undisturbed | 0.700 | +0.000 | 1.000 |  |",
        "| music | 0.600 | -0.100 | 0.750 | failed (change above -0.05, unchanged above 0.90) |",
        "| zeros | 0.700 | +0.000 | 0.990 | passed (unchanged above 0.95) |",
    ]


def write_one_clip_each(folder: Path, actors: Sequence[int], samples: NDArray[np.int16]) -> Path:
    for actor in actors:
        (folder / f"Actor_{actor:02}").mkdir(parents=True)
        name = f"03-01-01-01-01-01-{actor:02}.flac"
        soundfile.write(folder / f"Actor_{actor:02}" / name, samples, RATE)
    return folder


@pytest.fixture
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """One disturbance instead of all, so that a whole run takes a moment."""

    def one(voices: Sequence[Float32]) -> tuple[Trial, ...]:
        disturb: Disturbance = partial(disturbances.white_noise, snr_db=20.0)
        return (Trial("noise", disturb, BACKGROUND_NOISE),)

    monkeypatch.setattr(module_under_test, "trials", one)


@pytest.mark.usefixtures("few_trials")
def test_a_run_prints_the_table_and_writes_it_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_one_clip_each(tmp_path / "data", range(1, 25), speech("one_utterance"))
    monkeypatch.setattr(module_under_test, "RESULTS_FOLDER", tmp_path)
    robustness(data, bundled_model_folder(), write=False)
    assert not (tmp_path / "robustness.json").exists()
    printed = capsys.readouterr().out
    robustness(data, bundled_model_folder(), write=True)
    assert capsys.readouterr().out == printed
    content = json.loads((tmp_path / "robustness.json").read_text())
    assert report(content) + "\n" == printed
    assert content["clips"] == 4
    assert content["model"] == bundled_model_folder().name
    assert len(content["sha256"]) == 64
    assert "speakers 21–24" in content["protocol"]
    assert [row["name"] for row in content["rows"]] == ["undisturbed", "noise"]
    assert content["rows"][1]["passed"] is not None
    assert {row["clips"] for row in content["levels"]} == {4}


@pytest.mark.usefixtures("few_trials")
def test_babble_is_mixed_from_other_speakers_than_those_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_one_clip_each(tmp_path / "data", range(1, 25), speech("one_utterance"))
    listed: list[list[str]] = []

    def spy(folder: Path, speakers: Collection[str]) -> list[Clip]:
        listed.append(sorted(speakers))
        return list_clips(folder, speakers)

    monkeypatch.setattr(module_under_test, "list_clips", spy)
    measure_robustness(data, bundled_model_folder())
    measure_robustness(data, bundled_model_folder(), SPEAKERS[16:20])
    assert listed == [
        list(SPEAKERS[20:]),
        list(SPEAKERS[:20]),
        list(SPEAKERS[16:20]),
        list(SPEAKERS[:16]),
    ]


def test_missing_short_and_damaged_clips_are_one_line(tmp_path: Path) -> None:
    model = bundled_model_folder()
    with pytest.raises(AudioInputError, match="there is no folder"):
        robustness(tmp_path / "nowhere", model, write=False)
    voice = speech("one_utterance")
    partly = write_one_clip_each(tmp_path / "partly", range(1, 23), voice)
    with pytest.raises(AudioInputError, match="no clips of actors 23, 24"):
        robustness(partly, model, write=False)
    short = write_one_clip_each(tmp_path / "short", range(1, 25), voice[:8000])
    with pytest.raises(AudioInputError, match=r"-21.flac lasts only 0.50 s"):
        robustness(short, model, write=False)
    broken = write_one_clip_each(tmp_path / "broken", range(1, 25), voice)
    damaged = broken / "Actor_22" / "03-01-01-01-01-01-22.flac"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    with pytest.raises(AudioInputError, match=r"-22.flac is damaged"):
        robustness(broken, model, write=False)
    with pytest.raises(ModelError, match="there is no model folder"):
        robustness(broken, tmp_path / "no-model", write=False)
