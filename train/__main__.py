"""``python -m train COMMAND``: trains, evaluates and exports the models of realtime-ser."""

import argparse
import sys
from pathlib import Path
from typing import Any

from train.command_line import (
    CACHE_FOLDER,
    add_corpora,
    add_data,
    add_model,
    add_recipe,
    add_runs,
    open_method,
    run_command,
)
from train.evaluate_command import add_evaluate

SPLITS = "development, held-out, actors-1 to -6 or random-1 to -5"


def main() -> int:
    """Run one command and return its exit code."""
    commands = (_prepare, _fit, add_evaluate, _robustness, _export, _statistics)
    return run_command("python -m train", __doc__, commands)


def _prepare(commands: Any) -> None:
    command = commands.add_parser(
        "prepare",
        help="check or download RAVDESS, BYOL-S and sounds without speech, and cache what a recipe"
        " is trained on; or check a folder of corpora",
    )
    folders = command.add_mutually_exclusive_group()
    folders.add_argument("--data", type=Path, help="folder of RAVDESS")
    folders.add_argument(
        "--corpora", type=Path, help="folder with a subfolder for each corpus: report what is there"
    )
    command.add_argument(
        "--byols", type=Path, metavar="FILE", help="file of the published BYOL-S weights (MIT)"
    )
    command.add_argument(
        "--sounds",
        type=Path,
        metavar="FOLDER",
        help="folder of sounds without speech, in the folder of corpora: debian_sounds",
    )
    add_recipe(command)
    add_runs(command)
    command.add_argument(
        "--download",
        action="store_true",
        help="first download the clips from Zenodo to --data, BYOL-S from GitHub to --byols, and"
        " packages of Debian (380 MB) to --sounds",
    )

    def run(options: argparse.Namespace) -> None:
        downloadable = options.data or options.byols or options.sounds
        if not (downloadable or options.corpora):
            command.error("one of --data, --corpora, --byols and --sounds is needed")
        if options.download and not downloadable:
            command.error(
                "argument --download: only --data, --byols and --sounds can be downloaded"
            )
        if options.byols:
            from train.model.prepare import prepare_byols

            prepare_byols(options.byols, fetch=options.download)
        if options.sounds:
            from train.corpora.debian_sounds import prepare_sounds

            prepare_sounds(options.sounds, fetch=options.download)
        if options.corpora:
            from train.corpora.check import check_corpora

            check_corpora(options.corpora)
        if options.data:
            from train.model.prepare import prepare

            cache = options.runs / CACHE_FOLDER
            prepare(options.data, cache, options.recipe, fetch=options.download)

    command.set_defaults(run_command=run)


def _fit(commands: Any) -> None:
    command = commands.add_parser("fit", help="train a recipe, or resume an interrupted run")
    add_recipe(command)
    add_corpora(command)
    _add_split(command, default="development")
    add_data(command)
    add_runs(command)

    def run(options: argparse.Namespace) -> None:
        from train.corpora.splits import read_split
        from train.evaluation.plots import plot_history

        split = read_split(options.split, options.data)
        folder = _run_folder(options)
        open_method(options).fit(split, folder)
        plot_history(folder)

    command.set_defaults(run_command=run)


def _robustness(commands: Any) -> None:
    command = commands.add_parser(
        "robustness", help="score a model folder on disturbed clips of speakers 21–24"
    )
    add_data(command)
    add_model(command)
    group = command.add_mutually_exclusive_group()
    group.add_argument("--write", action="store_true", help="also write the scores to results/")
    group.add_argument(
        "--levels-only",
        action="store_true",
        help="count only the labels of 40 clips that gains and constant offsets change",
    )

    def run(options: argparse.Namespace) -> None:
        from train.evaluation.robustness import print_levels, robustness

        if options.levels_only:
            print_levels(options.data, options.model)
            return
        robustness(options.data, options.model, write=options.write)

    command.set_defaults(run_command=run)


