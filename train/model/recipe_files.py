"""Reads recipes: TOML files that hold every hyper-parameter of a way to train.

A recipe that ``extends`` another one states only what differs, setting by setting.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from realtime_ser.errors import SettingsError

T = TypeVar("T")

RECIPE_FOLDER = Path(__file__).parents[1] / "recipes"


def recipe_names(folders: Sequence[Path] = (RECIPE_FOLDER,)) -> list[str]:
    """Return the names of all recipes in some folders, sorted.

    Files whose name starts with ``_`` are left out; they exist only to be extended.
    """
    return sorted(name for name in _recipe_paths(folders) if not Path(name).name.startswith("_"))


def read_recipe(name: str, folders: Sequence[Path] = (RECIPE_FOLDER,)) -> dict[str, Any]:
    """Read the recipe ``FOLDER/NAME.toml``, merged with the recipes that it extends.

    Args:
        name: path of the file within its folder, without ``.toml``.
        folders: where to look for it, and for the recipes that it extends.

    Raises:
        SettingsError: there is no such recipe, it is not TOML, or it extends itself.
    """
    if name not in (names := recipe_names(folders)):
        raise SettingsError(f"there is no recipe {name!r}", f"choose one of {', '.join(names)}")
    paths = _recipe_paths(folders)
    table = _read(name, paths)
    visited = [name]
    while extended := table.pop("extends", None):
        if extended in visited:
            raise SettingsError(f"recipe {name} extends itself", "correct the file")
        visited.append(extended)
        table = merge(_read(extended, paths), table)
    return table


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with some settings changed; a table keeps the settings not mentioned."""
    tables = {
        key: merge(base[key], value) if isinstance(base.get(key), Mapping) else value
        for key, value in changes.items()
        if isinstance(value, Mapping)
    }
    return {**base, **changes, **tables}


def _recipe_paths(folders: Sequence[Path]) -> dict[str, Path]:
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for folder in folders
        for path in folder.rglob("*.toml")
    }


def _read(name: str, paths: Mapping[str, Path]) -> dict[str, Any]:
    if name not in paths:
        raise SettingsError(f"there is no recipe {name!r} to extend", "correct the file")
    try:
        return tomllib.loads(paths[name].read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"recipe {paths[name]} cannot be read ({error})", "correct the file"
        ) from error


def settings_from(kind: type[T], table: Any, where: str) -> T:
    """Return a dataclass from a table of a recipe; its types are checked strictly.

    Args:
        kind: the dataclass.
        table: names and values; lists become tuples, whole numbers floats where these are expected.
        where: what to call the table in an error.

    Raises:
        SettingsError: a setting is missing, misspelled, or has a value of the wrong type.
    """
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} is missing, or is not a table", "correct the file")
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - known):
        raise SettingsError(
            f"{where} has no setting {unknown[0]!r}", f"use {', '.join(sorted(known))}"
        )
    try:
        settings: T = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).replace("`", "").partition(" - at $.")
        setting = f" {place.strip()}" if place else ""
        raise SettingsError(
            f"{where}{setting}: {reason[0].lower()}{reason[1:]}", "correct the file"
        ) from error
    return settings
