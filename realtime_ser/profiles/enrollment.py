"""Enrollment: a profile is made from half a minute of good speech, before its first use."""

import math
import threading
from collections import Counter
from dataclasses import dataclass, field, replace

from realtime_ser.emotion.guard import GuardedAdaptation, GuardSettings
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import ModelError, ProfileError
from realtime_ser.events import Event, SpeechEnded
from realtime_ser.live.sinks import Sink
from realtime_ser.pipeline import Pipeline
from realtime_ser.profiles.profile import Profile, new_profile
from realtime_ser.profiles.sentences import SENTENCES, Sentence
from realtime_ser.profiles.store import DamagedProfileError, ProfileStore
from realtime_ser.profiles.takes import TakeMeter
from realtime_ser.samples import Int16
from realtime_ser.settings import FRAME_SECONDS, Settings

TARGET_SECONDS = 30.0
"""Good speech after which an enrollment is complete."""

LEAST_SECONDS = 10.0
"""Good speech that files must hold."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an enrollment is; immutable.

    Attributes:
        seconds: good speech so far.
        takes: good takes so far.
        refused: number of refused takes by reason, such as ``too quiet``.
        verdict: on the newest take; ``None`` before the first.
        accepted: whether the newest take was good.
        skipped: sentences that the user has skipped.
    """

    seconds: float = 0.0
    takes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    verdict: str | None = None
    accepted: bool = False
    skipped: int = 0

    @property
    def done(self) -> bool:
        """Whether there is enough speech."""
        return self.seconds >= TARGET_SECONDS

    @property
    def sentence(self) -> Sentence:
        """The sentence to read next."""
        return SENTENCES[(self.takes + self.skipped) % len(SENTENCES)]


class Enrollment(Sink):
    """Judges every utterance of a run, and learns the voice from the good ones.

    Audio is never stored: of the samples, only levels are remembered.

    Args:
        model: learns the voice.
        settings: of the pipelines.

    Raises:
        ModelError: the model cannot adapt to voices.
    """

    name = "enrollment"

    def __init__(self, model: EmotionModel, settings: Settings) -> None:
        if model.statistics is None:
            raise ModelError(
                f"{model.folder} does not adapt to voices", "omit --model to use the bundled one"
            )
        self._model = model
        self._voice = GuardedAdaptation(
            model.statistics,
            guard=GuardSettings(well_known=math.inf),  # every voice is learned
            new_share=settings.hop / FRAME_SECONDS,
        )
        self._meter = TakeMeter()
        self._good = self._voice.known
        self._changing = threading.Lock()
        self._progress = Progress()

    def attach(self, pipeline: Pipeline) -> None:
        """Learn from what a pipeline hears from its beginning; one after the other."""
        pipeline.adaptation = pipeline.guard = self._voice
        self._meter = TakeMeter()

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        return self._progress

    def on_audio(self, samples: Int16) -> None:
        """Measure the next 16 kHz samples, int16, shape ``[n]``."""
        self._meter.add(samples)

    def on_event(self, event: Event) -> None:
        """Judge an utterance when it has ended."""
        if not isinstance(event, SpeechEnded):
            return
        take = self._meter.measure(event.start, event.end)
        problem = take.problem
        with self._changing:
            old = self._progress
            if problem is not None:
                self._voice.take_back(self._good)
                kind = problem.partition(":")[0]
                refused = old.refused + Counter([kind])
                self._progress = replace(old, refused=refused, verdict=problem, accepted=False)
                return
            self._good = self._voice.known
            self._progress = replace(
                old,
                seconds=old.seconds + take.seconds,
                takes=old.takes + 1,
                verdict="good",
                accepted=True,
            )

    def skip(self) -> None:
        """Skip the sentence that is to be read."""
        with self._changing:
            self._progress = replace(self._progress, skipped=self._progress.skipped + 1)

    def check(self) -> None:
        """Raise a ProfileError if there is too little good speech to store."""
        progress = self._progress
        if progress.seconds >= LEAST_SECONDS:
            return
        reasons = ", ".join(f"{count} {kind}" for kind, count in progress.refused.items())
        refused = f"; refused utterances: {reasons}" if reasons else ""
        raise ProfileError(
            f"there is not enough good speech, only {math.floor(progress.seconds)} s{refused}",
            f"give at least {LEAST_SECONDS:.0f} s, better {TARGET_SECONDS:.0f} s",
        )

    def store(self, name: str, store: ProfileStore | None = None) -> Profile | None:
        """Store the voice.

        What a profile of that name knew of a voice is replaced; its corrections stay.

        Returns:
            The profile that there was before, ``None`` if there was none for this model.

        Raises:
            ProfileError: there is too little good speech, or the profile cannot be written.
            SettingsError: the name cannot be used.
        """
        self.check()
        store = store or ProfileStore()
        digest = self._model.manifest.files[MODEL_FILE]
        with store.locked(name):
            try:
                old = store.read(name, digest)
            except DamagedProfileError:
                store.set_aside(name, digest)
                old = None
            voice, channels = self._good, self._good.statistics.channels
            if old is not None and old.statistics.channels != channels:
                old = None
            base = old or new_profile(channels)
            profile = replace(
                base,
                statistics=voice.statistics,
                timbre=voice.timbre,
                seconds=self._progress.seconds,
                revision=base.revision + 1,
            )
            store.write(name, digest, profile)
        return old
