"""Profiles on the disk: whole whatever happens, private, and gone when they are forgotten."""

import errno
import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from profile_maker import MODEL, assert_same, profile

from realtime_ser import ProfileError
from realtime_ser.profiles import files
from realtime_ser.profiles.locking import LOCK_FILE, locked
from realtime_ser.profiles.store import (
    FOLDER_VARIABLE,
    DamagedProfileError,
    ProfileStore,
    profiles_folder,
)

HERE = Path(__file__).parent
OTHER_MODEL = "cd" * 32

posix = pytest.mark.skipif(os.name == "nt", reason="needs fork, modes or links")


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


def write(store: ProfileStore, name: str = "ada", model: str = MODEL, seed: int = 0) -> Path:
    with store.locked(name):
        store.write(name, model, profile(seed))
    return store.folder / name / f"{model[:16]}.npz"


def run(program: str, *arguments: object) -> str:
    finished = subprocess.run(
        [sys.executable, HERE / program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parents[1])))},
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_folder_is_the_users_own_unless_the_variable_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    data = platformdirs.user_data_path("realtime-ser", appauthor=False)
    assert profiles_folder() == data / "profiles"
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert profiles_folder() == tmp_path


def test_what_is_written_is_read_again(store: ProfileStore) -> None:
    write(store)
    stored = store.read("ada", MODEL)
    assert stored is not None
    assert_same(stored, profile())
    assert store.names() == ["ada"]


def test_nothing_is_created_by_reading(store: ProfileStore) -> None:
    assert store.read("ada", MODEL) is None
    assert store.names() == []
    assert not store.folder.exists()


@posix
def test_only_the_owner_may_read_it(store: ProfileStore) -> None:
    path = write(store)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_each_model_has_a_file_of_its_own(store: ProfileStore) -> None:
    write(store, seed=1)
    write(store, model=OTHER_MODEL, seed=2)
    for model, seed in ((MODEL, 1), (OTHER_MODEL, 2)):
        stored = store.read("ada", model)
        assert stored is not None
        assert_same(stored, profile(seed))
    assert {file.model for file in store.stored("ada")} == {MODEL[:16], OTHER_MODEL[:16]}
    assert store.has_other_models("ada", MODEL)


@posix
def test_a_writer_killed_at_any_moment_leaves_a_whole_profile(store: ProfileStore) -> None:
    changed = int(run("killed_writers.py", store.folder, 120))
    assert changed > 0, "the writers must have had time to write"
    assert [path.suffix for path in (store.folder / "ada").iterdir()] == [".npz"], "no leftovers"


@posix
def test_what_several_programs_add_is_all_there(store: ProfileStore) -> None:
    run("adding_writers.py", store.folder, 4, 25)
    stored = store.read("ada", MODEL)
    assert stored is not None
    assert stored.seconds == 100


def hold_lock(folder: Path, held: Any, release: Any) -> None:
    with locked(folder):
        held.set()
        release.wait(60)


def test_a_lock_that_is_held_is_an_error_after_a_while(store: ProfileStore) -> None:
    write(store)
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=hold_lock, args=(store.folder, held, release))
    holder.start()
    try:
        assert held.wait(60)
        with (
            pytest.raises(ProfileError, match="another program holds the lock"),
            store.locked("ada", wait=0.05),
        ):
            pytest.fail("two hold the lock")
    finally:
        release.set()
        holder.join(60)
    write(store)


