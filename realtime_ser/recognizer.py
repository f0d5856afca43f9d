"""The Python interface: a loaded model that recognizes arrays, streams and microphones."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase, RawIOBase
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from numpy.typing import ArrayLike

from realtime_ser.analysis import analyze, resampled
from realtime_ser.arguments import AnyPath, as_flag, as_number, as_path, shown
from realtime_ser.capture.file_source import FileSource
from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.sources import Source
from realtime_ser.capture.stream_source import open_stream
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import AudioInputError, RealtimeSerError, SettingsError, printable
from realtime_ser.events import Event, FileResult, Probabilities
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16, as_block
from realtime_ser.settings import SAMPLE_RATE, Settings
from realtime_ser.stream import Stream, as_rate, chosen_channel

log = logging.getLogger("realtime_ser")

if TYPE_CHECKING:
    from realtime_ser.capture.devices import AnyDevice
    from realtime_ser.listener import Listener
    from realtime_ser.profiles.sink import ProfileSink


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a whole recording was.

    Attributes:
        label: the likeliest emotion, ``uncertain`` below the threshold, ``None`` where nobody
            spoke.
        confidence: its probability, ``None`` where nobody spoke.
        probabilities: of all eight labels, ``None`` where nobody spoke.
        events: everything a live run would have reported.
    """

    label: str | None
    confidence: float | None
    probabilities: Probabilities | None
    events: tuple[Event, ...]


class Recognizer:
    """A loaded model. Streams, threads and forked processes may share it.

    Pickled, it is its folder and its settings: the other process loads the model again.

    Args:
        model: model folder; ``None`` takes ``REALTIME_SER_MODEL``, else the bundled model.
        settings: window, hop, VAD mode, threshold, adaptation on or off.

    Raises:
        ModelError: the model folder is missing, damaged, or not what its manifest says.
        SettingsError: the settings are no ``Settings``.
    """

    def __init__(self, model: AnyPath | None = None, settings: Settings | None = None) -> None:
        if not isinstance(settings, Settings | None):
            raise SettingsError(
                f"the settings are {shown(settings)}", "give Settings(...), or none"
            )
        self.settings = settings or Settings()
        self.model = EmotionModel(model)
        if self.settings.adapt and self.model.statistics is None:
            log.warning(
                "%s does not adapt to voices: it has no statistics of its training voices,"
                " export it again to add them",
                printable(str(self.model.folder)),
            )

    def pipeline(self) -> Pipeline:
        """Return a fresh pipeline for one stream of 16 kHz mono audio."""
        return Pipeline(self.model, self.settings)

    def use_profile(self, pipeline: Pipeline, profile: str) -> "ProfileSink":
        """Have one of this recognizer's pipelines continue with a profile.

        Args:
            pipeline: a fresh one.
            profile: its name; if there is none of that name, it is created.

        Returns:
            What saves the profile every minute, and when it is closed.

        Raises:
            SettingsError: the name cannot be used.
        """
        from realtime_ser.profiles.session import ProfileSession
        from realtime_ser.profiles.sink import ProfileSink

        return ProfileSink(ProfileSession(profile, pipeline, self.model))

    def stream(
        self,
        sample_rate: int = SAMPLE_RATE,
        *,
        channel: int | str | None = None,
        profile: str | None = None,
    ) -> Stream:
        """Return a new stream.

        Args:
            sample_rate: in hertz.
            channel: which to hear, from 1, ``mix`` or ``auto``; ``None`` takes the settings'.
            profile: name of the voice, such as ``ada``. The stream continues with what was learned
                of it, and stores what it learns, every minute, with ``flush`` and ``close``.

        Raises:
            AudioInputError: the rate is no whole number, or cannot be resampled.
            SettingsError: the profile has no possible name.
        """
        pipeline = self.pipeline()
        sink = None if profile is None else self.use_profile(pipeline, profile)
        try:
            return Stream(pipeline, sample_rate, channel, sink)
        except RealtimeSerError:
            if sink is not None:
                sink.close()
            raise

    def recognize(
        self, samples: ArrayLike, sample_rate: int, *, channel: int | str | None = None
    ) -> Recognition:
        """Recognize a whole recording.

        Args:
            samples: int16, or floats within ±1; shape ``[n]`` or ``[n, channels]``.
            sample_rate: in hertz.
            channel: which to hear, from 1, ``mix`` or ``auto``; ``None`` takes the settings'.

        Raises:
            AudioInputError: no samples, another shape or type, NaN or infinity, integers that were
                made floats without being scaled, an impossible rate, no such channel.
            SettingsError: the channel is no number from 1, ``mix`` or ``auto``.
        """
        block = as_block(samples)
        if not len(block):
            raise AudioInputError("there are no samples", "give at least one")
        choice = chosen_channel(channel, self.settings)
        resampler = Resampler(as_rate(sample_rate), block.shape[1], choice)
        mono = np.concatenate((resampler.process(block), resampler.flush()))
        return _collect(analyze([mono], self.pipeline(), "samples"), None)

    def recognize_file(
        self,
        path: AnyPath | BinaryIO,
        *,
        channel: int | str | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_audio: Callable[[Int16], None] | None = None,
    ) -> Recognition:
        """Recognize a whole sound file, as fast as possible.

        Args:
            path: the file, or a binary stream such as ``sys.stdin.buffer``, whose name in the
                result is ``-``: a sound file, or else raw 16 kHz mono s16le.
            channel: which to hear, from 1, ``mix`` or ``auto``; ``None`` takes the settings'.
            on_event: is called with each event as soon as it is known, the ``FileResult`` last.
            on_audio: is called with all analyzed audio, 16 kHz mono int16, shape ``[n]``.

        Raises:
            DamagedAudioError: audio is missing; ``on_event`` has all events before that, and the
                ``FileResult`` of what there is.
            AudioInputError: the file is missing or no audio.
            SettingsError: the channel is no number from 1, ``mix`` or ``auto``.
        """
        choice = chosen_channel(channel, self.settings)
        source: Source
        if isinstance(path, BufferedIOBase | RawIOBase):
            name, source = "-", open_stream(cast(BinaryIO, path))
        else:
            path = as_path(path, "the sound file", AudioInputError)
            name, source = str(path), FileSource(path)
        blocks = resampled(source, choice)
        return _collect(analyze(blocks, self.pipeline(), name, on_audio), on_event)


