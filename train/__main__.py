"""``python -m train COMMAND``: fits, exports and evaluates the bundled model, measures the gate."""

import argparse
import sys
from pathlib import Path

from realtime_ser.emotion.model import BUNDLED_MODEL
from realtime_ser.errors import RealtimeSerError

MODEL_FOLDER = Path("models") / BUNDLED_MODEL


def main() -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args()
    try:
        options.run_command(options)
    except RealtimeSerError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m train", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fit = commands.add_parser("fit", help="train a recipe; a run that was cut short goes on")
    _add_recipe_and_run(fit)
    _add_data(fit)
    fit.add_argument(
        "--final", action="store_true", help="train on actors 1-20 instead of 1-16, score nothing"
    )
    fit.set_defaults(run_command=_fit)

    export = commands.add_parser("export", help="write a finished run to a model folder")
    _add_recipe_and_run(export)
    _add_model(export)
    export.set_defaults(run_command=_export)

    evaluate = commands.add_parser("evaluate", help="score a model folder on actors 21-24")
    _add_data(evaluate)
    _add_model(evaluate)
    evaluate.add_argument(
        "--write",
        action="store_true",
        help="put the scores into the manifest, the model card and the README",
    )
    evaluate.set_defaults(run_command=_evaluate)

    gate = commands.add_parser("measure-gate", help="measure the speech gate's errors and delays")
    _add_data(gate)
    gate.add_argument("--json", action="store_true", help="JSON instead of Markdown")
    gate.set_defaults(run_command=_measure_gate)
    return parser


def _add_recipe_and_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", default="pitch", help="a file's name in train/recipes")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder of RAVDESS")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER, help="model folder")


def _fit(options: argparse.Namespace) -> None:
    from train.fit import fit
    from train.recipe import load_recipe

    fit(load_recipe(options.recipe), options.data, options.run, final=options.final)


def _export(options: argparse.Namespace) -> None:
    from train.export import export
    from train.recipe import load_recipe

    export(load_recipe(options.recipe), options.run, options.model)


def _evaluate(options: argparse.Namespace) -> None:
    from train.held_out import evaluate_held_out, print_scores

    scores = evaluate_held_out(options.data, options.model)
    print_scores(scores)
    if options.write:
        from train.model_card import readme_with_scores, write_model_card

        write_model_card(options.model, scores)
        readme = Path("README.md")
        readme.write_text(readme_with_scores(readme.read_text(), scores))


def _measure_gate(options: argparse.Namespace) -> None:
    from train.measure_gate import measure_gate

    measure_gate(options.data, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
