"""Recipes: every hyper-parameter of a way to learn, read from a small file in ``train/recipes``.

A recipe that ``extends`` another one states only what differs, setting by setting.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from realtime_ser.errors import SettingsError

T = TypeVar("T")

RECIPE_FOLDER = Path(__file__).parent / "recipes"


def recipe_names() -> list[str]:
    """Return the names of all recipes, sorted."""
    paths = RECIPE_FOLDER.rglob("*.toml")
    return sorted(each.relative_to(RECIPE_FOLDER).with_suffix("").as_posix() for each in paths)


def read_recipe(name: str) -> dict[str, Any]:
    """Read ``train/recipes/NAME.toml``, and what it extends.

    Raises:
        SettingsError: there is no such recipe, it is no TOML, or it extends itself.
    """
    table = _read(name)
    passed = [name]
    while extended := table.pop("extends", None):
        if extended in passed:
            raise SettingsError(f"recipe {name} extends itself", "correct the file")
        passed.append(extended)
        table = merged(_read(extended), table)
    return table


def merged(extended: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with some settings changed; a table keeps the settings not mentioned."""
    tables = {
        key: {**extended.get(key, {}), **value}
        for key, value in changes.items()
        if isinstance(value, Mapping)
    }
    return {**extended, **changes, **tables}


def _read(name: str) -> dict[str, Any]:
    path = RECIPE_FOLDER / f"{name}.toml"
    if name not in recipe_names():
        raise SettingsError(
            f"there is no recipe {name!r}", f"choose one of {', '.join(recipe_names())}"
        )
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"recipe {path} cannot be read ({error})", "correct the file"
        ) from error


def settings_from(kind: type[T], table: Any, where: str) -> T:
    """Return a dataclass filled from a table of a recipe; lists become tuples.

    Args:
        kind: the dataclass.
        table: keys and values.
        where: what to call the table in an error.

    Raises:
        SettingsError: a setting is missing or misspelt.
    """
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} is missing", "correct the file")
    if unknown := sorted(set(table) - known):
        raise SettingsError(
            f"{where} has no setting {unknown[0]!r}", f"use {', '.join(sorted(known))}"
        )
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise SettingsError(f"{where} is incomplete ({error})", "correct the file") from error
