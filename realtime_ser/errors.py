"""Errors that end a run with one clear line: what was wrong, and what to do about it."""


class RealtimeSerError(Exception):
    """A failure the user can act on.

    Args:
        problem: what was wrong, in a few words, without a full stop.
        remedy: what to do about it, in a few words, without a full stop.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        """Return one line, in which unprintable characters, such as a file name's, are escaped."""
        return printable(f"{self.problem}: {self.remedy}")


class AudioDeviceError(RealtimeSerError):
    """PortAudio, or a microphone, cannot be used."""


class AudioInputError(RealtimeSerError):
    """A file, a stream or an array holds no audio that can be analyzed."""


class DamagedAudioError(AudioInputError):
    """A file or stream holds less audio than it should; what there is was delivered before."""


class ModelError(RealtimeSerError):
    """A model folder is missing, damaged or not what its manifest says."""


class CorrectionError(RealtimeSerError):
    """A correction has no utterance to apply to, or no label of the eight."""


class ProfileError(RealtimeSerError):
    """A profile does not exist, or cannot be read, stored or deleted."""


class OutputError(RealtimeSerError):
    """A result cannot be written where it was asked for."""


class SettingsError(RealtimeSerError, ValueError):
    """An option has a value outside its range."""


def printable(name: str) -> str:
    r"""Return a name for people to read, with control and undecodable characters escaped.

    >>> printable("two\nlines"), printable("caf\udce9")
    ('two\\nlines', 'caf\\xe9')
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in name)


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte that is not UTF-8, as os.fsdecode gives it
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
