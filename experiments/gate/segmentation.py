"""How the gate segments speech: delays, lost speech, and segments without speech."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from experiments.gate.scenes import (
    BACKGROUNDS,
    LEVELS_DBFS,
    MUSIC,
    SOUND_SECONDS,
    SOUNDS,
    STEADY,
    Background,
    Span,
    clip_in_background,
    sounds_without_speech,
    streams_of_sound,
)
from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import VOTE_SAMPLES, Closed, GateSettings, Opened, SpeechGate

Int16 = NDArray[np.int16]

COARSE_BACKGROUNDS = (BACKGROUNDS[0], BACKGROUNDS[4], BACKGROUNDS[5])
COARSE_LEVELS_DBFS = (-50.0, -30.0)

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
        f"level variation {db:g} dB": replace(DEFAULTS, level_variation_db=db)
        for db in (0.0, 0.6, 1.0, 1.5, 2.0)
    },
    **{f"gain up to {db:g} dB": replace(DEFAULTS, highest_gain_db=db) for db in (0.0, 10.0, 30.0)},
    **{f"range {db:g} dB": replace(DEFAULTS, range_db=db) for db in (20.0, 40.0)},
    **{f"votes {votes} of 10": replace(DEFAULTS, opening_votes=votes) for votes in (4, 5, 8)},
    **{f"hangover {time:g} s": replace(DEFAULTS, hangover=time) for time in (0.3, 0.9)},
}
"""Settings of the gate that are compared with its defaults."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch that the gate passes, in samples.

    Attributes:
        start: first sample.
        end: the sample after the last.
        decided: the position at which the gate opened.
    """

    start: int
    end: int
    decided: int


@dataclass(frozen=True, slots=True)
class ClipErrors:
    """How the segments of one clip differ from its speech; times in seconds.

    Attributes:
        segments: those that overlap the speech; 0 for a missed clip.
        delay: from the start of the speech to the decision to open.
        onset_lost: speech before the first segment.
        end_lost: speech after the last segment.
        lost_share: share of the speech that is in no segment.
        surplus: length of segments outside the speech.
    """

    segments: int
    delay: float
    onset_lost: float
    end_lost: float
    lost_share: float
    surplus: float


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """Errors over many clips in one background; times in milliseconds, shares in percent."""

    background: str
    clips: int
    missed: int
    segments_per_clip: float
    delay_median: float
    delay_95: float
    onset_lost_mean: float
    onset_lost_clips: float
    end_lost_mean: float
    end_lost_clips: float
    lost: float
    surplus_mean: float


@dataclass(frozen=True, slots=True)
class FalseSegments:
    """Seconds of open gate per minute of a sound without speech, for each of ``LEVELS_DBFS``."""

    sound: str
    switched_on: bool
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """The errors of a gate with one setting changed.

    ``steady``, ``switched_on`` (and then steady) and ``music`` are seconds of open gate per minute
    of such sounds.
    """

    name: str
    errors: ErrorSummary
    steady: float
    switched_on: float
    music: float


def segments(samples: Int16, settings: GateSettings) -> list[Segment]:
    """Return what the gate passes of a stream that arrives frame by frame."""
    gate = SpeechGate(settings)
    found: list[Segment] = []
    start = decided = 0
    for position in range(0, len(samples) + VOTE_SAMPLES, VOTE_SAMPLES):
        block = samples[position : position + VOTE_SAMPLES]
        for event in gate.process(block) if len(block) else gate.flush():
            if isinstance(event, Opened):
                start, decided = event.start, position + VOTE_SAMPLES
            elif isinstance(event, Closed):
                found.append(Segment(start, event.end, decided))
    return found


def clip_errors(found: Sequence[Segment], speech: Span) -> ClipErrors:
    """Compare segments with the span of the speech; the times of a missed clip are NaN."""
    first, last = speech
    within = [segment for segment in found if segment.start < last and segment.end > first]
    total = sum(segment.end - segment.start for segment in found)
    covered = sum(min(segment.end, last) - max(segment.start, first) for segment in within)
    missed = float("nan")
    return ClipErrors(
        segments=len(within),
        delay=(within[0].decided - first) / SAMPLE_RATE if within else missed,
        onset_lost=max(0, within[0].start - first) / SAMPLE_RATE if within else missed,
        end_lost=max(0, last - within[-1].end) / SAMPLE_RATE if within else missed,
        lost_share=1 - covered / (last - first),
        surplus=(total - covered) / SAMPLE_RATE,
    )


def summarize(background: str, errors: Sequence[ClipErrors]) -> ErrorSummary:
    """Return means and percentiles over clips; times only over those that were not missed."""
    delays = [clip.delay for clip in errors if clip.segments]
    onsets = np.array([clip.onset_lost for clip in errors if clip.segments])
    ends = np.array([clip.end_lost for clip in errors if clip.segments])
    return ErrorSummary(
        background=background,
        clips=len(errors),
        missed=sum(clip.segments == 0 for clip in errors),
        segments_per_clip=float(np.mean([clip.segments for clip in errors])),
        delay_median=1000 * float(np.median(delays)),
        delay_95=1000 * float(np.percentile(delays, 95)),
        onset_lost_mean=1000 * float(onsets.mean()),
        onset_lost_clips=100 * float((onsets > 0).mean()),
        end_lost_mean=1000 * float(ends.mean()),
        end_lost_clips=100 * float((ends > 0).mean()),
        lost=100 * float(np.mean([clip.lost_share for clip in errors])),
        surplus_mean=1000 * float(np.mean([clip.surplus for clip in errors])),
    )


def measure_errors(
    clips: Sequence[Int16], background: Background, settings: GateSettings
) -> list[ClipErrors]:
    """Return how the segments of every clip differ from its speech in a background."""
    scenes = (clip_in_background(clip, background, seed) for seed, clip in enumerate(clips))
    return [clip_errors(segments(samples, settings), speech) for samples, speech in scenes]


def measure_false_segments(
    sound: str, settings: GateSettings, *, switched_on: bool, levels: Sequence[float] = LEVELS_DBFS
) -> FalseSegments:
    """Return how long a sound without speech keeps the gate open, per minute of the sound.

    Args:
        sound: name in ``SOUNDS``.
        settings: of the gate.
        switched_on: whether three seconds of faint noise precede the sound.
        levels: levels of the sound, in dBFS.
    """
    sounds = sounds_without_speech(sound)
    seconds = []
    for dbfs in levels:
        (stream,) = streams_of_sound(sounds, dbfs, switched_on=switched_on)
        total = sum(segment.end - segment.start for segment in segments(stream, settings))
        seconds.append(total / SAMPLE_RATE * 60 / SOUND_SECONDS)
    return FalseSegments(sound, switched_on, tuple(seconds))


def measure_alternative(name: str, settings: GateSettings, clips: Sequence[Int16]) -> Alternative:
    """Return the errors of a gate in silence and in pink noise of -50 dBFS at 20 and 10 dB SNR."""
    errors = [
        clip
        for background in COARSE_BACKGROUNDS
        for clip in measure_errors(clips, background, settings)
    ]
    open_seconds = {
        (sound, switched_on): float(
            np.mean(
                measure_false_segments(
                    sound, settings, switched_on=switched_on, levels=COARSE_LEVELS_DBFS
                ).seconds
            )
        )
        for sound in SOUNDS
        for switched_on in (False, True)
    }
    return Alternative(
        name=name,
        errors=summarize(name, errors),
        steady=float(np.mean([open_seconds[sound, False] for sound in STEADY])),
        switched_on=float(np.mean([open_seconds[sound, True] for sound in STEADY])),
        music=float(np.mean([open_seconds[MUSIC, False], open_seconds[MUSIC, True]])),
    )
