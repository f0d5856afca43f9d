"""The Python interface: a loaded model that recognizes arrays, streams and microphones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from realtime_ser.analysis import analyse, resampled
from realtime_ser.capture.resampler import Resampler
from realtime_ser.capture.sources import FileSource
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import AudioInputError
from realtime_ser.events import Event, FileResult, Probabilities
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import Int16, as_block
from realtime_ser.settings import SAMPLE_RATE, Settings


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


class Stream:
    """One stream of audio; many may share a recognizer."""

    def __init__(self, pipeline: Pipeline, sample_rate: int) -> None:
        self._pipeline = pipeline
        self._rate = sample_rate
        self._resampler: Resampler | None = None
        self._channels = 1

    def process(self, block: ArrayLike) -> list[Event]:
        """Take the next samples and return the events they complete.

        Args:
            block: int16, or floats within ±1; shape ``[n]`` or ``[n, channels]``.

        Raises:
            AudioInputError: the block has another shape or type, or holds NaN or infinity.
        """
        samples = as_block(block)
        if self._resampler is None:
            self._channels = samples.shape[1]
            self._resampler = Resampler(self._rate, self._channels)
        if samples.shape[1] != self._channels:
            raise AudioInputError(
                f"a block of {samples.shape[1]} channels follows blocks of {self._channels}",
                "give every block of a stream the same shape",
            )
        return self._pipeline.process(self._resampler.process(samples))

    def flush(self) -> list[Event]:
        """End what is being said and return its last events; further blocks go on from there."""
        rest: list[Event] = []
        if self._resampler is not None:
            rest = self._pipeline.process(self._resampler.flush())
            self._resampler = None
        return [*rest, *self._pipeline.flush()]


class Recognizer:
    """A loaded model. Streams and threads may share it.

    Args:
        model: model folder; ``None`` takes ``REALTIME_SER_MODEL``, else the bundled model.
        settings: window, hop, VAD mode, threshold.

    Raises:
        ModelError: the model folder is missing, damaged, or not what its manifest says.
    """

    def __init__(self, model: str | Path | None = None, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.model = EmotionModel(model)

    def pipeline(self) -> Pipeline:
        """Return a fresh pipeline for one stream of 16 kHz mono audio."""
        return Pipeline(self.model, self.settings)

    def stream(self, sample_rate: int = SAMPLE_RATE) -> Stream:
        """Return a new stream.

        Raises:
            AudioInputError: the rate cannot be resampled (raised by the first block).
        """
        return Stream(self.pipeline(), sample_rate)

    def recognize(self, samples: ArrayLike, sample_rate: int) -> Recognition:
        """Recognize a whole recording.

        Args:
            samples: int16, or floats within ±1; shape ``[n]`` or ``[n, channels]``.
            sample_rate: in hertz.

        Raises:
            AudioInputError: no samples, another shape or type, NaN or infinity, an impossible rate.
        """
        block = as_block(samples)
        if not len(block):
            raise AudioInputError("there are no samples", "give at least one")
        resampler = Resampler(sample_rate, block.shape[1])
        mono = np.concatenate((resampler.process(block), resampler.flush()))
        return _collect(analyse([mono], self.pipeline(), "samples"), None)

    def recognize_file(
        self,
        path: str | Path,
        *,
        on_event: Callable[[Event], None] | None = None,
        on_audio: Callable[[Int16], None] | None = None,
    ) -> Recognition:
        """Recognize a whole sound file, as fast as possible.

        Args:
            path: the file.
            on_event: is called with each event as soon as it is known, the ``FileResult`` last.
            on_audio: is called with all analyzed audio, 16 kHz mono int16, shape ``[n]``.

        Raises:
            AudioInputError: the file is missing, no audio, or damaged; ``on_event`` then has the
                events before the damage.
        """
        blocks = resampled(FileSource(Path(path)))
        return _collect(analyse(blocks, self.pipeline(), str(path), on_audio), on_event)


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
    device: int | str | None = None,
    *,
    recognizer: Recognizer | None = None,
    duration: float | None = None,
    reconnect: bool = True,
) -> Iterator[Event]:
    """Open a microphone and return its events as they happen, health every five seconds.

    Close the iterator to release the microphone. A consumer that is too slow loses the oldest
    audio, which the health events count.

    Args:
        device: index, part of a name, or ``None`` for the default microphone.
        recognizer: a loaded model; ``None`` loads the bundled one.
        duration: seconds to listen; ``None`` goes on.
        reconnect: when the microphone goes, wait for its return; health events say both at once,
            and time goes on meanwhile. PortAudio is restarted for that, which ends other streams
            that this process has opened with it.

    Raises:
        AudioDeviceError: PortAudio or the microphone cannot be used, or without ``reconnect`` no
            longer.
        ModelError: the model folder cannot be used.
    """
    from realtime_ser.capture.devices import find_input_device
    from realtime_ser.capture.reconnect import open_microphone
    from realtime_ser.live.engine import Engine

    pipeline = (recognizer or Recognizer()).pipeline()
    source = open_microphone(find_input_device(device), reconnect=reconnect)
    return Engine(source, pipeline, duration=duration).events()
