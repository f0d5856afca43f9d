"""Where profiles are stored: a folder for each name, and in it a file for each model.

``<user data>/realtime-ser/profiles/<name>/<beginning of the model's SHA-256>.npz``
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.errors import ProfileError, SettingsError
from realtime_ser.profiles.file_format import LARGEST_FILE, from_bytes, to_bytes
from realtime_ser.profiles.files import (
    DAMAGED,
    make_private_folder,
    read_regular,
    set_aside,
    write_whole,
)
from realtime_ser.profiles.locking import LOCK_FILE, LOCK_SECONDS, locked
from realtime_ser.profiles.names import check_name
from realtime_ser.profiles.profile import Profile

FOLDER_VARIABLE = "REALTIME_SER_PROFILES"

_FILE = re.compile(r"[0-9a-f]{16}\.npz")


class DamagedProfileError(ProfileError):
    """A profile's file is not what a profile's file should be."""


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A file of a profile.

    Attributes:
        model: the first 16 hexadecimal digits of the SHA-256 of the model's network.
        path: of the file.
        size: in bytes.
        changed: when it was last written, in seconds since 1970.
        profile: what it holds, ``None`` if it is damaged or cannot be read.
        problem: what is wrong with it, ``None`` if nothing is.
    """

    model: str
    path: Path
    size: int
    changed: float
    profile: Profile | None
    problem: str | None


