"""Robustness: the scores of a model folder on disturbed clips.

The tests and the two scores, change of the unweighted average recall (UAR) and share of labels
unchanged, are those of audEERING's ser-tests (see ``train.audio.disturbances``). Clips go through
the live program's own pipeline, so its speech gate and its threshold are tested too. Where
ser-tests has the same test, its thresholds decide whether the model passes (see
``train.evaluation.ser_tests``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from realtime_ser import Recognizer
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.events import LABELS
from realtime_ser.settings import SAMPLE_RATE
from train.audio import disturbances
from train.audio.disturbances import Disturbance
from train.audio.levels import speech_span
from train.audio.sounds import music
from train.corpora.ravdess import HELD_OUT_SPEAKERS, SPEAKERS, list_clips
from train.corpora.targets import label_indices
from train.evaluation.levels import OFFSETS, choose_clips, levels_table, measure_levels
from train.evaluation.recordings import Recording, label_of, read_recording
from train.evaluation.report import robustness_table
from train.evaluation.scores import uar
from train.evaluation.ser_tests import BACKGROUND_NOISE as NOISE
from train.evaluation.ser_tests import (
    LOW_QUALITY_PHONE,
    SIMULATED_ROOM,
    SMALL_CHANGES,
    SPECTRAL_TILT,
    Thresholds,
)
from train.files import RESULTS_FOLDER, write_json

RESULT_FILE = "robustness.json"

VOICE_STRIDE = 7
"""Every seventh clip of the other speakers is a voice of the babble."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trial:
    """A disturbance that is applied to every clip.

    Attributes:
        name: in the table.
        disturb: the disturbance.
        thresholds: of ser-tests, ``None`` where it has no such test.
    """

    name: str
    disturb: Disturbance
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class TrialScores:
    """The scores under a disturbance, rounded to four digits.

    Attributes:
        name: of the disturbance.
        uar: unweighted average recall of the disturbed clips.
        change: difference to the UAR of the undisturbed clips.
        unchanged: share of clips with the same label as undisturbed.
        thresholds: of ser-tests, ``None`` where it has no such test.
        passed: whether they are met.
    """

    name: str
    uar: float
    change: float
    unchanged: float
    thresholds: Thresholds | None
    passed: bool | None


def trials(voices: Sequence[Float32]) -> tuple[Trial, ...]:
    """Return all disturbances, in the order of the table.

    Args:
        voices: for babble, at least seven clips, trimmed to their speech.
    """
    return (
        *_small_changes(),
        _trial("white noise, 20 dB SNR", disturbances.white_noise, NOISE, snr_db=20.0),
        _trial("white noise, 10 dB SNR", disturbances.white_noise, snr_db=10.0),
        _trial("pink noise, 20 dB SNR", disturbances.pink_noise, snr_db=20.0),
        _trial("pink noise, 10 dB SNR", disturbances.pink_noise, snr_db=10.0),
        _trial(
            "babble of 4 to 7 voices, 20 dB SNR",
            disturbances.babble,
            NOISE,
            voices=voices,
            snr_db=20.0,
        ),
        _trial("music, 20 dB SNR", disturbances.with_sound, NOISE, sound=music, snr_db=20.0),
        _trial("hum of 50 or 60 Hz, 20 dB SNR", disturbances.hum, snr_db=20.0),
        _trial("room, RT60 0.3 s", disturbances.room, SIMULATED_ROOM, decay_seconds=0.3),
        _trial("room, RT60 0.6 s", disturbances.room, SIMULATED_ROOM, decay_seconds=0.6),
        _trial("telephone", disturbances.telephone_line, LOW_QUALITY_PHONE),
        _trial("MP3, 24 kbit/s", disturbances.mp3),
        _trial("Opus, about 15 kbit/s", disturbances.opus),
        _trial("gain -6 dB", disturbances.gain, decibels=-6.0),
        _trial("gain -12 dB", disturbances.gain, decibels=-12.0),
        _trial("gain -20 dB", disturbances.gain, decibels=-20.0),
        _trial(
            "gain +12 dB, less where it would saturate",
            disturbances.gain_below_full_scale,
            decibels=12.0,
        ),
        _trial("gain +12 dB, saturating", disturbances.gain, decibels=12.0),
        _trial("clipping of 5 % of the samples", disturbances.clipping, share=0.05),
        _trial("tilt of +3 dB per octave", disturbances.tilt, SPECTRAL_TILT, db_per_octave=3.0),
        _trial("tilt of -3 dB per octave", disturbances.tilt, SPECTRAL_TILT, db_per_octave=-3.0),
        *(
            _trial(f"offset of {height:g}", disturbances.offset, height=height)
            for height in OFFSETS
        ),
        _trial("1 s of silence before", disturbances.silence_before, seconds=1.0),
        _trial("1 s of silence after", disturbances.silence_after, seconds=1.0),
        _trial("start cropped by 0.1 to 0.2 s", disturbances.beginning_cropped),
        _trial("end cropped by 0.1 to 0.2 s", disturbances.end_cropped),
        _trial("0.1 to 0.2 s of the first word cropped", disturbances.first_word_cropped),
        _trial("0.1 to 0.2 s of the last word cropped", disturbances.last_word_cropped),
    )