def _export(commands: Any) -> None:
    command = commands.add_parser(
        "export", help="write a finished run to a model folder, training its speech head if needed"
    )
    add_recipe(command)
    add_corpora(command)
    _add_split(command, default="held-out")
    add_data(command)
    add_runs(command)
    add_model(command)
    command.add_argument(
        "--quantized",
        choices=("float16", "int8-weights", "int8"),
        help="quantize the frame's network; `python -m experiments quantization` measures the loss",
    )

    def run(options: argparse.Namespace) -> None:
        from train.corpora.splits import read_split
        from train.model.calibration import Calibration
        from train.model.export import export
        from train.model.fit_mixture import MixtureMethod

        method = open_method(options)
        voices = method.training_clips(read_split(options.split, options.data))
        if isinstance(method, MixtureMethod):
            calibration = _group_calibration(options, method)
        else:
            calibration = Calibration(temperature=_window_temperature(options, method))
        quantized = _quantized(options, method) if options.quantized else None
        run = _run_folder(options)
        export(method.recipe, run, options.model, calibration, quantized, voices)
        if calibration.rejection:
            print(calibration.rejection)

    command.set_defaults(run_command=run)


def _statistics(commands: Any) -> None:
    command = commands.add_parser(
        "statistics",
        help="add to a model folder the statistics of the voices it was trained on, which live "
        "adaptation needs; export does so by itself",
    )
    add_recipe(command)
    add_corpora(command)
    _add_split(command, default="held-out")
    add_data(command)
    add_runs(command)
    add_model(command)

    def run(options: argparse.Namespace) -> None:
        from train.corpora.splits import read_split
        from train.model.voice_statistics import add_statistics

        split = read_split(options.split, options.data)
        add_statistics(options.model, open_method(options).training_clips(split))

    command.set_defaults(run_command=run)


def _group_calibration(options: argparse.Namespace, method: Any) -> Any:
    """Return the calibration of a recipe of several corpora, from speakers set aside."""
    from tempfile import TemporaryDirectory

    from train.corpora.splits import read_split
    from train.evaluation.group_calibration import set_aside_groups
    from train.evaluation.output_calibration import calibrate
    from train.model.runs import check_finished

    run, split = _run_folder(options), read_split(options.split, options.data)
    check_finished(options.recipe, options.split, run)
    method.fit_speech_output(split, run)
    with TemporaryDirectory() as folder:
        method.export(run, Path(folder), split)
        groups = set_aside_groups(method.recipe, Path(folder), options.corpora)
    return calibrate(groups)


def _window_temperature(options: argparse.Namespace, method: Any) -> float:
    """Return the temperature of a recipe of RAVDESS alone; train its speech head if needed."""
    from train.corpora.splits import read_split
    from train.evaluation.streamed import development_temperature
    from train.model.saved import load_networks
    from train.model.speech_head import HEAD_FILE, fit_speech_head

    folder, recipe = _run_folder(options), method.recipe
    if not (folder / HEAD_FILE).exists():
        split = read_split(options.split, options.data)
        embed, _ = load_networks(folder)
        fit_speech_head(embed, recipe.feature_maps, split, folder, recipe.fit.seed)
    if options.split != "held-out":
        return 1.0
    return development_temperature(method, options.data, options.runs)


def _quantized(options: argparse.Namespace, method: Any) -> Any:
    from train.corpora.splits import read_split
    from train.model.quantized import Quantized, calibration_frames

    if options.quantized != "int8":  # weights alone need no frames
        return Quantized(options.quantized)
    training = read_split(options.split, options.data).training
    cache = options.runs / CACHE_FOLDER
    return Quantized(options.quantized, calibration_frames(method.recipe, training, cache))


def _add_split(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--split", default=default, help=f"{SPLITS} (default: {default})")


def _run_folder(options: argparse.Namespace) -> Path:
    from train.model.mixture_recipe import name_without

    without = getattr(options, "without", None)
    recipe = name_without(options.recipe, without) if without else options.recipe
    folder: Path = options.runs / recipe / options.split
    return folder


if __name__ == "__main__":
    sys.exit(main())
