"""A stream of audio blocks through one pipeline."""

from typing import TYPE_CHECKING, Never, Self

from numpy.typing import ArrayLike

from realtime_ser.arguments import as_integer
from realtime_ser.capture.resampler import Resampler, check_rate
from realtime_ser.errors import AudioInputError, RealtimeSerError
from realtime_ser.events import Event
from realtime_ser.finalizers import Finalizer
from realtime_ser.pipeline import Pipeline
from realtime_ser.samples import as_block
from realtime_ser.settings import Settings, as_channel

if TYPE_CHECKING:
    from realtime_ser.profiles.sink import ProfileSink


class Stream:
    """One stream of audio; many may share a recognizer.

    Args:
        pipeline: a fresh one.
        sample_rate: of the blocks, in hertz.
        channel: which to hear, from 1, ``mix`` or ``auto``; ``None`` takes the settings'.
        profile: saves what is learned; closed by the stream.

    Raises:
        AudioInputError: the rate is no whole number, or cannot be resampled.
        SettingsError: the channel is no number from 1, ``mix`` or ``auto``.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sample_rate: int,
        channel: int | str | None = None,
        profile: "ProfileSink | None" = None,
    ) -> None:
        self._pipeline = pipeline
        self._profile = profile
        self._finalizer = Finalizer(self, profile.close) if profile is not None else None
        self._channel = chosen_channel(channel, pipeline.settings)
        self._rate = as_rate(sample_rate)
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
            self._resampler = Resampler(self._rate, self._channels, self._channel)
        if samples.shape[1] != self._channels:
            raise AudioInputError(
                f"a block of {samples.shape[1]} channels follows blocks of {self._channels}",
                "give every block of a stream the same shape",
            )
        wanted = self._pipeline.samples_wanted
        return self._pipeline.process(self._resampler.process(samples, wanted))

    def flush(self) -> list[Event]:
        """End what is being said and return its last events; further blocks go on from there.

        With a profile, save it.
        """
        rest: list[Event] = []
        if self._resampler is not None:
            rest = self._pipeline.process(self._resampler.flush())
            self._resampler = None
        rest += self._pipeline.flush()
        if self._profile is not None:
            self._profile.save()
        return rest

    def close(self) -> None:
        """Save the profile, if there is one, for the last time; safe to call twice.

        Also done by the end of a ``with``, when the stream is dropped, and at exit.
        """
        if self._profile is not None and self._finalizer is not None:
            self._finalizer.detach()
            self._profile.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def correct(self, label: str) -> None:
        """Learn what the newest utterance was: the current one, or in silence the last one.

        The next frames already show it. Any thread may call it.

        Args:
            label: one of ``LABELS``.

        Raises:
            CorrectionError: the label is none of ``LABELS``, or nobody has spoken yet.
        """
        self._pipeline.correct(label)

    def undo_correction(self) -> str:
        """Take the newest correction back and return its label.

        Raises:
            CorrectionError: there is none.
        """
        return self._pipeline.undo_correction().label

    def __reduce__(self) -> Never:
        raise RealtimeSerError(
            "a stream cannot be copied or sent to another process",
            "send the recognizer, and open a stream there",
        )


def chosen_channel(channel: int | str | None, settings: Settings) -> int | str:
    """Return the channel that was asked for, else the settings'.

    Raises:
        SettingsError: it is no number from 1, ``mix`` or ``auto``.
    """
    return settings.channel if channel is None else as_channel(channel)


def as_rate(sample_rate: object) -> int:
    """Return a sample rate in hertz that can be resampled.

    Raises:
        AudioInputError: it is no whole number, or out of range.
    """
    rate = as_integer(sample_rate, "the sample rate", AudioInputError)
    check_rate(rate)
    return rate