def _small_changes() -> tuple[Trial, ...]:
    """Return the small changes of ser-tests, with the largest of its settings."""
    zeros = 1000 / SAMPLE_RATE
    changes: tuple[tuple[str, Any, dict[str, Any]], ...] = (
        ("faint tone, 40 dB below the peak", disturbances.high_tone, {"snr_db": 40.0}),
        ("faint white noise, 35 dB SNR", disturbances.white_noise, {"snr_db": 35.0}),
        ("gain of 1 or 2 dB, up or down", disturbances.small_gain, {}),
        ("clipping of 0.3 % of the samples", disturbances.clipping, {"share": 0.003}),
        ("high-pass at 150 Hz", disturbances.high_pass, {"hertz": 150.0}),
        ("low-pass at 6.5 kHz", disturbances.low_pass, {"hertz": 6_500.0}),
        ("1000 zeros before", disturbances.silence_before, {"seconds": zeros}),
        ("1000 zeros after", disturbances.silence_after, {"seconds": zeros}),
        ("start cropped by 1000 samples", disturbances.start_cut, {"seconds": zeros}),
        ("end cropped by 1000 samples", disturbances.end_cut, {"seconds": zeros}),
    )
    return tuple(
        _trial(name, disturb, SMALL_CHANGES, **settings) for name, disturb, settings in changes
    )


def _trial(name: str, disturb: Any, thresholds: Thresholds | None = None, **settings: Any) -> Trial:
    return Trial(name, partial(disturb, **settings) if settings else disturb, thresholds)


def robustness(data: Path, model: Path, *, write: bool) -> None:
    """Print the scores of a model folder under every disturbance, on speakers 21 to 24.

    Args:
        data: folder of RAVDESS.
        model: model folder.
        write: also write the scores to ``results/robustness.json``.

    Raises:
        RealtimeSerError: clips or model are missing or damaged, or the file cannot be written.
    """
    scores = measure_robustness(data, model)
    if write:
        write_json(RESULTS_FOLDER / RESULT_FILE, scores)
    print(report(scores))


