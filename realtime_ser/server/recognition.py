"""One client's stream within a worker: bytes and corrections in, events out."""

import contextlib
import copy

from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import Event
from realtime_ser.recognizer import Recognizer
from realtime_ser.server.audio import SampleDecoder
from realtime_ser.server.messages import Start


class StreamRecognition:
    """Recognizes the audio of one stream, as ``Recognizer.stream`` does.

    Args:
        recognizer: shares its model; its settings are the defaults.
        start: what the client said about its audio.

    Raises:
        RealtimeSerError: a setting, the rate or the profile cannot be used.
    """

    def __init__(self, recognizer: Recognizer, start: Start) -> None:
        configured = copy.copy(recognizer)
        configured.settings = start.settings_from(recognizer.settings)
        self._stream = configured.stream(start.sample_rate, profile=start.profile)
        self._decoder = SampleDecoder(start)

    def process(self, data: bytes) -> list[Event]:
        """Return the events that the next bytes complete.

        Raises:
            AudioInputError: the samples hold NaN or infinity, or are not scaled to ±1.
        """
        return self._stream.process(self._decoder.decode(data))

    def correct(self, label: str) -> None:
        """Take a correction of the last utterance.

        Raises:
            CorrectionError: the label is unknown, or there is no utterance to correct.
        """
        self._stream.correct(label)

    def finish(self) -> list[Event]:
        """End the stream and return its last events.

        Raises:
            AudioInputError: the samples were integers that were made floats without being scaled.
        """
        try:
            return self._stream.flush()
        finally:
            self._stream.close()  # saves the profile

    def check_whole(self) -> None:
        """Check that the audio did not end within a sample.

        Raises:
            Fault: it did.
        """
        self._decoder.finish()

    def abandon(self) -> list[Event]:
        """Return the last events after a failure, as far as there are any."""
        with contextlib.suppress(RealtimeSerError):
            return self.finish()
        return []
