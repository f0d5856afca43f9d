"""Recipes: how one extends another, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime_ser import SettingsError

pytestmark = pytest.mark.train

for module in ("keras", "parselmouth"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.methods import RECIPE_FOLDERS, open_method  # noqa: E402
from train.model import methods  # noqa: E402
from train.model.recipe import load_recipe, parse_recipe  # noqa: E402
from train.model.recipe_files import read_recipe, recipe_names  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "whole.toml").write_text("kind = 1\nlist = [1, 2]\n[fit]\nepochs = 9\nseed = 1\n")
    (tmp_path / "parts").mkdir()
    return tmp_path


def test_a_recipe_changes_single_settings_of_the_one_it_extends(folder: Path) -> None:
    (folder / "parts" / "fewer.toml").write_text(
        'extends = "whole"\nlist = [3]\n[fit]\nepochs = 2\n'
    )
    (folder / "fewest.toml").write_text('extends = "parts/fewer"\n[fit]\nepochs = 1\n[more]\na = 1')
    (folder / "_base.toml").write_text("seed = 1")
    assert recipe_names([folder]) == ["fewest", "parts/fewer", "whole"]
    fewer = {"kind": 1, "list": [3], "fit": {"epochs": 2, "seed": 1}}
    assert read_recipe("parts/fewer", [folder]) == fewer
    assert read_recipe("fewest", [folder]) == {
        **fewer,
        "fit": {"epochs": 1, "seed": 1},
        "more": {"a": 1},
    }
    assert read_recipe("whole", [folder])["fit"] == {"epochs": 9, "seed": 1}


def test_single_settings_of_nested_tables_can_be_changed(folder: Path) -> None:
    (folder / "staged.toml").write_text(
        "[stage.first]\nsteps = 5\nrate = 1\n[stage.last]\nrate = 2"
    )
    (folder / "short.toml").write_text('extends = "staged"\n[stage.first]\nsteps = 1')
    assert read_recipe("short", [folder])["stage"] == {
        "first": {"steps": 1, "rate": 1},
        "last": {"rate": 2},
    }


def test_extending_itself_or_a_missing_recipe_is_one_line(folder: Path) -> None:
    (folder / "one.toml").write_text('extends = "two"')
    (folder / "two.toml").write_text('extends = "one"')
    (folder / "astray.toml").write_text('extends = "wohle"')
    with pytest.raises(SettingsError, match="recipe one extends itself"):
        read_recipe("one", [folder])
    with pytest.raises(SettingsError, match="there is no recipe 'wohle'"):
        read_recipe("astray", [folder])


@pytest.mark.parametrize("name", recipe_names(RECIPE_FOLDERS))
def test_every_recipe_can_be_opened(name: str, tmp_path: Path) -> None:
    table = read_recipe(name, RECIPE_FOLDERS)
    if table["method"] == "mixture":
        method = methods.open_method(name, tmp_path, tmp_path, tmp_path, tmp_path / "byols.pth")
        assert method.name == name
    else:
        assert open_method(name, tmp_path).name == name


def test_a_recipe_of_several_corpora_asks_for_their_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="recipe voices reads several corpora: add --corpora"):
        methods.open_method("voices", tmp_path, tmp_path)
    with pytest.raises(SettingsError, match="add --byols"):
        methods.open_method("voices", tmp_path, tmp_path, corpora=tmp_path)


def test_a_misspelled_table_is_named() -> None:
    table = {**read_recipe("best"), "voces": {}}
    with pytest.raises(SettingsError, match="recipe best has no table 'voces'"):
        parse_recipe("best", table)


def test_a_companion_states_only_what_differs() -> None:
    recipe = load_recipe("best")
    companion = recipe.companion
    assert companion
    assert companion.feature_maps == recipe.feature_maps
    assert companion.voices == recipe.voices
    assert companion.fit.seed == recipe.fit.seed
    assert companion.augmentation.gain_db == recipe.augmentation.gain_db
    assert companion.augmentation.frames != recipe.augmentation.frames
    assert companion.companion is None


def test_a_recipe_can_remove_the_companion_that_it_inherits() -> None:
    name = "ablations/alone"
    alone = parse_recipe(name, read_recipe(name, RECIPE_FOLDERS))
    assert alone == replace(load_recipe("best"), name=alone.name, companion=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": ["mel", "pich"]}, r"recipe trial: \[companion\] has no feature map 'pich'"),
        ({"fit": {"epoch": 3}}, r"recipe trial: \[companion.fit\] has no setting 'epoch'"),
        ({"depth": 3}, r"recipe trial: \[companion\] has no setting 'depth'"),
    ],
)
def test_a_wrong_companion_is_named(change: dict[str, object], message: str) -> None:
    table = read_recipe("best")
    with pytest.raises(SettingsError, match=message):
        parse_recipe("trial", {**table, "companion": {**table["companion"], **change}})


def test_a_companion_that_is_not_a_table_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"recipe trial: \[companion\] is not a table"):
        parse_recipe("trial", {**read_recipe("best"), "companion": "small"})


@pytest.mark.parametrize(
    ("table", "setting", "value", "message"),
    [
        ("fit", "epochs", "thirty", r"\[fit\] epochs: expected int, got str"),
        ("fit", "epochs", True, r"\[fit\] epochs: expected int, got bool"),
        ("fit", "epochs", 30.5, r"\[fit\] epochs: expected int, got float"),
        ("fit", "learning_rate", "1e-3", r"\[fit\] learning_rate: expected float, got str"),
        ("augmentation", "speeds", [1.0, "2"], r"\[augmentation\] speeds\[1\]: expected float"),
        ("augmentation", "speeds", 1.0, r"\[augmentation\] speeds: expected array, got float"),
        ("voices", "count", [8], r"\[voices\] count: expected int, got array"),
        ("companion", "maps", "mel", r"\[companion\] maps: expected array, got str"),
        ("companion", "fit", {"seed": "1"}, r"\[companion.fit\] seed: expected int, got str"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(
    table: str, setting: str, value: Any, message: str
) -> None:
    content = read_recipe("best")
    content[table][setting] = value
    with pytest.raises(SettingsError, match=f"recipe trial: {message}") as caught:
        parse_recipe("trial", content)
    assert "\n" not in str(caught.value)


def test_a_missing_setting_or_table_is_named() -> None:
    content = read_recipe("best")
    del content["fit"]["epochs"]
    with pytest.raises(SettingsError, match=r"\[fit\]: object missing required field epochs"):
        parse_recipe("trial", content)
    del content["fit"]
    with pytest.raises(SettingsError, match=r"\[fit\] is missing"):
        parse_recipe("trial", content)


def test_a_whole_number_is_accepted_for_a_float() -> None:
    content = read_recipe("best")
    content["fit"]["learning_rate"] = 1
    assert parse_recipe("trial", content).fit.learning_rate == 1.0