def measure_robustness(
    data: Path, model: Path, speakers: Collection[str] = HELD_OUT_SPEAKERS
) -> dict[str, Any]:
    """Return the scores of a model folder under every disturbance.

    Args:
        data: folder of RAVDESS.
        model: model folder.
        speakers: whose clips are disturbed. The test speakers must choose nothing: to improve a
            recipe, use 17 to 20.

    Returns:
        A description of the protocol, the model's name and SHA-256, the number of clips, ``rows``,
        the undisturbed clips first, and ``levels``, the labels that levels and offsets change.

    Raises:
        RealtimeSerError: clips or model are missing or damaged.
    """
    recognizer = Recognizer(model)
    recordings = [read_recording(clip) for clip in list_clips(data, speakers)]
    babbling = sorted(set(SPEAKERS) - set(speakers) - set(HELD_OUT_SPEAKERS))
    voices = [
        _trim(read_recording(clip).samples) for clip in list_clips(data, babbling)[::VOICE_STRIDE]
    ]
    manifest = recognizer.model.manifest
    return {
        "protocol": _protocol(speakers, babbling),
        "model": manifest.name,
        "sha256": manifest.files[MODEL_FILE],
        "clips": len(recordings),
        "rows": [asdict(row) for row in score_trials(recognizer, recordings, trials(voices))],
        "levels": _levels(recognizer, recordings),
    }


def print_levels(data: Path, model: Path) -> None:
    """Print only how many labels of 40 clips of speakers 21 to 24 levels and offsets change.

    Raises:
        RealtimeSerError: clips or model are missing or damaged.
    """
    recognizer = Recognizer(model)
    recordings = [
        read_recording(clip) for clip in choose_clips(list_clips(data, HELD_OUT_SPEAKERS))
    ]
    print(levels_table([asdict(row) for row in measure_levels(recognizer, recordings)]))


def _levels(recognizer: Recognizer, recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    chosen = set(choose_clips(recording.clip for recording in recordings))
    some = [recording for recording in recordings if recording.clip in chosen]
    return [asdict(row) for row in measure_levels(recognizer, some)]


def _trim(samples: Float32) -> Float32:
    first, last = speech_span(samples)
    return samples[first:last]


def _protocol(speakers: Collection[str], babbling: Sequence[str]) -> str:
    return (
        f"robustness: RAVDESS speech clips of speakers {min(speakers)}–{max(speakers)}, disturbed,"
        " as `realtime-ser analyze` labels each file; `uncertain` and no speech count as wrong. SNR"
        " is that of the whole clip's RMS; babble is mixed from clips of speakers"
        f" {min(babbling)}–{max(babbling)}; rooms are synthetic, with equal energy of direct sound"
        " and reverberation; a sample beyond full scale saturates. Every random number depends on"
        " the clip's name only"
    )


def score_trials(
    recognizer: Recognizer, recordings: Sequence[Recording], several: Sequence[Trial]
) -> list[TrialScores]:
    """Return the scores of the undisturbed clips, and those under each disturbance."""
    truth = [LABELS[index] for index in label_indices(recording.clip for recording in recordings)]
    scores: list[TrialScores] = []
    undisturbed: list[str] = []
    with tqdm(total=(1 + len(several)) * len(recordings), unit=" clips") as progress:
        for trial in (Trial("undisturbed", disturbances.unchanged), *several):
            progress.set_description(trial.name)
            labels = []
            for recording in recordings:
                labels.append(label_of(recognizer, recording, trial.disturb))
                progress.update()
            undisturbed = undisturbed or labels
            scores.append(_score(trial, truth, undisturbed, labels))
    return scores


def _score(
    trial: Trial, truth: list[str], undisturbed: list[str], labels: list[str]
) -> TrialScores:
    recall = uar(truth, labels)
    change = recall - uar(truth, undisturbed)
    same = float(np.mean(np.array(undisturbed) == np.array(labels)))
    limits = trial.thresholds
    passed = None if limits is None else limits.passed(change, same)
    return TrialScores(
        trial.name, round(recall, 4), round(change, 4), round(same, 4), limits, passed
    )


def report(scores: Mapping[str, Any]) -> str:
    """Return the scores as Markdown: the protocol, the model, the table."""
    return (
        f"{scores['protocol']}.\n\n"
        f"Model {scores['model']}, SHA-256 {scores['sha256']}; {scores['clips']} clips.\n\n"
        f"{robustness_table(scores['rows'])}\n\n"
        f"{levels_table(scores['levels'])}"
    )
