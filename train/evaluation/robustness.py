"""Robustness: a model folder on clips disturbed as everyday life does it, beside undisturbed ones.

The tests and their two figures, change of the unweighted average recall (UAR) and share of
predictions unchanged, are those of audEERING's ser-tests (see ``train.data.disturbances``). Clips
go through the live program's own pipeline, so its speech gate and its threshold are tested too.
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
from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.errors import AudioInputError
from realtime_ser.events import LABELS
from realtime_ser.settings import SAMPLE_RATE
from train.data import disturbances
from train.data.disturbances import Disturbance, speech_of
from train.data.ravdess import ACTORS, HELD_OUT_ACTORS, Clip, list_clips
from train.data.sounds import music
from train.data.utterances import read_clip
from train.evaluation.files import RESULTS_FOLDER, write_json
from train.evaluation.predictions import NO_SPEECH
from train.evaluation.scores import uar

RESULT_FILE = "robustness.json"

LARGEST_LOSS = 0.05
"""What a targeted disturbance may cost of the UAR."""

VOICE_STRIDE = 7
"""Distance between the clips whose voices are mixed to babble."""

SHORTEST_SECONDS = 1.0
"""Length below which a clip is no sentence, and cropping would leave nothing."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to disturb every clip.

    Attributes:
        name: what the table calls it.
        disturb: the disturbance.
        targeted: whether it may cost only ``LARGEST_LOSS``; the others are for information.
    """

    name: str
    disturb: Disturbance
    targeted: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What a disturbance did, every figure rounded to four digits.

    Attributes:
        name: the disturbance's.
        uar: unweighted average recall of the disturbed clips.
        change: that less the undisturbed clips' UAR.
        unchanged: share of clips that are given the label they are given undisturbed.
        target: whether the target is met, ``None`` where there is none.
    """

    name: str
    uar: float
    change: float
    unchanged: float
    target: bool | None


@dataclass(frozen=True, slots=True)
class Recording:
    """A clip and its samples, 16 kHz, full scale at ±1, shape ``[n]``."""

    clip: Clip
    samples: Float32


def trials(voices: Sequence[Float32]) -> tuple[Trial, ...]:
    """Return all disturbances, in the table's order.

    Args:
        voices: whom babble is mixed from, at least seven clips without silence around the words.
    """
    noise_at_20, noise_at_10 = {"snr_db": 20.0}, {"snr_db": 10.0}
    return (
        _trial("white noise, 20 dB SNR", True, disturbances.white_noise, **noise_at_20),
        _trial("white noise, 10 dB SNR", False, disturbances.white_noise, **noise_at_10),
        _trial("pink noise, 20 dB SNR", True, disturbances.pink_noise, **noise_at_20),
        _trial("pink noise, 10 dB SNR", False, disturbances.pink_noise, **noise_at_10),
        _trial(
            "babble of 4 to 7 voices, 20 dB SNR",
            True,
            disturbances.babble,
            voices=voices,
            **noise_at_20,
        ),
        _trial("music, 20 dB SNR", False, disturbances.with_sound, sound=music, **noise_at_20),
        _trial("hum of 50 or 60 Hz, 20 dB SNR", False, disturbances.hum, **noise_at_20),
        _trial("faint tone, 40 dB below the peak", False, disturbances.high_tone, snr_db=40.0),
        _trial("room, RT60 0.3 s", True, disturbances.room, decay_seconds=0.3),
        _trial("room, RT60 0.6 s", True, disturbances.room, decay_seconds=0.6),
        _trial("telephone", True, disturbances.telephone),
        _trial("MP3, 24 kbit/s", False, disturbances.mp3),
        _trial("Opus, about 15 kbit/s", False, disturbances.opus),
        _trial("gain -12 dB", True, disturbances.gain, decibels=-12.0),
        _trial(
            "gain +12 dB, less where it would saturate",
            True,
            disturbances.gain_below_full_scale,
            decibels=12.0,
        ),
        _trial("gain +12 dB, saturating", True, disturbances.gain, decibels=12.0),
        _trial("clipping of 0.3 % of the samples", False, disturbances.clipping, share=0.003),
        _trial("clipping of 5 % of the samples", False, disturbances.clipping, share=0.05),
        _trial("tilt of +3 dB an octave", False, disturbances.tilt, db_per_octave=3.0),
        _trial("tilt of -3 dB an octave", False, disturbances.tilt, db_per_octave=-3.0),
        _trial("high-pass at 150 Hz", False, disturbances.high_pass, hertz=150.0),
        _trial("low-pass at 6.5 kHz", False, disturbances.low_pass, hertz=6_500.0),
        _trial("offset of 0.05", False, disturbances.offset, height=0.05),
        _trial("1 s of silence before", False, disturbances.silence_before, seconds=1.0),
        _trial("1 s of silence after", False, disturbances.silence_after, seconds=1.0),
        _trial("beginning cropped by 0.1 to 0.2 s", False, disturbances.beginning_cropped),
        _trial("end cropped by 0.1 to 0.2 s", False, disturbances.end_cropped),
        _trial("0.1 to 0.2 s of the first word cropped", False, disturbances.first_word_cropped),
        _trial("0.1 to 0.2 s of the last word cropped", False, disturbances.last_word_cropped),
    )


def _trial(name: str, targeted: bool, disturb: Any, **settings: Any) -> Trial:
    return Trial(name, partial(disturb, **settings) if settings else disturb, targeted)


