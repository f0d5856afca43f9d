"""The pipeline of gate, frontend, network and window: samples in, events out.

Speech is detected in two stages. The gate passes on what may be speech, and the network's speech
output decides for each frame whether it is. An utterance begins with its first frame of speech and
ignores frames without speech. It ends when the gate closes, or when the frames without speech have
lasted for longer than a whole frame. For a network without a speech output, the gate alone decides.

The pipeline is synchronous and uses neither threads nor clocks: time is the absolute sample index
divided by the sample rate, so the same samples give the same events, live or not, in blocks of any
size.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.arguments import shown
from realtime_ser.emotion.adaptation import Adaptation, AdaptationSettings
from realtime_ser.emotion.corrections import Correction, Corrections
from realtime_ser.emotion.frontend import FRAME_SAMPLES, FRAME_STEPS, Frame, Frontend
from realtime_ser.emotion.guard import GuardedAdaptation
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.emotion.spectra import STEP_SAMPLES
from realtime_ser.emotion.window import Window
from realtime_ser.errors import AudioInputError, CorrectionError
from realtime_ser.events import (
    LABELS,
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
from realtime_ser.speech.offset import OffsetFilter

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]


class Pipeline:
    """Recognizes one stream of 16 kHz mono audio.

    Args:
        model: the network; streams may share one.
        settings: window, hop, VAD mode, threshold, adaptation on or off.
        adaptation: how to adapt to the voice, if the settings turn that on and the model has the
            statistics for it.

    Attributes:
        threshold: probability below which the label is ``uncertain``: that of the settings, or else
            the model's.
        settings: as given, with this threshold.
        adaptation: what is known of the voice; ``None`` without adaptation. It outlives utterances.
        guard: keeps other voices out of a profile; ``None`` without a profile.
        corrections: what the user has corrected.
    """

    def __init__(
        self,
        model: EmotionModel,
        settings: Settings | None = None,
        adaptation: AdaptationSettings | None = None,
    ) -> None:
        settings = settings or Settings()
        self.threshold = settings.threshold_or(model.manifest.uncertain_threshold)
        self.settings = replace(settings, threshold=self.threshold)
        self.adaptation: Adaptation | None = None
        if self.settings.adapt and model.statistics is not None:
            self.adaptation = Adaptation(model.statistics, adaptation)
        self.guard: GuardedAdaptation | None = None
        self.corrections = Corrections(model.statistics)
        self._gate = SpeechGate(GateSettings(vad_mode=self.settings.vad_mode))
        manifest = model.manifest
        self._offset_filter = OffsetFilter() if manifest.removes_offset else None
        self._frontend = Frontend(self.settings.hop_steps, manifest.feature_maps, manifest.level)
        self._model = model
        self._speech_threshold = manifest.speech_threshold or 0.0
        self._window = Window(model, self.settings.window_frames, self.corrections)
        self._waiting: list[Int16] = []
        self._position = 0
        self._next_event = self._samples_until_event()
        self._held_from = 0
        self._utterance_start: int | None = None
        self._speech_end = 0
        self._known = 0.0

    @property
    def position(self) -> int:
        """Absolute index of the next sample."""
        return self._position

    @property
    def samples_wanted(self) -> int:
        """The fewest further samples, at least 1, that can complete an event."""
        return max(1, self._next_event - self._position)

    @property
    def is_speaking(self) -> bool:
        """Whether an utterance has been reported as started and not yet as ended."""
        return self._utterance_start is not None

    @property
    def is_alert(self) -> bool:
        """Whether the speech gate is open, so that the next samples may complete an event."""
        return self._gate.is_open

    def process(self, samples: ArrayLike) -> list[Event]:
        """Process samples, int16 or float within ±1, ``[n]``; return the events they complete.

        Samples are gathered until they can complete an event, because one long block takes far less
        time than many short ones.

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
        if self._position < self._next_event:
            self._waiting.append(block.copy())  # the caller may reuse its buffer
            return []
        self._waiting.append(block)
        return self._process_waiting()

    def _process_waiting(self) -> list[Event]:
        """Process the samples gathered so far, and find out when the next event can come."""
        block = np.concatenate(self._waiting) if self._waiting else np.empty(0, np.int16)
        self._waiting = []
        if self._offset_filter:
            block = self._offset_filter.process(block)
        events = self._events(self._gate.process(block))
        self._next_event = self._position + self._samples_until_event()
        return events

    def _samples_until_event(self) -> int:
        """Return the fewest further samples that can complete an event."""
        gate = self._gate
        if gate.is_open:
            return min(gate.samples_wanted, gate.whole_frames(self._frontend.samples_wanted))
        if self._speech_threshold:  # the first event comes with a frame, not with the gate
            return gate.samples_until(FRAME_SAMPLES)
        return gate.samples_wanted

    def flush(self) -> list[Event]:
        """End the current utterance; further samples continue at the same time."""
        return self.skip(0)

    def skip(self, samples: int) -> list[Event]:
        """End the current utterance, and advance the time by ``samples`` that were lost."""
        events = [*self._process_waiting(), *self._events(self._gate.flush())]
        self._restart(self._position + samples)
        return events

    def correct(self, label: str) -> Correction:
        """Learn what the newest utterance was: the current one, or in silence the last one.

        It changes the probabilities from the next frame on. Any thread may call it.

        Args:
            label: one of ``LABELS``.

        Raises:
            CorrectionError: the label is none of ``LABELS``, or nobody has spoken yet.
        """
        if label not in LABELS:
            raise CorrectionError(
                f"there is no label {shown(label)}", f"give one of {', '.join(LABELS)}"
            )
        utterance = self._window.newest
        if utterance is None:
            raise CorrectionError("nobody has spoken yet", "correct an utterance after it was said")
        correction = Correction(label, utterance.pooled, utterance.probabilities)
        self.corrections.add(correction)
        return correction

    def undo_correction(self) -> Correction:
        """Take the newest correction back, and return it. Any thread may call it.

        Raises:
            CorrectionError: there is none.
        """
        correction = self.corrections.undo()
        if correction is None:
            raise CorrectionError("there is no correction to take back", "make one first")
        return correction

    def reset(self) -> None:
        """Discard all state but what ``restore`` gave to its parts, and start again at time 0."""
        if self.adaptation is not None:
            self.adaptation.clear()
        self.corrections.clear()
        self._window.clear()
        self._waiting = []
        self._restart(0)
        self._utterance_start = None

    def _restart(self, position: int) -> None:
        self._position = position
        if self._offset_filter:
            self._offset_filter.reset()
        self._gate.restart(position)
        self._next_event = position + self._samples_until_event()

    def _events(self, decisions: Sequence[GateEvent]) -> list[Event]:
        return [event for decision in decisions for event in self._handle(decision)]

    def _handle(self, decision: GateEvent) -> list[Event]:
        match decision:
            case Opened(start):
                self._held_from = start
                self._frontend.reset()
                return [] if self._speech_threshold else [self._start_utterance(start)]
            case Held(samples):
                frames = self._frontend.process(samples)
                return [event for frame in frames for event in self._recognize(frame)]
            case Closed(end):
                frames = self._frontend.flush()
                last = [event for frame in frames for event in self._recognize(frame, end)]
                return [*last, *self._end_utterance(end)]

    def _recognize(self, frame: Frame, limit: int | None = None) -> list[Event]:
        start = self._held_from + frame.start_step * STEP_SAMPLES
        end = start + FRAME_STEPS * STEP_SAMPLES
        embedded = self._model.embed(frame.maps)
        if embedded.speech < self._speech_threshold:
            return self._end_utterance(self._speech_end) if start >= self._speech_end else []
        started = [] if self.is_speaking else [self._start_utterance(start)]
        self._speech_end = end if limit is None else min(end, limit)
        embedding = embedded.embedding
        if self.guard is not None:
            self.guard.hear(frame.maps)
        if self.adaptation is not None:
            embedding = self.adaptation.normalize(embedding)
            self._known = round(self.adaptation.share, 4)
        return [*started, self._update(embedding, start)]

    def _start_utterance(self, start: int) -> SpeechStarted:
        self._utterance_start = start
        self._window.reset()
        if self.guard is not None:
            self.guard.begin_utterance()
        return SpeechStarted(seconds(start))

    def _update(self, embedding: Float32, start: int) -> EmotionUpdate:
        window, alone = self._window.add(embedding)
        probabilities = as_probabilities(window.tolist())
        label, confidence = choose_label(probabilities, self.threshold)
        return EmotionUpdate(
            seconds(start),
            seconds(self._speech_end),
            label,
            confidence,
            probabilities,
            as_probabilities(alone.tolist()),
            self._known,
        )

    def _end_utterance(self, end: int) -> list[Event]:
        """End the utterance, if there is one."""
        if self._utterance_start is None:
            return []
        whole = self._window.utterance()
        assert whole is not None, "an utterance has a frame: short ones are padded to one"
        start, self._utterance_start = seconds(self._utterance_start), None
        probabilities = as_probabilities(whole.tolist())
        label, confidence = choose_label(probabilities, self.threshold)
        return [SpeechEnded(start, seconds(end), label, confidence, probabilities, self._known)]
