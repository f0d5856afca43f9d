"""Measures the speech gate on RAVDESS clips in noise and music, and on sounds without speech.

The gate alone is measured on every fifth clip of speakers 01 to 20, with 3 s of background before
and after it. What the speech output changes is measured on speakers that the network was not
trained on. The same data gives the same results.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.gate.network import FalseReports, Price, false_reports, price, unseen_speakers
from experiments.gate.scenes import (
    BACKGROUNDS,
    FAMILIES,
    LEVELS_DBFS,
    SOUNDS,
    clip_in_background,
)
from experiments.gate.segmentation import (
    ALTERNATIVES,
    DEFAULTS,
    Alternative,
    ErrorSummary,
    FalseSegments,
    measure_alternative,
    measure_errors,
    measure_false_segments,
    summarize,
)
from experiments.gate.tables import (
    alternative_table,
    error_table,
    false_report_table,
    false_segment_table,
    price_table,
)
from realtime_ser.emotion.model import EmotionModel
from train.audio.utterances import read_clip
from train.corpora.ravdess import HELD_OUT_SPEAKERS, SPEAKERS, list_clips

CLIP_STRIDE = 5
COARSE_STRIDE = 20
"""Every twentieth clip is used to compare alternative settings."""


@dataclass(frozen=True, slots=True)
class GateMeasurement:
    """All measurements; ``asdict`` makes them JSON.

    ``prices`` and ``false_reports`` are empty for a network without a speech output.
    """

    errors: tuple[ErrorSummary, ...]
    false_segments: tuple[FalseSegments, ...]
    alternatives: tuple[Alternative, ...]
    prices: tuple[Price, ...]
    false_reports: tuple[FalseReports, ...]


def measure_gate(data: Path, model: Path | None = None, *, as_json: bool = False) -> None:
    """Print what ``measure`` returns, as Markdown tables or as a JSON object.

    Args:
        data: folder of RAVDESS.
        model: model folder; ``None`` for the default.
        as_json: whether to print JSON.

    Raises:
        AudioInputError: the folder lacks clips.
        ModelError: the model folder cannot be used.
    """
    measurement = measure(data, EmotionModel(model))
    print(json.dumps(asdict(measurement)) if as_json else tables(measurement))


def measure(data: Path, model: EmotionModel) -> GateMeasurement:
    """Measure the gate with its defaults and with alternatives, and the network's speech output.

    Args:
        data: folder of RAVDESS.
        model: the network.

    Raises:
        AudioInputError: the folder lacks clips.
    """
    listed = list_clips(data, set(SPEAKERS) - set(HELD_OUT_SPEAKERS))
    clips = [read_clip(clip.path) for clip in listed[::CLIP_STRIDE]]
    coarse = [read_clip(clip.path) for clip in listed[::COARSE_STRIDE]]
    has_speech_output = model.manifest.has_speech_output
    return GateMeasurement(
        errors=tuple(
            summarize(str(background), measure_errors(clips, background, DEFAULTS))
            for background in BACKGROUNDS
        ),
        false_segments=tuple(
            measure_false_segments(sound, DEFAULTS, switched_on=switched_on)
            for switched_on in (False, True)
            for sound in SOUNDS
        ),
        alternatives=tuple(
            measure_alternative(name, settings, coarse) for name, settings in ALTERNATIVES.items()
        ),
        prices=_prices(data, model) if has_speech_output else (),
        false_reports=_false_reports(model) if has_speech_output else (),
    )


def _prices(data: Path, model: EmotionModel) -> tuple[Price, ...]:
    clips = [read_clip(clip.path) for clip in list_clips(data, unseen_speakers(model))]
    return tuple(
        price(
            str(background),
            [clip_in_background(clip, background, seed) for seed, clip in enumerate(clips)],
            model,
        )
        for background in BACKGROUNDS
    )


def _false_reports(model: EmotionModel) -> tuple[FalseReports, ...]:
    return tuple(
        false_reports(name, model, switched_on=switched_on, levels=LEVELS_DBFS)
        for switched_on in (False, True)
        for name in (*SOUNDS, *FAMILIES)
    )


def tables(measurement: GateMeasurement) -> str:
    """Return measurements as Markdown tables."""
    return "\n\n".join(
        (
            *_network_tables(measurement),
            f"Errors of the gate with its defaults ({measurement.errors[0].clips} clips; times in"
            " ms):",
            error_table(measurement.errors),
            "Seconds of open gate per minute of a sound without speech, by its level:",
            false_segment_table(measurement.false_segments),
            f"One setting changed ({measurement.alternatives[0].errors.clips} scenes: silence, pink"
            " noise of -50 dBFS at 20 and 10 dB; times in ms; open gate in seconds per minute at"
            " -50 and -30 dBFS):",
            alternative_table(measurement.alternatives),
        )
    )


def _network_tables(measurement: GateMeasurement) -> tuple[str, ...]:
    if not measurement.prices:
        return ("This model has no speech output: the gate decides alone.",)
    return (
        "Seconds of reported speech per minute of a sound without speech, by its level: gate alone"
        " → with the speech output:",
        false_report_table(measurement.false_reports),
        f"What the speech output costs ({measurement.prices[0].clips} clips of speakers that the"
        " network was not trained on; seconds, median and 95th percentile): gate alone → with the"
        " speech output:",
        price_table(measurement.prices),
    )
