"""How well the speech gate cuts RAVDESS clips in noise and music, and how often it errs.

Every fifth clip of actors 1 to 20 is laid between 3 s of background. Its *reference* is the stretch
from the first to the last 30 ms frame within 30 dB of the clip's loudest. Actors 21 to 24, the test
voices, choose nothing: only what a network that learnt from all the others changes is measured on
them. The same data and seeds give the same figures.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.emotion.model import EmotionModel
from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import (
    VOTE_SAMPLES,
    Closed,
    GateSettings,
    Opened,
    SpeechGate,
    level_dbfs,
)
from train.data.ravdess import ACTORS, HELD_OUT_ACTORS, list_clips
from train.data.scenes import as_int16
from train.data.sounds import Sound, at_level, coloured_noise, harmonic_tone
from train.data.utterances import read_clip
from train.evaluation.measure_network_gate import (
    FAMILIES,
    SIDE_SAMPLES,
    SOUND_SECONDS,
    Cost,
    FalseReports,
    cost,
    false_reports,
    family_draws,
    voices,
)

REFERENCE_DB = 30.0
CLIP_STRIDE = 5
COARSE_STRIDE = 20
"""Distance between the clips that alternative settings are compared on."""

LEVELS_DBFS = (-50.0, -40.0, -30.0, -20.0, -10.0)

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Background:
    """What a clip is laid in.

    Attributes:
        sound: name in ``SOUNDS``.
        dbfs: its level (RMS).
        snr_db: level of the speech above it; ``None`` leaves the clip as loud as it is.
    """

    sound: str
    dbfs: float
    snr_db: float | None = None

    def __str__(self) -> str:
        if self.snr_db is None:
            return self.sound
        return f"{self.sound}, {self.dbfs:g} dBFS, SNR {self.snr_db:g} dB"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the gate held, and when it said so, as sample indices."""

    start: int
    end: int
    decided: int


@dataclass(frozen=True, slots=True)
class Cut:
    """How the speech of one clip was cut; times in seconds.

    Attributes:
        utterances: those that overlap the reference; none is a missed clip.
        delay: from the reference's start to the decision to open.
        onset_lost: reference before the first utterance, after the pre-roll.
        end_lost: reference after the last utterance.
        lost_share: share of the reference that is in no utterance.
        surplus: audio held outside the reference.
    """

    utterances: int
    delay: float
    onset_lost: float
    end_lost: float
    lost_share: float
    surplus: float


@dataclass(frozen=True, slots=True)
class CutSummary:
    """Cuts of many clips in one background; times in milliseconds, shares in percent."""

    background: str
    clips: int
    missed: int
    utterances_per_clip: float
    delay_median: float
    delay_95: float
    onset_lost_mean: float
    onset_lost_clips: float
    end_lost_mean: float
    end_lost_clips: float
    lost: float
    surplus_mean: float


