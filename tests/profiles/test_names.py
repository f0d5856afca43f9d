"""Names of profiles."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser import SettingsError
from realtime_ser.profiles.names import LONGEST_NAME, check_name
from realtime_ser.profiles.store import ProfileStore


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("ada", "ada"),
        ("Ada", "ada"),
        ("Ada Lovelace", "ada lovelace"),
        ("a-b_2", "a-b_2"),
        ("Åsa", "åsa"),
        (unicodedata.normalize("NFD", "Åsa"), "åsa"),
        ("李明", "李明"),
        ("आदा", "आदा"),
    ],
)
def test_a_name_in_any_script_is_stored_in_one_form(name: str, stored: str) -> None:
    assert check_name(name) == stored


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "..", "../x", "a/b", "a\\b", "/etc", "~", "a.b", ".lock", "-x", "_x"),
        *("CON", "con", "Nul", "com1", "LPT9", "COM¹", "a\0b", "a\nb", "a\x1b[31m", "x" * 41),
        *("caf\udce9", " a", "a ", "a  b", "a:b", "a*", "a?", 'a"', "\u202eabc", "李" * 100),
        *(None, 3, b"ada", ["ada"], Path("ada")),
    ],
)
def test_any_other_name_is_refused_in_one_line(name: object) -> None:
    with pytest.raises(SettingsError, match="the profile name") as caught:
        check_name(name)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(max_size=2 * LONGEST_NAME))
def test_a_name_never_leaves_the_folder(name: str) -> None:
    try:
        stored = check_name(name)
    except SettingsError:
        return
    folder = Path("/profiles")
    assert (folder / stored).resolve().parent == folder
    assert check_name(stored) == stored, "the stored form is a name of the same profile"
    assert not stored.startswith(".")
    assert len(stored.encode()) <= 200


@pytest.mark.parametrize("name", ["../x", "CON", "", "x" * 300, "caf\udce9"])
def test_the_store_checks_names_itself(name: str, tmp_path: Path) -> None:
    store = ProfileStore(tmp_path)
    for call in (
        lambda: store.read(name, "ab" * 32),
        lambda: store.stored(name),
        lambda: store.forget(name),
    ):
        with pytest.raises(SettingsError):
            call()
    assert list(tmp_path.iterdir()) == []
