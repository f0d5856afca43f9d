"""Names of profiles: any script, but nothing that a file system could take for something else."""

import unicodedata

from realtime_ser.arguments import shown
from realtime_ser.errors import SettingsError

LONGEST_NAME = 40
"""Characters of a name."""

LONGEST_NAME_BYTES = 200
"""Bytes of a name in UTF-8: file systems allow 255 for a folder."""

_RESERVED = {
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
}
"""Names of devices on Windows, which no folder can have."""


def check_name(name: object) -> str:
    """Return the name as profiles are stored under it: in lower case and normalized (NFC).

    So ``Ada`` and ``ada`` are one profile on every file system.

    Raises:
        SettingsError: the name is not text, or cannot name a profile.
    """
    if not isinstance(name, str):
        raise SettingsError(f"the profile name is {shown(name)}", "give a name, such as ada")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    if not _is_allowed(folded):
        raise SettingsError(
            f"the profile name {shown(name)} cannot be used",
            f"give up to {LONGEST_NAME} letters, digits, spaces, - or _, such as ada",
        )
    if folded in _RESERVED:
        raise SettingsError(
            f"the profile name {shown(name)} is the name of a device on Windows", "give another"
        )
    return folded


def _is_allowed(name: str) -> bool:
    if not 1 <= len(name) <= LONGEST_NAME or not all(map(_is_allowed_inside, name)):
        return False
    return (
        len(name.encode()) <= LONGEST_NAME_BYTES
        and unicodedata.category(name[0])[0] in "LN"
        and not name.endswith(" ")
        and "  " not in name
    )


def _is_allowed_inside(character: str) -> bool:
    """Whether it is a letter, a mark on a letter, a digit, a hyphen, an underscore or a space."""
    return unicodedata.category(character)[0] in "LMN" or character in "-_ "
