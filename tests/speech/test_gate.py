"""The speech gate, in pictures.

In a drawing each character is one 30 ms frame of sound: ``V`` a voice, ``.`` silence, ``n``
noise, ``h`` mains hum, ``t`` a steady tone that WebRTC's detector takes for a voice. Below it,
``^`` marks the frames of the utterances that the gate returns.
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from realtime_ser.settings import SAMPLE_RATE
from realtime_ser.speech.gate import (
    VOTE_SAMPLES,
    Closed,
    GateEvent,
    GateSettings,
    Held,
    Opened,
    SpeechGate,
)

Int16 = NDArray[np.int16]
Float64 = NDArray[np.float64]

SPEECH_SAMPLES = Path(__file__).parents[1] / "speech_samples"
SHORT = GateSettings(vote_frames=10, opening_votes=6, pre_roll=0.09, hangover=0.18)
"""Six votes of ten; three frames of pre-roll and six of hangover, so that a drawing fits a line."""


def tone(count: int) -> Float64:
    """Return a steady vowel of 130 Hz, within ±1."""
    harmonics = np.arange(1, 28)[:, None]
    times = np.arange(count) / SAMPLE_RATE
    formants = ((600, 120, 1.0), (1200, 150, 0.5), (2500, 200, 0.25))
    weights = sum(
        height * np.exp(-0.5 * ((130 * harmonics - center) / width) ** 2)
        for center, width, height in formants
    )
    vowel = (weights * np.sin(2 * np.pi * 130 * harmonics * times + harmonics**2)).sum(axis=0)
    return np.asarray(0.1 * vowel)


def voice(count: int) -> Float64:
    """Return the vowel with a level that changes by 3 or 6 dB from frame to frame, within ±1."""
    steps = np.array([1.0, 0.7, 0.5])[np.arange(count) // VOTE_SAMPLES % 3]
    return np.asarray(tone(count) * steps)


def hum(count: int, frequency: float = 50.0) -> Float64:
    """Return mains hum with its harmonics, at 0 dBFS (RMS)."""
    phases = 2 * np.pi * frequency * np.arange(count) / SAMPLE_RATE
    harmonics = np.arange(1, 8)[:, None]
    return at_level((np.sin(harmonics * phases + harmonics) / harmonics).sum(axis=0), 0.0)


def white(count: int) -> Float64:
    """Return white noise at 0 dBFS (RMS)."""
    return np.random.default_rng(7).normal(size=count)


def pink(count: int) -> Float64:
    """Return noise whose power falls by 3 dB an octave, at 0 dBFS (RMS)."""
    spectrum = np.fft.rfft(white(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return at_level(np.fft.irfft(spectrum, count), 0.0)


def at_level(samples: Float64, dbfs: float) -> Float64:
    """Return the sound at this level, in dB of full scale (RMS)."""
    return np.asarray(samples / np.sqrt(np.mean(samples**2)) * 10 ** (dbfs / 20))


def to_int16(samples: Float64) -> Int16:
    """Return sound within ±1 as int16."""
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)


def sound(drawing: str) -> Int16:
    """Return the sound of a drawing, int16, shape ``[480 * len(drawing)]``."""
    count = len(drawing) * VOTE_SAMPLES
    kinds = {
        "V": voice(count),
        "t": tone(count),
        ".": np.zeros(count),
        "n": at_level(white(count), -45.0),
        "h": at_level(hum(count), -45.0),
    }
    chosen = np.repeat(list(drawing), VOTE_SAMPLES)
    return to_int16(np.select([chosen == kind for kind in kinds], list(kinds.values())))


def run(gate: SpeechGate, samples: Int16, block: int | None = None) -> list[GateEvent]:
    """Return what a gate says of samples that come in blocks of this size, then end."""
    size = block or max(1, len(samples))
    blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
    return [event for block in blocks for event in gate.process(block)] + gate.flush()


def spans(events: list[GateEvent]) -> list[tuple[int, int]]:
    """Return the first sample and the one after the last of every utterance."""
    starts = [event.start for event in events if isinstance(event, Opened)]
    ends = [event.end for event in events if isinstance(event, Closed)]
    return list(zip(starts, ends, strict=True))


def held(events: list[GateEvent]) -> Int16:
    """Return the audio of all utterances."""
    return np.concatenate([event.samples for event in events if isinstance(event, Held)])


def draw(events: list[GateEvent], frames: int) -> str:
    """Return the utterances as a drawing of this many frames."""
    marks = [" "] * frames
    for start, end in spans(events):
        assert start % VOTE_SAMPLES == end % VOTE_SAMPLES == 0
        marks[start // VOTE_SAMPLES : end // VOTE_SAMPLES] = "^" * ((end - start) // VOTE_SAMPLES)
    return "".join(marks)


@pytest.mark.parametrize(
    ("sounds", "held"),
    [
        pytest.param(
            "............VVVVVVVVVVVV............",
            "         ^^^^^^^^^^^^^^^^^^^^^      ",
            id="pre-roll before, hangover behind",
        ),
        pytest.param(
            "............VVVVVVVVV.....VVVVVV............",
            "         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^      ",
            id="a short pause is bridged",
        ),
        pytest.param(
            "............VVVVVVV............VVVVVVV............",
            "         ^^^^^^^^^^^^^^^^   ^^^^^^^^^^^^^^^^      ",
            id="a long pause cuts",
        ),
        pytest.param(
            "............VVVVV...............VVVVVV.........",
            "                             ^^^^^^^^^^^^^^^   ",
            id="five voiced frames are too few, six are enough",
        ),
        pytest.param(
            "............VV.VV.VV.........",
            "         ^^^^^^^^^^^^^^^^^   ",
            id="six of the last ten are enough",
        ),
        pytest.param("............V..V..V..V..V..V..V", "", id="clicks do not open"),
        pytest.param(
            "hhhhhhhhhhhhVVVVVVVVhhhhhhhhhhhh",
            "         ^^^^^^^^^^^^^^^^^      ",
            id="hum is not held for speech",
        ),
        pytest.param(
            "nnnnnnnnnnnnVVVVVVVVnnnnnnnnnnnn",
            "         ^^^^^^^^^^^^^^^^^      ",
            id="nor is noise",
        ),
        pytest.param("............nnnnnnnnnnnnnnnnnnnn", "", id="noise switched on"),
        pytest.param("............hhhhhhhhhhhhhhhhhhhh", "", id="hum switched on"),
        pytest.param("............tttttttttttttttttttt", "", id="tone switched on"),
        pytest.param(
            ".VVVVVVVV............",
            "^^^^^^^^^^^^^^^      ",
            id="less pre-roll where the stream begins",
        ),
        pytest.param(
            "............VVVVVVVV",
            "         ^^^^^^^^^^^",
            id="the stream ends in mid-utterance",
        ),
    ],
)
def test_utterances_of_a_drawing(sounds: str, held: str) -> None:
    events = run(SpeechGate(SHORT), sound(sounds))

    assert draw(events, len(sounds)).rstrip() == held.rstrip()


def test_defaults_include_300_ms_before_and_600_ms_after() -> None:
    drawing = "." * 20 + "V" * 30 + "." * 40

    [(start, end)] = spans(run(SpeechGate(), sound(drawing)))

    assert start / SAMPLE_RATE == pytest.approx(0.03 * 20 - 0.3)
    # the detector itself reports speech for up to two frames after a voice
    assert 0.6 <= end / SAMPLE_RATE - 0.03 * 50 <= 0.6 + 0.06


STEADY: dict[str, Callable[[int], Float64]] = {
    "digital silence": lambda count: np.zeros(count),
    "hum of 50 Hz": hum,
    "hum of 60 Hz": lambda count: hum(count, 60.0),
    "tone of 100 Hz": lambda count: np.sin(2 * np.pi * 100 * np.arange(count) / SAMPLE_RATE),
    "white noise": white,
    "pink noise": pink,
}


@pytest.mark.parametrize("dbfs", [-30.0, -45.0, -70.0])
@pytest.mark.parametrize("name", STEADY)
def test_steady_sound_does_not_open_the_gate(name: str, dbfs: float) -> None:
    samples = to_int16(STEADY[name](20 * SAMPLE_RATE) * 10 ** (dbfs / 20))

    assert run(SpeechGate(), samples) == []


@pytest.mark.parametrize("dbfs", [-20.0, -30.0, -50.0])
@pytest.mark.parametrize("name", ["hum of 50 Hz", "hum of 60 Hz", "tone of 100 Hz", "white noise"])
def test_steady_sound_that_starts_suddenly_does_not_open_the_gate(name: str, dbfs: float) -> None:
    faint = at_level(white(3 * SAMPLE_RATE), -75.0)
    loud = STEADY[name](10 * SAMPLE_RATE) * 10 ** (dbfs / 20)

    assert run(SpeechGate(), to_int16(np.concatenate((faint, loud)))) == []


@pytest.mark.parametrize("decibels", [12.0, -6.0, -20.0, -30.0])
@pytest.mark.parametrize("clip", ["three_utterances.flac", "speech_at_once.flac"])
def test_the_recording_level_does_not_matter(clip: str, decibels: float) -> None:
    samples, _ = soundfile.read(SPEECH_SAMPLES / clip, dtype="int16")
    changed = to_int16(samples / 32768 * 10 ** (decibels / 20))

    assert spans(run(SpeechGate(), changed)) == spans(run(SpeechGate(), samples)) != []


def test_a_voice_well_below_the_loudest_recent_sound_opens_the_gate() -> None:
    loud, faint = sound("............VVV......"), sound("VVVVVVVVVVVV............") // 10
    samples = np.concatenate((loud, faint))

    [(start, end)] = spans(run(SpeechGate(SHORT), samples))

    assert start < len(loud)
    assert end > len(loud) + 12 * VOTE_SAMPLES


@pytest.mark.parametrize("decibels", [0.0, -30.0])
@pytest.mark.parametrize("block", [1, 7, 160, 480, 4800])
def test_block_size_does_not_matter(block: int, decibels: float) -> None:
    recorded, _ = soundfile.read(SPEECH_SAMPLES / "one_utterance.flac", dtype="int16")
    heard = recorded[:30_000] if block == 1 else recorded
    samples = to_int16(heard / 32768 * 10 ** (decibels / 20))

    in_blocks = run(SpeechGate(), samples, block)
    at_once = run(SpeechGate(), samples)

    assert spans(in_blocks) == spans(at_once) != []
    np.testing.assert_array_equal(held(in_blocks), held(at_once))
    for start, end in spans(at_once):
        np.testing.assert_array_equal(held(in_blocks), samples[start:end])


@pytest.mark.parametrize(
    ("clip", "utterances"),
    [
        ("one_utterance.flac", 1),
        ("three_utterances.flac", 3),
        ("short_word.flac", 1),
        ("speech_at_once.flac", 1),
    ],
)
def test_held_audio_is_the_input_between_start_and_end(clip: str, utterances: int) -> None:
    samples, _ = soundfile.read(SPEECH_SAMPLES / clip, dtype="int16")
    events = run(SpeechGate(), samples, 1600)

    held = [
        np.concatenate([event.samples for event in group if isinstance(event, Held)])
        for is_held, group in groupby(events, lambda event: isinstance(event, Held))
        if is_held
    ]

    assert len(held) == utterances
    for (start, end), audio in zip(spans(events), held, strict=True):
        np.testing.assert_array_equal(audio, samples[start:end])


def test_an_utterance_at_the_start_begins_with_the_first_sample() -> None:
    samples, _ = soundfile.read(SPEECH_SAMPLES / "speech_at_once.flac", dtype="int16")

    assert spans(run(SpeechGate(), samples))[0][0] == 0


def test_flush_returns_the_last_samples_of_an_open_utterance() -> None:
    samples = sound("............VVVVVVVV")[:-100]
    gate = SpeechGate(SHORT)
    before = gate.process(samples)

    rest, closed = gate.flush()

    assert isinstance(before[-1], Held)
    assert isinstance(rest, Held)
    np.testing.assert_array_equal(rest.samples, samples[-VOTE_SAMPLES + 100 :])
    assert closed == Closed(len(samples))
    assert gate.flush() == []


def test_restart_discards_state_and_counts_from_the_given_sample() -> None:
    gate = SpeechGate(SHORT)
    gate.process(sound("............VVVVVVVV")[:-100])
    assert gate.is_open

    gate.restart(1_000_000)

    assert not gate.is_open
    after = run(gate, sound("............VVVVVVVV............"))
    fresh = run(SpeechGate(SHORT), sound("............VVVVVVVV............"))
    shifted = [(start + 1_000_000, end + 1_000_000) for start, end in spans(fresh)]
    assert spans(after) == shifted != []