def test_threads_exclude_each_other_too(store: ProfileStore) -> None:
    with store.locked("ada"), pytest.raises(ProfileError), store.locked("ada", wait=0.02):
        pytest.fail("two hold the lock")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_profile(
    store: ProfileStore, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    path = write(store, seed=1)

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        if call == "write":
            patched.setattr(os, "fdopen", fail)
        elif call == "fsync":
            patched.setattr(os, "fsync", fail)
        else:
            patched.setattr(Path, "replace", fail)
        with pytest.raises(ProfileError, match=r"^profile ada cannot be saved \(") as caught:
            write(store, seed=2)
    assert "\n" not in str(caught.value)
    stored = store.read("ada", MODEL)
    assert stored is not None
    assert_same(stored, profile(1))
    assert list(path.parent.iterdir()) == [path], "the temporary file is gone"


@posix
def test_a_real_limit_of_the_system_leaves_the_old_profile(store: ProfileStore) -> None:
    write(store, seed=1)
    run("limited_writer.py", store.folder)
    stored = store.read("ada", MODEL)
    assert stored is not None
    assert_same(stored, profile(1))
    assert len(list((store.folder / "ada").iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04" + b"\0" * 50])
def test_a_damaged_file_is_reported_and_can_be_set_aside(
    store: ProfileStore, content: bytes
) -> None:
    path = write(store)
    path.write_bytes(content)
    with pytest.raises(DamagedProfileError, match="profile ada is damaged"):
        store.read("ada", MODEL)
    (listed,) = store.stored("ada")
    assert listed.profile is None
    assert listed.problem
    first, second = store.set_aside("ada", MODEL), None
    assert first.read_bytes() == content
    path.write_bytes(content)
    second = store.set_aside("ada", MODEL)
    assert first != second, "what was set aside first is still there"
    assert store.read("ada", MODEL) is None


@posix
@pytest.mark.parametrize("kind", ["link", "link to nothing", "folder", "pipe"])
def test_a_link_or_a_special_file_is_never_followed(
    store: ProfileStore, tmp_path: Path, kind: str
) -> None:
    path = write(store)
    target = tmp_path / "target"
    path.rename(target)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(target if kind == "link" else tmp_path / "nothing")
    with pytest.raises(DamagedProfileError, match="not a file"):
        store.read("ada", MODEL)
    with store.locked("ada"):
        store.set_aside("ada", MODEL)
    write(store, seed=2)
    assert not path.is_symlink()
    store.forget("ada")
    assert target.exists(), "what a link points to is left alone"


@posix
def test_a_linked_profile_folder_is_refused_and_forgetting_removes_only_the_link(
    store: ProfileStore, tmp_path: Path
) -> None:
    write(store)
    elsewhere = tmp_path / "elsewhere"
    (store.folder / "ada").rename(elsewhere)
    (store.folder / "ada").symlink_to(elsewhere)
    with pytest.raises(ProfileError, match="it is a link"):
        store.read("ada", MODEL)
    with pytest.raises(ProfileError, match="it is a link"):
        write(store)
    store.forget("ada")
    assert len(list(elsewhere.iterdir())) == 1


def test_forgetting_leaves_nothing(store: ProfileStore) -> None:
    path = write(store)
    write(store, model=OTHER_MODEL)
    path.write_bytes(b"damaged")
    store.set_aside("ada", MODEL)
    write(store)
    path.with_name(f"{path.name}.123{files.TEMPORARY}").write_bytes(b"left by a killed program")
    store.forget("ada")
    assert not store.folder.exists(), "not even the lock"


def test_forgetting_one_leaves_the_others(store: ProfileStore) -> None:
    write(store)
    write(store, "bob")
    store.forget("Ada")
    assert store.names() == ["bob"]
    assert {path.name for path in store.folder.iterdir()} == {"bob", LOCK_FILE}


def test_forgetting_what_is_not_there_names_what_is(store: ProfileStore) -> None:
    with pytest.raises(ProfileError, match="there is no profile ada: there are none yet"):
        store.forget("ada")
    write(store, "bob")
    with pytest.raises(ProfileError, match="there is no profile ada: there are: bob"):
        store.forget("ada")


def test_other_things_in_the_folder_are_not_profiles(store: ProfileStore) -> None:
    write(store)
    (store.folder / "CON").mkdir()
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "ada" / "notes.txt").write_text("mine")
    assert store.names() == ["ada"]
    assert len(store.stored("ada")) == 1


@posix
@pytest.mark.parametrize("folder", ["/proc/self/profiles", "/dev/null/profiles"])
def test_a_folder_that_cannot_be_written_is_one_error(folder: str) -> None:
    if not Path(folder).parent.exists():
        pytest.skip(f"there is no {folder}")
    store = ProfileStore(Path(folder))
    with pytest.raises(ProfileError, match="cannot be saved") as caught:
        write(store)
    assert "\n" not in str(caught.value)
