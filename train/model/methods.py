"""Opens a recipe by its name, whichever kind of method it states."""

from pathlib import Path

from realtime_ser.errors import SettingsError
from train.model import fit, fit_mixture
from train.model.fit import WindowMethod
from train.model.fit_mixture import MixtureMethod, Places
from train.model.mixture_recipe import leave_out, name_without
from train.model.recipe_files import read_recipe


def open_method(
    name: str,
    runs: Path,
    cache: Path,
    corpora: Path | None = None,
    byols: Path | None = None,
    without: str | None = None,
) -> WindowMethod | MixtureMethod:
    """Return a recipe of ``train/recipes``, ready to be trained.

    Args:
        name: of the recipe.
        runs: folder of runs.
        cache: folder of caches.
        corpora: folder of the corpora, which only a recipe of several corpora needs.
        byols: file of the published BYOL-S weights, which only such a recipe needs.
        without: a corpus to leave out of such a recipe.

    Raises:
        SettingsError: there is no such recipe, its file is wrong, it needs a folder or file that is
            not given, or is not trained on what is left out.
    """
    table = read_recipe(name)
    if table.get("method") == fit.METHOD:
        if without:
            raise SettingsError(
                f"recipe {name} is trained on RAVDESS alone",
                "use --without with a recipe of several corpora, such as voices",
            )
        return WindowMethod(name, table, cache)
    if table.get("method") != fit_mixture.METHOD:
        raise SettingsError(
            f"recipe {name} has no method {table.get('method')!r}",
            f"use {fit_mixture.METHOD} or {fit.METHOD}",
        )
    if corpora is None or byols is None:
        missing = "--corpora" if corpora is None else "--byols"
        raise SettingsError(f"recipe {name} reads several corpora", f"add {missing}")
    if without:
        name, table = name_without(name, without), leave_out(name, table, without)
    return MixtureMethod(name, table, Places(corpora, byols, runs, cache))