def profiles_folder() -> Path:
    """Return the folder of all profiles: in ``REALTIME_SER_PROFILES``, else the user's data."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else _user_data() / "profiles"


def _user_data() -> Path:
    import platformdirs

    return platformdirs.user_data_path("realtime-ser", appauthor=False)


class ProfileStore:
    """All profiles of one user.

    Names are checked by every call, which raises ``SettingsError`` where one cannot be used.

    Args:
        folder: where they are; ``None`` for ``profiles_folder()``.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = profiles_folder() if folder is None else folder

    def names(self) -> list[str]:
        """Return the names of all profiles, in alphabetical order.

        Raises:
            ProfileError: the folder cannot be read.
        """
        with _explained("the profiles cannot be listed"):
            return sorted(entry.name for entry in self._entries() if _is_profile(entry))

    def stored(self, name: str) -> list[StoredProfile]:
        """Return the files of a profile, the newest first; it has one for each model.

        Raises:
            ProfileError: there is no such profile, or its folder cannot be read.
        """
        folder = self._existing(name)
        with _explained(f"profile {name} cannot be read"):
            files = [path for path in folder.iterdir() if _FILE.fullmatch(path.name)]
            found = [_stored(path) for path in files]
        return sorted(found, key=lambda stored: -stored.changed)

    def damaged_files(self, name: str) -> list[Path]:
        """Return the files of a profile that were damaged and set aside.

        Raises:
            ProfileError: there is no such profile, or its folder cannot be read.
        """
        folder = self._existing(name)
        with _explained(f"profile {name} cannot be read"):
            return sorted(path for path in folder.iterdir() if DAMAGED in path.name)

    def read(self, name: str, model: str) -> Profile | None:
        """Return what a model has learned of a voice, ``None`` if it has not heard it.

        Args:
            name: of the profile.
            model: SHA-256 of the network, 64 hexadecimal digits.

        Raises:
            DamagedProfileError: the file is damaged, in one of the ways that ``from_bytes`` checks.
            ProfileError: it cannot be read.
        """
        path = self._path(name, model)
        with _explained(f"profile {name} cannot be read"):
            try:
                self._refuse_link(path.parent)
                return from_bytes(read_regular(path, LARGEST_FILE), model)
            except FileNotFoundError:
                return None
            except ValueError as error:
                raise DamagedProfileError(
                    f"profile {name} is damaged ({error})", "forget it, and begin again"
                ) from error

    def write(self, name: str, model: str, profile: Profile) -> None:
        """Store a profile, whole or not at all; call it with the lock held.

        Raises:
            ProfileError: it cannot be written; what was stored is still there.
        """
        path = self._path(name, model)
        with _explained(f"profile {name} cannot be saved"):
            make_private_folder(path.parent)
            write_whole(path, to_bytes(profile, model))

    def set_aside(self, name: str, model: str) -> Path:
        """Rename a damaged file and return its new path; call it with the lock held.

        Raises:
            ProfileError: it cannot be renamed.
        """
        with _explained(f"profile {name} is damaged, and cannot be set aside"):
            return set_aside(self._path(name, model))

    def forget(self, name: str) -> None:
        """Delete a profile, with everything in its folder.

        Raises:
            ProfileError: there is no such profile, or it cannot be deleted.
        """
        folder = self._existing(name)
        with self.locked(name, "deleted"), _explained(f"profile {name} cannot be deleted"):
            if folder.is_symlink() or not folder.is_dir():
                folder.unlink()
            else:
                shutil.rmtree(folder)
            self._remove_if_empty()

    @contextlib.contextmanager
    def locked(
        self, name: str, purpose: str = "saved", wait: float = LOCK_SECONDS
    ) -> Iterator[None]:
        """Keep other programs from changing profiles.

        Raises:
            ProfileError: the lock cannot be had; errors of the body pass unchanged.
        """
        with contextlib.ExitStack() as stack:
            with _explained(f"profile {check_name(name)} cannot be {purpose}"):
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(locked(self.folder, wait))
            yield

    def has_other_models(self, name: str, model: str) -> bool:
        """Whether a profile has a file of another model than this one."""
        path = self._path(name, model)
        with contextlib.suppress(OSError):
            return any(
                _FILE.fullmatch(other.name) and other != path for other in path.parent.iterdir()
            )
        return False

    def _path(self, name: str, model: str) -> Path:
        return self.folder / check_name(name) / f"{model[:16]}.npz"

    def _existing(self, name: str) -> Path:
        folder = self.folder / check_name(name)
        with _explained(f"profile {name} cannot be read"):
            if folder.is_symlink() or folder.exists():
                return folder
        names = ", ".join(self.names())
        remedy = f"there are: {names}" if names else "there are none yet"
        raise ProfileError(f"there is no profile {check_name(name)}", remedy)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as entries:
                return list(entries)
        except FileNotFoundError:
            return []

    def _remove_if_empty(self) -> None:
        """Remove the folder of all profiles when the last one is gone; call it with the lock."""
        if any(entry.name != LOCK_FILE for entry in self._entries()):
            return
        with contextlib.suppress(OSError):
            (self.folder / LOCK_FILE).unlink(missing_ok=True)
            self.folder.rmdir()
            if self.folder.parent == _user_data():
                self.folder.parent.rmdir()

    @staticmethod
    def _refuse_link(folder: Path) -> None:
        if folder.is_symlink():
            raise NotADirectoryError(None, "it is a link", str(folder))


def _is_profile(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(SettingsError):
        return check_name(entry.name) == entry.name and entry.is_dir(follow_symlinks=False)
    return False


def _stored(path: Path) -> StoredProfile:
    status = path.lstat()
    profile, problem = None, None
    try:
        profile = from_bytes(read_regular(path, LARGEST_FILE))
    except (OSError, ValueError) as error:
        problem = _reason(error)
    return StoredProfile(path.stem, path, status.st_size, status.st_mtime, profile, problem)


@contextlib.contextmanager
def _explained(problem: str) -> Iterator[None]:
    """Turn an error of the system into a ProfileError."""
    try:
        yield
    except (OSError, UnicodeError) as error:
        path = getattr(error, "filename", None)
        where = f", {path}" if path else ""
        raise ProfileError(
            f"{problem} ({_reason(error)}{where})",
            f"fix that, or name another folder in {FOLDER_VARIABLE}",
        ) from error


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
