"""Gate, frontend, network and window joined: samples in, events out.

Synchronous, without threads or clocks: time is the absolute sample index divided by the sample
rate, so the same samples give the same events, live or not, in whatever blocks they come.
"""

from collections.abc import Sequence

from numpy.typing import ArrayLike

from realtime_ser.emotion.frontend import FRAME_STEPS, STEP_SAMPLES, Frame, Frontend
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.emotion.window import Window
from realtime_ser.errors import AudioInputError
from realtime_ser.events import (
    EmotionUpdate,
    Event,
    SpeechEnded,
    SpeechStarted,
    as_probabilities,
    choose_label,
    seconds,
)
from realtime_ser.samples import to_int16
from realtime_ser.settings import Settings
from realtime_ser.speech.gate import Closed, GateEvent, GateSettings, Held, Opened, SpeechGate


class Pipeline:
    """Recognizes one stream of 16 kHz mono audio.

    Args:
        model: the network; streams may share one.
        settings: window, hop, VAD mode, threshold.
    """

    def __init__(self, model: EmotionModel, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._gate = SpeechGate(GateSettings(vad_mode=self.settings.vad_mode))
        manifest = model.manifest
        self._frontend = Frontend(self.settings.hop_steps, manifest.feature_maps, manifest.level)
        self._model = model
        self._window = Window(model, self.settings.window_frames)
        self._position = 0
        self._utterance_start = 0

    @property
    def position(self) -> int:
        """Absolute index of the next sample."""
        return self._position

    @property
    def is_speaking(self) -> bool:
        """Whether the speech gate is open."""
        return self._gate.is_open

    def process(self, samples: ArrayLike) -> list[Event]:
        """Take the next samples, int16 or float within ±1, ``[n]``; return what they complete.

        Raises:
            AudioInputError: the samples have another shape or type, or hold NaN or infinity.
        """
        block = to_int16(samples)
        if block.ndim != 1:
            raise AudioInputError(
                f"samples of shape {block.shape} are not one channel",
                "give a one-dimensional array",
            )
        self._position += len(block)
        return self._events(self._gate.process(block))

    def flush(self) -> list[Event]:
        """End what is being said; further samples go on from the same time."""
        return self.skip(0)

    def skip(self, samples: int) -> list[Event]:
        """End what is being said, and pass over audio that was lost, so that time stays true."""
        events = self._events(self._gate.flush())
        self._position += samples
        self._gate.restart(self._position)
        return events

    def reset(self) -> None:
        """Forget everything and start again at time 0."""
        self._position = 0
        self._gate.restart(0)
        self._begin_utterance(0)

    def _events(self, decisions: Sequence[GateEvent]) -> list[Event]:
        return [event for decision in decisions for event in self._follow(decision)]

    def _follow(self, decision: GateEvent) -> list[Event]:
        match decision:
            case Opened(start):
                self._begin_utterance(start)
                return [SpeechStarted(seconds(start))]
            case Held(samples):
                return [self._recognize(frame) for frame in self._frontend.process(samples)]
            case Closed(end):
                last = [self._recognize(frame, end) for frame in self._frontend.flush()]
                return [*last, self._end_utterance(end)]

    def _begin_utterance(self, start: int) -> None:
        self._utterance_start = start
        self._frontend.reset()
        self._window.reset()

    def _recognize(self, frame: Frame, limit: int | None = None) -> EmotionUpdate:
        start = self._utterance_start + frame.start_step * STEP_SAMPLES
        end = start + FRAME_STEPS * STEP_SAMPLES
        window, alone = self._window.add(self._model.embed(frame.maps))
        probabilities = as_probabilities(window.tolist())
        label, confidence = choose_label(probabilities, self.settings.threshold)
        return EmotionUpdate(
            seconds(start),
            seconds(end if limit is None else min(end, limit)),
            label,
            confidence,
            probabilities,
            as_probabilities(alone.tolist()),
        )

    def _end_utterance(self, end: int) -> SpeechEnded:
        whole = self._window.utterance()
        assert whole is not None, "the frontend pads the shortest utterance to one frame"
        probabilities = as_probabilities(whole.tolist())
        label, confidence = choose_label(probabilities, self.settings.threshold)
        return SpeechEnded(
            seconds(self._utterance_start), seconds(end), label, confidence, probabilities
        )
