"""Writes the model card from stored scores."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE, MODEL_FILE
from train.corpora.catalog import CORPORA
from train.evaluation.report import (
    ablation_table,
    confusion_table,
    most_confused,
    protocol_table,
    robustness_table,
    scores_table,
    speaker_table,
)
from train.evaluation.robustness import RESULT_FILE as ROBUSTNESS_FILE
from train.files import RESULTS_FOLDER, read_json, read_scores, write_text
from train.markdown import markdown_table, mean_and_deviation
from train.model.branches import BYOLS_MAP
from train.model.model_folder import update_manifest
from train.model.recipe_files import read_recipe, recipe_names

ABLATION_FILE = "ablation.json"
"""The file of ``results`` with the scores of ``python -m experiments ablation``."""

CARD = """\
# Model card: {name}

Eight probabilities (neutral, calm, happy, sad, angry, fearful, disgust, surprised) for a voice,
from frames of 0.96 s. The network: {description}
({parameters:,} parameters).
{contents}

## Training data and licenses

{corpora}

RAVDESS: speakers {speakers} of 24 professional actors, two sentences, each emotion acted. The
strictest of these licenses, CC BY-NC-SA 4.0, also applies to the network: **these weights are for
non-commercial use only**. The published weights it started from: {starts}.

Trained as `python -m train fit --recipe {recipe} --split held-out` does, at commit `{commit}` of
this repository.

## Score on unseen speakers

{protocol}.

{scores}

{confusion}
{by_speaker}
Reprinted by `python -m train evaluate --protocol held-out --data FOLDER`.
{further}
## Calibration

{calibration}

## Known failures and limits

- Acted emotion is not felt emotion: expect less on spontaneous speech, other languages, other
  accents, children, and voices changed by illness. `docs/quality.md` has the scores on corpora that
  were not trained on; children and illness were not measured.
- Quiet and restrained emotion is called neutral or calm, as ordinary speech is: compare ordinary
  speech and SAVEE in `docs/quality.md`.
- The most frequent confusions above: {confusions}.
- Loudness is normalized on purpose: a louder voice is not an angrier person. A whisper and a
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

YAMNET_START = "YAMNet (Google, Apache-2.0)"
BYOLS_START = "BYOL-S (N. Scheidwasser-Clow et al., MIT)"

CONTENTS = {
    "model.tflite": "`model.tflite` (LiteRT, signatures `embed` and `classify`)",
    "statistics.npy": "`statistics.npy` (mean and deviation of the training voices' embeddings)",
}

SEVERAL_CORPORA = """\
fitted to speakers of the corpora above whom it was not trained on. Each corpus weighs the same, so
that confidence about acted speech does not carry over to ordinary speech."""

PRIOR = """\
{prior:.2f} is subtracted from the logits of neutral and calm: the largest constant that leaves 90 %
of the ordinary speech of speakers set aside neutral or calm (`train/evaluation/prior.py`), because
a network that learned from ordinary speech takes unknown voices for ordinary speech."""

REJECTION = """\
Below a probability of {threshold:.2f} the label is `uncertain`: the threshold at which wrong and
hidden labels of these speakers cost least (C. K. Chow, 1970; `train/evaluation/rejection.py`).
Share of their clips with a label: {coverage}."""

ONE_CORPUS = """\
fitted to speakers 17–20 with a network of the same recipe that was not trained on them."""

LISTENERS = """\
Listeners: RAVDESS's own, who heard the sound alone and chose among seven labels, neutral and calm
being one; the score beside theirs takes the likeliest label and merges the two in the same way."""

FURTHER_HEADINGS = {
    "actors": "Score of its recipe on all speakers, each unseen",
    "folds-actors": "Score of its recipe with fewer training steps on all speakers, each unseen",
    "random": "Score of its recipe on known speakers",
}
"""Protocols that train the recipe several times, and the headings of their scores."""


def write_model_card(
    folder: Path, scores: Mapping[str, Any], results: Path = RESULTS_FOLDER
) -> None:
    """Write held-out scores to the manifest of a model folder, and the card from the manifest.

    Args:
        folder: model folder.
        scores: of the protocol ``held-out``.
        results: folder of stored scores; those of the recipe are included in the card.

    Raises:
        RealtimeSerError: a file of scores cannot be read, or the card cannot be written.
    """
    update_manifest(folder, metrics={"held-out": scores})
    manifest = read_json(folder / MANIFEST_FILE)
    training = manifest["training"]
    card = CARD.format(
        name=manifest["name"],
        description=read_recipe(training["recipe"])["description"],
        parameters=training["parameters"],
        contents=_contents(manifest),
        corpora=_corpora_table(training.get("corpora", ["ravdess"])),
        starts=_starts(manifest),
        speakers=_ranges(training["speakers"]["ravdess"]),
        recipe=training["recipe"],
        commit=training["commit"],
        protocol=scores["protocol"],
        scores=scores_table(scores),
        confusion=confusion_table(scores),
        by_speaker=_by_speaker(scores),
        further=_further_sections(manifest, results),
        calibration="\n".join(_calibration(training, scores, results)),
        confusions=most_confused(scores),
    )
    write_text(folder / "README.md", card)
    update_manifest(folder)