def _collect(events: Iterator[Event], on_event: Callable[[Event], None] | None) -> Recognition:
    """Run an analysis to its end and return what it found."""
    collected: list[Event] = []
    for event in events:
        if on_event is not None:
            on_event(event)
        collected.append(event)
    *_, result = collected
    assert isinstance(result, FileResult)
    return Recognition(result.label, result.confidence, result.probabilities, tuple(collected[:-1]))


def listen(
    device: "AnyDevice" = None,
    *,
    recognizer: Recognizer | None = None,
    duration: float | None = None,
    reconnect: bool = True,
    profile: str | None = None,
) -> "Listener":
    """Open a microphone and return its events as they happen, health every five seconds.

    ::

        with listen(device=2) as events:
            for event in events: ...

    Ends with ``close()``, from any thread. A consumer that is too slow loses the oldest audio,
    which the health events count.

    Args:
        device: index, part of a name, or ``None`` for the default microphone.
        recognizer: a loaded model; ``None`` loads the bundled one.
        duration: seconds to listen; ``None`` goes on.
        reconnect: when the microphone goes, wait for its return; health events say both at once,
            and time goes on meanwhile. PortAudio is restarted for that, which ends other streams
            that this process has opened with it.
        profile: name of the voice, such as ``ada``. Continues with what was learned of it, and
            stores what is learned, every minute and at the end.

    Raises:
        AudioDeviceError: PortAudio or the microphone cannot be used, or without ``reconnect`` no
            longer.
        ModelError: the model folder cannot be used.
        SettingsError: the duration is no number above 0, the profile has no possible name, or
            another argument is of a wrong type.
    """
    from realtime_ser.capture.devices import as_choice, find_input_device
    from realtime_ser.capture.reconnect import open_microphone
    from realtime_ser.listener import Listener
    from realtime_ser.live.engine import Engine

    device = as_choice(device)
    seconds = None if duration is None else _as_duration(duration)
    reconnect = as_flag(reconnect, "reconnect", SettingsError)
    if not isinstance(recognizer, Recognizer | None):
        raise SettingsError(f"the recognizer is {shown(recognizer)}", "give a Recognizer, or none")
    recognizer = recognizer or Recognizer()
    pipeline = recognizer.pipeline()
    with contextlib.ExitStack() as unless_owned:
        channel = pipeline.settings.channel
        source = open_microphone(find_input_device(device), reconnect=reconnect, channel=channel)
        unless_owned.callback(source.close)
        sinks = []
        if profile is not None:
            sinks.append(recognizer.use_profile(pipeline, profile))
            unless_owned.callback(sinks[0].close)
        listener = Listener(Engine(source, pipeline, sinks=sinks, duration=seconds))
        unless_owned.pop_all()
    return listener


def _as_duration(duration: object) -> float:
    seconds = as_number(duration, "the duration", SettingsError)
    if seconds <= 0:
        raise SettingsError(f"the duration is {shown(duration)}", "give more than 0 seconds")
    return seconds
