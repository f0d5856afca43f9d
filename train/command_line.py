"""What the command lines of ``train`` and ``experiments`` share: options and exit codes."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from realtime_ser.emotion.model import BUNDLED_MODEL
from realtime_ser.errors import RealtimeSerError
from realtime_ser.output.json_lines import discard_stdout

CACHE_FOLDER = "cache"
MODEL_FOLDER = Path("models") / BUNDLED_MODEL


def run_command(
    program: str, description: str | None, commands: Sequence[Callable[[Any], None]]
) -> int:
    """Parse the command line and run its command.

    Args:
        program: what the user typed before the command.
        description: of the program.
        commands: each adds a command to the subparsers it is given, and sets ``run_command``.

    Returns:
        The exit code: 0 done, 1 an explained failure, 130 after Ctrl-C. Wrong usage exits with 2.
    """
    parser = argparse.ArgumentParser(program, description=description, allow_abbrev=False)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in commands:
        add(subparsers)
    options = parser.parse_args()
    try:
        options.run_command(options)
        sys.stdout.flush()  # raises here rather than at exit
    except RealtimeSerError as error:
        print(f"{program.split()[-1]}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of the output has closed it
        discard_stdout()
    except KeyboardInterrupt:
        return 130
    return 0


def add_recipe(parser: argparse.ArgumentParser, default: str = "best") -> None:
    """Add the option ``--recipe``."""
    parser.add_argument("--recipe", default=default, help=f"name of a recipe (default: {default})")


def add_data(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the option ``--data``."""
    parser.add_argument("--data", type=Path, required=required, help="folder of RAVDESS")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--runs``."""
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder of runs and caches (default: runs)"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--model``."""
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER, help="model folder")


def add_corpora(parser: argparse.ArgumentParser) -> None:
    """Add ``--corpora``, ``--byols`` and ``--without``, for recipes of several corpora."""
    parser.add_argument(
        "--corpora", type=Path, help="folder with a subfolder for each further corpus"
    )
    parser.add_argument("--byols", type=Path, help="file of the published BYOL-S weights")
    parser.add_argument(
        "--without", metavar="CORPUS", help="leave a corpus out of a recipe of several corpora"
    )


def open_method(options: argparse.Namespace) -> Any:
    """Return the method of a command's options.

    Raises:
        SettingsError: the recipe is unknown or wrong, or lacks a folder or file that it needs.
    """
    from train.model import methods

    cache = options.runs / CACHE_FOLDER
    return methods.open_method(
        options.recipe, options.runs, cache, options.corpora, options.byols, options.without
    )
