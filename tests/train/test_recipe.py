"""Recipes: what one takes from another, and what is refused."""

from pathlib import Path

import pytest

from realtime_ser import SettingsError

pytestmark = pytest.mark.train

for module in ("keras", "parselmouth"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from train import recipe  # noqa: E402
from train.recipe import read_recipe, recipe_names  # noqa: E402


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(recipe, "RECIPE_FOLDER", tmp_path)
    (tmp_path / "whole.toml").write_text("kind = 1\nlist = [1, 2]\n[fit]\nepochs = 9\nseed = 1\n")
    (tmp_path / "parts").mkdir()
    return tmp_path


def test_a_recipe_changes_single_settings_of_the_one_it_extends(folder: Path) -> None:
    (folder / "parts" / "fewer.toml").write_text(
        'extends = "whole"\nlist = [3]\n[fit]\nepochs = 2\n'
    )
    (folder / "fewest.toml").write_text('extends = "parts/fewer"\n[fit]\nepochs = 1\n[more]\na = 1')
    assert recipe_names() == ["fewest", "parts/fewer", "whole"]
    fewer = {"kind": 1, "list": [3], "fit": {"epochs": 2, "seed": 1}}
    assert read_recipe("parts/fewer") == fewer
    assert read_recipe("fewest") == {**fewer, "fit": {"epochs": 1, "seed": 1}, "more": {"a": 1}}
    assert read_recipe("whole")["fit"] == {"epochs": 9, "seed": 1}


def test_extending_in_a_circle_or_nothing_is_one_line(folder: Path) -> None:
    (folder / "one.toml").write_text('extends = "two"')
    (folder / "two.toml").write_text('extends = "one"')
    (folder / "astray.toml").write_text('extends = "wohle"')
    with pytest.raises(SettingsError, match="recipe one extends itself"):
        read_recipe("one")
    with pytest.raises(SettingsError, match="there is no recipe 'wohle'"):
        read_recipe("astray")


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_can_be_opened(name: str, tmp_path: Path) -> None:
    from train.methods import open_method

    assert open_method(name, tmp_path).name == name


def test_a_misspelt_table_is_named() -> None:
    from train.methods.window_recipe import window_recipe

    table = {**read_recipe("best"), "voces": {}}
    with pytest.raises(SettingsError, match="recipe best has no table 'voces'"):
        window_recipe("best", table)


def test_a_companion_states_only_what_differs() -> None:
    from train.methods.window_recipe import load_window_recipe

    recipe = load_window_recipe("best")
    companion = recipe.companion
    assert companion
    assert companion.feature_maps == recipe.feature_maps
    assert companion.voices == recipe.voices
    assert companion.fit.seed == recipe.fit.seed
    assert companion.augmentation.gain_db == recipe.augmentation.gain_db
    assert companion.augmentation.frames != recipe.augmentation.frames
    assert companion.companion is None


def test_a_recipe_can_leave_out_the_companion_of_the_one_it_extends() -> None:
    from dataclasses import replace

    from train.methods.window_recipe import load_window_recipe

    alone = load_window_recipe("ablations/alone")
    assert alone == replace(load_window_recipe("best"), name=alone.name, companion=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": ["mel", "pich"]}, r"recipe trial: \[companion\] reads a map 'pich'"),
        ({"fit": {"epoch": 3}}, r"recipe trial: \[companion.fit\] has no setting 'epoch'"),
        ({"depth": 3}, r"recipe trial: \[companion\] has no setting 'depth'"),
    ],
)
def test_a_wrong_companion_is_named(change: dict[str, object], message: str) -> None:
    from train.methods.window_recipe import window_recipe

    table = read_recipe("best")
    with pytest.raises(SettingsError, match=message):
        window_recipe("trial", {**table, "companion": {**table["companion"], **change}})


def test_a_companion_that_is_no_table_is_refused() -> None:
    from train.methods.window_recipe import window_recipe

    with pytest.raises(SettingsError, match=r"recipe trial: \[companion\] is no table"):
        window_recipe("trial", {**read_recipe("best"), "companion": "small"})
