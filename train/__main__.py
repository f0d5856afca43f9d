"""``python -m train COMMAND``: from RAVDESS to the model folder, and every score on the way."""

import argparse
import sys
from pathlib import Path
from typing import Any

from realtime_ser.emotion.model import BUNDLED_MODEL
from realtime_ser.errors import RealtimeSerError
from realtime_ser.output.json_lines import discard_stdout

CACHE_FOLDER = "cache"
MODEL_FOLDER = Path("models") / BUNDLED_MODEL


def main() -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args()
    try:
        options.run_command(options)
        sys.stdout.flush()  # here rather than at exit, where nobody catches what fails
    except RealtimeSerError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the tables has seen enough
        discard_stdout()
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m train", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _prepare,
        _fit,
        _evaluate,
        _robustness,
        _measure_gate,
        _quantise,
        _ablation,
        _export,
        _compare,
    ):
        add(commands)
    return parser


def _prepare(commands: Any) -> None:
    command = commands.add_parser(
        "prepare", help="check RAVDESS, or download it, and compute what training needs of it"
    )
    _add_data(command)
    _add_runs(command)
    command.add_argument(
        "--download", action="store_true", help="fetch the archive from Zenodo into --data first"
    )

    def run(options: argparse.Namespace) -> None:
        from train.data.prepare import prepare

        prepare(options.data, options.runs / CACHE_FOLDER, download=options.download)

    command.set_defaults(run_command=run)


def _fit(commands: Any) -> None:
    command = commands.add_parser("fit", help="train a recipe; a run that was cut short goes on")
    _add_recipe(command)
    _add_split(command, default="development")
    _add_data(command)
    _add_runs(command)

    def run(options: argparse.Namespace) -> None:
        from train.data.splits import read_split
        from train.evaluation.plots import plot_history
        from train.methods import open_method

        method = open_method(options.recipe, options.runs / CACHE_FOLDER)
        split = read_split(options.split, options.data)
        method.fit(split, _run_folder(options))
        plot_history(_run_folder(options))

    command.set_defaults(run_command=run)


def _evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate",
        help="train a recipe on a protocol's splits where that is missing, score it",
    )
    _add_recipe(command)
    _add_data(command)
    _add_runs(command)
    command.add_argument(
        "--protocol",
        choices=("random", "actors", "held-out"),
        default="actors",
        help="held-out scores the model folder itself",
    )
    _add_model(command)
    command.add_argument(
        "--write", action="store_true", help="keep the scores in train/results and the documents"
    )

    def run(options: argparse.Namespace) -> None:
        if options.protocol == "held-out":
            _evaluate_held_out(options)
            return
        from train.evaluation.protocols import evaluate

        evaluate(options.recipe, options.protocol, options.data, options.runs, write=options.write)

    command.set_defaults(run_command=run)


def _evaluate_held_out(options: argparse.Namespace) -> None:
    from train.evaluation.held_out import evaluate_held_out, print_scores

    scores = evaluate_held_out(options.data, options.model)
    if options.write:
        from train.evaluation.files import README, read_text, write_text
        from train.publishing.model_card import readme_with_scores, write_model_card

        write_model_card(options.model, scores)
        if options.model == MODEL_FOLDER:
            write_text(README, readme_with_scores(read_text(README), scores))
    print_scores(scores)


def _robustness(commands: Any) -> None:
    command = commands.add_parser(
        "robustness", help="score a model folder on disturbed clips of actors 21-24"
    )
    _add_data(command)
    _add_model(command)
    command.add_argument("--write", action="store_true", help="keep the scores in train/results")

    def run(options: argparse.Namespace) -> None:
        from train.evaluation.robustness import robustness

        robustness(options.data, options.model, write=options.write)

    command.set_defaults(run_command=run)