@dataclass(frozen=True, slots=True)
class FalseOpens:
    """Seconds of open gate per minute of a sound without speech, for each of ``LEVELS_DBFS``."""

    sound: str
    switched_on: bool
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A gate with one setting changed, in brief.

    ``steady``, ``switched_on`` (but otherwise steady) and ``music`` are seconds of open gate per
    minute of such sounds.
    """

    name: str
    missed: int
    clips: int
    utterances_per_clip: float
    delay_median: float
    onset_lost_mean: float
    end_lost_mean: float
    lost: float
    surplus_mean: float
    steady: float
    switched_on: float
    music: float


@dataclass(frozen=True, slots=True)
class GateMeasurement:
    """Everything measured; ``asdict`` makes it JSON.

    ``costs`` and ``false_reports``, what asking the network changes, are empty where it cannot tell
    speech from other sounds.
    """

    cuts: tuple[CutSummary, ...]
    false_opens: tuple[FalseOpens, ...]
    alternatives: tuple[Alternative, ...]
    costs: tuple[Cost, ...]
    false_reports: tuple[FalseReports, ...]


# Sounds without speech: shape [count], at any level.


def _silence(count: int, _: np.random.Generator) -> Float64:
    return np.zeros(count)


def _chords(count: int, random: np.random.Generator) -> Float64:
    """Return C, G, A minor and F in turn, a second each, struck and dying away as on a piano."""
    chords = ((60, 64, 67), (55, 59, 62), (57, 60, 64), (53, 57, 60))
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    envelope = np.minimum(times / 0.01, 1.0) * np.exp(-2.0 * times)
    seconds = -(-count // SAMPLE_RATE)
    struck = [
        envelope
        * sum(
            harmonic_tone(440 * 2 ** ((key - 69) / 12), 5)(SAMPLE_RATE, random)
            for key in chords[second % len(chords)]
        )
        for second in range(seconds)
    ]
    return np.concatenate(struck)[:count]


SOUNDS: dict[str, Sound] = {
    "silence": _silence,
    "white noise": coloured_noise(0.0),
    "pink noise": coloured_noise(0.5),
    "brown noise": coloured_noise(1.0),
    "hum 50 Hz": harmonic_tone(50, 10),
    "hum 60 Hz": harmonic_tone(60, 10),
    "tone 100 Hz": harmonic_tone(100, 1),
    "tone 440 Hz": harmonic_tone(440, 1),
    "buzz 150 Hz": harmonic_tone(150, 20),
    "chords": _chords,
}
MUSIC = "chords"
STEADY = tuple(sound for sound in SOUNDS if sound != MUSIC)

BACKGROUNDS = (
    Background("silence", -90.0),
    Background("white noise", -50.0, 20.0),
    Background("white noise", -50.0, 10.0),
    Background("white noise", -30.0, 10.0),
    Background("pink noise", -50.0, 20.0),
    Background("pink noise", -50.0, 10.0),
    Background("pink noise", -30.0, 10.0),
    Background("chords", -50.0, 10.0),
)
"""Without -30 dBFS at 20 dB: speech of -10 dBFS would overdrive a 16-bit recording."""

COARSE_BACKGROUNDS = (BACKGROUNDS[0], BACKGROUNDS[4], BACKGROUNDS[5])

DEFAULTS = GateSettings()
ALTERNATIVES = {
    "defaults": DEFAULTS,
    **{
        f"vad_mode {mode}": replace(DEFAULTS, vad_mode=mode)
        for mode in range(4)
        if mode != DEFAULTS.vad_mode
    },
    **{f"margin {db:g} dB": replace(DEFAULTS, margin_db=db) for db in (0.0, 4.0, 8.0)},
    **{
        f"wavering {db:g} dB": replace(DEFAULTS, wavering_db=db) for db in (0.0, 0.6, 1.0, 1.5, 2.0)
    },
    **{f"votes {votes} of 10": replace(DEFAULTS, opening_votes=votes) for votes in (4, 5, 8)},
    **{f"hangover {time:g} s": replace(DEFAULTS, hangover=time) for time in (0.3, 0.9)},
}


def reference(clip: Int16) -> tuple[int, int]:
    """Return the first sample of a clip's speech and the one after its last."""
    frames = len(clip) // VOTE_SAMPLES
    levels = [
        level_dbfs(frame) for frame in clip[: frames * VOTE_SAMPLES].reshape(-1, VOTE_SAMPLES)
    ]
    loud = np.flatnonzero(np.array(levels) >= max(levels) - REFERENCE_DB)
    return int(loud[0]) * VOTE_SAMPLES, (int(loud[-1]) + 1) * VOTE_SAMPLES


def utterances(samples: Int16, settings: GateSettings) -> list[Utterance]:
    """Return what the gate holds of a stream that comes frame by frame."""
    gate = SpeechGate(settings)
    found: list[Utterance] = []
    start = decided = 0
    for position in range(0, len(samples) + VOTE_SAMPLES, VOTE_SAMPLES):
        block = samples[position : position + VOTE_SAMPLES]
        for event in gate.process(block) if len(block) else gate.flush():
            if isinstance(event, Opened):
                start, decided = event.start, position + VOTE_SAMPLES
            elif isinstance(event, Closed):
                found.append(Utterance(start, event.end, decided))
    return found


