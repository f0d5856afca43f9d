"""``python -m train COMMAND``: the command line of the training package."""

import argparse
import sys
from pathlib import Path

from realtime_ser.errors import RealtimeSerError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m train", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", help="train a recipe")
    fit.add_argument("--recipe", default="first", help="name of a file in train/recipes")
    fit.add_argument("--data", type=Path, required=True, help="folder of RAVDESS")
    fit.add_argument("--run", type=Path, required=True, help="folder of the run, resumed if there")
    fit.add_argument(
        "--final", action="store_true", help="train on actors 1-20 instead of 1-16, score nothing"
    )
    return parser


def main() -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args()
    try:
        if options.command == "fit":
            from train.fit import fit
            from train.recipe import load_recipe

            fit(load_recipe(options.recipe), options.data, options.run, final=options.final)
    except RealtimeSerError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
