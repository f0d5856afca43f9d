"""The folder of a run: where it came from, and that it is finished."""

import json
import subprocess
from pathlib import Path
from typing import Any

from realtime_ser.errors import SettingsError
from train.data.splits import Split
from train.methods.method import FINISHED_FILE

ORIGIN_FILE = "origin.json"
"""Where a run's folder says what it was trained by and on."""


def record_origin(recipe: str, split: Split, run: Path) -> None:
    """Write down recipe, actors and commit of a run that begins; keep those of one that goes on.

    Args:
        recipe: the recipe's name.
        split: what it is fitted to.
        run: folder of the run, created where it is missing.
    """
    run.mkdir(parents=True, exist_ok=True)
    path = run / ORIGIN_FILE
    if not path.exists():
        actors = sorted({clip.actor for clip in split.training})
        commit = current_commit()
        origin = {"recipe": recipe, "split": split.name, "commit": commit, "actors": actors}
        path.write_text(json.dumps(origin) + "\n")


def record_end(run: Path, facts: dict[str, Any]) -> None:
    """Mark a run as finished, with what is worth knowing of how it went."""
    (run / FINISHED_FILE).write_text(json.dumps(facts) + "\n")


def check_validation(recipe: str, split: Split) -> None:
    """Refuse a split that a recipe could not be stopped or tuned on.

    Raises:
        SettingsError: the split has no validation clips.
    """
    if not split.validation:
        raise SettingsError(
            f"recipe {recipe} needs validation clips, and split {split.name} has none",
            "choose development, actors-1 to -6 or random-1 to -5",
        )


def current_commit() -> str:
    """Return the commit of this checkout, marked where files differ; ``unknown`` without one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # no git, or no repository
    return done.stdout.strip()