def _scene(clip: Int16, background: Background, seed: int) -> tuple[Int16, tuple[int, int]]:
    """Return a clip in its background, and its reference there."""
    first, last = reference(clip)
    speech = clip / 32768.0
    if background.snr_db is not None:
        level = np.sqrt(np.mean(speech[first:last] ** 2))
        speech = speech * 10 ** ((background.dbfs + background.snr_db) / 20) / level
    padded = np.pad(speech, SIDE_SAMPLES)
    sound = SOUNDS[background.sound](len(padded), np.random.default_rng(seed))
    mixed = padded + at_level(sound, background.dbfs)
    return as_int16(mixed), (first + SIDE_SAMPLES, last + SIDE_SAMPLES)


def cut(found: Sequence[Utterance], speech: tuple[int, int]) -> Cut:
    """Compare utterances with the reference; times of a missed clip are not a number."""
    first, last = speech
    within = [each for each in found if each.start < last and each.end > first]
    held = sum(each.end - each.start for each in found)
    covered = sum(min(each.end, last) - max(each.start, first) for each in within)
    missed = float("nan")
    return Cut(
        utterances=len(within),
        delay=(within[0].decided - first) / SAMPLE_RATE if within else missed,
        onset_lost=max(0, within[0].start - first) / SAMPLE_RATE if within else missed,
        end_lost=max(0, last - within[-1].end) / SAMPLE_RATE if within else missed,
        lost_share=1 - covered / (last - first),
        surplus=(held - covered) / SAMPLE_RATE,
    )


def summarise(background: str, cuts: Sequence[Cut]) -> CutSummary:
    """Return means and percentiles over clips; times only over those that were not missed."""
    delays = [each.delay for each in cuts if each.utterances]
    onsets = np.array([each.onset_lost for each in cuts if each.utterances])
    ends = np.array([each.end_lost for each in cuts if each.utterances])
    return CutSummary(
        background=background,
        clips=len(cuts),
        missed=sum(each.utterances == 0 for each in cuts),
        utterances_per_clip=float(np.mean([each.utterances for each in cuts])),
        delay_median=1000 * float(np.median(delays)),
        delay_95=1000 * float(np.percentile(delays, 95)),
        onset_lost_mean=1000 * float(onsets.mean()),
        onset_lost_clips=100 * float((onsets > 0).mean()),
        end_lost_mean=1000 * float(ends.mean()),
        end_lost_clips=100 * float((ends > 0).mean()),
        lost=100 * float(np.mean([each.lost_share for each in cuts])),
        surplus_mean=1000 * float(np.mean([each.surplus for each in cuts])),
    )


def measure_cuts(
    clips: Sequence[Int16], backgrounds: Sequence[Background], settings: GateSettings
) -> list[list[Cut]]:
    """Return for each background how every clip is cut in it."""
    return [
        [
            cut(utterances(samples, settings), speech)
            for samples, speech in (
                _scene(clip, background, seed) for seed, clip in enumerate(clips)
            )
        ]
        for background in backgrounds
    ]


def measure_false_opens(
    sound: str, settings: GateSettings, *, switched_on: bool, levels: Sequence[float] = LEVELS_DBFS
) -> FalseOpens:
    """Return how long a sound without speech holds the gate open, per minute of that sound.

    Args:
        sound: name in ``SOUNDS``.
        settings: the gate's.
        switched_on: the sound comes after three seconds of faint noise, as a fan that starts.
        levels: levels of the sound, in dBFS.
    """
    random = np.random.default_rng(11)
    steady = SOUNDS[sound](SOUND_SECONDS * SAMPLE_RATE, random)
    before = random.normal(scale=10 ** (-75 / 20), size=SIDE_SAMPLES if switched_on else 0)
    held = []
    for dbfs in levels:
        mixed = np.concatenate((before, at_level(steady, dbfs)))
        total = sum(each.end - each.start for each in utterances(as_int16(mixed), settings))
        held.append(total / SAMPLE_RATE * 60 / SOUND_SECONDS)
    return FalseOpens(sound, switched_on, tuple(held))


