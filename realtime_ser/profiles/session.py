"""A profile in use: a pipeline starts with it, and what the pipeline learns is saved to it.

Two programs may use one profile: what both have learned is merged. A profile that was forgotten
while it was in use is not created again.
"""

import logging
import threading
from dataclasses import dataclass, replace

from realtime_ser.emotion.guard import GuardedAdaptation, KnownVoice
from realtime_ser.emotion.manifest import MODEL_FILE
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import ProfileError
from realtime_ser.pipeline import Pipeline
from realtime_ser.profiles.names import check_name
from realtime_ser.profiles.profile import Profile, Weights, merged, new_profile
from realtime_ser.profiles.store import DamagedProfileError, ProfileStore
from realtime_ser.settings import FRAME_SECONDS

LONGEST_SAVE = 2.0
"""Seconds that the end of a run waits for a save that another thread has begun."""

log = logging.getLogger("realtime_ser")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the pipeline knew at one moment.

    Attributes:
        profile: as it would be stored.
        voice: of the pipeline's adaptation, ``None`` if it does not adapt.
    """

    profile: Profile
    voice: KnownVoice | None


class ProfileSession:
    """One pipeline's use of one profile.

    The pipeline works whatever is wrong with the disk: each problem is logged in one line.

    Args:
        name: of the profile. If there is none of that name, it is created.
        pipeline: a fresh one. It continues with what the profile knows.
        model: the pipeline's.
        store: where the profile is; ``None`` for the user's data folder.

    Attributes:
        name: of the profile, in lower case.

    Raises:
        SettingsError: the name cannot be used.
    """

    def __init__(
        self,
        name: str,
        pipeline: Pipeline,
        model: EmotionModel,
        store: ProfileStore | None = None,
    ) -> None:
        self.name = check_name(name)
        self._store = store or ProfileStore()
        self._pipeline = pipeline
        self._model = model.manifest.files[MODEL_FILE]
        self._channels = model.manifest.embedding_shape[-1]
        self._saving = threading.Lock()
        self._problem: str | None = None
        self._is_over = False
        self._is_shared = False
        self._is_on_disk = False
        self._loaded = self._open()
        self._generation = self._loaded.generation
        self._adaptation = self._restore(self._loaded, model)
        self._base = self._start = _Known(self._loaded, self._voice())
        if not self._is_on_disk:
            self.save()

    @property
    def problem(self) -> str | None:
        """Why the profile is not being saved, ``None`` while it is."""
        return self._problem

    @property
    def hears_other_voice(self) -> bool:
        """Whether the voice that spoke last is not the profile's."""
        return self._adaptation is not None and self._adaptation.is_other_voice

    def save(self) -> bool:
        """Save what was learned; any thread may call it. Returns whether it is on the disk now."""
        if not self._saving.acquire(timeout=LONGEST_SAVE):
            self._report("it is still being saved")
            return False
        try:
            return self._save()
        except ProfileError as error:
            self._report(str(error))
            return False
        finally:
            self._saving.release()

    def _save(self) -> bool:
        known = self._known()
        if self._is_over:
            return False
        if self._is_on_disk and not self._has_news(known):
            return True
        with self._store.locked(self.name):
            stored = self._stored()
            if self._was_forgotten(stored):
                self._is_over = True
                self._report(f"profile {self.name} was forgotten by another program: not saved")
                return False
            profile = self._to_write(stored, known)
            self._store.write(self.name, self._model, profile)
            self._generation = profile.generation
        self._base = replace(known, profile=replace(known.profile, revision=profile.revision))
        self._is_on_disk = True
        self._problem = None
        return True

    def _stored(self) -> Profile | None:
        """Return what is stored; a file that was damaged meanwhile is set aside and replaced."""
        try:
            return self._store.read(self.name, self._model)
        except DamagedProfileError as error:
            self._set_aside(error, "it is written again")
            return self._base.profile

    def _to_write(self, stored: Profile | None, known: _Known) -> Profile:
        """Return what to store: all that is known, merged with what others have stored."""
        base = self._base
        if stored is None:
            return replace(known.profile, revision=base.profile.revision + 1)
        if stored.revision != base.profile.revision:
            self._is_shared = True
        if not self._is_shared:
            return replace(known.profile, revision=stored.revision + 1)
        if self._clears(known) != self._clears(base):
            base = self._start
        profile = merged(stored, known.profile, base.profile, self._decay(base, known))
        return replace(profile, revision=stored.revision + 1)

    def _decay(self, base: _Known, known: _Known) -> Weights:
        """Return how far what was known before has decayed since."""
        if self._adaptation is None or base.voice is None or known.voice is None:
            return Weights()
        frames = known.voice.frames - base.voice.frames
        return Weights(
            known.voice.fade / base.voice.fade, self._adaptation.guard_settings.decay**frames
        )

    @staticmethod
    def _clears(known: _Known) -> int:
        return known.voice.clears if known.voice is not None else 0

    def _was_forgotten(self, stored: Profile | None) -> bool:
        if not self._is_on_disk:  # this program has not created it, another one may have
            return False
        return stored is None or stored.generation != self._generation

    def _has_news(self, known: _Known) -> bool:
        old = self._base
        return known.voice is not old.voice or known.profile.corrections != old.profile.corrections

    def _known(self) -> _Known:
        voice = self._voice()
        profile = replace(self._base.profile, corrections=self._pipeline.corrections.all)
        if voice is not None:
            seconds = voice.frames * self._pipeline.settings.hop
            profile = replace(
                profile,
                statistics=voice.statistics,
                timbre=voice.timbre,
                seconds=self._loaded.seconds + seconds,
            )
        return _Known(profile, voice)

    def _voice(self) -> KnownVoice | None:
        return self._adaptation.known if self._adaptation is not None else None

    def _open(self) -> Profile:
        """Return the stored profile, or a new one."""
        try:
            stored = self._readable()
        except ProfileError as error:
            self._report(str(error))
            return new_profile(self._channels)
        if stored is not None:
            self._is_on_disk = True
            return stored
        if self._store.has_other_models(self.name, self._model):
            log.warning(
                "profile %s was made with another model: a new one begins for this model, and the"
                " old file stays",
                self.name,
            )
        return new_profile(self._channels)

    def _readable(self) -> Profile | None:
        """Return the stored profile, ``None`` if there is none; a damaged one is set aside."""
        try:
            return self._fitting()
        except DamagedProfileError:
            with self._store.locked(self.name):  # another program may have set it aside meanwhile
                try:
                    return self._fitting()
                except DamagedProfileError as error:
                    self._set_aside(error, "a new one begins")
                    return None

    def _fitting(self) -> Profile | None:
        stored = self._store.read(self.name, self._model)
        if stored is not None and stored.statistics.channels != self._channels:
            raise DamagedProfileError(f"profile {self.name} is damaged (its size)", "forget it")
        return stored

    def _set_aside(self, error: DamagedProfileError, consequence: str) -> None:
        aside = self._store.set_aside(self.name, self._model)
        log.warning("%s; it was renamed to %s, and %s", error.problem, aside, consequence)

    def _restore(self, profile: Profile, model: EmotionModel) -> GuardedAdaptation | None:
        """Give a profile to the pipeline; return its adaptation, ``None`` if it has none."""
        self._pipeline.corrections.restore(profile.corrections)
        adaptation = self._pipeline.adaptation
        if adaptation is None or model.statistics is None:
            return None
        guarded = GuardedAdaptation(
            model.statistics,
            adaptation.settings,
            new_share=self._pipeline.settings.hop / FRAME_SECONDS,
        )
        guarded.restore_voice(profile.statistics, profile.timbre)
        self._pipeline.adaptation = self._pipeline.guard = guarded
        return guarded

    def _report(self, problem: str) -> None:
        """Log a problem, but only the first one until saving succeeds again."""
        if self._problem is None:
            log.warning("%s; recognition goes on", problem)
        self._problem = problem
