"""A live run that plays no sound: it shows the snapshots it is given and notes what it is asked."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import LABELS, EmotionUpdate, SpeechEnded
from realtime_ser.live.snapshot import DeviceChoice, Snapshot, TimelineEntry
from realtime_ser.output.terminal.app import EmotionApp
from realtime_ser.settings import Settings

DEVICES = (
    DeviceChoice(0, "Built-in Microphone", current=True),
    DeviceChoice(3, "USB [bold]Audio[/bold] Interface", current=False),
)


def probabilities(**shares: float) -> dict[str, float]:
    """Give the named labels their shares, and the rest to the others in equal parts."""
    others = (1 - sum(shares.values())) / (len(LABELS) - len(shares))
    return {label: shares.get(label, others) for label in LABELS}


ANGRY = EmotionUpdate(
    start=58.1,
    end=59.06,
    label="angry",
    confidence=0.62,
    probabilities=probabilities(angry=0.62, disgust=0.14, surprised=0.09, happy=0.07),
    frame_probabilities=probabilities(angry=0.44, disgust=0.06, surprised=0.27, happy=0.1),
)

UNCERTAIN_UPDATE = replace(
    ANGRY,
    label="uncertain",
    confidence=0.21,
    probabilities=probabilities(neutral=0.21, calm=0.19, sad=0.18),
    frame_probabilities=probabilities(neutral=0.1, calm=0.25, sad=0.2),
)

UTTERANCE = SpeechEnded(55.3, 59.1, "angry", 0.71, ANGRY.probabilities)

TIMELINE = tuple(
    TimelineEntry(start, end, label)
    for start, end, label in (
        (2.0, 6.5, "neutral"),
        (6.5, 9.0, "calm"),
        (12.0, 13.0, "uncertain"),
        (13.0, 18.4, "sad"),
        (18.4, 19.4, "fearful"),
        (22.6, 29.0, "happy"),
        (29.0, 31.9, "surprised"),
        (36.0, 40.0, "disgust"),
        (40.0, 41.0, "fearful"),
        (41.0, 48.0, "angry"),
        (55.3, 59.06, "angry"),
    )
)

SPEAKING = Snapshot(
    source="Built-in Microphone",
    rate=48_000,
    live=True,
    time=59.2,
    input_dbfs=-23.4,
    speaking=True,
    emotion=ANGRY,
    utterance=UTTERANCE,
    timeline=TIMELINE,
    adaptation=0.63,
    lag_ms=3.2,
    compute_ms=1.84,
)

QUIET = Snapshot(
    source="Built-in Microphone", rate=48_000, live=True, time=4.0, input_dbfs=-52.0, adaptation=0.0
)

FILE = replace(SPEAKING, source="demo.wav", rate=16_000, live=False)


class FakeRun:
    """Holds one snapshot at a time; the controls change it as a real run would.

    Attributes:
        now: the snapshot shown; set it to show another.
        calls: names and arguments of the controls used, in order.
        refusal: raised by every control that may fail, when set.
    """

    def __init__(self, now: Snapshot = SPEAKING) -> None:
        self.now = now
        self.calls: list[tuple[Any, ...]] = []
        self.refusal: RealtimeSerError | None = None

    def change(self, **fields: Any) -> None:
        """Show another snapshot, different in ``fields``."""
        self.now = replace(self.now, **fields)

    def snapshot(self) -> Snapshot:
        """Return the snapshot set last."""
        return self.now

    def pause(self, paused: bool) -> None:
        """Note it, and show it."""
        self.calls.append(("pause", paused))
        self.change(paused=paused)

    def clear(self) -> None:
        """Note it, and show it."""
        self.calls.append(("clear",))
        self.change(emotion=None, timeline=(), adaptation=0.0)

    def correct(self, label: str) -> None:
        """Note it, and show it."""
        self.calls.append(("correct", label))
        self._refuse()
        self.change(corrections=self.now.corrections + 1)

    def undo_correction(self) -> str:
        """Note it, and show it."""
        self.calls.append(("undo_correction",))
        self._refuse()
        self.change(corrections=self.now.corrections - 1)
        return "happy"

    def devices(self) -> Sequence[DeviceChoice]:
        """Return two microphones."""
        self._refuse()
        return DEVICES

    def switch_device(self, index: int) -> None:
        """Note it, and show it."""
        self.calls.append(("switch_device", index))
        self._refuse()
        self.change(source=next(d.name for d in DEVICES if d.index == index))

    def start_recording(self) -> Path:
        """Note it, and show it."""
        self.calls.append(("start_recording",))
        self._refuse()
        self.change(recording=Path("somewhere/take-1.wav"))
        return Path("somewhere/take-1.wav")

    def stop_recording(self) -> Path | None:
        """Note it, and show it."""
        self.calls.append(("stop_recording",))
        self._refuse()
        path = self.now.recording
        self.change(recording=None)
        return path

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


if __name__ == "__main__":
    # A program to send signals to; told to crash, it meets an error nobody foresaw.
    run = FakeRun()
    if sys.argv[1:] == ["crash"]:
        run.snapshot = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    app = EmotionApp(run, Settings())
    app.run()
    sys.exit(app.return_code)