def _alternative(name: str, settings: GateSettings, clips: Sequence[Int16]) -> Alternative:
    cuts = [each for group in measure_cuts(clips, COARSE_BACKGROUNDS, settings) for each in group]
    summary = summarise(name, cuts)
    opens = {
        (sound, switched_on): float(
            np.mean(
                measure_false_opens(
                    sound, settings, switched_on=switched_on, levels=(-50.0, -30.0)
                ).seconds
            )
        )
        for sound in SOUNDS
        for switched_on in (False, True)
    }
    return Alternative(
        name=name,
        missed=summary.missed,
        clips=summary.clips,
        utterances_per_clip=summary.utterances_per_clip,
        delay_median=summary.delay_median,
        onset_lost_mean=summary.onset_lost_mean,
        end_lost_mean=summary.end_lost_mean,
        lost=summary.lost,
        surplus_mean=summary.surplus_mean,
        steady=float(np.mean([opens[sound, False] for sound in STEADY])),
        switched_on=float(np.mean([opens[sound, True] for sound in STEADY])),
        music=float(np.mean([opens[MUSIC, False], opens[MUSIC, True]])),
    )


def measure(data: Path, model: EmotionModel) -> GateMeasurement:
    """Measure the gate with its defaults, alternatives to them, and what the network changes.

    Args:
        data: folder of RAVDESS.
        model: the network to ask.

    Raises:
        AudioInputError: the folder lacks clips.
    """
    listed = list_clips(data, set(ACTORS) - set(HELD_OUT_ACTORS))
    clips = [read_clip(each.path) for each in listed[::CLIP_STRIDE]]
    coarse = [read_clip(each.path) for each in listed[::COARSE_STRIDE]]
    cuts = measure_cuts(clips, BACKGROUNDS, DEFAULTS)
    asks = model.manifest.has_speech_output
    return GateMeasurement(
        cuts=tuple(
            summarise(str(background), each)
            for background, each in zip(BACKGROUNDS, cuts, strict=True)
        ),
        false_opens=tuple(
            measure_false_opens(sound, DEFAULTS, switched_on=switched_on)
            for switched_on in (False, True)
            for sound in SOUNDS
        ),
        alternatives=tuple(
            _alternative(name, settings, coarse) for name, settings in ALTERNATIVES.items()
        ),
        costs=_costs(data, model) if asks else (),
        false_reports=_false_reports(model) if asks else (),
    )


def _costs(data: Path, model: EmotionModel) -> tuple[Cost, ...]:
    clips = [read_clip(each.path) for each in list_clips(data, voices(model))]
    return tuple(
        cost(
            str(background),
            [_scene(clip, background, seed) for seed, clip in enumerate(clips)],
            model,
        )
        for background in BACKGROUNDS
    )


def _false_reports(model: EmotionModel) -> tuple[FalseReports, ...]:
    count = SOUND_SECONDS * SAMPLE_RATE
    sounds = {
        **{name: [sound(count, np.random.default_rng(11))] for name, sound in SOUNDS.items()},
        **{name: family_draws(name) for name in FAMILIES},
    }
    return tuple(
        false_reports(name, draws, model, switched_on=switched_on, levels=LEVELS_DBFS)
        for switched_on in (False, True)
        for name, draws in sounds.items()
    )


def measure_gate(data: Path, model: Path | None = None, *, as_json: bool = False) -> None:
    """Print what ``measure`` finds, as Markdown tables or as one JSON object.

    Args:
        data: folder of RAVDESS.
        model: folder of the model to ask; ``None`` looks it up.
        as_json: print JSON.

    Raises:
        AudioInputError: the folder lacks clips.
        ModelError: the model folder cannot be used.
    """
    found = measure(data, EmotionModel(model))
    print(json.dumps(asdict(found)) if as_json else tables(found))


def tables(found: GateMeasurement) -> str:
    """Return a measurement as Markdown tables."""
    return "\n\n".join(
        (
            *_network_tables(found),
            f"Speech cut with the defaults ({found.cuts[0].clips} clips; times in ms).",
            _cut_table(found.cuts),
            "Seconds of open gate per minute of a sound without speech, by its level.",
            _false_open_table(found.false_opens),
            f"One setting changed ({found.alternatives[0].clips} scenes: silence, pink noise of"
            " -50 dBFS at 20 and 10 dB; times in ms; open gate in seconds per minute at -50 and"
            " -30 dBFS).",
            _alternative_table(found.alternatives),
        )
    )