def _measure_gate(commands: Any) -> None:
    command = commands.add_parser(
        "measure-gate",
        help="measure the speech gate's errors and delays, and what asking the network changes",
    )
    _add_data(command)
    _add_model(command)
    command.add_argument("--json", action="store_true", help="JSON instead of Markdown")

    def run(options: argparse.Namespace) -> None:
        from train.evaluation.measure_gate import measure_gate

        measure_gate(options.data, options.model, as_json=options.json)

    command.set_defaults(run_command=run)


def _quantise(commands: Any) -> None:
    command = commands.add_parser(
        "quantise", help="measure what quantising a recipe's development run costs and gains"
    )
    _add_recipe(command)
    _add_data(command)
    _add_runs(command)

    def run(options: argparse.Namespace) -> None:
        from train.evaluation.quantisation import compare_quantised

        cache = options.runs / CACHE_FOLDER
        compare_quantised(options.recipe, options.data, options.runs, cache)

    command.set_defaults(run_command=run)


def _ablation(commands: Any) -> None:
    command = commands.add_parser(
        "ablation", help="score a recipe beside versions of it with an ingredient less or more"
    )
    _add_recipe(command)
    _add_data(command)
    _add_runs(command)
    command.add_argument("--write", action="store_true", help="keep the scores in train/results")

    def run(options: argparse.Namespace) -> None:
        from train.evaluation.ablation import ablation

        ablation(options.recipe, options.data, options.runs, write=options.write)

    command.set_defaults(run_command=run)


def _export(commands: Any) -> None:
    command = commands.add_parser(
        "export",
        help="write a finished run to a model folder, with an output that tells speech from noise",
    )
    _add_recipe(command)
    _add_split(command, default="held-out")
    _add_data(command)
    _add_runs(command)
    _add_model(command)
    command.add_argument(
        "--quantised",
        choices=("float16", "int8-weights", "int8"),
        help="store the frame's network so; `quantise` measures what that changes",
    )

    def run(options: argparse.Namespace) -> None:
        from train.data.splits import read_split
        from train.evaluation.calibration import development_temperature
        from train.methods.no_speech import HEAD_FILE, fit_no_speech
        from train.methods.window_recipe import load_window_recipe
        from train.methods.windows import load_networks
        from train.publishing.export import export

        recipe = load_window_recipe(options.recipe)
        temperature = 1.0
        if options.split == "held-out":  # it has no validation clips of its own
            temperature = development_temperature(options.recipe, options.data, options.runs)
        quantised = _quantised(options, recipe) if options.quantised else None
        run_folder = _run_folder(options)
        if not (run_folder / HEAD_FILE).exists():
            split = read_split(options.split, options.data)
            embed, _ = load_networks(run_folder)
            fit_no_speech(embed, recipe.feature_maps, split, run_folder, recipe.fit.seed)
        export(recipe, run_folder, options.model, temperature, quantised)

    command.set_defaults(run_command=run)


def _quantised(options: argparse.Namespace, recipe: Any) -> Any:
    from train.data.splits import read_split
    from train.publishing.quantised import Quantised, calibration_frames

    training = read_split(options.split, options.data).training
    cache = options.runs / CACHE_FOLDER
    return Quantised(options.quantised, calibration_frames(recipe, training, cache))


def _compare(commands: Any) -> None:
    command = commands.add_parser(
        "compare", help="print all kept scores beside the paper's and other published ones"
    )
    command.add_argument("--write", action="store_true", help="put the table into the README too")

    def run(options: argparse.Namespace) -> None:
        from train.evaluation.compare import compare

        compare(write=options.write)

    command.set_defaults(run_command=run)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", default="best", help="a file's name in train/recipes")


def _add_split(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--split",
        default=default,
        help=f"development, held-out, actors-1 to -6 or random-1 to -5 (default: {default})",
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder of RAVDESS")


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder of runs and caches (default: runs)"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER, help="model folder")


def _run_folder(options: argparse.Namespace) -> Path:
    folder: Path = options.runs / options.recipe / options.split
    return folder


if __name__ == "__main__":
    sys.exit(main())
