"""What the keys of the terminal UI do to a live run."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from realtime_ser.capture.devices import InputDevice, find_input_device, list_input_devices
from realtime_ser.capture.reconnect import open_microphone
from realtime_ser.live.engine import Engine
from realtime_ser.live.snapshot import DeviceChoice, Snapshot
from realtime_ser.output.recording import Recording
from realtime_ser.profiles.session import ProfileSession


class Controls:
    """A live run with a device list and a recording that can be started and stopped.

    Args:
        engine: the run, with ``recording`` among its sinks.
        recording: the recording in progress, if any.
        profile: the profile in use, if any.
        reconnect: whether a microphone that is chosen here is reopened after it was lost.
    """

    def __init__(
        self,
        engine: Engine,
        recording: Recording | None = None,
        *,
        profile: ProfileSession | None = None,
        reconnect: bool = True,
        channel: int | str = "auto",
    ) -> None:
        self._engine = engine
        self._recording = recording
        self._profile = profile
        self._reconnect = reconnect
        self._channel = channel
        self._listed: dict[int, InputDevice] = {}

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot."""
        recording = self._recording
        path = None if recording is None or recording.closed else recording.path
        snapshot = replace(self._engine.snapshot(), recording=path)
        profile = self._profile
        if profile is None:
            return snapshot
        return replace(
            snapshot,
            profile=profile.name,
            other_voice=profile.hears_other_voice,
            unsaved=profile.problem,
        )

    def pause(self, paused: bool) -> None:
        """Pause or resume; a file waits, a microphone's audio is dropped meanwhile."""
        self._engine.pause(paused)

    def clear(self) -> None:
        """Forget the newest emotion, the timeline, and what was learned of the voice."""
        self._engine.clear()

    def correct(self, label: str) -> None:
        """Learn what the newest utterance was.

        Raises:
            CorrectionError: nobody has spoken yet.
        """
        self._engine.correct(label)

    def undo_correction(self) -> str:
        """Take the newest correction back and return its label.

        Raises:
            CorrectionError: there is none.
        """
        return self._engine.undo_correction()

    def devices(self) -> Sequence[DeviceChoice]:
        """Return the input devices.

        Raises:
            AudioDeviceError: PortAudio is missing.
        """
        current = self._engine.snapshot().source
        self._listed = {device.index: device for device in list_input_devices()}
        return [
            DeviceChoice(device.index, device.name, device.name == current)
            for device in self._listed.values()
        ]

    def switch_device(self, index: int) -> None:
        """Use another microphone, by the index that ``devices`` last gave it.

        Raises:
            AudioDeviceError: it cannot be opened; the current one stays in use.
        """
        device = self._listed.get(index) or find_input_device(index)
        microphone = open_microphone(device, reconnect=self._reconnect, channel=self._channel)
        self._engine.switch_source(microphone)

    def start_recording(self) -> Path:
        """Record from now on to a new WAV file in the current folder.

        Raises:
            OutputError: it cannot be written.
        """
        self.stop_recording()
        name = Path(time.strftime("realtime-ser-%Y%m%d-%H%M%S.wav"))
        recording = Recording(name, keep_others=True)
        self._recording = recording
        self._engine.sinks.add(recording)
        return recording.path

    def stop_recording(self) -> Path | None:
        """Finish the recording and return its file, ``None`` if there was none.

        Raises:
            OutputError: the last samples could not be written.
        """
        recording, self._recording = self._recording, None
        if recording is None or recording.closed:
            return None
        self._engine.sinks.finish(recording)
        return recording.path
