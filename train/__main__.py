"""``python -m train COMMAND``: trains, evaluates and exports the models of realtime-ser."""

import argparse
import sys
from pathlib import Path
from typing import Any

from realtime_ser.errors import SettingsError
from train.command_line import (
    CACHE_FOLDER,
    MODEL_FOLDER,
    add_corpora,
    add_data,
    add_model,
    add_recipe,
    add_runs,
    run_command,
)

SPLITS = "development, held-out, actors-1 to -6 or random-1 to -5"


def main() -> int:
    """Run one command and return its exit code."""
    commands = (_prepare, _fit, _evaluate, _robustness, _export, _statistics)
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
        _open_method(options).fit(split, folder)
        plot_history(folder)

    command.set_defaults(run_command=run)


RAVDESS_PROTOCOLS = ("random", "actors", "held-out")
CORPUS_PROTOCOLS = ("ordinary", "sounds", "cross-corpus", "warm", "corrections")


def _evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate", help="score a recipe or a model folder under a protocol"
    )
    add_recipe(command)
    add_corpora(command)
    add_data(command, required=False)
    add_runs(command)
    command.add_argument(
        "--protocol",
        choices=(*RAVDESS_PROTOCOLS, *CORPUS_PROTOCOLS),
        default="actors",
        help="random and actors score a recipe, training what is missing; the others score the"
        " model folder",
    )
    add_model(command)
    _add_corpus(command)
    command.add_argument(
        "--write", action="store_true", help="also write the scores to results/ and the documents"
    )

    def run(options: argparse.Namespace) -> None:
        if options.protocol in CORPUS_PROTOCOLS:
            if options.corpora is None:
                command.error(f"--protocol {options.protocol} needs --corpora")
            _evaluate_corpus(options)
            return
        if options.data is None:
            command.error(f"--protocol {options.protocol} needs --data")
        if options.protocol == "held-out":
            _evaluate_held_out(options)
            return
        from train.evaluation.protocols import evaluate

        evaluate(
            _open_method(options), options.protocol, options.data, options.runs, write=options.write
        )

    command.set_defaults(run_command=run)


def _evaluate_held_out(options: argparse.Namespace) -> None:
    from train.evaluation.held_out import evaluate_held_out, print_scores

    scores = evaluate_held_out(options.data, options.model)
    if options.write:
        from train.publishing.model_card import write_model_card
        from train.publishing.quality import write_held_out_scores
        from train.publishing.readme import write_readme_scores

        write_model_card(options.model, scores)
        if options.model == MODEL_FOLDER:
            write_held_out_scores(scores)
            write_readme_scores(scores, options.model)
    print_scores(scores)


def _evaluate_corpus(options: argparse.Namespace) -> None:
    from train.evaluation.corpus_protocols import PROTOCOLS, Selection, evaluate_corpus
    from train.evaluation.corpus_report import corpus_report

    if options.write and options.model != MODEL_FOLDER and not options.without:
        raise SettingsError(
            "only the scores of the bundled model are written", "leave out --write or --model"
        )
    selection = Selection(
        options.corpus,
        options.corpora,
        options.speakers,
        options.recipe,
        options.data,
        options.without,
    )
    protocol = PROTOCOLS[options.protocol]
    result = evaluate_corpus(protocol, selection, options.model, options.runs / CACHE_FOLDER)
    print(corpus_report(result))
    if options.write:
        from train.publishing.quality import write_corpus_scores

        write_corpus_scores(result)


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

        method = _open_method(options)
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
        add_statistics(options.model, _open_method(options).training_clips(split))

    command.set_defaults(run_command=run)


def _open_method(options: argparse.Namespace) -> Any:
    from train.model.methods import open_method

    cache = options.runs / CACHE_FOLDER
    return open_method(
        options.recipe, options.runs, cache, options.corpora, options.byols, options.without
    )


def _group_calibration(options: argparse.Namespace, method: Any) -> Any:
    """Return the calibration of a recipe of several corpora, from speakers set aside."""
    from tempfile import TemporaryDirectory

    from train.corpora.splits import read_split
    from train.evaluation.group_calibration import set_aside_groups
    from train.evaluation.output_calibration import calibrate

    with TemporaryDirectory() as folder:
        method.export(_run_folder(options), Path(folder), read_split(options.split, options.data))
        groups = set_aside_groups(method.recipe, Path(folder), options.corpora)
    return calibrate(groups)


def _window_temperature(options: argparse.Namespace, method: Any) -> float:
    """Return the temperature of a recipe of RAVDESS alone; train its speech head if needed."""
    from train.corpora.splits import read_split
    from train.evaluation.calibration import development_temperature
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


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(f"protocols {', '.join(CORPUS_PROTOCOLS)}")
    group.add_argument(
        "--corpus",
        metavar="NAME",
        help="the corpus to score (default: ordinary_coffee or noise_esc10; the others have none)",
    )
    group.add_argument(
        "--speakers",
        choices=("all", "set-aside", "unseen"),
        default="all",
        help="set-aside scores only the speakers that --recipe keeps out of training, unseen only"
        " those that the model's manifest does not name",
    )


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
