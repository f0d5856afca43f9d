"""Results as rows of a table: one for each utterance, with the same columns in every format.

A file in which nobody spoke, and one that cannot be read, has a single row without an utterance.
"""

import os

from realtime_ser.emotion.manifest import MODEL_FILE, Manifest
from realtime_ser.errors import RealtimeSerError
from realtime_ser.events import LABELS, Event, FileResult, SpeechEnded
from realtime_ser.live.sinks import Sink

COLUMNS = (
    "path",
    "duration",
    "start",
    "end",
    "label",
    "confidence",
    *LABELS,
    "error",
    "model",
    "model_sha256",
)
"""Names of the columns, in order: those of ``TEXT_COLUMNS`` hold text, the others numbers."""

TEXT_COLUMNS = frozenset({"path", "label", "error", "model", "model_sha256"})

Value = str | float | None
Row = tuple[Value, ...]
"""One value for each of ``COLUMNS``; times and durations in seconds."""

_NO_UTTERANCE: Row = (None,) * (4 + len(LABELS))


class RowCollector(Sink):
    """Collects the events of one file and turns them into its rows.

    Args:
        path: of the file, as the rows name it.
        manifest: of the model that recognizes it.
    """

    name = "table"

    def __init__(self, path: str, manifest: Manifest) -> None:
        self._path = as_text(path)
        self._model = (manifest.name, manifest.files[MODEL_FILE])
        self._utterances: list[Row] = []
        self._duration: float | None = None

    def on_event(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, SpeechEnded):
            self._utterances.append(_utterance_values(event))
        elif isinstance(event, FileResult):
            self._duration = event.duration

    def rows(self, error: RealtimeSerError | None = None) -> list[Row]:
        """Return the rows of the file, at least one.

        Args:
            error: why the file could not be read, or not to its end; every row of the file says so.
        """
        text = None if error is None else str(error)
        return [
            (self._path, self._duration, *utterance, text, *self._model)
            for utterance in self._utterances or [_NO_UTTERANCE]
        ]


def _utterance_values(utterance: SpeechEnded) -> Row:
    return (
        utterance.start,
        utterance.end,
        utterance.label,
        utterance.confidence,
        *(utterance.probabilities[label] for label in LABELS),
    )


def as_text(path: str) -> str:
    r"""Return a path as Unicode text: bytes in it that are not UTF-8 become ``\xe9`` and the like.

    >>> as_text("caf\udce9.wav")
    'caf\\xe9.wav'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
