"""What a display gets from a live run: a snapshot of its state, and the controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import EmotionUpdate, SpeechEnded


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A stretch of the last minute, in seconds of audio, and its label."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a live run at one moment; immutable.

    Attributes:
        source: name of the microphone or file.
        rate: the rate it delivers, in hertz.
        live: whether it is a microphone.
        time: seconds of audio analyzed.
        input_dbfs: level of the newest audio, in dB of full scale (RMS), -90 at the lowest.
        speaking: whether an utterance has started and not yet ended.
        emotion: the newest emotion event, ``None`` before the first.
        utterance: the newest finished utterance, ``None`` before the first.
        timeline: labeled stretches of the last minute, oldest first.
        overflows: blocks the sound system dropped, so far.
        lost_samples: 16 kHz samples overwritten before they were analyzed, so far.
        lag_ms: audio captured and not yet analyzed, in milliseconds.
        adaptation: share that the voice itself has in the statistics it is normalized by, 0 to 1;
            ``None`` without adaptation.
        corrections: how many corrections are in use.
        profile: name of the profile in use, ``None`` without one.
        other_voice: whether the voice that spoke last is not the profile's.
        unsaved: why the profile is not being saved, ``None`` while it is.
        compute_ms: mean CPU time of a frame (gate, frontend, embed, classify), ``None`` before the
            first.
        paused: whether the run is paused.
        recording: file being recorded to, ``None`` while not recording.
        silent_input: a microphone has delivered nothing but zeros for two seconds.
        problem: what is wrong with the microphone, ``None`` in normal operation.
        output_problems: what is wrong with the receivers of outputs, by output.
        dropped_events: events that outputs have discarded so far.
        finished: whether the source has ended.
        failure: the error that ended the run early, ``None`` otherwise.
    """

    source: str
    rate: int
    live: bool
    time: float = 0.0
    input_dbfs: float = -90.0
    speaking: bool = False
    emotion: EmotionUpdate | None = None
    utterance: SpeechEnded | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    overflows: int = 0
    lost_samples: int = 0
    lag_ms: float = 0.0
    adaptation: float | None = None
    corrections: int = 0
    profile: str | None = None
    other_voice: bool = False
    unsaved: str | None = None
    compute_ms: float | None = None
    paused: bool = False
    recording: Path | None = None
    silent_input: bool = False
    problem: str | None = None
    output_problems: Mapping[str, str] = field(default_factory=dict)
    dropped_events: int = 0
    finished: bool = False
    failure: RealtimeSerError | None = None


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """An input device a display can offer."""

    index: int
    name: str
    current: bool


class LiveRun(Protocol):
    """A live run as a display sees it. No call blocks for longer than one write to a sink."""

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot."""

    def pause(self, paused: bool) -> None:
        """Pause or resume; a file waits, a microphone's audio is dropped meanwhile."""

    def clear(self) -> None:
        """Forget the newest emotion, the timeline, and what was learned of the voice."""

    def correct(self, label: str) -> None:
        """Learn what the newest utterance was; raises CorrectionError if there is none."""

    def undo_correction(self) -> str:
        """Take the newest correction back and return its label; raises CorrectionError."""

    def devices(self) -> Sequence[DeviceChoice]:
        """Return the input devices; raises AudioDeviceError when PortAudio is missing."""

    def switch_device(self, index: int) -> None:
        """Use another microphone; raises AudioDeviceError and keeps the old one if that fails."""

    def start_recording(self) -> Path:
        """Record from now on to a new WAV file in the current folder; raises OutputError."""

    def stop_recording(self) -> Path | None:
        """Finish the recording and return its file."""
