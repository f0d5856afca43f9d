"""``python -m experiments COMMAND``: baselines, ablations, gate and quantization measurements."""

import argparse
import sys
from pathlib import Path
from typing import Any

from train.command_line import (
    CACHE_FOLDER,
    add_data,
    add_model,
    add_recipe,
    add_runs,
    run_command,
)


def main() -> int:
    """Run one command and return its exit code."""
    commands = (
        _evaluate,
        _ablation,
        _quantization,
        _measure_gate,
        _measure_guard,
        _probe,
        _branches,
        _compare,
    )
    return run_command("python -m experiments", __doc__, commands)


def _evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate", help="score a baseline under a protocol, training what is missing"
    )
    add_recipe(command, default="paper")
    add_data(command)
    add_runs(command)
    command.add_argument("--protocol", choices=("random", "actors"), default="actors")
    command.add_argument("--write", action="store_true", help="also write the scores to results/")

    def run(options: argparse.Namespace) -> None:
        from experiments.methods import open_method
        from train.evaluation.protocols import evaluate

        method = open_method(options.recipe, options.runs / CACHE_FOLDER)
        evaluate(method, options.protocol, options.data, options.runs, write=options.write)

    command.set_defaults(run_command=run)


def _ablation(commands: Any) -> None:
    command = commands.add_parser("ablation", help="score a recipe and variants of it")
    add_recipe(command)
    add_data(command)
    add_runs(command)
    command.add_argument("--write", action="store_true", help="also write the scores to results/")

    def run(options: argparse.Namespace) -> None:
        from experiments.ablation import ablation

        ablation(options.recipe, options.data, options.runs, write=options.write)

    command.set_defaults(run_command=run)


def _quantization(commands: Any) -> None:
    command = commands.add_parser(
        "quantization", help="measure a recipe's development run in every format"
    )
    add_recipe(command)
    add_data(command)
    add_runs(command)

    def run(options: argparse.Namespace) -> None:
        from experiments.quantization import compare_formats

        cache = options.runs / CACHE_FOLDER
        compare_formats(options.recipe, options.data, options.runs, cache)

    command.set_defaults(run_command=run)


def _measure_gate(commands: Any) -> None:
    command = commands.add_parser(
        "measure-gate",
        help="measure the speech gate's errors, and what the network's speech output changes",
    )
    add_data(command)
    add_model(command)
    command.add_argument("--json", action="store_true", help="JSON instead of Markdown")

    def run(options: argparse.Namespace) -> None:
        from experiments.gate.measure import measure_gate

        measure_gate(options.data, options.model, as_json=options.json)

    command.set_defaults(run_command=run)


def _measure_guard(commands: Any) -> None:
    command = commands.add_parser(
        "measure-guard", help="measure how well a profile tells its owner from other speakers"
    )
    add_data(command)
    add_model(command)
    command.add_argument(
        "--corpora", type=Path, required=True, help="folder with a subfolder for nEMO"
    )
    command.add_argument(
        "--write", action="store_true", help="also write to results/ and docs/profiles.md"
    )

    def run(options: argparse.Namespace) -> None:
        from experiments.guard import guard_table, measure_guard, write_guard

        result = measure_guard(options.model, options.data, options.corpora)
        print(guard_table(result))
        if options.write:
            write_guard(result)

    command.set_defaults(run_command=run)


def _probe(commands: Any) -> None:
    command = commands.add_parser(
        "probe", help="measure how well a model's embeddings name the corpus of a clip"
    )
    add_recipe(command, default="voices")
    add_data(command)
    add_runs(command)
    add_model(command)
    _add_corpora(command)
    command.add_argument(
        "--write", action="store_true", help="also write to results/ and docs/quality.md"
    )

    def run(options: argparse.Namespace) -> None:
        from experiments.probe import probe, probe_table, write_probe

        cache = options.runs / CACHE_FOLDER
        result = probe(options.model, options.recipe, options.corpora, options.data, cache)
        print(probe_table(result))
        if options.write:
            write_probe(result)

    command.set_defaults(run_command=run)


def _branches(commands: Any) -> None:
    command = commands.add_parser(
        "branches", help="score the branches of a network alone and joined, on speakers set aside"
    )
    add_recipe(command, default="voices")
    _add_corpora(command)
    add_model(command)
    add_runs(command)
    command.add_argument("--split", default="held-out", help="of the run (default: held-out)")
    command.add_argument("--write", action="store_true", help="also write the table to docs/")

    def run(options: argparse.Namespace) -> None:
        from experiments.branches import branches_table, compare_branches, write_branches

        run_folder = options.runs / options.recipe / options.split
        cache = options.runs / CACHE_FOLDER
        result = compare_branches(options.recipe, run_folder, options.model, options.corpora, cache)
        print(branches_table(result))
        if options.write:
            write_branches(result)

    command.set_defaults(run_command=run)


def _add_corpora(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpora",
        type=Path,
        required=True,
        help="folder with a subfolder for each corpus of the recipe",
    )


def _compare(commands: Any) -> None:
    command = commands.add_parser(
        "compare", help="print all stored scores next to the paper's and other published ones"
    )
    command.add_argument(
        "--write", action="store_true", help="also write the table to docs/quality.md"
    )

    def run(options: argparse.Namespace) -> None:
        from experiments.compare import compare

        compare(write=options.write)

    command.set_defaults(run_command=run)


if __name__ == "__main__":
    sys.exit(main())
