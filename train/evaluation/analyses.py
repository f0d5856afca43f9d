"""Analyses of clips: what ``realtime-ser analyze`` says about each, cached while it stays valid."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import realtime_ser
from realtime_ser import Recognizer
from realtime_ser.emotion.manifest import MANIFEST_FILE
from realtime_ser.events import LABELS, Event, FileResult, SpeechEnded
from train.corpora.clip import Clip
from train.evaluation.predictions import NO_SPEECH
from train.files import read_json, write_json

CLIPS_BETWEEN_SAVES = 25

CARD_FILE = "README.md"
"""The model card, which states scores and does not change them."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClipAnalysis:
    """What the program says about one clip.

    Attributes:
        label: of the ``file`` event: one of ``LABELS``, ``uncertain``, or ``no speech`` where the
            gate found none.
        probabilities: of the ``file`` event, in the order of ``LABELS``; ``None`` without speech.
        speech: start and end of each utterance, in seconds of the clip.
        duration: of the clip, in seconds.
    """

    label: str
    probabilities: tuple[float, ...] | None
    speech: tuple[tuple[float, float], ...]
    duration: float

    @property
    def speech_seconds(self) -> float:
        """How long the program reports speech, in seconds."""
        return sum(end - start for start, end in self.speech)


def analyze_clip(recognizer: Recognizer, path: Path) -> ClipAnalysis:
    """Analyze one audio file exactly as ``realtime-ser analyze`` does.

    Raises:
        AudioInputError: the file is missing or damaged.
    """
    events: list[Event] = []
    recognizer.recognize_file(path, on_event=events.append)
    return summarize(events)


def summarize(events: Sequence[Event]) -> ClipAnalysis:
    """Return what the events of one clip say, the ``FileResult`` last."""
    result = events[-1]
    assert isinstance(result, FileResult)
    speech = tuple((event.start, event.end) for event in events if isinstance(event, SpeechEnded))
    if result.label is None or result.probabilities is None:
        return ClipAnalysis(NO_SPEECH, None, speech, result.duration)
    probabilities = tuple(result.probabilities[label] for label in LABELS)
    return ClipAnalysis(result.label, probabilities, speech, result.duration)


def analyze_clips(
    model: Path, clips: Sequence[Clip], cache: Path | None = None
) -> list[ClipAnalysis]:
    """Analyze clips as ``realtime-ser analyze`` does.

    Args:
        model: model folder.
        clips: the clips.
        cache: folder of caches. An analysis is valid as long as neither the model, nor the source
            code of ``realtime_ser``, nor the clip's file changes; an interrupted run is resumed.
            ``None`` caches nothing.

    Returns:
        One analysis for each clip, in the same order.

    Raises:
        RealtimeSerError: the model folder or a clip cannot be used, or the cache not be written.
    """
    recognizer = Recognizer(model)
    if cache is None:
        return [analyze_clip(recognizer, clip.path) for clip in tqdm(clips, "analyzed")]
    corpora = "+".join(sorted({clip.corpus for clip in clips}))
    file = cache / "analyses" / _stamp(model) / f"{corpora}.json"
    known = _read(file)
    keys = [_key(clip) for clip in clips]
    missing = {key: clip for key, clip in zip(keys, clips, strict=True) if key not in known}
    try:
        for count, key in enumerate(tqdm(missing, "analyzed", leave=False), start=1):
            known[key] = analyze_clip(recognizer, missing[key].path)
            if count % CLIPS_BETWEEN_SAVES == 0:
                _write(file, known)
    finally:
        if missing:
            _write(file, known)
    return [known[key] for key in keys]


def probabilities_of(analyses: Sequence[ClipAnalysis]) -> Float64:
    """Return the probabilities, float64 ``[clips, 8]``; a row of NaN where there is no speech."""
    no_speech = (np.nan,) * len(LABELS)
    rows = [
        no_speech if analysis.probabilities is None else analysis.probabilities
        for analysis in analyses
    ]
    return np.array(rows, np.float64).reshape(len(analyses), len(LABELS))


def streamed_probabilities(model: Path, clips: Sequence[Clip]) -> Float64:
    """Return the probabilities of each clip's ``file`` event, as ``realtime-ser analyze`` has them.

    Args:
        model: model folder.
        clips: the clips.

    Returns:
        Shape ``[clips, 8]``; a row of NaN where the gate found no speech.
    """
    return probabilities_of(analyze_clips(model, clips))


def program_stamp() -> str:
    """Return a hash of the source code of ``realtime_ser``."""
    package = Path(realtime_ser.__file__).parent
    sources = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        sources.update(path.read_bytes())
    return sources.hexdigest()


def _stamp(model: Path) -> str:
    """Return a hash of the program and of the model, whose manifest holds its files' hashes."""
    manifest = read_json(model / MANIFEST_FILE)
    files = {name: value for name, value in manifest["files"].items() if name != CARD_FILE}
    relevant = {**manifest, "files": files, "metrics": None, "program": program_stamp()}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:24]


def _key(clip: Clip) -> str:
    status = clip.path.stat()
    return f"{clip.path.resolve()} {status.st_size} {status.st_mtime_ns}"


def _read(file: Path) -> dict[str, ClipAnalysis]:
    """Return the analyses in a cache file; none if it is missing or damaged."""
    try:
        content = json.loads(file.read_text())
        return {key: _from_json(value) for key, value in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _from_json(value: Mapping[str, Any]) -> ClipAnalysis:
    probabilities, speech = value["probabilities"], value["speech"]
    return ClipAnalysis(
        str(value["label"]),
        None if probabilities is None else tuple(map(float, probabilities)),
        tuple((float(start), float(end)) for start, end in speech),
        float(value["duration"]),
    )


def _write(file: Path, analyses: Mapping[str, ClipAnalysis]) -> None:
    write_json(file, {key: asdict(value) for key, value in analyses.items()}, indent=0)