def robustness(data: Path, model: Path, *, write: bool) -> None:
    """Print what every disturbance costs a model folder on the test actors 21 to 24.

    Args:
        data: folder of RAVDESS.
        model: model folder.
        write: keep the figures in ``train/results/robustness.json``.

    Raises:
        RealtimeSerError: clips or model are missing or damaged, or the file cannot be written.
    """
    scores = measure_robustness(data, model)
    if write:
        write_json(RESULTS_FOLDER / RESULT_FILE, scores)
    print(report(scores))


def measure_robustness(
    data: Path, model: Path, actors: Collection[int] = HELD_OUT_ACTORS
) -> dict[str, Any]:
    """Return what every disturbance costs a model folder.

    Args:
        data: folder of RAVDESS.
        model: model folder.
        actors: whose clips are disturbed. Those of the test choose nothing: whoever examines or
            improves a recipe does it on 17 to 20.

    Returns:
        The protocol in words, the model's name and SHA-256, the number of clips, and ``rows``, the
        undisturbed clips first.

    Raises:
        RealtimeSerError: clips or model are missing or damaged.
    """
    recognizer = Recognizer(model)
    recordings = [_recording(clip) for clip in list_clips(data, actors)]
    babbling = sorted(set(ACTORS) - set(actors) - set(HELD_OUT_ACTORS))
    voices = [
        _without_silence(_recording(clip).samples)
        for clip in list_clips(data, babbling)[::VOICE_STRIDE]
    ]
    manifest = recognizer.model.manifest
    return {
        "protocol": _protocol(actors, babbling),
        "model": manifest.name,
        "sha256": manifest.files[MODEL_FILE],
        "clips": len(recordings),
        "rows": [asdict(row) for row in rows_of(recognizer, recordings, trials(voices))],
    }


def _recording(clip: Clip) -> Recording:
    samples = to_float(read_clip(clip.path))
    seconds = len(samples) / SAMPLE_RATE
    if seconds < SHORTEST_SECONDS:
        raise AudioInputError(f"{clip.path} lasts only {seconds:.2f} s", "get RAVDESS's clip again")
    return Recording(clip, samples)


def _without_silence(samples: Float32) -> Float32:
    first, last = speech_of(samples)
    return samples[first:last]


def _protocol(actors: Collection[int], babbling: Sequence[int]) -> str:
    return (
        f"robustness: RAVDESS speech clips of actors {min(actors)}-{max(actors)}, disturbed, as"
        " `realtime-ser analyze` labels each file; `uncertain` and no speech count as wrong. SNR is"
        " that of the whole clip's RMS; babble is mixed from clips of actors"
        f" {min(babbling)}-{max(babbling)}; rooms are synthetic, direct sound and reverberation of"
        " equal energy; a sample beyond full scale saturates. Every random number follows from the"
        f" clip's name. Target: a change of at least -{LARGEST_LOSS:g} in UAR"
    )


def rows_of(
    recognizer: Recognizer, recordings: Sequence[Recording], several: Sequence[Trial]
) -> list[Row]:
    """Return the undisturbed row, and one for each trial."""
    labels = [LABELS[each.clip.label] for each in recordings]
    undisturbed = Trial("undisturbed", disturbances.unchanged)
    rows: list[Row] = []
    before: list[str] = []
    with tqdm(total=(1 + len(several)) * len(recordings), unit=" clips") as progress:
        for trial in (undisturbed, *several):
            progress.set_description(trial.name)
            guesses = []
            for each in recordings:
                guesses.append(_guess(recognizer, each, trial.disturb))
                progress.update()
            before = before or guesses
            rows.append(_row(trial, labels, before, guesses))
    return rows


def _guess(recognizer: Recognizer, recording: Recording, disturb: Disturbance) -> str:
    samples = disturb(recording.samples, _generator(recording.clip))
    return recognizer.recognize(samples, SAMPLE_RATE).label or NO_SPEECH


def _generator(clip: Clip) -> np.random.Generator:
    """Return a generator seeded by the seven numbers of a clip's name."""
    return np.random.default_rng([int(part) for part in clip.path.stem.split("-")])


def _row(trial: Trial, labels: list[str], before: list[str], guesses: list[str]) -> Row:
    recall = uar(labels, guesses)
    change = round(recall - uar(labels, before), 4)
    same = float(np.mean(np.array(before) == np.array(guesses)))
    met = change >= -LARGEST_LOSS if trial.targeted else None
    return Row(trial.name, round(recall, 4), change, round(same, 4), met)


def report(scores: Mapping[str, Any]) -> str:
    """Return the figures as Markdown: the protocol, the model, the table."""
    return (
        f"{scores['protocol']}.\n\n"
        f"Model {scores['model']}, SHA-256 {scores['sha256']}; {scores['clips']} clips.\n\n"
        f"{robustness_table(scores['rows'])}"
    )


def robustness_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table; the undisturbed one has no change."""
    words = {True: "met", False: "missed", None: ""}
    lines = [
        f"| {row['name']} | {row['uar']:.3f} | {row['change']:+.3f} | {row['unchanged']:.3f}"
        f" | {words[row['target']]} |"
        for row in rows
    ]
    head = "| disturbance | UAR | change | unchanged | target |\n|---|---|---|---|---|"
    return "\n".join([head, *lines])
