"""Opens a recipe by its name, whichever kind of method it states."""

import argparse

from realtime_ser.errors import SettingsError
from train.command_line import CACHE_FOLDER
from train.model import fit, fit_mixture
from train.model.fit import WindowMethod
from train.model.fit_mixture import MixtureMethod, Places
from train.model.recipe_files import read_recipe


def open_method(options: argparse.Namespace) -> WindowMethod | MixtureMethod:
    """Return the recipe that a command line names, ready to be trained.

    Args:
        options: ``recipe``, ``runs``, ``corpora`` and ``byols``.

    Raises:
        SettingsError: there is no such recipe, or its file is wrong.
    """
    table = read_recipe(options.recipe)
    cache = options.runs / CACHE_FOLDER
    if table.get("method") == fit_mixture.METHOD:
        places = Places(options.corpora, options.byols, options.runs, cache)
        return MixtureMethod(options.recipe, table, places)
    if table.get("method") == fit.METHOD:
        return WindowMethod(options.recipe, table, cache)
    raise SettingsError(
        f"recipe {options.recipe} has no method {table.get('method')!r}",
        f"use {fit_mixture.METHOD} or {fit.METHOD}",
    )
