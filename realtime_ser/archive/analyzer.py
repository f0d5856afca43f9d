"""One sound file of an archive: its rows, whatever is wrong with it."""

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from realtime_ser import __version__
from realtime_ser.analysis import analyze, resampled
from realtime_ser.archive.files import open_file
from realtime_ser.archive.worklist import Task
from realtime_ser.capture.file_source import DecodedSource, FileSource
from realtime_ser.errors import AudioInputError, ModelError, RealtimeSerError
from realtime_ser.output.table import COLUMNS, Row, RowCollector
from realtime_ser.recognizer import Recognizer
from realtime_ser.samples import Int16
from realtime_ser.settings import SAMPLE_RATE, Settings

_ERROR = COLUMNS.index("error")

log = logging.getLogger("realtime_ser")


@dataclass(frozen=True, slots=True)
class Engine:
    """What every process needs to analyze files as the first one would.

    Attributes:
        model: absolute path of the model folder.
        fingerprint: of the model.
        settings: window, hop, VAD mode, threshold, channel.
    """

    model: str
    fingerprint: str
    settings: Settings

    @classmethod
    def of(cls, recognizer: Recognizer) -> "Engine":
        """Return what loads an equal recognizer elsewhere."""
        folder = str(recognizer.model.folder.absolute())
        return cls(folder, model_fingerprint(recognizer), recognizer.settings)

    @property
    def configuration(self) -> str:
        """Return everything that decides about the rows of a file, but the file itself."""
        return json.dumps([__version__, self.fingerprint, asdict(self.settings)])


@dataclass(frozen=True, slots=True)
class AnalyzedFile:
    """What a file gave.

    Attributes:
        key: of its task.
        size: in bytes.
        seconds: of audio that was analyzed.
        cpu: seconds of CPU time that this took.
        rows: one for each utterance, at least one.
    """

    key: str
    size: int
    seconds: float
    cpu: float
    rows: list[Row]

    @property
    def failed(self) -> bool:
        """Whether the file could not be read, or not to its end."""
        return self.rows[0][_ERROR] is not None


class Analyzer:
    """A loaded model that analyzes one file after the other, as ``analyze`` does.

    Args:
        engine: what to load.

    Raises:
        ModelError: the model folder cannot be used, or holds another model.
    """

    def __init__(self, engine: Engine) -> None:
        self._recognizer = Recognizer(engine.model, engine.settings)
        self._manifest = self._recognizer.model.manifest
        if model_fingerprint(self._recognizer) != engine.fingerprint:
            raise ModelError(
                f"{engine.model} differs from the model that the job began with",
                "copy the same folder to every node",
            )

    def analyze(self, task: Task, on_seconds: Callable[[float], None]) -> AnalyzedFile:
        """Analyze a file. Its memory does not grow with its length, except by its rows.

        Args:
            task: the file.
            on_seconds: is called with the seconds of audio analyzed so far, ten times a second of
                audio.
        """
        collector = RowCollector(task.name, self._manifest)
        problem: RealtimeSerError | None = None
        samples, began = 0, time.process_time()

        def count(block: Int16) -> None:
            nonlocal samples
            samples += len(block)
            on_seconds(samples / SAMPLE_RATE)

        try:
            with _quiet():
                source = self._open(task)
                blocks = resampled(source, self._recognizer.settings.channel)
                for event in analyze(blocks, self._recognizer.pipeline(), task.name, count):
                    collector.on_event(event)
        except RealtimeSerError as error:
            problem = error
        except Exception as error:  # one file must not end the job
            problem = RealtimeSerError(
                f"{task.name} cannot be analyzed ({type(error).__name__}: {error})",
                "report this, with the file if you can",
            )
        cpu = time.process_time() - began
        return AnalyzedFile(
            task.key, task.size, samples / SAMPLE_RATE, cpu, collector.rows(problem)
        )

    def refuse(self, task: Task, problem: str, remedy: str) -> AnalyzedFile:
        """Return the row of a file that is not analyzed, with the reason."""
        collector = RowCollector(task.name, self._manifest)
        return AnalyzedFile(
            task.key, task.size, 0.0, 0.0, collector.rows(RealtimeSerError(problem, remedy))
        )

    @staticmethod
    def _open(task: Task) -> DecodedSource:
        if not task.storage:
            path = Path(task.source)
            if path.exists() and not path.is_file():  # reading a pipe might never end
                raise AudioInputError(f"{task.name} is not a regular file", "give a sound file")
            return FileSource(path)
        file = open_file(task.storage, task.source, task.name)
        return DecodedSource(file, task.name, task.name, owned=True)


def model_fingerprint(recognizer: Recognizer) -> str:
    """Return a hash over the hashes of all files of the model, 64 hexadecimal digits."""
    files = json.dumps(dict(recognizer.model.manifest.files), sort_keys=True)
    return hashlib.sha256(files.encode()).hexdigest()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back remarks on single files, such as which channel is heard: there are too many."""
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
