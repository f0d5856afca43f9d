"""The folder of a run: what it was trained with, and whether it is finished."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from realtime_ser.errors import SettingsError
from train.corpora.splits import Split
from train.files import write_json

ORIGIN_FILE = "origin.json"
"""States what a run was trained with and on."""

FINISHED_FILE = "finished.json"
"""Written last to the folder of a run; a run without it is unfinished and can be resumed."""


def record_origin(recipe: str, split: Split, run: Path, corpora: Sequence[str] = ()) -> None:
    """Record the recipe, split, speakers and commit of a new run; a resumed run keeps its record.

    Args:
        recipe: name of the recipe.
        split: what it is trained on.
        run: folder of the run, created if it is missing.
        corpora: names of the further corpora that it is trained on.
    """
    path = run / ORIGIN_FILE
    if not path.exists():
        speakers: dict[str, list[str]] = {}
        for corpus, speaker in sorted({(clip.corpus, clip.speaker) for clip in split.training}):
            speakers.setdefault(corpus, []).append(speaker)
        origin = {
            "recipe": recipe,
            "split": split.name,
            "commit": current_commit(),
            "speakers": speakers,
            **({"corpora": sorted(corpora)} if corpora else {}),
        }
        write_json(path, origin)


def record_end(run: Path, facts: dict[str, Any]) -> None:
    """Mark a run as finished, with some facts about its training."""
    write_json(run / FINISHED_FILE, facts)


def is_finished(run: Path) -> bool:
    """Return whether a run was trained to its end."""
    return (run / FINISHED_FILE).exists()


def check_finished(recipe: str, split: str, run: Path) -> None:
    """Require a finished run.

    Raises:
        SettingsError: the run is not finished.
    """
    if not is_finished(run):
        raise SettingsError(
            f"{run} holds no finished run",
            f"run python -m train fit --recipe {recipe} --split {split} first",
        )


def check_validation(recipe: str, split: Split) -> None:
    """Require validation clips.

    Raises:
        SettingsError: the split has none.
    """
    if not split.validation:
        raise SettingsError(
            f"recipe {recipe} needs validation clips, and split {split.name} has none",
            "choose development, actors-1 to -6 or random-1 to -5",
        )


CODE = ("realtime_ser", "train", "experiments")
"""Folders of a checkout that scores depend on; others may change while scores are written."""


def current_commit() -> str:
    """Return the commit of this checkout, marked if code differs from it, or ``unknown``."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    """Return what git prints, run from the root of the checkout."""
    root = Path(__file__).parents[2]
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