def _network_tables(found: GateMeasurement) -> tuple[str, ...]:
    if not found.costs:
        return ("This model cannot tell speech from other sounds: the gate alone decides.",)
    return (
        "Seconds of reported speech per minute of a sound without any, by its level: the gate alone"
        " → with the network asked.",
        _false_report_table(found.false_reports),
        f"What asking the network costs ({found.costs[0].clips} clips of voices it has not learnt"
        " from; seconds, median and 95 %): the gate alone → with the network asked.",
        _cost_table(found.costs),
    )


def _false_report_table(false_reports: Sequence[FalseReports]) -> str:
    head = ("sound", "from", "its kind learnt", *(f"{level:g} dBFS" for level in LEVELS_DBFS))
    rows = [
        (
            each.sound,
            "switched on" if each.switched_on else "the start",
            "yes" if each.learnt else "no",
            *(
                f"{before:.1f} → {after:.1f}"
                for before, after in zip(each.before, each.after, strict=True)
            ),
        )
        for each in false_reports
    ]
    return _markdown(head, rows)


def _cost_table(costs: Sequence[Cost]) -> str:
    head = (
        "background", "missed", "speech_started after the onset", "later by",
        "clips with their first emotion later", "speech lost",
    )  # fmt: skip
    rows = [
        (
            each.background, f"{each.missed_before} → {each.missed_after}",
            f"{_delays(each.delay_before)} → {_delays(each.delay_after)}", _delays(each.added),
            f"{each.emotion_later:.1f} %", f"{each.lost_before:.1f} → {each.lost_after:.1f} %",
        )
        for each in costs
    ]  # fmt: skip
    return _markdown(head, rows)


def _delays(delays: tuple[float, float]) -> str:
    return " / ".join(f"{each:.2f}" for each in delays)


def _cut_table(cuts: Sequence[CutSummary]) -> str:
    head = (
        "background", "missed", "utterances a clip", "delay median", "delay 95 %",
        "onset lost", "clips with onset lost", "end lost", "clips with end lost",
        "speech lost", "held besides speech",
    )  # fmt: skip
    rows = [
        (
            each.background, f"{each.missed}", f"{each.utterances_per_clip:.2f}",
            f"{each.delay_median:.0f}", f"{each.delay_95:.0f}",
            f"{each.onset_lost_mean:.0f}", f"{each.onset_lost_clips:.0f} %",
            f"{each.end_lost_mean:.0f}", f"{each.end_lost_clips:.0f} %",
            f"{each.lost:.1f} %", f"{each.surplus_mean:.0f}",
        )
        for each in cuts
    ]  # fmt: skip
    return _markdown(head, rows)


def _false_open_table(false_opens: Sequence[FalseOpens]) -> str:
    head = ("sound", "from", *(f"{level:g} dBFS" for level in LEVELS_DBFS))
    rows = [
        (
            each.sound,
            "switched on" if each.switched_on else "the start",
            *(f"{seconds:.1f}" for seconds in each.seconds),
        )
        for each in false_opens
    ]
    return _markdown(head, rows)


def _alternative_table(alternatives: Sequence[Alternative]) -> str:
    head = (
        "gate", "missed", "utterances a clip", "delay median", "onset lost", "end lost",
        "speech lost", "held besides speech", "open on steady sounds", "on sounds switched on",
        "on chords",
    )  # fmt: skip
    rows = [
        (
            each.name, f"{each.missed}", f"{each.utterances_per_clip:.2f}",
            f"{each.delay_median:.0f}", f"{each.onset_lost_mean:.0f}",
            f"{each.end_lost_mean:.0f}", f"{each.lost:.1f} %", f"{each.surplus_mean:.0f}",
            f"{each.steady:.1f}", f"{each.switched_on:.1f}", f"{each.music:.1f}",
        )
        for each in alternatives
    ]  # fmt: skip
    return _markdown(head, rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