def _contents(manifest: Mapping[str, Any]) -> str:
    files = [text for name, text in CONTENTS.items() if name in manifest["files"]]
    return f"The files of this folder: {', '.join(files)}, `manifest.json` and this card."


def _corpora_table(names: Sequence[str]) -> str:
    rows = [
        (corpus.title, corpus.kind, corpus.language, corpus.license, corpus.source)
        for corpus in (CORPORA[name] for name in sorted(names, key=list(CORPORA).index))
    ]
    return markdown_table(("corpus", "what", "language", "license", "source"), rows)


def _starts(manifest: Mapping[str, Any]) -> str:
    maps = [feature_map["name"] for feature_map in manifest["feature_maps"]]
    return f"{YAMNET_START}, {BYOLS_START}" if BYOLS_MAP.name in maps else YAMNET_START


def _by_speaker(scores: Mapping[str, Any]) -> str:
    table = speaker_table(scores)
    return f"\n{table}\n\n{LISTENERS}\n" if table else ""


def _further_sections(manifest: Mapping[str, Any], results: Path) -> str:
    """Return a section for each file of scores that belongs to the recipe or to these weights."""
    recipe = manifest["training"]["recipe"]
    sections = []
    for protocol, heading in FURTHER_HEADINGS.items():
        if (path := results / f"{recipe}-{protocol}.json").exists():
            with read_scores(path) as scores:
                sections.append(_protocol_section(heading, scores))
    if (path := results / ABLATION_FILE).exists():
        with read_scores(path) as scores:
            if scores["rows"][0]["recipe"] == recipe:
                sections.append(_ablation_section(scores))
    if (path := results / ROBUSTNESS_FILE).exists():
        with read_scores(path) as scores:
            if scores["sha256"] == manifest["files"][MODEL_FILE]:
                sections.append(_robustness_section(scores))
    return "".join(sections)


def _protocol_section(heading: str, scores: Mapping[str, Any]) -> str:
    protocol = scores["protocol"]
    command = f"python -m train evaluate --recipe {scores['recipe']} --protocol {protocol}"
    if scores["recipe"] in recipe_names() and read_recipe(scores["recipe"])["method"] == "mixture":
        command += " --corpora FOLDER --byols FILE"
    return f"""
## {heading}

{scores["text"]}; mean ± sample deviation. These are scores of other networks than the one in this
folder, trained with recipe `{scores["recipe"]}`.

{protocol_table(scores)}

Reprinted by `{command} --data FOLDER`.
"""


def _ablation_section(scores: Mapping[str, Any]) -> str:
    return f"""
## What else was tried

{scores["text"]}.

{ablation_table(scores["rows"])}

Reprinted by `python -m experiments ablation --data FOLDER`.
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
    """Yield paragraphs about the calibration of the probabilities."""
    if training.get("prior"):
        yield PRIOR.format(prior=training["prior"])
    temperature = training.get("temperature", 1.0)
    several = len(training.get("corpora", [])) > 1
    if temperature == 1.0:
        yield (
            "The probabilities are not calibrated: labels with a confidence of 0.8 need not be"
            "\nright four times in five."
        )
    else:
        fitted = SEVERAL_CORPORA if several else ONE_CORPUS
        yield (
            f"The probabilities are scaled by a temperature of {temperature:.3f} (C. Guo et al.,"
            f" arXiv:1706.04599),\n{fitted}"
        )
    if "uncertain" in training:
        rejection = training["uncertain"]
        coverage = ", ".join(
            f"{share:.2f} in {name}" for name, share in rejection["coverage"].items()
        )
        yield REJECTION.format(threshold=rejection["threshold"], coverage=coverage)
    if "calibration_error" in scores:
        error = scores["calibration_error"]
        yield f"The expected calibration error (15 bins) on the held-out speakers is {error:.3f}."
    if (path := results / f"{training['recipe']}-actors.json").exists():
        with read_scores(path) as content:
            view = next(iter(content["views"].values()))
            before, after = (
                mean_and_deviation(view["mean"][name], view["deviation"][name])
                for name in ("calibration_error_unscaled", "calibration_error")
            )
        yield (
            f"Over the six folds of unseen speakers, each with a temperature of its own, it is"
            f" {after};\nwithout scaling it is {before}."
        )


def _ranges(names: Sequence[str]) -> str:
    """Return ascending numbers as ranges, such as ``1–3, 7``."""
    runs: list[list[int]] = []
    for number in map(int, names):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
