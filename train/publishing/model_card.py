"""The model card and the README's table of scores: written from kept scores, never by hand."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE
from train.evaluation.ablation import RESULT_FILE as ABLATION_FILE
from train.evaluation.ablation import ablation_table
from train.evaluation.files import RESULTS_FOLDER, exchanged, scores_in, write_text
from train.evaluation.report import (
    confusion_table,
    figures_table,
    most_confused,
    protocol_table,
    spread,
)
from train.evaluation.robustness import RESULT_FILE as ROBUSTNESS_FILE
from train.evaluation.robustness import robustness_table
from train.publishing.export import update_manifest

CARD = """\
# Model card: {name}

Eight probabilities (neutral, calm, happy, sad, angry, fearful, disgust, surprised) for a voice,
from frames of 0.96 s. The network is YAMNet's body, trained further, and what its recipe puts
beside it ({parameters:,} parameters together); the files of this folder are `model.tflite` (LiteRT,
signatures `embed` and `classify`) and `manifest.json`.

## Training data and licence

RAVDESS speech clips of actors {actors}, of 24 professional actors: North American English, two
sentences, each emotion acted (S. R. Livingstone and F. A. Russo, PLoS ONE 13(5): e0196391, 2018).
RAVDESS is licensed CC BY-NC-SA 4.0, so **these weights are for non-commercial use only**, under the
same licence. They started from the published YAMNet (Google, Apache-2.0).

Trained as `python -m train fit --recipe {recipe} --split held-out` does, at commit `{commit}` of
this repository; the repository's README says on what machines.

## Score on unseen speakers

{protocol}.

{figures}

{confusion}

Reprinted by `python -m train evaluate --protocol held-out --data FOLDER`.
{further}
## Calibration

{calibration}

## Known failures and limits

- Acted emotion is not felt emotion: expect less on spontaneous speech, other languages, other
  accents, children, and voices changed by illness. None of these was measured.
- Most often mistaken above: {confusions}.
- Loudness is normalised away on purpose: a louder voice is not an angrier person. A whisper and a
  shout at the same distance differ only in their sound.
- The first label of an utterance rests on a second of sound, and is often wrong: the rows "shown …
  into speech" above say how often.
- The speech gate is not a speech recognizer: music, laughter or a television may open it and are
  then given an emotion.

## Use

Audio never leaves the machine, and is stored only on request (`--record`, the key `r`).

For demonstrations, research and prototypes. Not for decisions about people: the EU AI Act
(Regulation (EU) 2024/1689, article 5(1)(f)) prohibits inferring emotions at work and in education.
"""

FURTHER_HEADINGS = {
    "actors": "Score of its recipe on every speaker, each unseen",
    "random": "Score of its recipe on known speakers",
}
"""Protocols that train the recipe several times, and what the card calls their scores."""

README_BEGIN = "<!-- written by `python -m train evaluate --write` -->\n"


def readme_with_scores(readme: str, scores: Mapping[str, Any]) -> str:
    """Return the README's text with its table of scores exchanged for these.

    Raises:
        RealtimeSerError: the README has no place marked for it.
    """
    tables = f"{figures_table(scores)}\n\n{confusion_table(scores)}"
    return exchanged(readme, README_BEGIN, tables, "README.md")


def write_model_card(
    folder: Path, scores: Mapping[str, Any], results: Path = RESULTS_FOLDER
) -> None:
    """Put the scores into the manifest and write the card from it; both in a model folder.

    Args:
        folder: model folder.
        scores: those of the protocol ``held-out``.
        results: folder of the kept scores; what its files say of the recipe is said too.

    Raises:
        RealtimeSerError: a file of kept scores cannot be read, or the card cannot be written.
    """
    update_manifest(folder, metrics={"held-out": scores})
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    training = manifest["training"]
    card = CARD.format(
        name=manifest["name"],
        parameters=training["parameters"],
        actors=_ranges(training["actors"]),
        recipe=training["recipe"],
        commit=training["commit"],
        protocol=scores["protocol"],
        figures=figures_table(scores),
        confusion=confusion_table(scores),
        further=_further_sections(manifest, results),
        calibration="\n".join(_calibration(training, scores, results)),
        confusions=most_confused(scores),
    )
    write_text(folder / "README.md", card)
    update_manifest(folder)


def _further_sections(manifest: Mapping[str, Any], results: Path) -> str:
    """Return the kept scores of the recipe and of these weights, those there are, as sections."""
    recipe = manifest["training"]["recipe"]
    sections = []
    for protocol, heading in FURTHER_HEADINGS.items():
        if (path := results / f"{recipe}-{protocol}.json").exists():
            with scores_in(path) as scores:
                sections.append(_protocol_section(heading, scores))
    if (path := results / ABLATION_FILE).exists():
        with scores_in(path) as scores:
            if scores["rows"][0]["recipe"] == recipe:
                sections.append(_ablation_section(scores))
    if (path := results / ROBUSTNESS_FILE).exists():
        with scores_in(path) as scores:
            if scores["sha256"] == manifest["files"][MODEL_FILE]:
                sections.append(_robustness_section(scores))
    return "".join(sections)


def _protocol_section(heading: str, scores: Mapping[str, Any]) -> str:
    protocol = scores["protocol"]
    command = f"python -m train evaluate --recipe {scores['recipe']} --protocol {protocol}"
    return f"""
## {heading}

{scores["text"]}; mean ± sample deviation. These are scores of other networks than the one in this
folder, trained alike.

{protocol_table(scores)}

Reprinted by `{command} --data FOLDER`.
"""


def _ablation_section(scores: Mapping[str, Any]) -> str:
    return f"""
## What else was tried

{scores["text"]}.

{ablation_table(scores["rows"])}

Reprinted by `python -m train ablation --data FOLDER`.
"""


def _robustness_section(scores: Mapping[str, Any]) -> str:
    return f"""
## Robustness

{scores["protocol"]}.

{robustness_table(scores["rows"])}

Reprinted by `python -m train robustness --data FOLDER`.
"""


def _calibration(
    training: Mapping[str, Any], scores: Mapping[str, Any], results: Path
) -> Iterator[str]:
    """Say how far the probabilities can be taken at their word."""
    temperature = training.get("temperature", 1.0)
    if temperature == 1.0:
        yield (
            "The probabilities are not calibrated; a confidence of 0.8 does not promise to be right"
            "\nfour times in five."
        )
    else:
        yield (
            f"The probabilities are scaled by a temperature of {temperature:.3f} (C. Guo et al.,"
            " arXiv:1706.04599),\nfitted to actors 17–20 as they were heard by a run of the same"
            " recipe that was not trained on them."
        )
    if "calibration_error" in scores:
        error = scores["calibration_error"]
        yield f"The expected calibration error (15 bins) on the held-out speakers is {error:.3f}."
    if (path := results / f"{training['recipe']}-actors.json").exists():
        with scores_in(path) as kept:
            view = next(iter(kept["views"].values()))
            before, after = (
                spread(view["mean"][name], view["deviation"][name])
                for name in ("calibration_error_unscaled", "calibration_error")
            )
        yield (
            f"Over the six folds of unseen speakers, each scaled by a temperature of its own, it is"
            f" {after};\nunscaled it would be {before}."
        )


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers with their runs contracted, such as ``1–3, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
