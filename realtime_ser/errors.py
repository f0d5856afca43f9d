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
        """Return one line: what is not printable in a file's name, say, is shown as an escape."""
        return as_printable(f"{self.problem}: {self.remedy}")


def as_printable(text: str) -> str:
    r"""Return text for a terminal: line breaks, escapes and undecodable bytes are shown as such.

    Bytes of a file's name that are not in the file system's encoding come out as ``\xe9``.
    """
    return "".join(
        character
        if character.isprintable()
        else f"\\x{ord(character) - 0xDC00:02x}"
        if 0xDC80 <= ord(character) <= 0xDCFF
        else character.encode("unicode_escape").decode()
        for character in text
    )


class AudioDeviceError(RealtimeSerError):
    """PortAudio, or a microphone, cannot be used."""


class AudioInputError(RealtimeSerError):
    """A file, a stream or an array holds no audio that can be analysed."""


class DamagedAudioError(AudioInputError):
    """A file or stream holds less audio than it should; what there is was delivered before."""


class ModelError(RealtimeSerError):
    """A model folder is missing, damaged or not what its manifest says."""


class OutputError(RealtimeSerError):
    """A result cannot be written where it was asked for."""


class SettingsError(RealtimeSerError, ValueError):
    """An option has a value outside its range."""
