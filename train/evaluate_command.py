"""The command ``python -m train evaluate``: scores a recipe or a model folder."""

import argparse
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
    open_method,
)

RAVDESS_PROTOCOLS = ("random", "actors", "held-out")
CORPUS_PROTOCOLS = ("ordinary", "sounds", "cross-corpus", "warm", "corrections")


def add_evaluate(commands: Any) -> None:
    """Add the command to the subparsers."""
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
        "--splits",
        nargs="+",
        metavar="SPLIT",
        help="score only these splits of random or actors, at least two (default: all)",
    )
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
            open_method(options),
            options.protocol,
            options.data,
            options.runs,
            options.splits,
            write=options.write,
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
    from train.evaluation.corpus_report import corpus_report

    if options.write and options.model != MODEL_FOLDER and not options.without:
        raise SettingsError(
            "only the scores of the bundled model are written", "leave out --write or --model"
        )
    if options.speakers == "folds":
        result = _evaluate_folds(options)
    else:
        result = _evaluate_selection(options)
    print(corpus_report(result))
    if options.write:
        from train.publishing.quality import write_corpus_scores

        write_corpus_scores(result)


def _evaluate_folds(options: argparse.Namespace) -> dict[str, Any]:
    from train.evaluation.warm_folds import warm_folds

    if options.protocol != "warm" or options.data is None:
        raise SettingsError("--speakers folds is for --protocol warm", "add --data FOLDER")
    return warm_folds(open_method(options), options.data, options.runs, options.model)


def _evaluate_selection(options: argparse.Namespace) -> dict[str, Any]:
    from train.evaluation.corpus_protocols import PROTOCOLS, Selection, evaluate_corpus

    selection = Selection(
        options.corpus,
        options.corpora,
        options.speakers,
        options.recipe,
        options.data,
        options.without,
    )
    protocol = PROTOCOLS[options.protocol]
    return evaluate_corpus(protocol, selection, options.model, options.runs / CACHE_FOLDER)


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(f"protocols {', '.join(CORPUS_PROTOCOLS)}")
    group.add_argument(
        "--corpus",
        metavar="NAME",
        help="the corpus to score (default: ordinary_coffee or noise_esc10; the others have none)",
    )
    group.add_argument(
        "--speakers",
        choices=("all", "set-aside", "unseen", "folds"),
        default="all",
        help="set-aside scores only the speakers that --recipe keeps out of training, unseen only"
        " those that the model's manifest does not name, folds (protocol warm) all of RAVDESS by"
        " the networks of --protocol actors",
    )
